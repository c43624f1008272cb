// The sweep: removes offsets that expired (KIP-211) and those of topics that are gone, and groups with nothing left.
// Runs when the retention check is due, when topics were deleted, and after loading; one at a time.
#include <algorithm>

#include "coord/core.h"

namespace chronik::coord {

namespace {
constexpr std::size_t kGroupsPerTurn = 64;
constexpr std::size_t kStaleAtOnce = 256;  // tombstones in one write
}  // namespace

void Core::request_sweep() {
  sweep_again_ = true;
  if (sweeping_ || closed_) return;
  sweeping_ = true;
  context_.spawn("coord.sweep", sweep(shared_from_this()));
}

task::Task<void> Core::sweep(std::shared_ptr<Core> core) {
  while (core->sweep_again_ && !core->closed_) {
    core->sweep_again_ = false;
    std::string last;
    std::size_t seen = 0;
    for (auto at = core->groups_.begin(); at != core->groups_.end(); at = core->groups_.upper_bound(last)) {
      last = at->first;
      const Entry& entry = *at->second;
      if (core->served(entry) && entry.writes == 0 && entry.group.state() != GroupState::dead) {
        co_await sweep_group(core, last);
      }
      if (++seen % kGroupsPerTurn != 0) continue;
      co_await task::sleep_until(core->context_, "coord.sweep", core->context_.after(0s));
    }
  }
  core->sweeping_ = false;
}

/// What may go of a group in which nothing is being written. KIP-211: a group's offsets are kept as long as it has
/// members, except for topics that they left; counting from when it became empty; from their own commit in groups that
/// only store offsets.
Core::OffsetNames Core::stale_offsets(const Entry& entry, UnixMillis now) const {
  const Group& group = entry.group;
  const ConsumerGroup* const consumer = entry.consumer.get();
  const bool simple = !group.protocol_type().has_value();
  const bool empty = group.state() == GroupState::empty;
  const bool watches_topics =
      group.uses_consumer_protocol() && group.subscribed_topics().has_value() && group.state() == GroupState::stable;
  const auto expired = [&](const std::string& topic, const CommittedOffset& offset) {
    if (consumer != nullptr && consumer->is_subscribed_to(topic)) return false;
    if (!simple && !empty && (!watches_topics || group.is_subscribed_to(topic))) return false;
    if (offset.expires_at.value() != -1) return now >= offset.expires_at;
    const bool by_group = !simple && empty && group.state_since().value() != -1;
    const UnixMillis since = by_group ? group.state_since() : offset.committed_at;
    return now.value() - since.value() >= config_.offsets_retention_ms;
  };
  OffsetNames stale;
  for (const auto& [topic, partitions] : entry.offsets.topics()) {
    const auto exists = topics_.find(topic);
    for (const auto& [partition, offset] : partitions) {
      const bool gone = !exists || (!offset.topic_id.is_zero() && offset.topic_id != exists->id);
      if (gone || expired(topic, offset)) stale.emplace_back(topic, partition);
    }
  }
  return stale;
}

task::Task<void> Core::sweep_group(std::shared_ptr<Core> core, std::string group) {
  Entry* const entry = core->find(group);
  if (entry == nullptr) co_return;
  OffsetNames stale = core->stale_offsets(*entry, core->context_.wall_now());
  const bool nothing_left = !entry->has_members() && entry->pending.empty() && stale.size() == entry->offsets.count();
  if (nothing_left) {
    // Pending members of a group that never was keep it for their session's time.
    if (!entry->consumer && entry->group.generation() == 0 && !entry->group.protocol_type() && entry->offsets.empty())
      co_return;
    if (const auto outcome = core->start_deletion(group)) {
      (void)co_await Journal::settled(*outcome, core->context_.after(core->config_.offset_commit_timeout));
    }
    co_return;
  }
  if (!stale.empty()) co_await erase_stale(core, std::move(group), std::move(stale));
}

/// What cannot be written now is found again by the next sweep.
task::Task<void> Core::erase_stale(std::shared_ptr<Core> core, std::string group, OffsetNames names) {
  if (names.size() > kStaleAtOnce) {
    names.resize(kStaleAtOnce);
    core->sweep_again_ = true;
  }
  const std::uint64_t serial = core->find(group)->serial;
  const auto log = core->log_of(group);
  if (!log) co_return;
  std::size_t bytes = 0;
  for (const auto& [topic, partition] : names) bytes += kRecordOverhead + group.size() + topic.size();
  const Deadline until = core->context_.after(core->config_.offset_commit_timeout);
  if (co_await Journal::room(log, bytes, until) != ErrorCode::none) co_return;
  // Who committed while this waited for room must find the commit again: it was acknowledged, or will be.
  Entry* const entry = core->find(group, serial);
  if (entry == nullptr || entry->writes > 0) co_return;
  const OffsetNames still = core->stale_offsets(*entry, core->context_.wall_now());
  std::erase_if(names, [&](const auto& name) { return std::ranges::find(still, name) == still.end(); });
  if (names.empty()) co_return;
  const auto written = core->append_tombstones(*entry, names, 0, names.size(), false);
  if (written) (void)co_await Journal::settled(*written, until);
}

}  // namespace chronik::coord
