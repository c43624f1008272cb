// See read_back.h.
#include "apps/bench/read_back.h"

#include <fmt/format.h>

#include "apps/bench/stamp.h"

namespace chronik::bench {

ReadBack::ReadBack(const Run& run, const std::vector<std::unique_ptr<Client>>& clients)
    : run_(run), clients_(clients), partitions_(static_cast<std::size_t>(run.partitions)) {
  for (auto& partition : partitions_) partition.lanes.resize(clients.size());
}

void ReadBack::record(int partition_index, std::int64_t offset, std::string_view payload) {
  ++read_;
  auto& partition = partitions_[static_cast<std::size_t>(partition_index)];
  ++partition.read;
  // The filler behind the stamp is the same in every record of the run.
  const bool ours = payload.size() == run_.load.size && read_stamp(payload.data()).run == run_.id &&
                    read_stamp(payload.data()).client < clients_.size() &&
                    (payload.size() <= kTimedStampBytes ||
                     payload.substr(kTimedStampBytes) == std::string_view(run_.filler).substr(kTimedStampBytes));
  if (!ours) {
    ++partition.foreign;
    return;
  }
  const auto stamp = read_stamp(payload.data());
  auto& lane = partition.lanes[stamp.client];
  const auto& ledger = clients_[stamp.client]->record.ledger[static_cast<std::size_t>(partition_index)];
  if (ledger.failed.contains(stamp.sequence)) {
    ++partition.uncertain;
  } else {
    partition.placement += placement_digest(stamp.client, stamp.sequence, offset);
  }
  if (stamp.sequence >= lane.next) {
    for (auto skipped = lane.next; skipped < stamp.sequence; ++skipped) lane.missing.insert(skipped);
    lane.next = stamp.sequence + 1;
  } else if (lane.missing.erase(stamp.sequence) > 0) {
    ++lane.reordered;
  } else {
    ++lane.duplicated;
  }
}

void ReadBack::judge_lane(std::size_t p, std::size_t c, std::vector<std::string>& lines) {
  auto& lane = partitions_[p].lanes[c];
  const auto& ledger = clients_[c]->record.ledger[p];
  for (auto skipped = lane.next; skipped < ledger.sent; ++skipped) lane.missing.insert(skipped);
  for (auto failed : ledger.failed) lane.missing.erase(failed);
  // A failed record that arrives late is no promise broken, but the order of acknowledged ones is.
  if (!lane.missing.empty()) {
    std::uint64_t first = UINT64_MAX;
    for (auto sequence : lane.missing) first = std::min(first, sequence);
    lines.push_back(fmt::format("partition {} client {}: {} acknowledged records lost, first sequence {}", p, c,
                                lane.missing.size(), first));
  }
  if (lane.duplicated > 0) {
    lines.push_back(fmt::format("partition {} client {}: {} records read twice", p, c, lane.duplicated));
  }
  if (lane.reordered > 0) {
    lines.push_back(fmt::format("partition {} client {}: {} records out of order", p, c, lane.reordered));
  }
}

void ReadBack::judge_placement(std::size_t p, std::vector<std::string>& lines) {
  std::uint64_t placement = 0;
  std::uint64_t unplaced = 0;
  for (const auto& client : clients_) {
    placement += client->record.ledger[p].placement;
    unplaced += client->record.ledger[p].unplaced;
  }
  if (unplaced == 0 && placement != partitions_[p].placement) {
    lines.push_back(fmt::format("partition {}: records lie at other offsets than were acknowledged", p));
  }
}

std::vector<std::string> ReadBack::finish() {
  std::vector<std::string> lines;
  for (std::size_t p = 0; p < partitions_.size(); ++p) {
    const auto count_before = lines.size();
    for (std::size_t c = 0; c < clients_.size(); ++c) judge_lane(p, c, lines);
    if (partitions_[p].foreign > 0) {
      lines.push_back(fmt::format("partition {}: {} records not of this run, or damaged", p, partitions_[p].foreign));
    }
    // Any of the above shifts the sums as well; one line suffices.
    if (lines.size() == count_before) judge_placement(p, lines);
  }
  return lines;
}

}  // namespace chronik::bench
