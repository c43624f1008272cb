// What AlterConfigs and IncrementalAlterConfigs have in common: the checks of a request's form, and the way of each
// resource to the metadata room.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "meta/administration.h"
#include "server/shard_server.h"
#include "task/task.h"
#include "wire/types.h"

namespace chronik::server {

/// One resource of a request, in terms of the metadata room.
struct AlteredResource {
  wire::ConfigResourceType type = wire::ConfigResourceType::unknown;
  std::string name;
  std::vector<meta::ConfigChange> changes;
  std::optional<meta::ItemOutcome> problem;  // known already: not to be tried
};

/// An outcome for each resource, in order. `replace` forgets all earlier overrides of a resource first.
task::Task<std::vector<meta::ItemOutcome>> alter_resources(ShardServer& server, std::vector<AlteredResource> resources,
                                                           bool replace, bool validate_only);

/// The broker that a resource of type broker names: kEveryBroker for the empty name, else this node.
std::expected<BrokerId, meta::ItemOutcome> broker_of(BrokerId self, const std::string& name);

}  // namespace chronik::server
