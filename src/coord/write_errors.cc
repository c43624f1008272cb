#include "coord/write_errors.h"

namespace chronik::coord {

using wire::ErrorCode;

namespace {
ErrorCode translated(ErrorCode log_error, ErrorCode too_large) {
  switch (log_error) {
    case ErrorCode::unknown_topic_or_partition:
    case ErrorCode::not_enough_replicas:
    case ErrorCode::not_enough_replicas_after_append:
    case ErrorCode::request_timed_out:
      return ErrorCode::coordinator_not_available;
    case ErrorCode::not_leader_or_follower:
    case ErrorCode::kafka_storage_error:
      return ErrorCode::not_coordinator;
    case ErrorCode::message_too_large:
    case ErrorCode::record_list_too_large:
    case ErrorCode::invalid_fetch_size:
      return too_large;
    case ErrorCode::none:
      return ErrorCode::unknown_server_error;  // a failure that does not say why
    default:
      return log_error;
  }
}
}  // namespace

ErrorCode commit_error(ErrorCode log_error) {
  return translated(log_error, ErrorCode::invalid_commit_offset_size);
}

ErrorCode group_error(ErrorCode log_error) {
  return translated(log_error, ErrorCode::unknown_server_error);
}

}  // namespace chronik::coord
