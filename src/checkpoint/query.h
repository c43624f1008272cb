// What the list of a session and the timeline of all make of a query.
#pragma once

#include <optional>

#include "checkpoint/result.h"
#include "checkpoint/surroundings.h"

namespace chronik::checkpoint {

/// As it is compared, or invalid_argument: values of metadata in canonical form.
Result<Query> checked(Query query);
/// When the first may have been created, by `from` and `within`; nothing: at any time.
std::optional<Time> earliest(const Query& query, Surroundings& world);
/// Whether a page takes it, but for its sequence and time. The query was checked.
bool matches(const Query& query, const Checkpoint& checkpoint);

}  // namespace chronik::checkpoint
