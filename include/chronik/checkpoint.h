// The checkpoint store of Chronik: for whatever works for long and wants to stop, look back, branch and resume.
//
//   auto store = chronik::checkpoint::Store::open("state").value();
//   auto session = store.open_session("agent-7").value();
//   auto saved = session.create(R"({"step":1})", {.message = "planned", .content_type = "application/json"}).value();
//   std::string state = session.restore(saved.id).value().payload;
//
// Handles are values: copy them freely, use them from any thread. Calls block until what they promise holds (a
// checkpoint that was returned is durable) or until their timeout; a timeout ends the wait, not the write.
// Nothing throws but std::bad_alloc; what can fail returns a Result.
#pragma once

#include <array>
#include <chrono>
#include <compare>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace chronik::checkpoint {

enum class Errc : std::uint8_t {
  invalid_argument = 1,  // the caller's input is wrong: malformed JSON, bad UTF-8, an impossible limit
  not_found,             // no such session, checkpoint or branch
  already_exists,        // the name is taken
  conflict,              // someone else was there first: expected parent, idempotency key with another content
  fenced,                // a newer writer took the session over
  too_large,             // beyond a limit of Options
  corrupt,               // checksum, hash or structure does not hold; the detail says where
  timed_out,             // the wait ended; the write may still take effect
  overloaded,            // too much is waiting to be written
  disk_full,             // recoverable: make room on the disk, then go on
  storage_failed,        // final for this Store: reopen it once the disk works
  in_use,                // another process has the directory
  closed,                // the Store was closed
  unsupported,           // written by a newer version
  wrong_key,             // the store is encrypted with another key, or with one at all, or with none
};

struct Error {
  Errc code;
  std::string detail;  // one line for a person
  std::string message() const;
};
std::string_view to_string(Errc code);

template <class T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

/// Milliseconds since 1970, UTC.
using Time = std::chrono::sys_time<std::chrono::milliseconds>;
using Duration = std::chrono::nanoseconds;

/// RFC 9562 UUID, version 7: ordered by time of creation. All zeros: none.
template <class Tag>
struct Uuid {
  std::array<std::uint8_t, 16> bytes{};
  auto operator<=>(const Uuid&) const = default;
  bool is_nil() const { return *this == Uuid{}; }
};
using SessionId = Uuid<struct SessionTag>;
using CheckpointId = Uuid<struct CheckpointTag>;
std::string to_string(const SessionId& id);
std::string to_string(const CheckpointId& id);
Result<SessionId> parse_session_id(std::string_view text);
Result<CheckpointId> parse_checkpoint_id(std::string_view text);

/// SHA-256.
using Digest = std::array<std::uint8_t, 32>;
std::string to_hex(const Digest& digest);

enum class Trigger : std::uint8_t { manual, automatic, scheduled };
enum class Level : std::uint8_t { info, warning, critical };

struct Annotation {
  Level level = Level::info;
  std::string text;
  Time at{};
  bool operator==(const Annotation&) const = default;
};

/// Everything about a checkpoint but its payload.
struct Checkpoint {
  CheckpointId id;
  std::uint64_t sequence = 0;  // from 1, gap-free as assigned, per session
  CheckpointId parent;         // nil: the first of its history
  std::string branch;
  std::string message;
  Trigger trigger = Trigger::manual;
  std::string reason;      // of an automatic one
  std::string metadata;    // a JSON object, in canonical form (keys sorted, no spaces)
  Time created_at{};       // never before that of the sequence before
  std::uint64_t size = 0;  // of the payload, bytes
  std::string content_type;
  std::uint32_t schema_version = 0;
  Digest payload_hash{};  // SHA-256 of the payload
  Digest parent_hash{};   // `hash` of the parent; zeros without one
  Digest hash{};          // SHA-256 of all the above in canonical form: a chain
  std::string idempotency_key;
  std::uint64_t writer_epoch = 0;  // of the fenced writer; 0: none

  // What may change later, outside the hash.
  std::vector<std::string> tags;  // sorted, each once
  std::vector<Annotation> annotations;
  bool pinned = false;  // no retention policy removes it

  bool operator==(const Checkpoint&) const = default;
};

