// The fields of ApiVersions requests and responses, by version.
#include "wire/messages/api_versions.h"

#include "wire/message_impl.h"

namespace chronik::wire {

template <class V>
void describe(V& v, ApiVersionsRequest& m) {
  v.field("client_software_name", m.client_software_name, {.since = 3});
  v.field("client_software_version", m.client_software_version, {.since = 3});
  v.field("cluster_id", m.cluster_id, {.since = 5, .nullable = 5});
  v.field("node_id", m.node_id, {.since = 5});
}

CHRONIK_WIRE_INSTANTIATE(ApiVersionsRequest);

template <class V>
void describe(V& v, ApiVersionsResponse::ApiVersion& m) {
  v.field("api_key", m.api_key);
  v.field("min_version", m.min_version);
  v.field("max_version", m.max_version);
}

template <class V>
void describe(V& v, ApiVersionsResponse::SupportedFeatureKey& m) {
  v.field("name", m.name);
  v.field("min_version", m.min_version);
  v.field("max_version", m.max_version);
}

template <class V>
void describe(V& v, ApiVersionsResponse::FinalizedFeatureKey& m) {
  v.field("name", m.name);
  v.field("max_version_level", m.max_version_level);
  v.field("min_version_level", m.min_version_level);
}

template <class V>
void describe(V& v, ApiVersionsResponse& m) {
  v.field("error_code", m.error_code);
  v.field("api_keys", m.api_keys);
  v.field("throttle_time_ms", m.throttle_time_ms, {.since = 1});
  v.tagged([&](auto& t) {
    t.tag(0, "supported_features", m.supported_features, 3);
    t.tag(1, "finalized_features_epoch", m.finalized_features_epoch, 3, std::int64_t{-1});
    t.tag(2, "finalized_features", m.finalized_features, 3);
    t.tag(3, "zk_migration_ready", m.zk_migration_ready, 3);
  });
}

CHRONIK_WIRE_INSTANTIATE(ApiVersionsResponse);

}  // namespace chronik::wire
