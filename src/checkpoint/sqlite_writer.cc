#include "checkpoint/sqlite_writer.h"

#include <algorithm>
#include <utility>

#include "checkpoint/codec.h"
#include "checkpoint/packed.h"
#include "checkpoint/sqlite_reader.h"

namespace chronik::checkpoint {

namespace {

/// A session inside the transaction.
class ViewInTransaction final : public View {
 public:
  ViewInTransaction(Database& database, SessionId session, const std::optional<sqlite::Stored>& stored)
      : database_(database), session_(session), stored_(stored) {}
  const SessionRow* row() const override { return stored_ ? &stored_->row : nullptr; }
  const Head& head() const override { return stored_ ? stored_->head : none_; }
  Result<std::optional<Checkpoint>> find(std::uint64_t sequence) const override {
    return sqlite::find(database_, session_, sequence);
  }
  Result<std::optional<Checkpoint>> find(const CheckpointId& id) const override {
    return sqlite::find(database_, session_, id);
  }
  Result<std::optional<Checkpoint>> find_key(std::string_view key) const override {
    return sqlite::find_key(database_, session_, key);
  }

 private:
  Database& database_;
  SessionId session_;
  const std::optional<sqlite::Stored>& stored_;
  Head none_;
};

}  // namespace

void SqliteWriter::add(const SessionId& session, Decide decide, PendingPtr pending) {
  std::optional<Error> refused;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) {
      refused = Error{Errc::closed, "the store was closed"};
    } else if (failure_) {
      refused = failure_;
    } else {
      queue_.push_back({session, std::move(decide), pending, {}});
      if (std::exchange(draining_, true)) return;
    }
  }
  if (refused) return pending->settle(std::unexpected(*std::move(refused)));
  world_->run([self = shared_from_this()] { self->drain(); });
}

void SqliteWriter::drain() {
  for (;;) {
    std::vector<Job> jobs;
    {
      const std::lock_guard lock(mutex_);
      while (!queue_.empty() && jobs.size() < kBatch) {
        jobs.push_back(std::move(queue_.front()));
        queue_.pop_front();
      }
      if (jobs.empty()) {
        draining_ = false;
        if (drained_) drained_->set();
        return;
      }
    }
    write(jobs);
    for (Job& job : jobs) {
      if (!job.outcome && job.outcome.error().code == Errc::storage_failed) {
        const std::lock_guard lock(mutex_);
        failure_ = job.outcome.error();
      }
      // First what it holds (payloads, room), then the news.
      job.decide = nullptr;
      job.pending->settle(std::move(job.outcome));
    }
  }
}

/// One transaction for all; a job that is refused leaves nothing, the others are not touched.
void SqliteWriter::write(std::vector<Job>& jobs) {
  const auto fail_all = [&](const Status& status) {
    (void)database_->run("ROLLBACK");
    for (Job& job : jobs) {
      if (job.outcome) job.outcome = status;
    }
  };
  if (const Status begun = database_->run("BEGIN IMMEDIATE"); !begun) return fail_all(begun);
  for (Job& job : jobs) {
    if (const Status made = database_->run("SAVEPOINT job"); !made) return fail_all(made);
    job.outcome = decide_and_store(job);
    if (!job.outcome) {
      if (const Status back = database_->run("ROLLBACK TO job"); !back) return fail_all(back);
    }
    if (const Status released = database_->run("RELEASE job"); !released) return fail_all(released);
  }
  if (const Status done = database_->run("COMMIT"); !done) fail_all(done);
}

Status SqliteWriter::decide_and_store(const Job& job) {
  TRY(const auto stored, sqlite::find_session(*database_, job.session));
  const ViewInTransaction view(*database_, job.session, stored);
  const auto decide = [&]() -> Result<Change> {
    const std::lock_guard deciding(deciding_);
    if (abandoned_) return fail(Errc::closed, "the store was closed before the change was begun");
    return job.decide(view);
  };
  TRY(const Change change, decide());
  if (change.empty()) return {};
  return store(make_delta(job.session, view.head(), change), change, view.head());
}

Status SqliteWriter::store(const Delta& delta, const Change& change, Head head) {
  const std::string_view session = sqlite::bytes_of(delta.session.bytes);
  if (delta.erase) return erase(delta.session);
  if (delta.row) {
    TRY(Statement insert, database_->prepare("INSERT INTO sessions(id, name, metadata, forked_from, created_at, head) "
                                             "VALUES(?1,?2,?3,?4,?5,x'') ON CONFLICT(id) DO UPDATE SET name=?2"));
    const SessionRow& row = *delta.row;
    insert.bind_blob(1, session).bind_text(2, row.name).bind_text(3, row.metadata).bind_text(4, row.forked_from);
    if (const Status status = insert.bind(5, sqlite::ms(row.created_at)).run(); !status) {
      if (status.error().code != Errc::already_exists) return status;
      return fail(Errc::already_exists, "a session is named " + row.name);
    }
  }
  head.merge(delta.head);
  {
    const std::string sealed = seal(encode(head));
    TRY(Statement update, database_->prepare("UPDATE sessions SET head=?2 WHERE id=?1"));
    TRY_STATUS(update.bind_blob(1, session).bind_blob(2, sealed).run());
  }
  for (std::size_t i = 0; i < delta.puts.size(); ++i) TRY_STATUS(put(delta, delta.puts[i], change.puts[i]));
  for (const Row& row : delta.updates) {
    const std::string sealed = seal(row.record);
    TRY(Statement update, database_->prepare("UPDATE checkpoints SET record=?3 WHERE session=?1 AND sequence=?2"));
    TRY_STATUS(update.bind_blob(1, session).bind(2, sqlite::clamp(row.sequence)).bind_blob(3, sealed).run());
  }
  for (const std::uint64_t sequence : delta.deletes) TRY_STATUS(remove(delta.session, sequence));
  return store_events(delta);
}