struct Branch {
  std::string name;
  std::uint64_t sequence = 0;  // of its newest checkpoint, which retention may have removed
  CheckpointId head;
  bool operator==(const Branch&) const = default;
};

struct SessionInfo {
  SessionId id;
  std::string name;
  std::string metadata;  // JSON object, canonical
  Time created_at{};
  std::string forked_from;  // "session name/checkpoint id", empty: not a fork
  std::uint64_t checkpoints = 0;
  std::uint64_t last_sequence = 0;
  std::uint64_t last_event = 0;
  std::uint64_t epoch = 0;  // of the newest fenced writer
  std::vector<Branch> branches;
};

struct Options {
  Duration timeout = std::chrono::seconds(30);  // for a call that is given none
  std::uint64_t payload_bytes_max = 64ULL << 20;
  std::uint64_t pending_bytes_max = 256ULL << 20;      // written, not yet settled: beyond it writers wait
  std::size_t cache_bytes = 32 << 20;                  // of chunks read not long ago; the log backend only
  std::size_t events_kept = 1024;                      // per session; who comes later is told of the gap
  Duration stall_deadline = std::chrono::seconds(10);  // a disk operation beyond it fails the Store
  /// The store verifies itself in the background, so long after the pass before; the first time after that span or an
  /// hour, whichever is shorter. 0: never. What it finds is in Health and scrub_report(), and stops nothing.
  Duration scrub_every{0};
  std::uint64_t scrub_bytes_per_second = 32ULL << 20;  // read by it; a payload is read at once
  /// 32 bytes (parse_key): payloads and all that describes them are encrypted on disk, AES-256-GCM, each
  /// session with a key of its own that is destroyed with the session. Set when the store is made, then always the
  /// same, but for Store::rotate_key. Lost, so is the store. The log backend only.
  std::string key;
};

/// An Options::key from 64 hexadecimal digits, as `openssl rand -hex 32` prints them; white space around them is no
/// matter. Keep it in a file or in the environment, away from what it protects.
Result<std::string> parse_key(std::string_view text);

struct CreateOptions {
  std::string branch = "main";
  std::string message;
  std::vector<std::string> tags;
  Trigger trigger = Trigger::manual;
  std::string reason;
  std::string metadata = "{}";
  std::string content_type = "application/octet-stream";
  std::uint32_t schema_version = 0;
  bool pinned = false;
  /// Compare-and-append: the head of the branch must be this one (nil: the branch must not exist), else conflict.
  std::optional<CheckpointId> expected_parent;
  /// Where a branch that does not exist yet begins; without it, at the newest checkpoint of the session.
  std::optional<CheckpointId> branch_from;
  /// A second call with this key returns the first one's checkpoint; conflict if the content differs. Remembered as
  /// long as the checkpoint exists.
  std::string idempotency_key;
  std::optional<Duration> timeout;
};

struct Query {
  bool newest_first = true;
  std::size_t limit = 100;        // at most 1,000
  std::string cursor;             // Page::next of the page before
  std::string branch;             // empty: all
  std::vector<std::string> tags;  // all of them
  std::optional<Trigger> trigger;
  std::uint64_t sequence_min = 0;
  std::uint64_t sequence_max = UINT64_MAX;
  std::optional<Time> from;        // created at or after
  std::optional<Time> until;       // created before
  std::optional<Duration> within;  // created less than this ago, by the store's clock
  /// Top-level keys of the metadata and the JSON each must equal, such as {"step", "7"}.
  std::vector<std::pair<std::string, std::string>> metadata;
};

struct Problem {
  std::string session;
  std::uint64_t sequence = 0;  // 0: not about one checkpoint
  std::string what;            // what does not hold, and where: file and byte if known
};

struct Page {
  std::vector<Checkpoint> checkpoints;
  std::vector<Problem> damaged;  // in the range, but unreadable
  std::string next;              // empty: this was the last page
};

/// A checkpoint among those of all sessions.
struct Moment {
  std::string session;  // its name
  Checkpoint checkpoint;
};

struct TimelinePage {
  std::vector<Moment> moments;
  std::vector<Problem> damaged;  // in the range, but unreadable
  std::string next;              // empty: this was the last page
};

