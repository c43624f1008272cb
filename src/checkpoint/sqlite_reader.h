// What is read from the SQLite file, on whatever connection: inside the writer's transaction or outside. And its
// schema.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "checkpoint/backend.h"
#include "checkpoint/sqlite.h"

namespace chronik::checkpoint::sqlite {

/// Creates the tables if there are none; unsupported if a newer version made them, corrupt if they are someone else's.
Status prepare_schema(Database& database);

struct Stored {
  SessionRow row;
  Head head;
};
/// Nothing: no such session.
Result<std::optional<Stored>> find_session(Database& database, const SessionId& session);
Result<SessionInfo> describe(Database& database, const SessionId& session);
Result<SessionId> session_named(Database& database, std::string_view name);
Result<std::vector<SessionInfo>> sessions(Database& database, std::string_view after, std::size_t limit);
Result<std::vector<Outline>> outlines(Database& database);

Result<std::optional<Checkpoint>> find(Database& database, const SessionId& session, std::uint64_t sequence);
Result<std::optional<Checkpoint>> find(Database& database, const SessionId& session, const CheckpointId& id);
Result<std::optional<Checkpoint>> find_key(Database& database, const SessionId& session, std::string_view key);

using Record = std::pair<std::uint64_t, Result<Checkpoint>>;
Result<std::vector<Record>> records(Database& database, const SessionId& session, std::uint64_t from, bool descending,
                                    std::size_t limit);
Result<std::uint64_t> first_from(Database& database, const SessionId& session, Time time);
Result<std::string> payload(Database& database, const SessionId& session, std::uint64_t sequence,
                            std::uint64_t bytes_max);
Result<std::vector<Event>> events(Database& database, const SessionId& session, std::uint64_t from, std::size_t limit);
Result<Health> health(Database& database);
/// The digest under which a checkpoint's payload is kept.
Result<std::string> payload_key(Database& database, const SessionId& session, std::uint64_t sequence);
/// One number, such as of a pragma.
Result<std::int64_t> number(Database& database, const char* sql);

inline std::string_view bytes_of(const std::array<std::uint8_t, 16>& id) {
  return {reinterpret_cast<const char*>(id.data()), id.size()};
}
inline std::int64_t ms(Time at) {
  return at.time_since_epoch().count();
}
/// SQLite's integers are signed; order is kept below 2^63, which no sequence reaches.
inline std::int64_t clamp(std::uint64_t value) {
  return static_cast<std::int64_t>(std::min<std::uint64_t>(value, INT64_MAX));
}

}  // namespace chronik::checkpoint::sqlite
