#include "checkpoint/sqlite_reader.h"

#include <algorithm>

#include "checkpoint/codec.h"
#include "checkpoint/hash.h"
#include "checkpoint/packed.h"

namespace chronik::checkpoint::sqlite {

namespace {

constexpr std::int64_t kApplication = 0x43484b50;  // "CHKP"
constexpr std::int64_t kVersion = 1;

// Records and heads carry a CRC-32C: SQLite's pages have none.
constexpr const char* kSchema = R"(
  CREATE TABLE sessions(id BLOB PRIMARY KEY, name TEXT NOT NULL UNIQUE, metadata TEXT NOT NULL, forked_from TEXT NOT NULL,
    created_at INTEGER NOT NULL, head BLOB NOT NULL) WITHOUT ROWID;
  CREATE TABLE checkpoints(session BLOB NOT NULL, sequence INTEGER NOT NULL, id BLOB NOT NULL, created_at INTEGER NOT NULL,
    key INTEGER NOT NULL, size INTEGER NOT NULL, record BLOB NOT NULL, payload BLOB NOT NULL,
    PRIMARY KEY(session, sequence)) WITHOUT ROWID;
  CREATE UNIQUE INDEX checkpoints_id ON checkpoints(session, id);
  CREATE INDEX checkpoints_time ON checkpoints(session, created_at);
  CREATE INDEX checkpoints_key ON checkpoints(session, key) WHERE key != 0;
  CREATE TABLE payloads(hash BLOB NOT NULL UNIQUE, users INTEGER NOT NULL, size INTEGER NOT NULL, bytes BLOB NOT NULL);
  CREATE TABLE events(session BLOB NOT NULL, number INTEGER NOT NULL, kind INTEGER NOT NULL, sequence INTEGER NOT NULL,
    count INTEGER NOT NULL, at INTEGER NOT NULL, PRIMARY KEY(session, number)) WITHOUT ROWID;
)";

Result<Checkpoint> decode_sealed(std::string_view sealed) {
  TRY(const std::string_view record, unseal(sealed));
  return decode_checkpoint(record);
}

Result<std::optional<Checkpoint>> one(Result<Statement> statement) {
  if (!statement) return std::unexpected(statement.error());
  TRY(const bool row, statement->step());
  if (!row) return std::nullopt;
  TRY(Checkpoint checkpoint, decode_sealed(statement->bytes(0)));
  return checkpoint;
}

template <std::size_t N>
Status copy(std::string_view from, std::array<std::uint8_t, N>& to) {
  if (from.size() != N) return fail(Errc::corrupt, "an id of " + std::to_string(from.size()) + " bytes");
  std::copy(from.begin(), from.end(), reinterpret_cast<char*>(to.data()));
  return {};
}

/// Columns: id, name, metadata, forked_from, created_at, head.
Result<Stored> stored(const Statement& row) {
  Stored stored;
  TRY_STATUS(copy(row.bytes(0), stored.row.id.bytes));
  stored.row.name = row.bytes(1);
  stored.row.metadata = row.bytes(2);
  stored.row.forked_from = row.bytes(3);
  stored.row.created_at = Time(std::chrono::milliseconds(row.number(4)));
  TRY(const std::string_view head, unseal(row.bytes(5)));
  TRY(stored.head, decode_head(head));
  return stored;
}

SessionInfo info_of(const Stored& stored) {
  const auto& [row, head] = stored;
  SessionInfo info{row.id,           row.name,           row.metadata, row.created_at, row.forked_from,
                   head.checkpoints, head.last_sequence, head.events,  head.epoch,     {}};
  for (const BranchHead& branch : head.branches) info.branches.push_back({branch.name, branch.sequence, branch.id});
  return info;
}

std::unexpected<Error> no_session() {
  return fail(Errc::not_found, "no such session");
}

/// SQLite does not wait for another process that is doing the same: wait on its transaction, then look again.
Status set_wal_mode(Database& database) {
  constexpr int kTries = 100;
  Status switched;
  for (int i = 0; i < kTries; ++i) {
    switched = database.run("PRAGMA journal_mode=WAL");
    if (switched || switched.error().code != Errc::overloaded) return switched;
    if (database.run("BEGIN IMMEDIATE")) TRY_STATUS(database.run("ROLLBACK"));
  }
  return switched;
}

}  // namespace

Result<std::int64_t> number(Database& database, const char* sql) {
  TRY(Statement statement, database.prepare(sql));
  TRY(const bool row, statement.step());
  return row ? statement.number(0) : 0;
}

