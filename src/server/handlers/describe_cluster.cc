// DescribeCluster: this node is the cluster.
#include "server/handlers/common.h"
#include "server/handlers/handle_topics.h"
#include "server/handlers/operations.h"

namespace chronik::server {

task::Task<wire::DescribeClusterResponse> handle_describe_cluster(RequestContext& context,
                                                                  wire::DescribeClusterRequest request) {
  using wire::EndpointType;
  ShardServer& server = context.server;
  const BrokerIdentity& self = server.identity();
  wire::DescribeClusterResponse response;
  if (request.endpoint_type == EndpointType::controller) {
    refuse(response, wire::ErrorCode::mismatched_endpoint_type,
           "The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER");
    co_return response;
  }
  if (request.endpoint_type != EndpointType::broker) {
    refuse(response, wire::ErrorCode::unsupported_endpoint_type,
           "Unsupported endpoint type " + std::to_string(static_cast<int>(request.endpoint_type)));
    co_return response;
  }
  response.cluster_id = self.cluster_id;
  response.controller_id = self.node_id;
  auto& broker = response.brokers.emplace_back();
  broker.broker_id = self.node_id;
  broker.host = self.advertised.host;
  broker.port = self.advertised.port;
  if (!server.view().broker().rack.empty()) broker.rack = server.view().broker().rack;
  response.cluster_authorized_operations =
      operations_if(request.include_cluster_authorized_operations, kClusterOperations);
  co_return response;
}

}  // namespace chronik::server
