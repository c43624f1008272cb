#include "checkpoint/log_backend.h"

#include <algorithm>
#include <cstdlib>

#include "checkpoint/chunker.h"
#include "checkpoint/codec.h"
#include "checkpoint/log_engine.h"
#include "checkpoint/packed.h"
#include "checkpoint/sealed.h"

namespace chronik::checkpoint {

namespace {

constexpr std::size_t kSmallBytes = 256;       // packed; kept with the record
constexpr std::size_t kItemBytes = 1 << 20;    // of chunks, in one frame of the write-ahead log
constexpr std::size_t kWakeBytes = 64 * 1024;  // written at once; fewer wait for the change that names them
constexpr std::size_t kDeltaRoom = 512;
constexpr Duration kGoodbye = std::chrono::seconds(5);

/// A payload whose chunks are in line, or on disk; pinned.
class StagedInLog final : public Staged {
 public:
  StagedInLog(std::shared_ptr<LogShared> shared, std::string locator, std::vector<std::uint64_t> numbers,
              std::uint64_t epoch, SessionKeyPtr key)
      : shared_(std::move(shared)),
        locator_(std::move(locator)),
        numbers_(std::move(numbers)),
        epoch_(epoch),
        key_(std::move(key)) {}
  StagedInLog(const StagedInLog&) = delete;
  StagedInLog& operator=(const StagedInLog&) = delete;
  ~StagedInLog() override { shared_->chunks.unpin(numbers_); }
  const std::string& locator() const override { return locator_; }
  std::uint64_t epoch() const { return epoch_; }
  /// Of its chunks; null in a store that is not encrypted.
  const SessionKeyPtr& key() const { return key_; }

 private:
  std::shared_ptr<LogShared> shared_;
  std::string locator_;
  std::vector<std::uint64_t> numbers_;
  std::uint64_t epoch_;
  SessionKeyPtr key_;
};

/// What lives on the loop; touched only there.
struct Side {
  std::unique_ptr<task::Context> context;
  std::unique_ptr<LogEngine> engine;  // goes before the context
  ~Side() { end(); }
  void end() {
    if (context) context->stop();
    engine.reset();
    context.reset();
  }
};

template <class T>
struct Answer {
  Latch done;
  std::optional<Result<T>> result;
};

/// Ends with the context that runs it, before the engine: no owner is needed.
template <class T, class Work>
task::Task<void> run_on_loop(std::shared_ptr<Answer<T>> answer, LogEngine& engine, Work work) {
  answer->result.emplace(co_await work(engine));
  answer->done.set();
}

class LogBackend final : public Backend {
 public:
  LogBackend(const Options& options, std::shared_ptr<Surroundings> world, std::shared_ptr<LogLoop> loop)
      : world_(std::move(world)), loop_(std::move(loop)), side_(std::make_shared<Side>()) {
    // Weak: the engine has a share of what holds this.
    const auto wake = [&to = loop_->env().loop, weak = std::weak_ptr(side_)] {
      to.post_remote([weak] {
        const auto side = weak.lock();
        if (side && side->engine) side->engine->wake();
      });
    };
    shared_ = std::make_shared<LogShared>(options, wake);
  }
  ~LogBackend() override {
    (void)close(shared_->options.timeout);
    const auto ended = std::make_shared<Latch>();
    loop_->env().loop.post_remote([side = side_, ended] {
      side->end();
      ended->set();
    });
    (void)world_->wait(*ended, kGoodbye);
  }

  Status open(const std::string& directory) {
    loop_->env().loop.post_remote([side = side_, shared = shared_, loop = loop_, directory] {
      side->context = std::make_unique<task::Context>(loop->env());
      side->engine = std::make_unique<LogEngine>(*side->context, shared, directory, loop->process_id());
    });
    TRY_STATUS(call<void>([](LogEngine& engine) { return engine.open(); }, shared_->options.timeout));
    TRY(const Condition found,
        call<Condition>([](LogEngine& engine) { return condition_of(engine); }, shared_->options.timeout));
    damaged_ = found.damaged;
    return {};
  }