struct SessionPage {
  std::vector<SessionInfo> sessions;  // by name
  std::string next;
};

struct Restored {
  Checkpoint checkpoint;
  std::string payload;  // its hash was checked
};

/// What separates two checkpoints.
struct Difference {
  bool same = false;                // byte for byte
  bool structural = false;          // both are JSON: `patch` holds; else the byte counts
  std::string patch;                // RFC 6902, from the first to the second
  std::uint64_t common_prefix = 0;  // bytes
  std::uint64_t common_suffix = 0;
  std::uint64_t size_first = 0;
  std::uint64_t size_second = 0;
};

/// Which checkpoints to keep: those that at least one rule wants, minus what `expire_after` and `bytes_max` end. Pinned
/// ones stay, whatever the rules say. A Retention without a keep rule keeps all that is not expired.
struct Retention {
  std::optional<std::uint64_t> keep_last;
  std::optional<Duration> keep_within;  // back from now
  std::uint32_t keep_hourly = 0;        // the newest of each of the last n hours that have one, UTC
  std::uint32_t keep_daily = 0;
  std::uint32_t keep_weekly = 0;         // weeks begin on Monday
  std::vector<std::string> keep_tagged;  // any of them
  struct Best {
    std::string key;  // top-level number of the metadata
    std::uint64_t count = 1;
    bool highest = true;
  };
  std::vector<Best> keep_best;
  std::optional<Duration> expire_after;    // older ones go
  std::optional<std::uint64_t> bytes_max;  // of payload, counted from the newest: what is beyond goes
};

struct PruneReport {
  std::uint64_t examined = 0;
  std::uint64_t deleted = 0;
  std::uint64_t payload_bytes = 0;       // of the deleted, as their owners count
  std::uint64_t bytes_returned = 0;      // to the file system; 0 in a dry run
  std::vector<std::uint64_t> sequences;  // of the deleted, the first 100,000
};

struct VerifyReport {
  std::uint64_t checkpoints = 0;
  std::uint64_t bytes = 0;  // of payload read
  std::uint64_t problem_count = 0;
  std::vector<Problem> problems;  // the first 1,000
  bool ok() const { return problem_count == 0; }
};
/// Sees what has been found so far: after each checkpoint; of a server, its end.
using VerifyProgress = std::function<void(const VerifyReport& so_far)>;

enum class EventKind : std::uint8_t { created, restored, deleted, compacted, annotated, renamed, fenced };

struct Event {
  std::uint64_t number = 0;  // from 1, gap-free per session
  EventKind kind = EventKind::created;
  std::uint64_t sequence = 0;  // the checkpoint's; for deleted the first one's
  std::uint64_t count = 1;     // of checkpoints
  Time at{};
  bool operator==(const Event&) const = default;
};

struct EventPage {
  std::vector<Event> events;
  std::uint64_t gap_from = 0;  // not 0: events [gap_from, gap_to] are no longer kept
  std::uint64_t gap_to = 0;
};

struct Health {
  std::uint64_t sessions = 0;
  std::uint64_t checkpoints = 0;
  std::uint64_t payload_bytes = 0;   // as their owners count
  std::uint64_t stored_bytes = 0;    // of payload, after sharing and compression
  std::uint64_t dead_bytes = 0;      // on disk, for nobody
  std::uint64_t damaged = 0;         // places found damaged while opening: lists may lack what was there; verify tells
  std::uint64_t scrubs = 0;          // passes of Options::scrub_every that came to their end
  std::uint64_t scrub_problems = 0;  // found by the last of them
  Time scrubbed_at{};                // its end; 1970: there was none
};

struct ImportReport {
  std::uint64_t created = 0;
  std::uint64_t present = 0;  // were there already
};

