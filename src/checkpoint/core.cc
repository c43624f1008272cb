#include "checkpoint/core.h"

#include <algorithm>

#include "checkpoint/hash.h"
#include "checkpoint/text.h"
#include "checkpoint/uuid.h"

namespace chronik::checkpoint {

namespace {
constexpr std::size_t kMessageBytesMax = 16 * 1024;
constexpr std::size_t kReasonBytesMax = 1024;
constexpr std::size_t kMetadataBytesMax = 256 * 1024;
constexpr std::size_t kTagsMax = 64;
}  // namespace

PendingPtr Core::start(const SessionId& session, Decide decide) {
  // Not the core: whoever settles it must not be left with the last reference.
  auto pending = std::make_shared<Pending>([watchers = watchers_, session] { watchers->tell(session); });
  backend_->transact(session, std::move(decide), pending);
  return pending;
}

Status Core::run(const SessionId& session, Decide decide, Duration timeout) {
  return start(session, std::move(decide))->wait(*world_, timeout);
}

Core::~Core() {
  scrubber_.stop();
  // What it reads may take long; a backend that closes ends that.
  if (scrubber_.begun()) (void)backend_->close(options_.timeout);
  scrubber_.let_go();
}

Status Core::close() {
  closed_.store(true);
  watchers_->tell_all();
  scrubber_.stop();
  return backend_->close(options_.timeout);
}

Status check_epoch(const Head& head, std::uint64_t epoch) {
  if (epoch == head.epoch) return {};
  return fail(Errc::fenced, "writer of epoch " + std::to_string(epoch) + ", but the session is at epoch " +
                                std::to_string(head.epoch));
}

Event make_event(Core& core, const Head& head, EventKind kind, std::uint64_t sequence, std::uint64_t count) {
  return {head.events + 1, kind, sequence, count, core.world().now()};
}

Status check_tags(const std::vector<std::string>& tags) {
  if (tags.size() > kTagsMax) return fail(Errc::too_large, "more than 64 tags");
  for (const std::string& tag : tags) TRY_STATUS(check_name("tag", tag));
  return {};
}

void tidy(std::vector<std::string>& tags) {
  std::ranges::sort(tags);
  const auto twice = std::ranges::unique(tags);
  tags.erase(twice.begin(), twice.end());
}

Result<Draft> make_draft(const CreateOptions& options) {
  TRY_STATUS(check_name("branch", options.branch));
  TRY_STATUS(check_text("message", options.message, kMessageBytesMax));
  TRY_STATUS(check_text("reason", options.reason, kReasonBytesMax));
  TRY_STATUS(check_text("metadata", options.metadata, kMetadataBytesMax));
  TRY_STATUS(check_name("content type", options.content_type));
  if (!options.idempotency_key.empty()) TRY_STATUS(check_name("idempotency key", options.idempotency_key));
  TRY_STATUS(check_tags(options.tags));
  Draft draft;
  Checkpoint& c = draft.checkpoint;
  TRY(c.metadata, canonical_json(options.metadata));
  c.branch = options.branch;
  c.message = options.message;
  c.tags = options.tags;
  tidy(c.tags);
  c.trigger = options.trigger;
  c.reason = options.reason;
  c.content_type = options.content_type;
  c.schema_version = options.schema_version;
  c.pinned = options.pinned;
  c.idempotency_key = options.idempotency_key;
  draft.expected_parent = options.expected_parent;
  draft.branch_from = options.branch_from;
  return draft;
}

namespace {

/// Where the checkpoint hangs on: the head of its branch, or where the new branch begins.
Status find_parent(const View& view, const Draft& draft, Checkpoint& c) {
  const Head& head = view.head();
  const BranchHead* branch = head.branch(c.branch);
  const CheckpointId at = branch != nullptr ? branch->id : CheckpointId{};
  if (draft.expected_parent && *draft.expected_parent != at) {
    return fail(Errc::conflict, "the head of branch " + c.branch + " is " + (at.is_nil() ? "none" : to_string(at)) +
                                    ", not " + to_string(*draft.expected_parent));
  }
  if (draft.branch_from) {
    if (branch != nullptr && *draft.branch_from != at)
      return fail(Errc::conflict, "branch " + c.branch + " exists already");
    if (branch == nullptr) {
      TRY(const auto from, view.find(*draft.branch_from));
      if (!from) return fail(Errc::not_found, "no checkpoint " + to_string(*draft.branch_from) + " to branch from");
      c.parent = from->id;
      c.parent_hash = from->hash;
      return {};
    }
  }
  if (branch == nullptr) {
    if (head.branches.size() >= kBranchesMax) return fail(Errc::too_large, "the session has 256 branches");
    const auto newest = std::ranges::find(head.branches, head.last_sequence, &BranchHead::sequence);
    if (newest != head.branches.end()) branch = &*newest;
  }
  if (branch != nullptr) {
    c.parent = branch->id;
    c.parent_hash = branch->hash;
  }
  return {};
}

}  // namespace

Result<Change> decide_append(Core& core, const View& view, const Draft& draft, std::optional<Checkpoint>& known) {
  if (view.row() == nullptr) return fail(Errc::not_found, "no such session");
  const Head& head = view.head();
  TRY_STATUS(check_epoch(head, draft.epoch));
  known.reset();
  if (!draft.checkpoint.idempotency_key.empty()) {
    TRY(known, view.find_key(draft.checkpoint.idempotency_key));
    if (known) {
      const bool same =
          known->payload_hash == draft.checkpoint.payload_hash && known->branch == draft.checkpoint.branch;
      if (same) return Change{};
      return fail(Errc::conflict, "idempotency key " + draft.checkpoint.idempotency_key + " belongs to sequence " +
                                      std::to_string(known->sequence) + ", which has another content");
    }
  }
  Change change;
  Checkpoint c = draft.checkpoint;
  TRY_STATUS(find_parent(view, draft, c));
  c.created_at = std::max(core.world().now(), head.last_time);
  c.id = next_id(core.world(), c.created_at, head.last_id);
  c.sequence = head.last_sequence + 1;
  c.writer_epoch = draft.epoch;
  c.hash = chain_hash(c);
  change.events.push_back({head.events + 1, EventKind::created, c.sequence, 1, c.created_at});
  change.puts.push_back({std::move(c), draft.payload});
  return change;
}

Result<std::string> verified_payload(Core& core, const SessionId& session, const Checkpoint& checkpoint, Reading how) {
  TRY(std::string payload, core.backend().payload(session, checkpoint.sequence, how, core.timeout()));
  if (payload.size() != checkpoint.size || sha256(payload) != checkpoint.payload_hash) {
    return fail(Errc::corrupt, "the payload of sequence " + std::to_string(checkpoint.sequence) +
                                   " does not have the hash it was stored with");
  }
  return payload;
}

}  // namespace chronik::checkpoint