  Status prepare(const SessionId& session, Duration timeout) override {
    if (!shared_->keys.enabled() || damaged_ > 0 || shared_->keys.of_session(session)) return {};
    return call<void>([session](LogEngine& engine) { return engine.add_key(session); }, timeout);
  }
  void abandon(const SessionId& session) override {
    if (!shared_->keys.enabled() || !shared_->keys.of_session(session)) return;
    // What fails here is mended when the store opens.
    (void)call<void>([session](LogEngine& engine) { return engine.give_key_back(session); }, shared_->options.timeout);
  }
  Status rotate_key(std::string_view key, Duration timeout) override {
    if (!shared_->keys.enabled()) return not_encrypted();
    return call<void>([key = std::string(key)](LogEngine& engine) { return engine.rotate_key(key); }, timeout);
  }
  Result<StagedPtr> stage(const SessionId& session, std::string_view payload, Duration timeout) override;
  Result<StagedPtr> stage_again(const SessionId& session, std::uint64_t sequence, const SessionId& into,
                                Duration timeout) override;
  void transact(const SessionId& session, Decide decide, PendingPtr pending) override;

  Result<SessionId> find_session(std::string_view name) override { return tables().find_session(name); }
  Result<SessionInfo> describe(const SessionId& session) override { return tables().describe(session); }
  Result<std::vector<SessionInfo>> sessions(std::string_view after, std::size_t limit) override {
    return tables().sessions(after, limit);
  }
  Result<std::vector<Outline>> outlines() override { return tables().outlines(); }
  Result<Checkpoint> get(const SessionId& session, std::uint64_t sequence) override {
    return tables().get(session, sequence);
  }
  Result<Checkpoint> get(const SessionId& session, const CheckpointId& id) override {
    return tables().get(session, id);
  }
  Status scan(const SessionId& session, std::uint64_t from, bool descending, const Visit& visit) override {
    return tables().scan(session, from, descending, visit);
  }
  Result<std::uint64_t> first_from(const SessionId& session, Time time) override {
    return tables().first_from(session, time);
  }
  Result<std::string> payload(const SessionId& session, std::uint64_t sequence, Reading how, Duration timeout) override;
  Result<std::vector<Event>> events(const SessionId& session, std::uint64_t from, std::size_t limit) override {
    return tables().events(session, from, limit);
  }
  Result<std::uint64_t> compact(Duration timeout) override {
    return call<std::uint64_t>([](LogEngine& engine) { return engine.compact(); }, timeout);
  }
  Status scrub(const std::function<void(Problem)>& report, Duration timeout) override {
    TRY(auto problems, call<std::vector<Problem>>([](LogEngine& engine) { return engine.scrub(); }, timeout));
    for (Problem& problem : problems) report(std::move(problem));
    return {};
  }
  Result<std::uint64_t> scrub_part(ScrubPlace& place, std::uint64_t bytes, const std::function<void(Problem)>& report,
                                   Duration timeout) override {
    TRY(auto part,
        call<ScrubbedPart>([place, bytes](LogEngine& engine) { return scrub_part_of(engine, place, bytes); }, timeout));
    for (Problem& problem : part.problems) report(std::move(problem));
    place = part.place;
    return part.bytes;
  }
  Result<Health> health() override {
    TRY(const Condition found,
        call<Condition>([](LogEngine& engine) { return condition_of(engine); }, shared_->options.timeout));
    const std::uint64_t stored = shared_->chunks.stored_bytes();
    const std::uint64_t live = stored + tables().bytes();
    return Health{tables().session_count(),
                  tables().checkpoints(),
                  tables().payload_bytes(),
                  stored,
                  found.disk > live ? found.disk - live : 0,
                  found.damaged};
  }
  Status close(Duration timeout) override {
    if (closed_.exchange(true)) return {};
    return call<void>([](LogEngine& engine) { return engine.close(); }, timeout);
  }

 private:
  struct Condition {
    std::uint64_t disk;
    std::uint64_t damaged;
  };
  static task::Task<Result<Condition>> condition_of(LogEngine& engine) {
    co_return Condition{engine.bytes_on_disk(), engine.damaged()};
  }

  struct ScrubbedPart {
    ScrubPlace place;
    std::uint64_t bytes = 0;
    std::vector<Problem> problems;
  };
  static task::Task<Result<ScrubbedPart>> scrub_part_of(LogEngine& engine, ScrubPlace place, std::uint64_t bytes) {
    ScrubbedPart part{place, 0, {}};
    CO_TRY(part.bytes, co_await engine.scrub_part(part.place, bytes, part.problems));
    co_return part;
  }

  Tables& tables() { return shared_->tables; }

