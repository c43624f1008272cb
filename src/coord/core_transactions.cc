// Offsets that are part of transactions: pending from their record on, decided by the marker in the same partition of
// __consumer_offsets. Both go through the journal, so that they are told in the order in which they stand there.
#include "base/canary.h"
#include "coord/core.h"
#include "coord/write_errors.h"

namespace chronik::coord {

std::expected<Journal::WritePtr, ErrorCode> Core::commit_in_transaction(Entry& entry, std::vector<NewOffset> offsets,
                                                                        ProducerIdentity producer,
                                                                        log::TransactionPass pass) {
  std::vector<Record> records;
  records.reserve(offsets.size());
  for (const NewOffset& item : offsets) {
    auto record = offset_record(entry.group.id(), item.topic, item.partition, item.offset);
    if (!record) return std::unexpected(ErrorCode::invalid_commit_offset_size);
    records.push_back(*std::move(record));
  }
  const auto batch = make_transactional_batch(records, context_.wall_now(), producer);
  if (!batch) return std::unexpected(ErrorCode::invalid_commit_offset_size);
  const auto log = log_of(entry.group.id());
  if (!log) return std::unexpected(ErrorCode::not_coordinator);
  auto durable = [this, group = entry.group.id(), serial = entry.serial, id = producer.id,
                  offsets = std::move(offsets)](ErrorCode result, Offset base) mutable {
    Entry* const owner = find(group, serial);
    if (owner == nullptr) return;
    --owner->writes;
    if (result == ErrorCode::none) {
      for (std::size_t i = 0; i < offsets.size(); ++i) {
        offsets[i].offset.position = base.plus(static_cast<std::int64_t>(i));
        hold_back(*owner, id, {offsets[i].topic, offsets[i].partition, std::move(offsets[i].offset)});
      }
    }
    write_settled_.notify_all();
    update(*owner, {});
  };
  auto written = journal_->append_batch(log, *batch, pass, std::move(durable));
  if (!written) {
    const ErrorCode error = written.error();
    const bool of_producer = error == ErrorCode::invalid_txn_state || error == ErrorCode::invalid_producer_epoch;
    return std::unexpected(of_producer ? error : commit_error(error));
  }
  ++entry.writes;
  return *written;
}

void Core::hold_back(Entry& entry, ProducerId producer, PendingOffsets::Item item) {
  entry.pending.put(producer, std::move(item));
  undecided_[{entry.home, producer}].insert(entry.serial);
}

void Core::decide(PartitionIndex home, ProducerId producer, bool commits) {
  const auto node = undecided_.extract({home, producer});
  if (node.empty()) return;
  for (const std::uint64_t serial : node.mapped()) {
    const auto at = by_serial_.find(serial);
    if (at == by_serial_.end()) continue;
    Entry& entry = *at->second;
    for (auto& item : entry.pending.take(producer)) {
      const bool counts = commits || canary(Canary::aborted_offset_counts);
      if (counts) entry.offsets.put(item.topic, item.partition, std::move(item.offset));
    }
    update(entry, {});
  }
}

std::expected<Journal::WritePtr, ErrorCode> Core::write_marker(PartitionIndex home, ProducerIdentity producer,
                                                               bool commits, std::int32_t coordinator_epoch) {
  const auto at = owned_.find(home);
  if (at == owned_.end()) return std::unexpected(ErrorCode::not_leader_or_follower);
  // What is being loaded reads the marker from the log, or is told here.
  auto durable = [this, home, id = producer.id, commits](ErrorCode result, Offset /*base*/) {
    if (result == ErrorCode::none) decide(home, id, commits);
  };
  return journal_->append_marker(at->second.log, producer.id, producer.epoch, commits, coordinator_epoch,
                                 std::move(durable));
}

}  // namespace chronik::coord