/// A checkpoint on its way to the disk.
class PendingCheckpoint {
 public:
  struct State;
  /// The outcome; timed_out leaves it open, ask again.
  Result<Checkpoint> wait(Duration timeout) const;
  bool settled() const;
  /// Runs `callback` once it is settled: on a thread of the store, or here and now. It must be quick and not wait.
  void then(std::function<void()> callback) const;
  /// In a coroutine: `co_await pending` gives the outcome. It goes on where `then` runs its callback, so post to your
  /// own executor before anything that waits.
  auto operator co_await() const {
    struct Awaiter {
      const PendingCheckpoint& pending;
      bool await_ready() const { return pending.settled(); }
      void await_suspend(std::coroutine_handle<> frame) const {
        pending.then([frame] { frame.resume(); });
      }
      Result<Checkpoint> await_resume() const { return pending.wait(Duration(0)); }
    };
    return Awaiter{*this};
  }

  /// For those who bring a store of their own.
  explicit PendingCheckpoint(std::shared_ptr<State> state) : state_(std::move(state)) {}

 private:
  std::shared_ptr<State> state_;
};

class Core;
class SessionFace;
class StoreFace;

/// One session: a totally ordered history of checkpoints.
class Session {
 public:
  const SessionId& id() const;
  /// Of a fenced writer; 0: not fenced.
  std::uint64_t epoch() const;
  /// A handle of the writer that fence() gave this epoch, maybe in another process.
  Session with_epoch(std::uint64_t epoch) const;
  Result<SessionInfo> describe() const;

  /// A durable checkpoint of `payload`.
  Result<Checkpoint> create(std::string_view payload, const CreateOptions& options = {}) const;
  /// The same without waiting for the disk; failure is reported by PendingCheckpoint::wait.
  Result<PendingCheckpoint> create_async(std::string_view payload, const CreateOptions& options = {}) const;
  /// An automatic checkpoint for `reason`, unless this session got one for it less than `interval` ago: then nothing,
  /// and `payload` is not called. Two callers at the same moment may both make one.
  Result<std::optional<Checkpoint>> create_automatic(std::string_view reason, Duration interval,
                                                     const std::function<std::string()>& payload,
                                                     CreateOptions options = {}) const;
  /// A handle whose writes shut out every handle made before, fenced or not.
  Result<Session> fence() const;

  Result<Checkpoint> get(const CheckpointId& id) const;
  Result<Checkpoint> at_sequence(std::uint64_t sequence) const;
  /// Of one branch, or of all.
  Result<Checkpoint> latest(std::string_view branch = {}) const;
  /// The newest that was created at or before.
  Result<Checkpoint> as_of(Time time) const;
  Result<Checkpoint> as_of_sequence(std::uint64_t sequence) const;
  /// Reads no payloads. Costs what it looks at: filters on tags, trigger, branch and metadata look at each checkpoint
  /// of the range.
  Result<Page> list(const Query& query = {}) const;

  /// A verified copy of the payload.
  Result<std::string> payload(const CheckpointId& id) const;
  /// The same with the checkpoint; those who follow the events are told, unless the disk takes no writes.
  Result<Restored> restore(const CheckpointId& id) const;
  /// A new checkpoint whose content is that of an old one; history stays.
  Result<Checkpoint> rewind(const CheckpointId& id, const CreateOptions& options = {}) const;
  /// A new session that begins with the content of this checkpoint.
  Result<Session> fork(const CheckpointId& id, std::string_view name) const;
  Result<Difference> diff(const CheckpointId& first, const CheckpointId& second) const;

  Result<Checkpoint> tag(const CheckpointId& id, const std::vector<std::string>& add,
                         const std::vector<std::string>& remove = {}) const;
  Result<Checkpoint> annotate(const CheckpointId& id, Level level, std::string_view text) const;
  Result<Checkpoint> pin(const CheckpointId& id, bool pinned) const;

  /// invalid_argument for a pinned one.
  Status remove(const CheckpointId& id) const;
  Result<PruneReport> prune(const Retention& retention, bool dry_run = false) const;
  Result<VerifyReport> verify(const VerifyProgress& progress = {}) const;
  Result<VerifyReport> verify(const CheckpointId& id) const;

  /// Events numbered `from` and above, at most `limit`.
  Result<EventPage> events(std::uint64_t from, std::size_t limit = 100) const;
  /// The same, but waits until there is one; timed_out if none comes, closed if the store is closed meanwhile (over
  /// HTTP it takes up to a minute to tell). Events of other processes do not end the wait.
  Result<EventPage> wait_events(std::uint64_t from, std::size_t limit, Duration timeout) const;