  /// Runs on the loop; a deadline ends the wait only.
  template <class T, class Work>
  Result<T> call(Work work, Duration timeout) {
    auto answer = std::make_shared<Answer<T>>();
    loop_->env().loop.post_remote([side = side_, answer, work = std::move(work)] {
      if (!side->engine) {
        answer->result.emplace(fail(Errc::closed, "the store was closed"));
        return answer->done.set();
      }
      side->context->spawn("checkpoint.call", run_on_loop<T>(answer, *side->engine, work));
    });
    if (!world_->wait(answer->done, timeout)) return fail(Errc::timed_out, "the log did not answer");
    return *std::move(answer->result);
  }

  struct Piece {
    std::string_view raw;
    Digest hash{};
    std::uint64_t number = 0;  // 0: not known yet
    std::shared_ptr<const std::string> packed;
  };
  Status put_in_line(std::vector<Piece>& pieces, Room::Token room, std::uint64_t epoch);
  Result<Room::Token> take_room(std::uint64_t bytes, Duration timeout);
  /// on_disk: out, where it looked.
  Result<std::string> assemble(const Locator& locator, Reading how, Duration timeout, std::vector<ChunkPlace>& on_disk);
  Nonce nonce() {
    return random_bytes<kNonceBytes>([this] { return world_->entropy(); });
  }
  /// Null: the store is not encrypted. not_found: the session is gone, and its key with it.
  Result<SessionKeyPtr> key_of(const SessionId& session) const {
    if (!shared_->keys.enabled()) return SessionKeyPtr();
    if (auto key = shared_->keys.of_session(session)) return key;
    return fail(Errc::not_found, "no such session");
  }

