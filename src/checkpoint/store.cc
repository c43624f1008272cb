// The store: sessions by name, and what concerns all of them.
#include "checkpoint/cipher.h"
#include "checkpoint/local.h"
#include "checkpoint/text.h"
#include "checkpoint/uuid.h"

namespace chronik::checkpoint {

Result<Session> LocalStore::create_session(std::string_view name, std::string_view metadata) const {
  TRY_STATUS(check_name("session name", name));
  TRY(std::string canonical, canonical_json(metadata));
  TRY_STATUS(check_text("metadata", canonical, 64 * 1024));
  const SessionId id = new_session_id(core_->world());
  const SessionRow row{id, std::string(name), std::move(canonical), {}, core_->world().now()};
  const Decide decide = [core = core_.get(), row](const View& view) -> Result<Change> {
    Change change;
    change.row = row;
    change.events.push_back(make_event(*core, view.head(), EventKind::created, 0, 0));
    return change;
  };
  if (core_->backend().find_session(name)) return fail(Errc::already_exists, "a session is named " + row.name);
  TRY_STATUS(core_->backend().prepare(id, core_->timeout()));
  const Status made = core_->run(id, decide, core_->timeout());
  if (made) return make_session(core_, id);
  core_->backend().abandon(id);
  core_->tell_watchers(id);  // who waits for the session to be there may try
  return std::unexpected(made.error());
}

Result<Session> LocalStore::session(std::string_view name) const {
  TRY(const SessionId id, core_->backend().find_session(name));
  return make_session(core_, id);
}

Result<Session> LocalStore::session(const SessionId& id) const {
  TRY(const SessionInfo info, core_->backend().describe(id));
  return make_session(core_, info.id);
}

Result<Session> LocalStore::open_session(std::string_view name) const {
  const Instant end = core_->world().monotonic_now() + core_->timeout();
  for (;;) {
    const auto latch = core_->watch();
    if (core_->closed()) return fail(Errc::closed, "the store was closed");
    auto found = session(name);
    if (found || found.error().code != Errc::not_found) return found;
    auto created = create_session(name, "{}");
    if (created || created.error().code != Errc::already_exists) return created;
    // Someone else is creating it: there once it is durable.
    found = session(name);
    if (found || found.error().code != Errc::not_found) return found;
    const Duration left = end - core_->world().monotonic_now();
    if (left <= Duration(0) || !core_->world().wait(*latch, left)) {
      return fail(Errc::timed_out, "another thread creates session " + std::string(name));
    }
  }
}

Result<SessionPage> LocalStore::list_sessions(std::string_view cursor, std::size_t limit) const {
  if (limit == 0 || limit > 1000) return fail(Errc::invalid_argument, "a page has 1 to 1,000 sessions");
  SessionPage page;
  TRY(page.sessions, core_->backend().sessions(cursor, limit));
  if (page.sessions.size() == limit) page.next = page.sessions.back().name;
  return page;
}

Status LocalStore::rename_session(std::string_view name, std::string_view to) const {
  TRY_STATUS(check_name("session name", to));
  TRY(const SessionId id, core_->backend().find_session(name));
  const Decide decide = [core = core_.get(), from = std::string(name),
                         to = std::string(to)](const View& view) -> Result<Change> {
    if (view.row() == nullptr || view.row()->name != from) return fail(Errc::not_found, "no session is named " + from);
    Change change;
    if (from == to) return change;
    change.row = *view.row();
    change.row->name = to;
    change.events.push_back(make_event(*core, view.head(), EventKind::renamed, 0, 0));
    return change;
  };
  return core_->run(id, decide, core_->timeout());
}

Status LocalStore::delete_session(std::string_view name) const {
  TRY(const SessionId id, core_->backend().find_session(name));
  const Decide decide = [core = core_.get(), from = std::string(name)](const View& view) -> Result<Change> {
    if (view.row() == nullptr || view.row()->name != from) return fail(Errc::not_found, "no session is named " + from);
    Change change;
    change.erase = true;
    change.events.push_back(make_event(*core, view.head(), EventKind::deleted, 0, view.head().checkpoints));
    return change;
  };
  return core_->run(id, decide, core_->timeout());
}

Status LocalStore::rotate_key(std::string_view key) const {
  TRY_STATUS(check_key(key));
  return core_->backend().rotate_key(key, core_->timeout());
}

Result<std::uint64_t> LocalStore::compact() const {
  return core_->backend().compact(core_->timeout());
}
Result<Health> LocalStore::health() const {
  TRY(Health health, core_->backend().health());
  core_->scrubber().tell(health);
  return health;
}
Result<VerifyReport> LocalStore::scrub_report() const {
  return core_->scrubber().report();
}
Status LocalStore::close() const {
  return core_->close();
}

}  // namespace chronik::checkpoint