Status prepare_schema(Database& database) {
  // Settings first: some only take before the first table is there.
  TRY_STATUS(database.run("PRAGMA auto_vacuum=INCREMENTAL"));
  TRY_STATUS(set_wal_mode(database));
  TRY_STATUS(database.run("PRAGMA synchronous=FULL"));
  TRY_STATUS(database.run("BEGIN IMMEDIATE"));
  const auto check = [&]() -> Status {
    TRY(const std::int64_t tables, number(database, "SELECT count(*) FROM sqlite_schema"));
    TRY(const std::int64_t application, number(database, "PRAGMA application_id"));
    TRY(const std::int64_t version, number(database, "PRAGMA user_version"));
    if (tables == 0 && application == 0) {
      TRY_STATUS(database.run(kSchema));
      TRY_STATUS(database.run("PRAGMA application_id=1128811344"));
      return database.run("PRAGMA user_version=1");
    }
    static_assert(kApplication == 1128811344);
    if (application != kApplication) return fail(Errc::invalid_argument, "an SQLite file, but no checkpoint store");
    if (version > kVersion) return fail(Errc::unsupported, "a checkpoint store of a newer version");
    if (version != kVersion) return fail(Errc::corrupt, "a checkpoint store of version " + std::to_string(version));
    return {};
  };
  const Status status = check();
  if (!status) {
    (void)database.run("ROLLBACK");
    return status;
  }
  return database.run("COMMIT");
}

Result<std::optional<Stored>> find_session(Database& database, const SessionId& session) {
  TRY(Statement statement,
      database.prepare("SELECT id, name, metadata, forked_from, created_at, head FROM sessions WHERE id=?1"));
  TRY(const bool row, statement.bind_blob(1, bytes_of(session.bytes)).step());
  if (!row) return std::nullopt;
  TRY(Stored found, stored(statement));
  return found;
}

Result<SessionInfo> describe(Database& database, const SessionId& session) {
  TRY(const auto found, find_session(database, session));
  if (!found) return no_session();
  return info_of(*found);
}

Result<SessionId> session_named(Database& database, std::string_view name) {
  TRY(Statement statement, database.prepare("SELECT id FROM sessions WHERE name=?1"));
  TRY(const bool row, statement.bind_text(1, name).step());
  if (!row) return fail(Errc::not_found, "no session is named " + std::string(name));
  SessionId id;
  TRY_STATUS(copy(statement.bytes(0), id.bytes));
  return id;
}

Result<std::vector<SessionInfo>> sessions(Database& database, std::string_view after, std::size_t limit) {
  TRY(Statement statement, database.prepare("SELECT id, name, metadata, forked_from, created_at, head FROM sessions "
                                            "WHERE name>?1 ORDER BY name LIMIT ?2"));
  statement.bind_text(1, after).bind(2, clamp(limit));
  std::vector<SessionInfo> page;
  for (;;) {
    TRY(const bool row, statement.step());
    if (!row) return page;
    TRY(const Stored found, stored(statement));
    page.push_back(info_of(found));
  }
}

Result<std::vector<Outline>> outlines(Database& database) {
  TRY(Statement statement, database.prepare("SELECT id, name, metadata, forked_from, created_at, head FROM sessions"));
  std::vector<Outline> all;
  for (;;) {
    TRY(const bool row, statement.step());
    if (!row) return all;
    TRY(Stored found, stored(statement));
    if (found.head.checkpoints == 0) continue;
    all.push_back({found.row.id, std::move(found.row.name), found.head.last_time, found.head.last_sequence});
  }
}

Result<std::optional<Checkpoint>> find(Database& database, const SessionId& session, std::uint64_t sequence) {
  auto statement = database.prepare("SELECT record FROM checkpoints WHERE session=?1 AND sequence=?2");
  if (statement) statement->bind_blob(1, bytes_of(session.bytes)).bind(2, clamp(sequence));
  return one(std::move(statement));
}

Result<std::optional<Checkpoint>> find(Database& database, const SessionId& session, const CheckpointId& id) {
  auto statement = database.prepare("SELECT record FROM checkpoints WHERE session=?1 AND id=?2");
  if (statement) statement->bind_blob(1, bytes_of(session.bytes)).bind_blob(2, bytes_of(id.bytes));
  return one(std::move(statement));
}

Result<std::optional<Checkpoint>> find_key(Database& database, const SessionId& session, std::string_view key) {
  TRY(Statement statement, database.prepare("SELECT record FROM checkpoints WHERE session=?1 AND key=?2 AND key!=0"));
  statement.bind_blob(1, bytes_of(session.bytes)).bind(2, static_cast<std::int64_t>(short_hash(key)));
  for (;;) {
    TRY(const bool row, statement.step());
    if (!row) return std::nullopt;
    TRY(Checkpoint checkpoint, decode_sealed(statement.bytes(0)));
    if (checkpoint.idempotency_key == key) return checkpoint;
  }
}

