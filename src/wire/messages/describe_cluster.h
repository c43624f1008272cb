// DescribeCluster: brokers and cluster id (KIP-700).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "wire/api.h"
#include "wire/codec.h"
#include "wire/errors.h"
#include "wire/types.h"

namespace chronik::wire {

struct DescribeClusterResponse;

struct DescribeClusterRequest {
  static constexpr Schema kSchema = api_schema("DescribeClusterRequest", ApiKey::describe_cluster);
  using Response = DescribeClusterResponse;

  bool include_cluster_authorized_operations = false;
  EndpointType endpoint_type = EndpointType::broker;
  bool include_fenced_brokers = false;
};

struct DescribeClusterResponse {
  static constexpr Schema kSchema = api_schema("DescribeClusterResponse", ApiKey::describe_cluster);

  struct Broker {
    BrokerId broker_id;
    std::string host;
    std::int32_t port = 0;
    std::optional<std::string> rack;
    bool is_fenced = false;
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::optional<std::string> error_message;
  EndpointType endpoint_type = EndpointType::broker;
  std::string cluster_id;
  BrokerId controller_id{-1};
  std::vector<Broker> brokers;
  std::int32_t cluster_authorized_operations = kOperationsNotRequested;
};

}  // namespace chronik::wire
