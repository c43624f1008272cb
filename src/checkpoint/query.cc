#include "checkpoint/query.h"

#include <algorithm>

#include "checkpoint/text.h"

namespace chronik::checkpoint {

Result<Query> checked(Query query) {
  constexpr std::size_t kPageMax = 1000;
  if (query.limit == 0 || query.limit > kPageMax)
    return fail(Errc::invalid_argument, "a page has 1 to 1,000 checkpoints");
  for (auto& wish : query.metadata) {
    TRY(wish.second, canonical_value(wish.second));
  }
  if (query.within && *query.within < Duration(0)) return fail(Errc::invalid_argument, "a span of time below zero");
  return query;
}

std::optional<Time> earliest(const Query& query, Surroundings& world) {
  if (!query.within) return query.from;
  const auto span = std::chrono::ceil<std::chrono::milliseconds>(*query.within);
  const Time since = world.now() - span + std::chrono::milliseconds(1);
  return query.from ? std::max(*query.from, since) : since;
}

bool matches(const Query& query, const Checkpoint& c) {
  if (!query.branch.empty() && c.branch != query.branch) return false;
  if (query.trigger && c.trigger != *query.trigger) return false;
  for (const std::string& tag : query.tags) {
    if (!std::ranges::binary_search(c.tags, tag)) return false;
  }
  return json_has(c.metadata, query.metadata);
}

}  // namespace chronik::checkpoint