Status SqliteWriter::put(const Delta& delta, const Row& row, const Put& put) {
  const auto& staged = static_cast<const StagedForSqlite&>(*put.payload);
  if (staged.packed().empty()) {
    TRY(Statement again, database_->prepare("UPDATE payloads SET users=users+1 WHERE hash=?1"));
    TRY_STATUS(again.bind_blob(1, row.locator).run());
    if (database_->changes() != 1) return fail(Errc::not_found, "the payload was removed meanwhile");
  } else {
    TRY(Statement insert, database_->prepare("INSERT INTO payloads(hash, users, size, bytes) VALUES(?1,1,?2,?3) "
                                             "ON CONFLICT(hash) DO UPDATE SET users=users+1"));
    insert.bind_blob(1, row.locator).bind(2, sqlite::clamp(staged.size())).bind_blob(3, staged.packed());
    TRY_STATUS(insert.run());
  }
  const Front front = decode_front(row.record);
  const std::string sealed = seal(row.record);
  TRY(Statement insert,
      database_->prepare("INSERT INTO checkpoints(session, sequence, id, created_at, key, size, record, "
                         "payload) VALUES(?1,?2,?3,?4,?5,?6,?7,?8)"));
  insert.bind_blob(1, sqlite::bytes_of(delta.session.bytes)).bind(2, sqlite::clamp(row.sequence));
  insert.bind_blob(3, sqlite::bytes_of(front.id.bytes)).bind(4, sqlite::ms(front.created_at));
  insert.bind(5, static_cast<std::int64_t>(front.key)).bind(6, sqlite::clamp(front.size));
  return insert.bind_blob(7, sealed).bind_blob(8, row.locator).run();
}

Status SqliteWriter::remove(const SessionId& session, std::uint64_t sequence) {
  TRY(const std::string hash, sqlite::payload_key(*database_, session, sequence));
  {
    TRY(Statement remove, database_->prepare("DELETE FROM checkpoints WHERE session=?1 AND sequence=?2"));
    TRY_STATUS(remove.bind_blob(1, sqlite::bytes_of(session.bytes)).bind(2, sqlite::clamp(sequence)).run());
  }
  TRY(Statement release, database_->prepare("UPDATE payloads SET users=users-1 WHERE hash=?1"));
  TRY_STATUS(release.bind_blob(1, hash).run());
  TRY(Statement drop, database_->prepare("DELETE FROM payloads WHERE hash=?1 AND users<=0"));
  return drop.bind_blob(1, hash).run();
}

Status SqliteWriter::erase(const SessionId& session) {
  const std::string_view id = sqlite::bytes_of(session.bytes);
  constexpr const char* kRelease =
      "UPDATE payloads SET users=users-(SELECT count(*) FROM checkpoints c WHERE c.session=?1 AND c.payload=hash) "
      "WHERE hash IN (SELECT payload FROM checkpoints WHERE session=?1)";
  constexpr const char* kDrop =
      "DELETE FROM payloads WHERE users<=0 AND hash IN (SELECT payload FROM checkpoints WHERE session=?1)";
  for (const char* sql : {kRelease, kDrop, "DELETE FROM checkpoints WHERE session=?1",
                          "DELETE FROM events WHERE session=?1", "DELETE FROM sessions WHERE id=?1"}) {
    TRY(Statement statement, database_->prepare(sql));
    TRY_STATUS(statement.bind_blob(1, id).run());
  }
  return {};
}

Status SqliteWriter::store_events(const Delta& delta) {
  const std::string_view session = sqlite::bytes_of(delta.session.bytes);
  for (const Event& event : delta.events) {
    TRY(Statement insert, database_->prepare("INSERT INTO events(session, number, kind, sequence, count, at) "
                                             "VALUES(?1,?2,?3,?4,?5,?6)"));
    insert.bind_blob(1, session).bind(2, sqlite::clamp(event.number)).bind(3, static_cast<std::int64_t>(event.kind));
    insert.bind(4, sqlite::clamp(event.sequence)).bind(5, sqlite::clamp(event.count)).bind(6, sqlite::ms(event.at));
    TRY_STATUS(insert.run());
  }
  if (delta.head.events <= events_kept_) return {};
  TRY(Statement trim, database_->prepare("DELETE FROM events WHERE session=?1 AND number<=?2"));
  return trim.bind_blob(1, session).bind(2, sqlite::clamp(delta.head.events - events_kept_)).run();
}

Status SqliteWriter::close(Duration timeout) {
  std::shared_ptr<Latch> drained;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    if (!draining_) return {};
    if (!drained_) drained_ = std::make_shared<Latch>();
    drained = drained_;
  }
  if (world_->wait(*drained, timeout)) return {};
  // Decisions refer to the store, which may go now: none is made any more.
  std::deque<Job> late;
  {
    const std::lock_guard deciding(deciding_);
    abandoned_ = true;
    const std::lock_guard lock(mutex_);
    late.swap(queue_);
  }
  for (Job& job : late) {
    job.decide = nullptr;
    job.pending->settle(fail(Errc::closed, "the store was closed before the change was begun"));
  }
  return fail(Errc::timed_out, "changes still wait for the disk");
}

}  // namespace chronik::checkpoint
