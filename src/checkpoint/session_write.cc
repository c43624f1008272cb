// What a session writes: create, fence, tag, annotate, pin, rewind, fork, remove.
#include <algorithm>

#include "checkpoint/hash.h"
#include "checkpoint/local.h"
#include "checkpoint/text.h"
#include "checkpoint/uuid.h"

namespace chronik::checkpoint {

namespace {
constexpr std::size_t kAnnotationsMax = 256;
constexpr std::size_t kAnnotationBytesMax = 4096;

std::unexpected<Error> no_such(const CheckpointId& id) {
  return fail(Errc::not_found, "no checkpoint " + to_string(id) + " in this session");
}
}  // namespace

namespace {

/// An append in line.
struct Append final : PendingCheckpoint::State {
  explicit Append(std::shared_ptr<Core> owner) : core(std::move(owner)) {}
  Result<Checkpoint> wait(Duration timeout) override {
    TRY_STATUS(pending->wait(core->world(), timeout));
    return *checkpoint;
  }
  bool settled() const override { return pending->settled(); }
  void then(std::function<void()> callback) override { pending->then(std::move(callback)); }

  std::shared_ptr<Core> core;
  PendingPtr pending;
  std::shared_ptr<Checkpoint> checkpoint = std::make_shared<Checkpoint>();  // the decision's, valid once settled well
};

std::shared_ptr<Append> append(const std::shared_ptr<Core>& core, const SessionId& session, Draft draft) {
  auto state = std::make_shared<Append>(core);
  // Not the state: whoever settles the change must not be left with the last reference to the core.
  Decide decide = [raw = core.get(), checkpoint = state->checkpoint,
                   draft = std::move(draft)](const View& view) -> Result<Change> {
    std::optional<Checkpoint> known;
    TRY(Change change, decide_append(*raw, view, draft, known));
    *checkpoint = known ? *std::move(known) : change.puts.front().checkpoint;
    return change;
  };
  state->pending = core->start(session, std::move(decide));
  return state;
}

}  // namespace

Result<PendingCheckpoint> LocalSession::create_async(std::string_view payload, const CreateOptions& options) const {
  const Options& limits = core_->options();
  if (payload.size() > limits.payload_bytes_max) {
    return fail(Errc::too_large, "a payload of " + std::to_string(payload.size()) + " bytes, at most " +
                                     std::to_string(limits.payload_bytes_max));
  }
  TRY(Draft draft, make_draft(options));
  draft.epoch = epoch_;
  draft.checkpoint.size = payload.size();
  draft.checkpoint.payload_hash = sha256(payload);
  TRY(draft.payload, core_->backend().stage(id_, payload, core_->timeout(options.timeout)));
  return PendingCheckpoint(append(core_, id_, std::move(draft)));
}

Result<Checkpoint> LocalSession::create(std::string_view payload, const CreateOptions& options) const {
  TRY(const PendingCheckpoint pending, create_async(payload, options));
  return pending.wait(core_->timeout(options.timeout));
}

Result<Checkpoint> LocalSession::rewind(const CheckpointId& id, const CreateOptions& options) const {
  TRY(const Checkpoint old, get(id));
  TRY(Draft draft, make_draft(options));
  Checkpoint& c = draft.checkpoint;
  draft.epoch = epoch_;
  c.size = old.size;
  c.payload_hash = old.payload_hash;
  c.content_type = old.content_type;
  c.schema_version = old.schema_version;
  if (options.metadata == "{}") c.metadata = old.metadata;
  if (options.message.empty()) c.message = "rewind to sequence " + std::to_string(old.sequence);
  const Duration timeout = core_->timeout(options.timeout);
  TRY(draft.payload, core_->backend().stage_again(id_, old.sequence, id_, timeout));
  return PendingCheckpoint(append(core_, id_, std::move(draft))).wait(timeout);
}

Session LocalSession::with_epoch(std::uint64_t epoch) const {
  return make_session(core_, id_, epoch);
}

Result<Session> LocalSession::fence() const {
  const auto epoch = std::make_shared<std::uint64_t>(0);
  const Decide decide = [core = core_.get(), epoch](const View& view) -> Result<Change> {
    if (view.row() == nullptr) return fail(Errc::not_found, "no such session");
    *epoch = view.head().epoch + 1;
    Change change;
    change.epoch = *epoch;
    change.events.push_back(make_event(*core, view.head(), EventKind::fenced, 0, 0));
    return change;
  };
  TRY_STATUS(core_->run(id_, decide, core_->timeout()));
  return make_session(core_, id_, *epoch);
}

Result<Session> LocalSession::fork(const CheckpointId& id, std::string_view name) const {
  TRY_STATUS(check_name("session name", name));
  TRY(const Checkpoint old, get(id));
  TRY(const SessionInfo info, describe());
  const SessionId fresh = new_session_id(core_->world());
  TRY_STATUS(core_->backend().prepare(fresh, core_->timeout()));
  auto staged = core_->backend().stage_again(id_, old.sequence, fresh, core_->timeout());
  if (!staged) core_->backend().abandon(fresh);
  TRY(const StagedPtr payload, std::move(staged));
  const SessionRow row{fresh, std::string(name), info.metadata, info.name + "/" + to_string(id), core_->world().now()};
  const Decide decide = [core = core_.get(), row, old, payload](const View& view) -> Result<Change> {
    Checkpoint c = old;
    c.created_at = core->world().now();
    c.id = next_id(core->world(), c.created_at, old.id);
    c.sequence = 1;
    c.parent = old.id;
    c.parent_hash = old.hash;
    c.branch = "main";
    c.message = "fork of " + row.forked_from;
    c.idempotency_key.clear();
    c.writer_epoch = 0;
    c.annotations.clear();
    c.pinned = false;
    c.hash = chain_hash(c);
    Change change;
    change.row = row;
    change.events.push_back({view.head().events + 1, EventKind::created, 1, 1, c.created_at});
    change.puts.push_back({std::move(c), payload});
    return change;
  };
  const Status made = core_->run(fresh, decide, core_->timeout());
  if (!made) core_->backend().abandon(fresh);
  if (!made) return std::unexpected(made.error());
  return make_session(core_, fresh);
}

namespace {

/// Changes what may change of one checkpoint.
Result<Checkpoint> update(Core& core, const SessionId& session, std::uint64_t epoch, const CheckpointId& id,
                          const std::function<Status(Checkpoint&)>& edit) {
  const auto result = std::make_shared<Checkpoint>();
  Core* const raw = &core;
  const Decide decide = [raw, epoch, id, edit, result](const View& view) -> Result<Change> {
    if (view.row() == nullptr) return fail(Errc::not_found, "no such session");
    TRY_STATUS(check_epoch(view.head(), epoch));
    TRY(auto found, view.find(id));
    if (!found) return no_such(id);
    *result = *found;
    TRY_STATUS(edit(*result));
    Change change;
    if (*result == *found) return change;
    change.updates.push_back(*result);
    change.events.push_back(make_event(*raw, view.head(), EventKind::annotated, result->sequence));
    return change;
  };
  TRY_STATUS(core.run(session, decide, core.timeout()));
  return *result;
}

}  // namespace

Result<Checkpoint> LocalSession::tag(const CheckpointId& id, const std::vector<std::string>& add,
                                     const std::vector<std::string>& remove) const {
  TRY_STATUS(check_tags(add));
  return update(*core_, id_, epoch_, id, [add, remove](Checkpoint& c) -> Status {
    std::erase_if(c.tags, [&](const std::string& tag) { return std::ranges::find(remove, tag) != remove.end(); });
    c.tags.insert(c.tags.end(), add.begin(), add.end());
    tidy(c.tags);
    return check_tags(c.tags);
  });
}

Result<Checkpoint> LocalSession::annotate(const CheckpointId& id, Level level, std::string_view text) const {
  TRY_STATUS(check_text("annotation", text, kAnnotationBytesMax));
  const Annotation annotation{level, std::string(text), core_->world().now()};
  return update(*core_, id_, epoch_, id, [annotation](Checkpoint& c) -> Status {
    if (c.annotations.size() >= kAnnotationsMax) return fail(Errc::too_large, "256 annotations already");
    c.annotations.push_back(annotation);
    return {};
  });
}

Result<Checkpoint> LocalSession::pin(const CheckpointId& id, bool pinned) const {
  return update(*core_, id_, epoch_, id, [pinned](Checkpoint& c) -> Status {
    c.pinned = pinned;
    return {};
  });
}

Status LocalSession::remove(const CheckpointId& id) const {
  const Decide decide = [core = core_.get(), epoch = epoch_, id](const View& view) -> Result<Change> {
    if (view.row() == nullptr) return fail(Errc::not_found, "no such session");
    TRY_STATUS(check_epoch(view.head(), epoch));
    TRY(const auto found, view.find(id));
    if (!found) return no_such(id);
    if (found->pinned) return fail(Errc::invalid_argument, "checkpoint " + to_string(id) + " is pinned");
    Change change;
    change.deletes.push_back(found->sequence);
    change.events.push_back(make_event(*core, view.head(), EventKind::deleted, found->sequence));
    return change;
  };
  return core_->run(id_, decide, core_->timeout());
}

}  // namespace chronik::checkpoint
