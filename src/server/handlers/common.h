// What several handlers share.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <utility>

#include "log/rejection.h"
#include "server/broker.h"
#include "server/shard_server.h"
#include "wire/errors.h"
#include "wire/types.h"

namespace chronik::server {

/// A partition as a request names it, found in the metadata.
struct Target {
  wire::ErrorCode error = wire::ErrorCode::none;
  TopicPartition id;
  ShardId owner{0};
};

/// Finds `name` (or `topic_id` when there is no name) and checks the index: UNKNOWN_TOPIC_OR_PARTITION,
/// UNKNOWN_TOPIC_ID.
Target locate(ShardServer& server, const std::string& name, TopicId topic_id, PartitionIndex partition);

/// FENCED_LEADER_EPOCH or UNKNOWN_LEADER_EPOCH when the client's idea of the epoch differs from ours; -1 is "do not
/// check" (KIP-320).
wire::ErrorCode check_epoch(LeaderEpoch claimed, LeaderEpoch current);

/// What a request says is a byte: nullopt if it is none of the levels that there are.
std::optional<log::Isolation> isolation_of(wire::IsolationLevel level);

/// What is wrong with a manual list of replicas: on one node it can only be this node.
std::optional<std::string> assignment_problem(BrokerId self, std::span<const BrokerId> replicas);

/// Puts an error into a response, or into the part of one that has `error_code` and `error_message`.
template <class Answer>
void refuse(Answer& answer, wire::ErrorCode error, std::string message) {
  answer.error_code = error;
  answer.error_message = std::move(message);
}
template <class Answer>
void refuse(Answer& answer, const Error& error) {
  refuse(answer, log::to_kafka(error.code), error.message());
}

/// For requests about the metadata that name no time-out of their own.
inline constexpr Duration kAdminDeadline = 30s;

/// A client's time-out, kept within what a server waits for.
Deadline client_deadline(task::Context& context, std::int32_t timeout_ms);

}  // namespace chronik::server
