#include "checkpoint/sqlite_backend.h"

#include <mutex>
#include <vector>

#include "checkpoint/hash.h"
#include "checkpoint/packed.h"
#include "checkpoint/sqlite_reader.h"
#include "checkpoint/sqlite_writer.h"

namespace chronik::checkpoint {

namespace {

/// Connections that read: as many as there are reads at a time.
class Readers {
 public:
  Readers(std::string path, Duration busy) : path_(std::move(path)), busy_(busy) {}

  Result<std::unique_ptr<Database>> take() {
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        auto database = std::move(idle_.back());
        idle_.pop_back();
        return database;
      }
    }
    return Database::open(path_, busy_);
  }
  void give_back(std::unique_ptr<Database> database) {
    const std::lock_guard lock(mutex_);
    if (idle_.size() < kIdleMax && !closed_) idle_.push_back(std::move(database));
  }
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    idle_.clear();
  }

 private:
  static constexpr std::size_t kIdleMax = 8;
  const std::string path_;
  const Duration busy_;
  std::mutex mutex_;  // held for the list only
  std::vector<std::unique_ptr<Database>> idle_;
  bool closed_ = false;
};

/// What SQLite finds wrong with its file.
Result<std::vector<std::string>> check_integrity(Database& database) {
  std::vector<std::string> lines;
  TRY(Statement check, database.prepare("PRAGMA integrity_check"));
  for (;;) {
    TRY(const bool row, check.step());
    if (!row) return lines;
    if (check.bytes(0) != "ok") lines.emplace_back(check.bytes(0));
  }
}

constexpr std::uint64_t kPayloadBytesMax = 1ULL << 30;  // SQLite's own limit for one value is near

/// A change in line takes room without a payload too, or writers that do not wait would have no bound.
constexpr std::uint64_t kChangeRoom = 512;

class SqliteBackend final : public Backend {
 public:
  SqliteBackend(const std::string& path, const Options& options, std::shared_ptr<Surroundings> world,
                std::shared_ptr<SqliteWriter> writer)
      : options_(options),
        world_(std::move(world)),
        readers_(std::make_shared<Readers>(path, options.timeout)),
        writer_(std::move(writer)),
        room_(std::make_shared<Room>(options.pending_bytes_max)) {}
  ~SqliteBackend() override { (void)close(options_.timeout); }

  Status prepare(const SessionId&, Duration) override { return {}; }
  void abandon(const SessionId&) override {}
  Status rotate_key(std::string_view, Duration) override { return not_encrypted(); }
  Result<StagedPtr> stage(const SessionId&, std::string_view payload, Duration timeout) override {
    if (payload.size() >= kPayloadBytesMax) return fail(Errc::too_large, "SQLite takes payloads below 1 GiB");
    TRY(Room::Token room, room_->take(payload.size() + kChangeRoom, *world_, timeout));
    const Digest digest = sha256(payload);
    return std::make_shared<StagedForSqlite>(std::string(reinterpret_cast<const char*>(digest.data()), digest.size()),
                                             payload.size(), pack(payload), std::move(room));
  }
  Result<StagedPtr> stage_again(const SessionId& session, std::uint64_t sequence, const SessionId&,
                                Duration timeout) override {
    TRY(std::string hash, read<std::string>(timeout, [session, sequence](Database& database) {
          return sqlite::payload_key(database, session, sequence);
        }));
    return std::make_shared<StagedForSqlite>(std::move(hash), 0, std::string(), Room::Token());
  }
  void transact(const SessionId& session, Decide decide, PendingPtr pending) override {
    writer_->add(session, std::move(decide), std::move(pending));
  }

  Result<SessionId> find_session(std::string_view name) override {
    return read<SessionId>([name = std::string(name)](Database& d) { return sqlite::session_named(d, name); });
  }
  Result<SessionInfo> describe(const SessionId& session) override {
    return read<SessionInfo>([session](Database& d) { return sqlite::describe(d, session); });
  }
  Result<std::vector<SessionInfo>> sessions(std::string_view after, std::size_t limit) override {
    return read<std::vector<SessionInfo>>(
        [after = std::string(after), limit](Database& d) { return sqlite::sessions(d, after, limit); });
  }
  Result<std::vector<Outline>> outlines() override {
    return read<std::vector<Outline>>([](Database& d) { return sqlite::outlines(d); });
  }
  Result<Checkpoint> get(const SessionId& session, std::uint64_t sequence) override {
    return get_by(session, sequence);
  }
  Result<Checkpoint> get(const SessionId& session, const CheckpointId& id) override { return get_by(session, id); }