  const std::shared_ptr<Surroundings> world_;
  const std::shared_ptr<LogLoop> loop_;
  const std::shared_ptr<Side> side_;
  std::shared_ptr<LogShared> shared_;
  /// A chunk is found only when it is in line: held while known ones are looked up, and while new ones get in line.
  std::mutex staging_;
  std::atomic<bool> closed_{false};
  std::uint64_t damaged_ = 0;  // places, as of opening
};

/// Who waits for room waits for what is in line.
Result<Room::Token> LogBackend::take_room(std::uint64_t bytes, Duration timeout) {
  if (auto room = shared_->room->take_now(bytes)) return *std::move(room);
  shared_->intake.kick();
  return shared_->room->take(bytes, *world_, timeout);
}

Result<StagedPtr> LogBackend::stage(const SessionId& session, std::string_view payload, Duration timeout) {
  const std::uint64_t epoch = shared_->intake.epoch();
  TRY(const SessionKeyPtr key, key_of(session));
  if (payload.size() <= 4 * kSmallBytes) {
    const std::string packed = pack(payload);
    if (packed.size() <= kSmallBytes) {
      return std::make_shared<StagedInLog>(shared_, encode_locator({packed, payload.size(), {}}),
                                           std::vector<std::uint64_t>(), epoch, key);
    }
  }
  std::vector<Piece> pieces;
  for (const std::string_view raw : split(payload)) {
    pieces.push_back({raw, chunk_address(key.get(), raw), 0, nullptr});
  }
  std::uint64_t fresh = 0;
  {
    const std::lock_guard lock(staging_);
    for (Piece& piece : pieces) {
      if (const auto number = shared_->chunks.find_pinned(piece.hash)) piece.number = *number;
    }
  }
  for (Piece& piece : pieces) {
    if (piece.number != 0) continue;
    piece.packed =
        std::make_shared<const std::string>(store_chunk(key.get(), key ? nonce() : Nonce{}, piece.hash, piece.raw));
    fresh += piece.packed->size();
  }
  Status queued;
  if (fresh > 0) {
    auto room = take_room(fresh, timeout);
    queued = room ? put_in_line(pieces, *std::move(room), epoch) : fail(room.error());
  }
  Locator locator;
  std::vector<std::uint64_t> pinned;
  for (const Piece& piece : pieces) {
    locator.numbers.push_back(piece.number);
    if (piece.number != 0) pinned.push_back(piece.number);
  }
  // Made even after a failure: it gives the pins back.
  auto staged = std::make_shared<StagedInLog>(shared_, encode_locator(locator), std::move(pinned), epoch, key);
  if (!queued) return fail(queued.error());
  return staged;
}

/// Gives the unknown pieces numbers, and their bytes a place in line.
Status LogBackend::put_in_line(std::vector<Piece>& pieces, Room::Token room, std::uint64_t epoch) {
  const std::lock_guard lock(staging_);
  auto item = std::make_shared<LogItem>();
  const auto push = [&]() -> Status {
    const bool large = item->entries.size() >= kWakeBytes;
    if (auto pushed = shared_->intake.push(item, epoch, large ? LogIntake::Wake::now : LogIntake::Wake::later);
        !pushed) {
      for (const std::uint64_t number : item->chunks) shared_->chunks.drop(number);
      return pushed;
    }
    return {};
  };
  for (Piece& piece : pieces) {
    if (piece.number != 0) continue;
    const auto [number, fresh] =
        shared_->chunks.add_pinned(piece.hash, static_cast<std::uint32_t>(piece.raw.size()), piece.packed);
    piece.number = number;
    if (!fresh) continue;
    append_entry(item->entries,
                 {EntryKind::chunk, 0,
                  encode_chunk({number, piece.hash, static_cast<std::uint32_t>(piece.raw.size()), *piece.packed})});
    item->chunks.push_back(number);
    if (item->entries.size() < kItemBytes) continue;
    TRY_STATUS(push());
    item = std::make_shared<LogItem>();
  }
  if (item->chunks.empty()) return {};
  item->room = std::move(room);  // of all the items: the last one is flushed last
  return push();
}

Result<StagedPtr> LogBackend::stage_again(const SessionId& session, std::uint64_t sequence, const SessionId& into,
                                          Duration timeout) {
  if (shared_->keys.enabled() && into != session) {
    TRY(const std::string copy,
        payload(session, sequence, Reading::remembered, timeout));  // sealed with another key from now on
    return stage(into, copy, timeout);
  }
  TRY(const SessionKeyPtr key, key_of(session));
  const std::uint64_t epoch = shared_->intake.epoch();
  std::string copy;
  std::vector<std::uint64_t> numbers;
  bool held = false;
  TRY_STATUS(tables().with_locator(session, sequence, [&](std::string_view found) {
    copy = found;
    if (const auto locator = decode_locator(found)) {
      numbers = locator->numbers;
      held = shared_->chunks.pin(numbers);
    }
  }));
  if (!held) return fail(Errc::corrupt, "the payload of sequence " + std::to_string(sequence) + " lacks a chunk");
  return std::make_shared<StagedInLog>(shared_, std::move(copy), std::move(numbers), epoch, key);
}

void LogBackend::transact(const SessionId& session, Decide decide, PendingPtr pending) {
  if (damaged_ > 0) {
    // What is lost may be the newest checkpoint of a session: its sequence would be given out again.
    return pending->settle(fail(Errc::corrupt, "the store was found damaged in " + std::to_string(damaged_) +
                                                   " place(s), which verify names: it takes no writes; export what is "
                                                   "whole, and import it into a new store"));
  }
  auto room = take_room(kDeltaRoom, shared_->options.timeout);
  if (!room) return pending->settle(fail(room.error()));
  std::uint64_t epoch = 0;
  bool same_key = true;
  const Decide watched = [&](const View& view) -> Result<Change> {
    TRY(Change change, decide(view));
    epoch = shared_->intake.epoch();
    const SessionKeyPtr key = shared_->keys.of_session(session);
    for (const Put& put : change.puts) {
      const auto& staged = static_cast<const StagedInLog&>(*put.payload);
      epoch = std::min(epoch, staged.epoch());
      same_key = same_key && staged.key() == key;
    }
    return change;
  };
  const auto item = std::make_shared<LogItem>();
  const auto enqueue = [&](const std::shared_ptr<const Delta>& delta) -> Result<Tables::Line> {
    std::string encoded = encode(*delta);
    if (encoded.size() > kEntryBytesMax - kSealedEntryBytes) {
      return fail(Errc::too_large, "a change of more than 16 MiB");
    }
    const SessionKeyPtr key = shared_->keys.of_session(session);
    if (!same_key || (shared_->keys.enabled() && !key)) {
      return fail(Errc::conflict, "the session was deleted meanwhile, and its key with it: try again");
    }
    if (key) encoded = seal_entry(*key, nonce(), EntryKind::delta, encoded);
    append_entry(item->entries, {key ? EntryKind::sealed : EntryKind::delta, 0, encoded});
    item->delta = delta;
    item->key = key;
    item->pending = pending;
    item->room = *std::move(room);
    TRY_STATUS(shared_->intake.push(item, epoch, LogIntake::Wake::now));
    return Tables::Line::queued;
  };
  std::shared_ptr<const Delta> behind;
  const auto proposed = tables().propose(session, watched, enqueue, &behind);
  if (proposed && *proposed != nullptr) return;
  shared_->intake.kick();  // the payload is in line already
  if (!proposed) return pending->settle(fail(proposed.error()));
  shared_->intake.follow(behind, std::move(pending));
}

Result<std::string> LogBackend::payload(const SessionId& session, std::uint64_t sequence, Reading how,
                                        Duration timeout) {
  // A compaction may move chunks meanwhile, or take them away with their checkpoint: what was not found is missing only
  // where it is still said to be.
  std::vector<ChunkPlace> tried;
  const auto stays = [&](const ChunkPlace& place) {
    const auto now = shared_->chunks.get(place.number);
    return now && now->place == place;
  };
  const Instant end = world_->monotonic_now() + timeout;
  std::string last;
  for (std::optional<Error> missing;;) {
    std::string bytes;
    TRY_STATUS(tables().with_locator(session, sequence, [&](std::string_view found) { bytes = found; }));
    if (missing && bytes == last && std::ranges::all_of(tried, stays)) return fail(Errc::corrupt, missing->detail);
    TRY(const Locator locator, decode_locator(bytes));
    if (locator.numbers.empty()) return unpack(locator.small, locator.raw);
    const Duration left = end - world_->monotonic_now();
    if (missing && left <= Duration(0)) return fail(Errc::timed_out, "what is read is moved time and again");
    tried.clear();
    auto result = assemble(locator, how, std::max(left, Duration(0)), tried);
    if (result || (result.error().code != Errc::not_found && result.error().code != Errc::corrupt)) return result;
    missing = result.error();
    last = std::move(bytes);
  }
}

Result<std::string> LogBackend::assemble(const Locator& locator, Reading how, Duration timeout,
                                         std::vector<ChunkPlace>& on_disk) {
  const auto& numbers = locator.numbers;
  std::vector<ChunkCache::Bytes> raw(numbers.size());
  if (how == Reading::remembered) raw = shared_->cache.find(numbers);
  std::vector<std::pair<std::size_t, Chunk>> wanted;  // where it stands among them
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (raw[i]) {
      bytes += raw[i]->size();
    } else {
      auto chunk = shared_->chunks.get(numbers[i]);
      if (!chunk) return fail(Errc::corrupt, "chunk " + std::to_string(numbers[i]) + " is missing");
      bytes += chunk->place.raw;
      if (!chunk->memory) on_disk.push_back(chunk->place);
      wanted.emplace_back(i, *std::move(chunk));
    }
    if (bytes > shared_->options.payload_bytes_max)
      return fail(Errc::too_large, "a payload above the limit for payloads");
  }
  std::vector<std::string> read;
  if (!on_disk.empty()) {
    TRY(read,
        call<std::vector<std::string>>([places = on_disk](LogEngine& engine) { return engine.read(places); }, timeout));
  }
  std::size_t next = 0;
  std::vector<std::pair<std::uint64_t, ChunkCache::Bytes>> fresh;
  for (const auto& [at, chunk] : wanted) {
    const std::string& stored = chunk.memory ? *chunk.memory : read[next++];
    auto opened = open_chunk(shared_->keys, chunk.place, stored);
    if (!opened) {
      return fail(Errc::corrupt, pack_name(chunk.place.pack) + ": byte " + std::to_string(chunk.place.offset) +
                                     ": a chunk does not have its hash");
    }
    raw[at] = std::make_shared<const std::string>(*std::move(opened));
    fresh.emplace_back(chunk.place.number, raw[at]);
  }
  if (how == Reading::remembered) shared_->cache.put(fresh);
  std::string payload;
  payload.reserve(bytes);
  for (const auto& one : raw) payload += *one;
  return payload;
}

}  // namespace

Result<std::unique_ptr<Backend>> open_log_backend(const std::string& directory, const Options& options,
                                                  std::shared_ptr<Surroundings> world, std::shared_ptr<LogLoop> loop) {
  if (!options.key.empty()) TRY_STATUS(check_key(options.key));
  auto backend = std::make_unique<LogBackend>(options, std::move(world), std::move(loop));
  TRY_STATUS(backend->open(directory));
  return backend;
}

}  // namespace chronik::checkpoint
