// Questions about what is old: offsets by time, ends of leader epochs, reads that begin anywhere in the log. What is
// known to be there decides whether an answer can be right.
#include <fmt/format.h>

#include "sim/harness/reader.h"
#include "sim/harness/workloads.h"
#include "wire/messages/list_offsets.h"
#include "wire/messages/offset_for_leader_epoch.h"

namespace chronik::sim {

namespace {

using wire::ErrorCode;

struct Inquirer {
  Inquirer(ClientKit with, std::vector<PartitionName> what)
      : kit(std::move(with)), partitions(std::move(what)), session(kit) {}
  Inquirer(const Inquirer&) = delete;
  Inquirer& operator=(const Inquirer&) = delete;

  ClientKit kit;
  std::vector<PartitionName> partitions;
  Session session;
};

/// A record that some reader saw, and that nobody may have deleted. None in topics with retention.
const std::pair<const std::int64_t, std::uint64_t>* any_kept(Inquirer& self, const PartitionName& partition) {
  const SeenPartition& seen = self.kit.history.seen(partition);
  const Retention may = self.kit.history.retention(partition.topic);
  const auto first = seen.records.lower_bound(seen.delete_before);
  if (may.ms >= 0 || may.bytes >= 0 || first == seen.records.end()) return nullptr;
  const std::int64_t span = seen.records.rbegin()->first - first->first + 1;
  const auto at = seen.records.lower_bound(
      first->first + static_cast<std::int64_t>(self.kit.prng.below(static_cast<std::uint64_t>(span))));
  return at == seen.records.end() ? nullptr : &*at;
}

task::Task<std::optional<wire::ListOffsetsResponse::PartitionResponse>> list(Inquirer& self, PartitionName partition,
                                                                             UnixMillis when) {
  wire::ListOffsetsRequest request;
  request.replica_id = BrokerId(-1);
  request.timeout_ms = 5000;
  request.topics.push_back({partition.topic, {{PartitionIndex(partition.index), LeaderEpoch(-1), when}}});
  auto answer = co_await self.session.call(std::move(request), 30s);
  if (!answer || answer->topics.empty() || answer->topics[0].partitions.empty()) co_return std::nullopt;
  const auto& place = answer->topics[0].partitions[0];
  if (place.error_code != ErrorCode::none) co_return std::nullopt;
  co_return place;
}

/// The first record at or after a time: none that is known and matches lies before it.
task::Task<void> ask_by_time(Inquirer& self, PartitionName partition) {
  const auto* const kept = any_kept(self, partition);
  if (kept == nullptr) co_return;
  History& history = self.kit.history;
  const std::int64_t known = kept->first;
  const UnixMillis when = history.sent(kept->second).timestamp;
  const auto answer = co_await list(self, partition, when);
  if (!answer) co_return;
  const SeenPartition& seen = history.seen(partition);
  if (known < seen.delete_before) co_return;  // somebody may have deleted it meanwhile
  const std::int64_t told = answer->offset.value();
  if (told < 0 || told > known) {
    history.violate("by time", fmt::format("{}: asked for {} ms and told {}, but offset {} is of that time",
                                           partition.to_string(), when.value(), told, known));
    co_return;
  }
  const auto there = seen.records.find(told);
  if (there != seen.records.end() && history.sent(there->second).timestamp < when) {
    history.violate("by time", fmt::format("{}: asked for {} ms and told offset {}, which is older",
                                           partition.to_string(), when.value(), told));
  }
  history.reached("an offset was found by its time");
}

task::Task<void> ask_newest(Inquirer& self, PartitionName partition) {
  const auto* const kept = any_kept(self, partition);
  if (kept == nullptr) co_return;
  const std::int64_t known = kept->first;
  const UnixMillis when = self.kit.history.sent(kept->second).timestamp;
  const auto answer = co_await list(self, partition, wire::kMaxTimestamp);
  if (!answer || known < self.kit.history.seen(partition).delete_before) co_return;
  if (answer->timestamp < when) {
    self.kit.history.violate(
        "by time", fmt::format("{}: the newest record is of {} ms, but that at {} of {} ms", partition.to_string(),
                               answer->timestamp.value(), known, when.value()));
  }
}

/// Where the epoch ends that everything is written in, as consumers ask after a leader changed (KIP-320).
task::Task<void> ask_epoch(Inquirer& self, PartitionName partition) {
  const std::int64_t before = self.kit.history.seen(partition).high_watermark;
  wire::OffsetForLeaderEpochRequest request;
  request.replica_id = BrokerId(-1);
  wire::OffsetForLeaderEpochRequest::Topic topic{partition.topic, {}};
  topic.partitions.push_back({PartitionIndex(partition.index), LeaderEpoch(-1), LeaderEpoch(0)});
  request.topics.push_back(std::move(topic));
  auto answer = co_await self.session.call(std::move(request), 30s);
  if (!answer || answer->topics.empty() || answer->topics[0].partitions.empty()) co_return;
  const auto& place = answer->topics[0].partitions[0];
  if (place.error_code != ErrorCode::none) co_return;
  if (place.end_offset.value() < before) {
    self.kit.history.violate("monotone", fmt::format("{}: epoch 0 ends at {}, but the high watermark was {}",
                                                     partition.to_string(), place.end_offset.value(), before));
  }
}

/// Reads a little from anywhere: an index look-up in a segment that nobody has touched for long.
task::Task<void> read_somewhere(Inquirer& self, PartitionName partition) {
  Reader reader(self.kit, partition);
  reader.poll_max = 100ms;
  const SeenPartition& seen = self.kit.history.seen(partition);
  const std::int64_t low = std::max(seen.delete_before, seen.start_judged);
  if (seen.high_watermark <= low) co_return;
  reader.position =
      low + static_cast<std::int64_t>(self.kit.prng.below(static_cast<std::uint64_t>(seen.high_watermark - low)));
  for (int i = 0; i < 3; ++i) {
    if (!co_await poll(reader)) co_return;
  }
  self.kit.history.reached("a read began in the middle of the log");
}

}  // namespace

task::Task<void> inquire(ClientKit kit, std::vector<PartitionName> partitions) {
  Inquirer self(std::move(kit), std::move(partitions));
  while (!self.kit.ending) {
    co_await pause(self.kit, 20ms, 500ms);
    const PartitionName partition = self.partitions[self.kit.prng.below(self.partitions.size())];
    switch (self.kit.prng.below(8)) {
      case 0:
        co_await ask_newest(self, partition);
        break;
      case 1:
        co_await ask_epoch(self, partition);
        break;
      case 2:
      case 3:
      case 4:
        co_await ask_by_time(self, partition);
        break;
      default:
        co_await read_somewhere(self, partition);
    }
  }
}

}  // namespace chronik::sim