  Status scan(const SessionId& session, std::uint64_t from, bool descending, const Visit& visit) override {
    // Small first pages: most calls want one.
    for (std::size_t limit = 8;; limit = 256) {
      TRY(const auto page, read<std::vector<sqlite::Record>>(
                               [=](Database& d) { return sqlite::records(d, session, from, descending, limit); }));
      for (const auto& [sequence, checkpoint] : page) {
        if (!visit(sequence, checkpoint)) return {};
      }
      if (page.size() < limit) return {};
      from = descending ? page.back().first - 1 : page.back().first + 1;
    }
  }
  Result<std::uint64_t> first_from(const SessionId& session, Time time) override {
    return read<std::uint64_t>([=](Database& d) { return sqlite::first_from(d, session, time); });
  }
  Result<std::string> payload(const SessionId& session, std::uint64_t sequence, Reading, Duration timeout) override {
    return read<std::string>(timeout,
                             [=](Database& d) { return sqlite::payload(d, session, sequence, kPayloadBytesMax); });
  }
  Result<std::vector<Event>> events(const SessionId& session, std::uint64_t from, std::size_t limit) override {
    return read<std::vector<Event>>([=](Database& d) { return sqlite::events(d, session, from, limit); });
  }

  Result<std::uint64_t> compact(Duration timeout) override {
    return read<std::uint64_t>(timeout, [](Database& d) -> Result<std::uint64_t> {
      TRY(const std::int64_t page, sqlite::number(d, "PRAGMA page_size"));
      TRY(const std::int64_t before, sqlite::number(d, "PRAGMA page_count"));
      TRY_STATUS(d.run("PRAGMA incremental_vacuum"));
      TRY(const std::int64_t after, sqlite::number(d, "PRAGMA page_count"));
      TRY_STATUS(d.run("PRAGMA wal_checkpoint(TRUNCATE)"));
      return static_cast<std::uint64_t>((before - after) * page);
    });
  }
  Status scrub(const std::function<void(Problem)>& report, Duration timeout) override {
    using Lines = std::vector<std::string>;
    // It may take long: a store that is closed meanwhile does not wait for it.
    const auto found = read<Lines>(timeout, [closing = closing_](Database& d) {
      d.end_at(closing.get());
      Result<Lines> lines = check_integrity(d);
      d.end_at(nullptr);
      return lines;
    });
    if (!found && closing_->is_set()) return fail(Errc::closed, "the store was closed");
    if (!found) return std::unexpected(found.error());
    for (const std::string& line : *found) report({{}, 0, "SQLite: " + line});
    return {};
  }
  Result<Health> health() override {
    return read<Health>([](Database& d) { return sqlite::health(d); });
  }
  Status close(Duration timeout) override {
    closing_->set();
    TRY_STATUS(writer_->close(timeout));
    readers_->close();
    return {};
  }

 private:
  /// On a thread that may block; the deadline ends the wait, and the work keeps what it needs. `work` must not refer to
  /// the caller's stack.
  template <class T, class Work>
  Result<T> read(Duration timeout, Work work) {
    struct State {
      Latch done;
      std::optional<Result<T>> result;
    };
    auto state = std::make_shared<State>();
    world_->run([state, readers = readers_, work = std::move(work)] {
      auto database = readers->take();
      if (database) {
        state->result.emplace(work(**database));
        readers->give_back(*std::move(database));
      } else {
        state->result.emplace(std::unexpected(database.error()));
      }
      state->done.set();
    });
    if (!world_->wait(state->done, timeout)) return fail(Errc::timed_out, "the database did not answer");
    return *std::move(state->result);
  }
  template <class T, class Work>
  Result<T> read(Work work) {
    return read<T>(options_.timeout, std::move(work));
  }
  template <class Key>
  Result<Checkpoint> get_by(const SessionId& session, Key key) {
    TRY(auto found, read<std::optional<Checkpoint>>([=](Database& d) { return sqlite::find(d, session, key); }));
    if (!found) return fail(Errc::not_found, "no such checkpoint in this session");
    return *std::move(found);
  }

  const Options options_;
  const std::shared_ptr<Surroundings> world_;
  const std::shared_ptr<Readers> readers_;
  const std::shared_ptr<SqliteWriter> writer_;
  const std::shared_ptr<Room> room_;
  const std::shared_ptr<Latch> closing_ = std::make_shared<Latch>();
};

}  // namespace

Result<std::unique_ptr<Backend>> open_sqlite_backend(const std::string& path, const Options& options,
                                                     std::shared_ptr<Surroundings> world) {
  if (!options.key.empty()) {
    return fail(Errc::unsupported, "a key, but an SQLite file is not encrypted: use a directory");
  }
  struct State {
    Latch done;
    Result<std::unique_ptr<Database>> database;
  };
  auto state = std::make_shared<State>();
  world->run([state, path, options] {
    state->database = Database::open(path, options.timeout);
    if (state->database) {
      if (auto ready = sqlite::prepare_schema(**state->database); !ready) {
        state->database = std::unexpected(ready.error());
      }
    }
    state->done.set();
  });
  if (!world->wait(state->done, options.timeout)) return fail(Errc::timed_out, path + " did not open");
  if (!state->database) return std::unexpected(state->database.error());
  auto writer = std::make_shared<SqliteWriter>(*std::move(state->database), options.events_kept, world);
  return std::make_unique<SqliteBackend>(path, options, world, std::move(writer));
}

}  // namespace chronik::checkpoint
