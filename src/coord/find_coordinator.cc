#include "coord/find_coordinator.h"

#include "meta/topic_name.h"

namespace chronik::coord {

using wire::ErrorCode;

task::Task<wire::FindCoordinatorResponse> find_group_coordinator(wire::FindCoordinatorRequest request,
                                                                 std::int16_t api_version, Topics& topics,
                                                                 std::int32_t offsets_topic_partitions, Endpoint self,
                                                                 Deadline until) {
  constexpr std::int16_t kKeysSince = 4;  // several keys in one request (KIP-699)
  ErrorCode error = ErrorCode::none;
  std::optional<std::string> message;
  if (request.key_type != wire::CoordinatorType::group) {
    error = ErrorCode::invalid_request;
    message = "this coordinator is of groups";
  } else if (!topics.find(meta::kOffsetsTopic)) {
    const Status made = co_await topics.create_offsets_topic(offsets_topic_partitions, until);
    if (!made) {
      error = ErrorCode::coordinator_not_available;
      message = made.error().message();
    }
  }
  const Endpoint nobody{.node = BrokerId(-1), .host = "", .port = -1};
  const Endpoint& answer = error == ErrorCode::none ? self : nobody;

  wire::FindCoordinatorResponse response;
  response.node_id = answer.node;
  response.host = answer.host;
  response.port = answer.port;
  response.error_code = error;
  response.error_message = message;
  if (api_version < kKeysSince) co_return response;
  for (const std::string& key : request.coordinator_keys) {
    response.coordinators.push_back({key, answer.node, answer.host, answer.port, error, message});
  }
  co_return response;
}

}  // namespace chronik::coord
