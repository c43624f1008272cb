// What holds for the table of handlers as a whole.
#include "server/handlers.h"

#include <gtest/gtest.h>

#include "log/rejection.h"
#include "server/test_client.h"
#include "wire/messages/api_versions.h"

namespace chronik::server {
namespace {

TEST(Handlers, no_error_becomes_success) {
  for (const Errc code : kAllErrc) {
    EXPECT_NE(log::to_kafka(code), wire::ErrorCode::none) << to_string(code);
    EXPECT_NE(log::to_rejection({code, "why"}).code, wire::ErrorCode::none) << to_string(code);
    EXPECT_NE(wire::to_string(log::to_kafka(code)), "UNKNOWN") << to_string(code);
  }
  EXPECT_NE(log::to_kafka(static_cast<Errc>(0)), wire::ErrorCode::none);
  EXPECT_NE(log::to_kafka(static_cast<Errc>(255)), wire::ErrorCode::none);
}

TEST(Handlers, every_described_api_is_served_and_advertised) {
  const auto advertised = all_handlers().advertised();
  ASSERT_EQ(advertised.size(), wire::kApis.size());
  for (std::size_t i = 0; i < wire::kApis.size(); ++i) {
    EXPECT_NE(all_handlers().find(wire::kApis[i].key), nullptr) << wire::kApis[i].name;
    EXPECT_EQ(advertised[i].api_key, wire::kApis[i].key);
    EXPECT_EQ(advertised[i].min_version, wire::kApis[i].advertised_min);
    EXPECT_EQ(advertised[i].max_version, wire::kApis[i].max);
  }
}

using ApiVersions = HandlerTest;

TEST_P(ApiVersions, lists_what_is_served) {
  for (std::int16_t version = 0; version <= wire::ApiVersionsRequest::kSchema.max; ++version) {
    wire::ApiVersionsRequest request;
    request.client_software_name = "test-client";
    request.client_software_version = "1.0";
    const auto response = call(request, version);
    EXPECT_EQ(response.error_code, wire::ErrorCode::none);
    EXPECT_EQ(response.api_keys.size(), wire::kApis.size());
    // Clients of old cannot read a feature that begins at 0 (KIP-1022).
    EXPECT_EQ(response.supported_features.size(), version >= 4 ? 2U : 0U);
    ASSERT_EQ(response.finalized_features.size(), version >= 3 ? 2U : 0U);
    if (version >= 3) EXPECT_EQ(response.finalized_features[0].name, "group.version");
    if (version >= 3) EXPECT_EQ(response.finalized_features[0].max_version_level, 1);
    if (version >= 3) EXPECT_EQ(response.finalized_features[1].max_version_level, 2);
  }
}

TEST_P(ApiVersions, refuses_names_that_are_none) {
  for (const char* name : {"", "-x", "x-", "a b", ".x", "a/b"}) {
    wire::ApiVersionsRequest request;
    request.client_software_name = name;
    request.client_software_version = "1.0";
    EXPECT_EQ(call(request, 3).error_code, wire::ErrorCode::invalid_request) << name;
  }
}

TEST_P(ApiVersions, sends_clients_of_other_clusters_and_nodes_back_to_bootstrap) {
  wire::ApiVersionsRequest request;
  request.client_software_name = "test";
  request.client_software_version = "1";
  request.cluster_id = rig().broker->identity().cluster_id;
  request.node_id = rig().node();
  EXPECT_EQ(call(request, 5).error_code, wire::ErrorCode::none);
  request.node_id = BrokerId(77);
  const auto other_node = call(request, 5);
  EXPECT_EQ(other_node.error_code, wire::ErrorCode::rebootstrap_required);
  EXPECT_TRUE(other_node.api_keys.empty());
  request.node_id = BrokerId(-1);
  request.cluster_id = "another";
  EXPECT_EQ(call(request, 5).error_code, wire::ErrorCode::rebootstrap_required);
  EXPECT_EQ(call(request, 4).error_code, wire::ErrorCode::none);
}

INSTANTIATE_TEST_SUITE_P(Shards, ApiVersions, kShardCounts);

}  // namespace
}  // namespace chronik::server
