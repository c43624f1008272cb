#include "checkpoint/model.h"

#include <algorithm>

#include "checkpoint/codec.h"
#include "checkpoint/codec_bytes.h"
#include "checkpoint/hash.h"

namespace chronik::checkpoint {

const BranchHead* Head::branch(std::string_view name) const {
  const auto at = std::ranges::lower_bound(branches, name, {}, &BranchHead::name);
  return at != branches.end() && at->name == name ? &*at : nullptr;
}

void Head::merge(const Head& delta) {
  events = delta.events;
  epoch = delta.epoch;
  last_sequence = delta.last_sequence;
  checkpoints = delta.checkpoints;
  last_id = delta.last_id;
  last_time = delta.last_time;
  for (const BranchHead& changed : delta.branches) {
    const auto at = std::ranges::lower_bound(branches, changed.name, {}, &BranchHead::name);
    if (at != branches.end() && at->name == changed.name) {
      *at = changed;
    } else {
      branches.insert(at, changed);
    }
  }
}

Delta make_delta(const SessionId& session, const Head& before, const Change& change) {
  Delta delta;
  delta.session = session;
  delta.row = change.row;
  delta.erase = change.erase;
  delta.head = {before.events + change.events.size(),
                change.epoch.value_or(before.epoch),
                before.last_sequence,
                before.checkpoints + change.puts.size() - change.deletes.size(),
                before.last_id,
                before.last_time,
                {}};
  Head& head = delta.head;
  for (const auto& [checkpoint, payload] : change.puts) {
    head.last_sequence = checkpoint.sequence;
    head.last_id = checkpoint.id;
    head.last_time = checkpoint.created_at;
    const BranchHead branch{checkpoint.branch, checkpoint.sequence, checkpoint.id, checkpoint.hash};
    const auto at = std::ranges::lower_bound(head.branches, branch.name, {}, &BranchHead::name);
    if (at != head.branches.end() && at->name == branch.name) {
      *at = branch;
    } else {
      head.branches.insert(at, branch);
    }
    delta.puts.push_back({checkpoint.sequence, encode(checkpoint), payload->locator()});
  }
  for (const Checkpoint& checkpoint : change.updates) {
    delta.updates.push_back({checkpoint.sequence, encode(checkpoint), {}});
  }
  delta.deletes = change.deletes;
  delta.events = change.events;
  return delta;
}

Digest chain_hash(const Checkpoint& c) {
  Encoder to;
  to.reserve(512 + c.message.size() + c.metadata.size());
  to.text("chronik checkpoint 1");
  to.bytes(c.id.bytes);
  to.number(c.sequence);
  to.bytes(c.parent.bytes);
  to.text(c.branch);
  to.text(c.message);
  to.number(static_cast<std::uint64_t>(c.trigger));
  to.text(c.reason);
  to.text(c.metadata);
  to.fixed64(static_cast<std::uint64_t>(c.created_at.time_since_epoch().count()));
  to.number(c.size);
  to.text(c.content_type);
  to.number(c.schema_version);
  to.bytes(c.payload_hash);
  to.bytes(c.parent_hash);
  to.text(c.idempotency_key);
  to.number(c.writer_epoch);
  return sha256(to.view());
}

}  // namespace chronik::checkpoint
