// Names and retriability of Kafka's error codes.
#include "wire/errors.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace chronik::wire {
namespace {

struct Row {
  ErrorCode code;
  std::string_view name;
  bool retriable;
};

constexpr bool kRetriable = true;
constexpr bool kFinal = false;

// Consecutive from -1, so that the code is the index.
constexpr auto kRows = std::to_array<Row>({
    {ErrorCode::unknown_server_error, "UNKNOWN_SERVER_ERROR", kFinal},
    {ErrorCode::none, "NONE", kFinal},
    {ErrorCode::offset_out_of_range, "OFFSET_OUT_OF_RANGE", kFinal},
    {ErrorCode::corrupt_message, "CORRUPT_MESSAGE", kRetriable},
    {ErrorCode::unknown_topic_or_partition, "UNKNOWN_TOPIC_OR_PARTITION", kRetriable},
    {ErrorCode::invalid_fetch_size, "INVALID_FETCH_SIZE", kFinal},
    {ErrorCode::leader_not_available, "LEADER_NOT_AVAILABLE", kRetriable},
    {ErrorCode::not_leader_or_follower, "NOT_LEADER_OR_FOLLOWER", kRetriable},
    {ErrorCode::request_timed_out, "REQUEST_TIMED_OUT", kRetriable},
    {ErrorCode::broker_not_available, "BROKER_NOT_AVAILABLE", kFinal},
    {ErrorCode::replica_not_available, "REPLICA_NOT_AVAILABLE", kRetriable},
    {ErrorCode::message_too_large, "MESSAGE_TOO_LARGE", kFinal},
    {ErrorCode::stale_controller_epoch, "STALE_CONTROLLER_EPOCH", kFinal},
    {ErrorCode::offset_metadata_too_large, "OFFSET_METADATA_TOO_LARGE", kFinal},
    {ErrorCode::network_exception, "NETWORK_EXCEPTION", kRetriable},
    {ErrorCode::coordinator_load_in_progress, "COORDINATOR_LOAD_IN_PROGRESS", kRetriable},
    {ErrorCode::coordinator_not_available, "COORDINATOR_NOT_AVAILABLE", kRetriable},
    {ErrorCode::not_coordinator, "NOT_COORDINATOR", kRetriable},
    {ErrorCode::invalid_topic_exception, "INVALID_TOPIC_EXCEPTION", kFinal},
    {ErrorCode::record_list_too_large, "RECORD_LIST_TOO_LARGE", kFinal},
    {ErrorCode::not_enough_replicas, "NOT_ENOUGH_REPLICAS", kRetriable},
    {ErrorCode::not_enough_replicas_after_append, "NOT_ENOUGH_REPLICAS_AFTER_APPEND", kRetriable},
    {ErrorCode::invalid_required_acks, "INVALID_REQUIRED_ACKS", kFinal},
    {ErrorCode::illegal_generation, "ILLEGAL_GENERATION", kFinal},
    {ErrorCode::inconsistent_group_protocol, "INCONSISTENT_GROUP_PROTOCOL", kFinal},
    {ErrorCode::invalid_group_id, "INVALID_GROUP_ID", kFinal},
    {ErrorCode::unknown_member_id, "UNKNOWN_MEMBER_ID", kFinal},
    {ErrorCode::invalid_session_timeout, "INVALID_SESSION_TIMEOUT", kFinal},
    {ErrorCode::rebalance_in_progress, "REBALANCE_IN_PROGRESS", kFinal},
    {ErrorCode::invalid_commit_offset_size, "INVALID_COMMIT_OFFSET_SIZE", kFinal},
    {ErrorCode::topic_authorization_failed, "TOPIC_AUTHORIZATION_FAILED", kFinal},
    {ErrorCode::group_authorization_failed, "GROUP_AUTHORIZATION_FAILED", kFinal},
    {ErrorCode::cluster_authorization_failed, "CLUSTER_AUTHORIZATION_FAILED", kFinal},
    {ErrorCode::invalid_timestamp, "INVALID_TIMESTAMP", kFinal},
    {ErrorCode::unsupported_sasl_mechanism, "UNSUPPORTED_SASL_MECHANISM", kFinal},
    {ErrorCode::illegal_sasl_state, "ILLEGAL_SASL_STATE", kFinal},
    {ErrorCode::unsupported_version, "UNSUPPORTED_VERSION", kFinal},
    {ErrorCode::topic_already_exists, "TOPIC_ALREADY_EXISTS", kFinal},
    {ErrorCode::invalid_partitions, "INVALID_PARTITIONS", kFinal},
    {ErrorCode::invalid_replication_factor, "INVALID_REPLICATION_FACTOR", kFinal},
    {ErrorCode::invalid_replica_assignment, "INVALID_REPLICA_ASSIGNMENT", kFinal},
    {ErrorCode::invalid_config, "INVALID_CONFIG", kFinal},
    {ErrorCode::not_controller, "NOT_CONTROLLER", kRetriable},
    {ErrorCode::invalid_request, "INVALID_REQUEST", kFinal},
    {ErrorCode::unsupported_for_message_format, "UNSUPPORTED_FOR_MESSAGE_FORMAT", kFinal},
    {ErrorCode::policy_violation, "POLICY_VIOLATION", kFinal},
    {ErrorCode::out_of_order_sequence_number, "OUT_OF_ORDER_SEQUENCE_NUMBER", kFinal},
    {ErrorCode::duplicate_sequence_number, "DUPLICATE_SEQUENCE_NUMBER", kFinal},
    {ErrorCode::invalid_producer_epoch, "INVALID_PRODUCER_EPOCH", kFinal},
    {ErrorCode::invalid_txn_state, "INVALID_TXN_STATE", kFinal},
    {ErrorCode::invalid_producer_id_mapping, "INVALID_PRODUCER_ID_MAPPING", kFinal},
    {ErrorCode::invalid_transaction_timeout, "INVALID_TRANSACTION_TIMEOUT", kFinal},
    {ErrorCode::concurrent_transactions, "CONCURRENT_TRANSACTIONS", kRetriable},
    {ErrorCode::transaction_coordinator_fenced, "TRANSACTION_COORDINATOR_FENCED", kFinal},
    {ErrorCode::transactional_id_authorization_failed, "TRANSACTIONAL_ID_AUTHORIZATION_FAILED", kFinal},
    {ErrorCode::security_disabled, "SECURITY_DISABLED", kFinal},
    {ErrorCode::operation_not_attempted, "OPERATION_NOT_ATTEMPTED", kFinal},
    {ErrorCode::kafka_storage_error, "KAFKA_STORAGE_ERROR", kRetriable},
    {ErrorCode::log_dir_not_found, "LOG_DIR_NOT_FOUND", kFinal},
    {ErrorCode::sasl_authentication_failed, "SASL_AUTHENTICATION_FAILED", kFinal},
    {ErrorCode::unknown_producer_id, "UNKNOWN_PRODUCER_ID", kFinal},
    {ErrorCode::reassignment_in_progress, "REASSIGNMENT_IN_PROGRESS", kFinal},
    {ErrorCode::delegation_token_auth_disabled, "DELEGATION_TOKEN_AUTH_DISABLED", kFinal},
    {ErrorCode::delegation_token_not_found, "DELEGATION_TOKEN_NOT_FOUND", kFinal},
    {ErrorCode::delegation_token_owner_mismatch, "DELEGATION_TOKEN_OWNER_MISMATCH", kFinal},
    {ErrorCode::delegation_token_request_not_allowed, "DELEGATION_TOKEN_REQUEST_NOT_ALLOWED", kFinal},
    {ErrorCode::delegation_token_authorization_failed, "DELEGATION_TOKEN_AUTHORIZATION_FAILED", kFinal},
    {ErrorCode::delegation_token_expired, "DELEGATION_TOKEN_EXPIRED", kFinal},
    {ErrorCode::invalid_principal_type, "INVALID_PRINCIPAL_TYPE", kFinal},
    {ErrorCode::non_empty_group, "NON_EMPTY_GROUP", kFinal},
    {ErrorCode::group_id_not_found, "GROUP_ID_NOT_FOUND", kFinal},
    {ErrorCode::fetch_session_id_not_found, "FETCH_SESSION_ID_NOT_FOUND", kRetriable},
    {ErrorCode::invalid_fetch_session_epoch, "INVALID_FETCH_SESSION_EPOCH", kRetriable},
    {ErrorCode::listener_not_found, "LISTENER_NOT_FOUND", kRetriable},
    {ErrorCode::topic_deletion_disabled, "TOPIC_DELETION_DISABLED", kFinal},
    {ErrorCode::fenced_leader_epoch, "FENCED_LEADER_EPOCH", kRetriable},
    {ErrorCode::unknown_leader_epoch, "UNKNOWN_LEADER_EPOCH", kRetriable},
    {ErrorCode::unsupported_compression_type, "UNSUPPORTED_COMPRESSION_TYPE", kFinal},
    {ErrorCode::stale_broker_epoch, "STALE_BROKER_EPOCH", kFinal},
    {ErrorCode::offset_not_available, "OFFSET_NOT_AVAILABLE", kRetriable},
    {ErrorCode::member_id_required, "MEMBER_ID_REQUIRED", kFinal},
    {ErrorCode::preferred_leader_not_available, "PREFERRED_LEADER_NOT_AVAILABLE", kRetriable},
    {ErrorCode::group_max_size_reached, "GROUP_MAX_SIZE_REACHED", kFinal},
    {ErrorCode::fenced_instance_id, "FENCED_INSTANCE_ID", kFinal},
    {ErrorCode::eligible_leaders_not_available, "ELIGIBLE_LEADERS_NOT_AVAILABLE", kRetriable},
    {ErrorCode::election_not_needed, "ELECTION_NOT_NEEDED", kRetriable},
    {ErrorCode::no_reassignment_in_progress, "NO_REASSIGNMENT_IN_PROGRESS", kFinal},
    {ErrorCode::group_subscribed_to_topic, "GROUP_SUBSCRIBED_TO_TOPIC", kFinal},
    {ErrorCode::invalid_record, "INVALID_RECORD", kFinal},
    {ErrorCode::unstable_offset_commit, "UNSTABLE_OFFSET_COMMIT", kRetriable},
    {ErrorCode::throttling_quota_exceeded, "THROTTLING_QUOTA_EXCEEDED", kRetriable},
    {ErrorCode::producer_fenced, "PRODUCER_FENCED", kFinal},
    {ErrorCode::resource_not_found, "RESOURCE_NOT_FOUND", kFinal},
    {ErrorCode::duplicate_resource, "DUPLICATE_RESOURCE", kFinal},
    {ErrorCode::unacceptable_credential, "UNACCEPTABLE_CREDENTIAL", kFinal},
    {ErrorCode::inconsistent_voter_set, "INCONSISTENT_VOTER_SET", kFinal},
    {ErrorCode::invalid_update_version, "INVALID_UPDATE_VERSION", kFinal},
    {ErrorCode::feature_update_failed, "FEATURE_UPDATE_FAILED", kFinal},
    {ErrorCode::principal_deserialization_failure, "PRINCIPAL_DESERIALIZATION_FAILURE", kFinal},
    {ErrorCode::snapshot_not_found, "SNAPSHOT_NOT_FOUND", kFinal},
    {ErrorCode::position_out_of_range, "POSITION_OUT_OF_RANGE", kFinal},
    {ErrorCode::unknown_topic_id, "UNKNOWN_TOPIC_ID", kRetriable},
    {ErrorCode::duplicate_broker_registration, "DUPLICATE_BROKER_REGISTRATION", kFinal},
    {ErrorCode::broker_id_not_registered, "BROKER_ID_NOT_REGISTERED", kFinal},
    {ErrorCode::inconsistent_topic_id, "INCONSISTENT_TOPIC_ID", kRetriable},
    {ErrorCode::inconsistent_cluster_id, "INCONSISTENT_CLUSTER_ID", kFinal},
    {ErrorCode::transactional_id_not_found, "TRANSACTIONAL_ID_NOT_FOUND", kFinal},
    {ErrorCode::fetch_session_topic_id_error, "FETCH_SESSION_TOPIC_ID_ERROR", kRetriable},
    {ErrorCode::ineligible_replica, "INELIGIBLE_REPLICA", kFinal},
    {ErrorCode::new_leader_elected, "NEW_LEADER_ELECTED", kFinal},
    {ErrorCode::offset_moved_to_tiered_storage, "OFFSET_MOVED_TO_TIERED_STORAGE", kFinal},
    {ErrorCode::fenced_member_epoch, "FENCED_MEMBER_EPOCH", kFinal},
    {ErrorCode::unreleased_instance_id, "UNRELEASED_INSTANCE_ID", kFinal},
    {ErrorCode::unsupported_assignor, "UNSUPPORTED_ASSIGNOR", kFinal},
    {ErrorCode::stale_member_epoch, "STALE_MEMBER_EPOCH", kFinal},
    {ErrorCode::mismatched_endpoint_type, "MISMATCHED_ENDPOINT_TYPE", kFinal},
    {ErrorCode::unsupported_endpoint_type, "UNSUPPORTED_ENDPOINT_TYPE", kFinal},
    {ErrorCode::unknown_controller_id, "UNKNOWN_CONTROLLER_ID", kFinal},
    {ErrorCode::unknown_subscription_id, "UNKNOWN_SUBSCRIPTION_ID", kFinal},
    {ErrorCode::telemetry_too_large, "TELEMETRY_TOO_LARGE", kFinal},
    {ErrorCode::invalid_registration, "INVALID_REGISTRATION", kFinal},
    {ErrorCode::transaction_abortable, "TRANSACTION_ABORTABLE", kFinal},
    {ErrorCode::invalid_record_state, "INVALID_RECORD_STATE", kFinal},
    {ErrorCode::share_session_not_found, "SHARE_SESSION_NOT_FOUND", kRetriable},
    {ErrorCode::invalid_share_session_epoch, "INVALID_SHARE_SESSION_EPOCH", kRetriable},
    {ErrorCode::fenced_state_epoch, "FENCED_STATE_EPOCH", kFinal},
    {ErrorCode::invalid_voter_key, "INVALID_VOTER_KEY", kFinal},
    {ErrorCode::duplicate_voter, "DUPLICATE_VOTER", kFinal},
    {ErrorCode::voter_not_found, "VOTER_NOT_FOUND", kFinal},
    {ErrorCode::invalid_regular_expression, "INVALID_REGULAR_EXPRESSION", kFinal},
    {ErrorCode::rebootstrap_required, "REBOOTSTRAP_REQUIRED", kFinal},
    {ErrorCode::streams_invalid_topology, "STREAMS_INVALID_TOPOLOGY", kFinal},
    {ErrorCode::streams_invalid_topology_epoch, "STREAMS_INVALID_TOPOLOGY_EPOCH", kFinal},
    {ErrorCode::streams_topology_fenced, "STREAMS_TOPOLOGY_FENCED", kFinal},
    {ErrorCode::share_session_limit_reached, "SHARE_SESSION_LIMIT_REACHED", kRetriable},
    {ErrorCode::group_deletion_failed, "GROUP_DELETION_FAILED", kFinal},
    {ErrorCode::streams_topology_description_update_failed, "STREAMS_TOPOLOGY_DESCRIPTION_UPDATE_FAILED", kFinal},
    {ErrorCode::controller_id_not_registered, "CONTROLLER_ID_NOT_REGISTERED", kFinal},
});

constexpr std::size_t index_of(ErrorCode code) {
  return static_cast<std::size_t>(static_cast<int>(code) + 1);
}

static_assert(std::ranges::all_of(kRows, [](const Row& row) { return &row == &kRows[index_of(row.code)]; }));

const Row* find(ErrorCode code) {
  const std::size_t index = index_of(code);
  return index < kRows.size() ? &kRows[index] : nullptr;
}

}  // namespace

std::string_view to_string(ErrorCode code) {
  const Row* row = find(code);
  return row == nullptr ? std::string_view("UNKNOWN") : row->name;
}

bool is_retriable(ErrorCode code) {
  const Row* row = find(code);
  return row != nullptr && row->retriable;
}

}  // namespace chronik::wire
