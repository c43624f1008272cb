// Reports as text: Prometheus exposition for /metrics, JSON for /health, a table or JSON for /debug/waits.
#pragma once

#include <string>
#include <vector>

#include "admin/admin.h"

namespace chronik::admin {

/// Every sample with a `shard` label; histograms in the unit of their name.
std::string to_prometheus(const std::vector<ShardReport>& reports);
std::string to_json(const Health& health);
std::string waits_table(const std::vector<ShardReport>& reports);
std::string waits_json(const std::vector<ShardReport>& reports);

}  // namespace chronik::admin
