#include "server/handlers/alter_resources.h"

#include <charconv>
#include <map>
#include <set>

#include "server/handlers/common.h"

namespace chronik::server {

namespace {

using wire::ConfigResourceType;
using wire::ErrorCode;

bool has_duplicate_keys(const std::vector<meta::ConfigChange>& changes) {
  std::set<std::string_view> keys;
  for (const auto& change : changes) {
    if (!keys.insert(change.key).second) return true;
  }
  return false;
}

/// What is wrong with a resource by itself.
std::optional<meta::ItemOutcome> check(BrokerId self, const AlteredResource& resource) {
  if (has_duplicate_keys(resource.changes)) {
    return meta::ItemOutcome{ErrorCode::invalid_request, "Error due to duplicate config keys"};
  }
  if (resource.problem) return resource.problem;
  switch (resource.type) {
    case ConfigResourceType::topic:
      if (!resource.name.empty()) return std::nullopt;
      return meta::ItemOutcome{ErrorCode::invalid_request, "Default topic resources are not allowed."};
    case ConfigResourceType::broker: {
      const auto broker = broker_of(self, resource.name);
      return broker ? std::nullopt : std::optional(broker.error());
    }
    case ConfigResourceType::broker_logger:
    case ConfigResourceType::client_metrics:
    case ConfigResourceType::group:
      return meta::ItemOutcome{
          ErrorCode::invalid_request,
          "Configurations of resource type " + std::to_string(static_cast<int>(resource.type)) + " are not supported."};
    default:
      return meta::ItemOutcome{ErrorCode::invalid_request,
                               "Unknown resource type " + std::to_string(static_cast<int>(resource.type))};
  }
}

meta::ItemOutcome to_outcome(const Error& error) {
  return {log::to_kafka(error.code), error.message()};
}

}  // namespace

std::expected<BrokerId, meta::ItemOutcome> broker_of(BrokerId self, const std::string& name) {
  if (name.empty()) return meta::kEveryBroker;
  std::int32_t id = -1;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), id);
  if (error != std::errc{} || end != name.data() + name.size()) {
    return std::unexpected(
        meta::ItemOutcome{ErrorCode::invalid_request, "Broker id must be an integer, but it is: " + name});
  }
  if (BrokerId(id) != self) {
    return std::unexpected(meta::ItemOutcome{
        ErrorCode::invalid_request,
        "Unexpected broker id, expected " + std::to_string(self.value()) + " or empty string, but received " + name});
  }
  return self;
}

task::Task<std::vector<meta::ItemOutcome>> alter_resources(ShardServer& server, std::vector<AlteredResource> resources,
                                                           bool replace, bool validate_only) {
  const BrokerId self = server.identity().node_id;
  const Deadline until = server.context().after(kAdminDeadline);
  std::vector<meta::ItemOutcome> outcomes(resources.size());
  std::map<std::pair<ConfigResourceType, std::string>, std::size_t> times;
  for (const auto& resource : resources) ++times[{resource.type, resource.name}];

  std::vector<meta::TopicConfigRequest> topics;
  std::vector<std::size_t> slots;
  for (std::size_t i = 0; i < resources.size(); ++i) {
    AlteredResource& resource = resources[i];
    if (times[{resource.type, resource.name}] > 1) {
      outcomes[i] = {ErrorCode::invalid_request, "Each resource must appear at most once."};
    } else if (auto why = check(self, resource)) {
      outcomes[i] = *std::move(why);
    } else if (resource.type == ConfigResourceType::topic) {
      slots.push_back(i);
      topics.push_back({std::move(resource.name), replace, std::move(resource.changes)});
    } else {
      auto altered =
          co_await meta::alter_broker_configs(server.metadata(), server.shard(), *broker_of(self, resource.name),
                                              replace, std::move(resource.changes), validate_only, until);
      outcomes[i] = altered ? *std::move(altered) : to_outcome(altered.error());
      // Kafka checks a broker's configurations before it looks at them as such.
      if (outcomes[i].error == ErrorCode::invalid_config) outcomes[i].error = ErrorCode::invalid_request;
    }
  }
  if (topics.empty()) co_return outcomes;
  auto altered =
      co_await meta::alter_topic_configs(server.metadata(), server.shard(), std::move(topics), validate_only, until);
  for (std::size_t i = 0; i < slots.size(); ++i) {
    outcomes[slots[i]] = altered ? std::move((*altered)[i]) : to_outcome(altered.error());
  }
  co_return outcomes;
}

}  // namespace chronik::server
