#include "log/rejection.h"

namespace chronik::log {

wire::ErrorCode to_kafka(Errc code) {
  using wire::ErrorCode;
  switch (code) {
    case Errc::timed_out:
      return ErrorCode::request_timed_out;
    case Errc::closed:
      return ErrorCode::not_leader_or_follower;
    case Errc::storage_failed:
    case Errc::disk_full:
    case Errc::permission_denied:
      return ErrorCode::kafka_storage_error;
    case Errc::corrupt:
      return ErrorCode::corrupt_message;
    case Errc::overloaded:
      return ErrorCode::request_timed_out;
    case Errc::not_found:
      return ErrorCode::unknown_topic_or_partition;
    case Errc::already_exists:
      return ErrorCode::topic_already_exists;
    case Errc::invalid_argument:
      return ErrorCode::invalid_request;
    case Errc::out_of_range:
      return ErrorCode::offset_out_of_range;
    case Errc::unsupported:
      return ErrorCode::unsupported_version;
    case Errc::in_use:
    case Errc::unreachable:
      return ErrorCode::broker_not_available;
  }
  return ErrorCode::unknown_server_error;
}

wire::Rejection to_rejection(const Error& error) {
  return {to_kafka(error.code), error.message()};
}

wire::Rejection room_rejection(const Error& error) {
  if (error.code == Errc::invalid_argument) return {wire::ErrorCode::message_too_large, error.message()};
  return to_rejection(error);
}

}  // namespace chronik::log
