// TxnOffsetCommit (KIP-98, KIP-447): offsets that are committed with their transaction, or not at all.
#include <algorithm>

#include "coord/coord.h"
#include "coord/core.h"
#include "coord/offset_checks.h"
#include "coord/write_errors.h"

namespace chronik::coord {

namespace {

constexpr std::int16_t kTopicIdsSince = 6;
constexpr std::int16_t kMemberEpochsSince = 9;  // of OffsetCommit: this request knows them in all versions

std::expected<Entry*, ErrorCode> admit(Core& core, const wire::TxnOffsetCommitRequest& request) {
  if (const ErrorCode error = core.status(request.group_id); error != ErrorCode::none) return std::unexpected(error);
  Entry* entry = core.find(request.group_id);
  const std::int32_t generation = request.generation_id_or_member_epoch;
  if (entry == nullptr) {
    if (generation >= 0) return std::unexpected(ErrorCode::illegal_generation);
    entry = core.create(request.group_id);
    if (entry == nullptr) return std::unexpected(ErrorCode::coordinator_not_available);
  }
  // Producers from before KIP-447 do not say whose offsets these are; they are fenced by their epoch alone.
  if (generation < 0 && request.member_id.empty() && !request.group_instance_id) return entry;
  const ErrorCode error =
      entry->consumer
          ? entry->consumer->validate_commit(request.member_id, generation, kMemberEpochsSince)
          : entry->group.commit_offsets(request.member_id, request.group_instance_id, generation, core.clock());
  // This request has no word of its own for a member that lags behind.
  if (error == ErrorCode::stale_member_epoch) return std::unexpected(ErrorCode::illegal_generation);
  // A rebalance is no obstacle: whoever gets the partition next waits for the transaction.
  if (error != ErrorCode::none && error != ErrorCode::rebalance_in_progress) return std::unexpected(error);
  return entry;
}

/// KIP-1251, for the whole request: a member that lags behind its epoch may commit only what it has had since then.
bool lags(const Entry& entry, const wire::TxnOffsetCommitRequest& request,
          const std::vector<Core::NewOffset>& offsets) {
  if (!entry.consumer || request.member_id.empty()) return false;
  return std::ranges::any_of(offsets, [&](const Core::NewOffset& item) {
    return !entry.consumer->may_commit(request.member_id, request.generation_id_or_member_epoch, item.offset.topic_id,
                                       item.partition);
  });
}

wire::TxnOffsetCommitResponse check_topics(Core& core, const wire::TxnOffsetCommitRequest& request,
                                           std::int16_t version, std::vector<Core::NewOffset>& valid) {
  wire::TxnOffsetCommitResponse response;
  for (const auto& topic : request.topics) {
    const bool by_id = version >= kTopicIdsSince;
    const auto known = by_id ? core.topics().find(topic.topic_id) : core.topics().find(topic.name);
    auto& answer = response.topics.emplace_back();
    answer.name = topic.name;
    answer.topic_id = topic.topic_id;
    for (const auto& partition : topic.partitions) {
      const ErrorCode error = check_offset(core, known, by_id, partition.partition_index, partition.committed_metadata);
      answer.partitions.push_back({partition.partition_index, error});
      if (error != ErrorCode::none) continue;
      CommittedOffset offset{.offset = partition.committed_offset,
                             .leader_epoch = partition.committed_leader_epoch,
                             .metadata = partition.committed_metadata.value_or(""),
                             .committed_at = core.context().wall_now(),
                             .topic_id = known->id,
                             .position = Offset(-1)};
      valid.push_back({known->name, partition.partition_index, std::move(offset)});
    }
  }
  return response;
}

}  // namespace

std::optional<log::TransactionPass> GroupCoordinator::begin_transactional_commit(const std::string& group,
                                                                                 ProducerIdentity producer) {
  const auto log = core_->log_of(group);
  return log ? log->begin_verification(producer.id, producer.epoch) : std::optional(log::kNoPass);
}

std::expected<Journal::WritePtr, ErrorCode> GroupCoordinator::write_marker(PartitionIndex index,
                                                                           ProducerIdentity producer, bool commits,
                                                                           std::int32_t coordinator_epoch) {
  return core_->write_marker(index, producer, commits, coordinator_epoch);
}

task::Task<wire::TxnOffsetCommitResponse> GroupCoordinator::txn_offset_commit(wire::TxnOffsetCommitRequest request,
                                                                              log::TransactionPass pass,
                                                                              RequestContext context) {
  const auto core = core_;
  std::vector<Core::NewOffset> offsets;
  wire::TxnOffsetCommitResponse response = check_topics(*core, request, context.api_version, offsets);
  if (offsets.empty()) co_return response;
  const Deadline until = std::min(context.deadline, core->context().after(core->config().offset_commit_timeout));
  ErrorCode error = co_await room_for_offsets(core, request.group_id, bytes_of(request.group_id, offsets), until);
  if (error != ErrorCode::none) co_return set_all(response, error), response;
  const auto entry = admit(*core, request);
  if (!entry) co_return set_all(response, entry.error()), response;
  if (lags(**entry, request, offsets)) co_return set_all(response, ErrorCode::illegal_generation), response;
  auto written =
      core->commit_in_transaction(**entry, std::move(offsets), {request.producer_id, request.producer_epoch}, pass);
  core->update(**entry, {});
  if (!written) co_return set_all(response, written.error()), response;
  error = co_await Journal::settled(*std::move(written), until);
  if (error != ErrorCode::none) set_all(response, commit_error(error));
  co_return response;
}

}  // namespace chronik::coord
