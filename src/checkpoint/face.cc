// The public handles: each call goes to what is behind them.
#include "checkpoint/face.h"
#include "checkpoint/local.h"
#include "checkpoint/result.h"

namespace chronik::checkpoint {

Result<Checkpoint> PendingCheckpoint::wait(Duration timeout) const {
  return state_->wait(timeout);
}
bool PendingCheckpoint::settled() const {
  return state_->settled();
}
void PendingCheckpoint::then(std::function<void()> callback) const {
  state_->then(std::move(callback));
}

const SessionId& Session::id() const {
  return face_->id();
}
std::uint64_t Session::epoch() const {
  return face_->epoch();
}
Session Session::with_epoch(std::uint64_t epoch) const {
  return face_->with_epoch(epoch);
}
Result<SessionInfo> Session::describe() const {
  return face_->describe();
}
Result<Checkpoint> Session::create(std::string_view payload, const CreateOptions& options) const {
  return face_->create(payload, options);
}
Result<PendingCheckpoint> Session::create_async(std::string_view payload, const CreateOptions& options) const {
  return face_->create_async(payload, options);
}
Result<std::optional<Checkpoint>> Session::create_automatic(std::string_view reason, Duration interval,
                                                            const std::function<std::string()>& payload,
                                                            CreateOptions options) const {
  if (reason.empty()) return fail(Errc::invalid_argument, "an automatic checkpoint needs a reason");
  Query recent;
  recent.limit = 1000;
  recent.trigger = Trigger::automatic;
  recent.within = interval;
  do {
    TRY(const Page page, list(recent));
    for (const Checkpoint& c : page.checkpoints) {
      if (c.reason == reason) return std::nullopt;
    }
    recent.cursor = page.next;
  } while (!recent.cursor.empty());
  options.trigger = Trigger::automatic;
  options.reason = reason;
  TRY(Checkpoint made, create(payload(), options));
  return made;
}
Result<Session> Session::fence() const {
  return face_->fence();
}
Result<Checkpoint> Session::get(const CheckpointId& id) const {
  return face_->get(id);
}
Result<Checkpoint> Session::at_sequence(std::uint64_t sequence) const {
  return face_->at_sequence(sequence);
}
Result<Checkpoint> Session::latest(std::string_view branch) const {
  return face_->latest(branch);
}
Result<Checkpoint> Session::as_of(Time time) const {
  return face_->as_of(time);
}
Result<Checkpoint> Session::as_of_sequence(std::uint64_t sequence) const {
  return face_->as_of_sequence(sequence);
}
Result<Page> Session::list(const Query& query) const {
  return face_->list(query);
}
Result<std::string> Session::payload(const CheckpointId& id) const {
  return face_->payload(id);
}
Result<Restored> Session::restore(const CheckpointId& id) const {
  return face_->restore(id);
}
Result<Checkpoint> Session::rewind(const CheckpointId& id, const CreateOptions& options) const {
  return face_->rewind(id, options);
}
Result<Session> Session::fork(const CheckpointId& id, std::string_view name) const {
  return face_->fork(id, name);
}
Result<Difference> Session::diff(const CheckpointId& first, const CheckpointId& second) const {
  return face_->diff(first, second);
}
Result<Checkpoint> Session::tag(const CheckpointId& id, const std::vector<std::string>& add,
                                const std::vector<std::string>& remove) const {
  return face_->tag(id, add, remove);
}
Result<Checkpoint> Session::annotate(const CheckpointId& id, Level level, std::string_view text) const {
  return face_->annotate(id, level, text);
}
Result<Checkpoint> Session::pin(const CheckpointId& id, bool pinned) const {
  return face_->pin(id, pinned);
}
Status Session::remove(const CheckpointId& id) const {
  return face_->remove(id);
}
Result<PruneReport> Session::prune(const Retention& retention, bool dry_run) const {
  return face_->prune(retention, dry_run);
}
Result<VerifyReport> Session::verify(const VerifyProgress& progress) const {
  return face_->verify(progress);
}
Result<VerifyReport> Session::verify(const CheckpointId& id) const {
  return face_->verify(id);
}
Result<EventPage> Session::events(std::uint64_t from, std::size_t limit) const {
  return face_->events(from, limit);
}
Result<EventPage> Session::wait_events(std::uint64_t from, std::size_t limit, Duration timeout) const {
  return face_->wait_events(from, limit, timeout);
}
Status Session::export_to(const std::function<Status(std::string_view line)>& sink, std::uint64_t since) const {
  return face_->export_to(sink, since);
}

Store::Store(std::shared_ptr<Core> core) : face_(std::make_shared<LocalStore>(std::move(core))) {}
Result<Session> Store::create_session(std::string_view name, std::string_view metadata) const {
  return face_->create_session(name, metadata);
}
Result<Session> Store::session(std::string_view name) const {
  return face_->session(name);
}
Result<Session> Store::session(const SessionId& id) const {
  return face_->session(id);
}
Result<Session> Store::open_session(std::string_view name) const {
  return face_->open_session(name);
}
Result<SessionPage> Store::list_sessions(std::string_view cursor, std::size_t limit) const {
  return face_->list_sessions(cursor, limit);
}
Status Store::rename_session(std::string_view name, std::string_view to) const {
  return face_->rename_session(name, to);
}
Status Store::delete_session(std::string_view name) const {
  return face_->delete_session(name);
}
Status Store::rotate_key(std::string_view key) const {
  return face_->rotate_key(key);
}
Result<TimelinePage> Store::timeline(const Query& query) const {
  return face_->timeline(query);
}
Result<VerifyReport> Store::verify(const VerifyProgress& progress) const {
  return face_->verify(progress);
}
Result<std::uint64_t> Store::compact() const {
  return face_->compact();
}
Result<Health> Store::health() const {
  return face_->health();
}
Result<VerifyReport> Store::scrub_report() const {
  return face_->scrub_report();
}
Result<ImportReport> Store::import_from(const std::function<Result<std::optional<std::string>>()>& lines) const {
  return face_->import_from(lines);
}
Status Store::close() const {
  return face_->close();
}

}  // namespace chronik::checkpoint