  /// JSON Lines: one of the session, then one per checkpoint above `since`, oldest first, payloads inline. An error of
  /// the sink ends it.
  Status export_to(const std::function<Status(std::string_view line)>& sink, std::uint64_t since = 0) const;

  /// For those who bring a store of their own.
  explicit Session(std::shared_ptr<const SessionFace> face) : face_(std::move(face)) {}

 private:
  std::shared_ptr<const SessionFace> face_;
};

/// Where sessions live.
class Store {
 public:
  /// In memory: for tests and what may be lost.
  static Result<Store> in_memory(const Options& options = {});
  /// One file, several processes.
  static Result<Store> sqlite(const std::string& path, const Options& options = {});
  /// A directory of Chronik's own log, one process at a time: in_use names the one that has it.
  static Result<Store> open(const std::string& directory, const Options& options = {});
  /// A chronik-server: "http://HOST:PORT" of its --admin address. Of `options` only the timeout counts, the server has
  /// its own. Errors of the connection are closed (it was not sent) and timed_out (it may have taken effect). Linked
  /// with chronik::checkpoint_remote.
  static Result<Store> connect(const std::string& url, const Options& options = {});

  Result<Session> create_session(std::string_view name, std::string_view metadata = "{}") const;
  Result<Session> session(std::string_view name) const;
  Result<Session> session(const SessionId& id) const;
  /// Creates it if there is none.
  Result<Session> open_session(std::string_view name) const;
  /// By name, from behind `cursor` (SessionPage::next); at most 1,000.
  Result<SessionPage> list_sessions(std::string_view cursor = {}, std::size_t limit = 100) const;
  Status rename_session(std::string_view name, std::string_view to) const;
  /// With all its checkpoints. Of an encrypted store its key is destroyed: what the disk still holds of it, until a
  /// compaction, nobody can read any more.
  Status delete_session(std::string_view name) const;
  /// From now on `key` opens the store, the one before does not. Sessions keep their own keys, so nothing else is
  /// written anew. wrong_key if the store is not encrypted.
  Status rotate_key(std::string_view key) const;
  /// Checkpoints of all sessions in the order of their creation: by time, then session id, then sequence. The query is
  /// as for Session::list, and applies to each checkpoint (sequences are those of its session). A cursor stays good
  /// while others write, rename, delete and prune: what existed when it was given comes once, what is newer may or may
  /// not; `within` counts from the first page. A page ends early, with `next`, beyond about 4 MiB of metadata.
  ///
  /// Keeps one position per session, no more. A page looks once at every session that may have something for it: newest
  /// first at those written since the moment it ends at, else at those written since the moment it begins at. Of 10,000
  /// sessions the newest 100 take some 10 ms; a page that looks at all of them 50 ms on the log, 500 ms on SQLite.
  /// Filters cost as in Session::list.
  Result<TimelinePage> timeline(const Query& query = {}) const;

  Result<VerifyReport> verify(const VerifyProgress& progress = {}) const;
  /// Gives back what deleted checkpoints took. Bytes returned to the file system.
  Result<std::uint64_t> compact() const;
  Result<Health> health() const;
  /// Of the last finished pass in the background (Options::scrub_every), its first 100 problems; empty if there was
  /// none.
  Result<VerifyReport> scrub_report() const;

  /// What export_to wrote, line by line, with line ends or without (nothing: the end). Creates the session, or adds
  /// what it lacks: checkpoints keep their ids and sequences, so a second import changes nothing. All or nothing;
  /// corrupt if a line was changed.
  Result<ImportReport> import_from(const std::function<Result<std::optional<std::string>>()>& lines) const;

  /// Ends it for every handle, after what is being written.
  Status close() const;

  /// For those who bring a backend, or a store, of their own.
  explicit Store(std::shared_ptr<Core> core);
  explicit Store(std::shared_ptr<const StoreFace> face) : face_(std::move(face)) {}

 private:
  std::shared_ptr<const StoreFace> face_;
};

}  // namespace chronik::checkpoint