Result<std::vector<Record>> records(Database& database, const SessionId& session, std::uint64_t from, bool descending,
                                    std::size_t limit) {
  TRY(const auto found, find_session(database, session));
  if (!found) return no_session();
  TRY(Statement statement,
      database.prepare(descending ? "SELECT sequence, record FROM checkpoints WHERE session=?1 AND sequence<=?2 "
                                    "ORDER BY sequence DESC LIMIT ?3"
                                  : "SELECT sequence, record FROM checkpoints WHERE session=?1 AND sequence>=?2 "
                                    "ORDER BY sequence LIMIT ?3"));
  statement.bind_blob(1, bytes_of(session.bytes)).bind(2, clamp(from)).bind(3, clamp(limit));
  std::vector<Record> page;
  for (;;) {
    TRY(const bool row, statement.step());
    if (!row) return page;
    page.emplace_back(static_cast<std::uint64_t>(statement.number(0)), decode_sealed(statement.bytes(1)));
  }
}

Result<std::uint64_t> first_from(Database& database, const SessionId& session, Time time) {
  TRY(Statement statement, database.prepare("SELECT sequence FROM checkpoints WHERE session=?1 AND created_at>=?2 "
                                            "ORDER BY created_at, sequence LIMIT 1"));
  TRY(const bool row, statement.bind_blob(1, bytes_of(session.bytes)).bind(2, ms(time)).step());
  return row ? static_cast<std::uint64_t>(statement.number(0)) : UINT64_MAX;
}

Result<std::string> payload(Database& database, const SessionId& session, std::uint64_t sequence,
                            std::uint64_t bytes_max) {
  TRY(Statement statement, database.prepare("SELECT p.size, p.bytes FROM checkpoints c LEFT JOIN payloads p ON "
                                            "p.hash=c.payload WHERE c.session=?1 AND c.sequence=?2"));
  TRY(const bool row, statement.bind_blob(1, bytes_of(session.bytes)).bind(2, clamp(sequence)).step());
  if (!row) return fail(Errc::not_found, "no such checkpoint in this session");
  const auto size = static_cast<std::uint64_t>(statement.number(0));
  if (size > bytes_max) return fail(Errc::corrupt, "a payload beyond every limit");
  return unpack(statement.bytes(1), size);
}

Result<std::string> payload_key(Database& database, const SessionId& session, std::uint64_t sequence) {
  TRY(Statement statement, database.prepare("SELECT payload FROM checkpoints WHERE session=?1 AND sequence=?2"));
  TRY(const bool row, statement.bind_blob(1, bytes_of(session.bytes)).bind(2, clamp(sequence)).step());
  if (!row) return fail(Errc::not_found, "no such checkpoint in this session");
  return std::string(statement.bytes(0));
}

Result<std::vector<Event>> events(Database& database, const SessionId& session, std::uint64_t from, std::size_t limit) {
  TRY(Statement statement, database.prepare("SELECT number, kind, sequence, count, at FROM events WHERE session=?1 AND "
                                            "number>=?2 ORDER BY number LIMIT ?3"));
  statement.bind_blob(1, bytes_of(session.bytes)).bind(2, clamp(from)).bind(3, clamp(limit));
  std::vector<Event> page;
  for (;;) {
    TRY(const bool row, statement.step());
    if (!row) return page;
    const std::int64_t kind = std::clamp<std::int64_t>(statement.number(1), 0, static_cast<int>(EventKind::fenced));
    page.push_back({static_cast<std::uint64_t>(statement.number(0)), static_cast<EventKind>(kind),
                    static_cast<std::uint64_t>(statement.number(2)), static_cast<std::uint64_t>(statement.number(3)),
                    Time(std::chrono::milliseconds(statement.number(4)))});
  }
}

Result<Health> health(Database& database) {
  const auto count = [&](const char* sql) -> Result<std::uint64_t> {
    TRY(const std::int64_t value, number(database, sql));
    return static_cast<std::uint64_t>(value);
  };
  Health health;
  TRY(health.sessions, count("SELECT count(*) FROM sessions"));
  TRY(health.checkpoints, count("SELECT count(*) FROM checkpoints"));
  TRY(health.payload_bytes, count("SELECT total(size) FROM checkpoints"));
  TRY(health.stored_bytes, count("SELECT total(length(bytes)) FROM payloads"));
  TRY(const std::uint64_t free, count("PRAGMA freelist_count"));
  TRY(const std::uint64_t page, count("PRAGMA page_size"));
  health.dead_bytes = free * page;
  return health;
}

}  // namespace chronik::checkpoint::sqlite
