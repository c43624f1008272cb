// Backend: what keeps sessions. It stores changes atomically and reads them back; what they mean (fencing, expected
// parents, sequences, retention) is decided once, above, in the core. Any thread may call any of it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/model.h"
#include "checkpoint/pending.h"

namespace chronik::checkpoint {

/// One session as the next change will find it.
class View {
 public:
  virtual ~View() = default;
  /// Null: no such session.
  virtual const SessionRow* row() const = 0;
  virtual const Head& head() const = 0;
  /// Nothing: no such checkpoint. corrupt if its record is.
  virtual Result<std::optional<Checkpoint>> find(std::uint64_t sequence) const = 0;
  virtual Result<std::optional<Checkpoint>> find(const CheckpointId& id) const = 0;
  virtual Result<std::optional<Checkpoint>> find_key(std::string_view idempotency_key) const = 0;
};

inline std::unexpected<Error> not_encrypted() {
  return fail(Errc::wrong_key, "the store is not encrypted");
}

/// A session that has checkpoints, for those who look at all.
struct Outline {
  SessionId id;
  std::string name;
  Time last;  // no checkpoint of it was created later
  std::uint64_t last_sequence = 0;
};

/// How far a scrub in parts is, as the backend counts; as it is made, it has not begun.
struct ScrubPlace {
  std::uint64_t next = 0;
  std::uint64_t end = 0;  // what is written later waits for the next scrub
  bool over = false;
};

/// Decides what to change, or why not. Quick, without side effects but on what it owns; may be called again, on any
/// thread.
using Decide = std::function<Result<Change>(const View&)>;
/// What stands at a sequence, or why it cannot be read. False: enough.
using Visit = std::function<bool(std::uint64_t sequence, const Result<Checkpoint>&)>;

/// Whether what was read before may be told again, or the disk must show it.
enum class Reading : std::uint8_t { remembered, anew };

class Backend {
 public:
  virtual ~Backend() = default;

  /// Before the first stage or change of a session that does not exist yet.
  virtual Status prepare(const SessionId& session, Duration timeout) = 0;
  /// Takes a payload in, to be named by a Put of this session. May wait for room.
  virtual Result<StagedPtr> stage(const SessionId& session, std::string_view payload, Duration timeout) = 0;
  /// The payload of a checkpoint, for another one, maybe in another session.
  virtual Result<StagedPtr> stage_again(const SessionId& session, std::uint64_t sequence, const SessionId& into,
                                        Duration timeout) = 0;
  /// Nothing came of it, maybe.
  virtual void abandon(const SessionId& session) = 0;
  virtual Status rotate_key(std::string_view key, Duration timeout) = 0;
  /// Decides and stores, as if no other change of this session happened meanwhile; `pending` is settled when all is
  /// durable and visible, or with the error of `decide`. An empty change settles when what it saw is durable. A new row
  /// whose name another session has: already_exists.
  virtual void transact(const SessionId& session, Decide decide, PendingPtr pending) = 0;

  virtual Result<SessionId> find_session(std::string_view name) = 0;
  virtual Result<SessionInfo> describe(const SessionId& session) = 0;
  /// By name, behind `after`.
  virtual Result<std::vector<SessionInfo>> sessions(std::string_view after, std::size_t limit) = 0;
  /// All that are there from begin to end of the call, whatever their names become; in no order.
  virtual Result<std::vector<Outline>> outlines() = 0;

  virtual Result<Checkpoint> get(const SessionId& session, std::uint64_t sequence) = 0;
  virtual Result<Checkpoint> get(const SessionId& session, const CheckpointId& id) = 0;
  /// From `from` (itself included) in either direction, in constant memory.
  virtual Status scan(const SessionId& session, std::uint64_t from, bool descending, const Visit& visit) = 0;
  /// The sequence of the first created at `time` or later; UINT64_MAX if there is none.
  virtual Result<std::uint64_t> first_from(const SessionId& session, Time time) = 0;
  /// As stored, with the backend's own checks; the core compares the hash.
  virtual Result<std::string> payload(const SessionId& session, std::uint64_t sequence, Reading how,
                                      Duration timeout) = 0;
  /// Those kept with numbers from `from`.
  virtual Result<std::vector<Event>> events(const SessionId& session, std::uint64_t from, std::size_t limit) = 0;

  /// Gives back what nobody needs. Bytes returned to the file system.
  virtual Result<std::uint64_t> compact(Duration timeout) = 0;
  /// Checks what no checkpoint would show, such as damaged structures.
  virtual Status scrub(const std::function<void(Problem)>& report, Duration timeout) = 0;
  /// The same in parts: about `bytes` more. How many were read. All at once where there are no parts.
  virtual Result<std::uint64_t> scrub_part(ScrubPlace& place, std::uint64_t bytes,
                                           const std::function<void(Problem)>& report, Duration timeout) {
    (void)bytes;
    place.over = true;
    TRY_STATUS(scrub(report, timeout));
    return 0;
  }
  virtual Result<Health> health() = 0;
  virtual Status close(Duration timeout) = 0;
};

}  // namespace chronik::checkpoint
