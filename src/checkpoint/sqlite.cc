#include "checkpoint/sqlite.h"

#include <sqlite3.h>

#include <utility>

#include "base/check.h"
#include "checkpoint/latch.h"

namespace chronik::checkpoint {

namespace {
Errc code_of(int result) {
  switch (result & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Errc::overloaded;
    case SQLITE_FULL:
      return Errc::disk_full;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Errc::corrupt;
    case SQLITE_CONSTRAINT:
      return Errc::already_exists;
    case SQLITE_TOOBIG:
      return Errc::too_large;
    default:
      return Errc::storage_failed;
  }
}
}  // namespace

Result<std::unique_ptr<Database>> Database::open(const std::string& path, Duration busy) {
  sqlite3* handle = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const int result = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
  std::unique_ptr<Database> database(new Database(handle));
  if (result != SQLITE_OK) {
    return fail(code_of(result), path + ": " + (handle != nullptr ? sqlite3_errmsg(handle) : "no memory"));
  }
  sqlite3_busy_timeout(handle, static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(busy).count()));
  // A hostile file must not do more than lie: no functions or triggers of its schema are trusted, sizes are bounded.
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
  sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, 1 << 30);
  return database;
}

Database::~Database() {
  for (const auto& [sql, statement] : prepared_) sqlite3_finalize(statement);
  sqlite3_close_v2(handle_);
}

Error Database::error(std::string_view doing) const {
  return {code_of(sqlite3_extended_errcode(handle_)), std::string(doing) + ": " + sqlite3_errmsg(handle_)};
}

void Database::end_at(const Latch* latch) {
  constexpr int kInstructions = 10'000;  // between two looks
  const auto ended = [](void* watched) { return static_cast<const Latch*>(watched)->is_set() ? 1 : 0; };
  sqlite3_progress_handler(handle_, latch == nullptr ? 0 : kInstructions, ended, const_cast<Latch*>(latch));
}

Status Database::run(const char* sql) {
  if (sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) return fail(error(sql));
  return {};
}

std::uint64_t Database::changes() const {
  return static_cast<std::uint64_t>(sqlite3_changes64(handle_));
}

Result<Statement> Database::prepare(const char* sql) {
  sqlite3_stmt*& statement = prepared_[sql];
  if (statement == nullptr &&
      sqlite3_prepare_v3(handle_, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr) != SQLITE_OK) {
    return fail(error(sql));
  }
  CHECK(!sqlite3_stmt_busy(statement));
  return Statement(*this, statement);
}

Statement::Statement(Statement&& other) noexcept
    : database_(other.database_), statement_(std::exchange(other.statement_, nullptr)) {}

Statement::~Statement() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

Statement& Statement::bind(int parameter, std::int64_t value) {
  CHECK(sqlite3_bind_int64(statement_, parameter, value) == SQLITE_OK);
  return *this;
}
Statement& Statement::bind_blob(int parameter, std::string_view bytes) {
  // An empty view may have no address, which SQLite would take for NULL.
  const char* at = bytes.empty() ? "" : bytes.data();
  CHECK(sqlite3_bind_blob64(statement_, parameter, at, bytes.size(), SQLITE_STATIC) == SQLITE_OK);
  return *this;
}
Statement& Statement::bind_text(int parameter, std::string_view text) {
  const char* at = text.empty() ? "" : text.data();
  CHECK(sqlite3_bind_text64(statement_, parameter, at, text.size(), SQLITE_STATIC, SQLITE_UTF8) == SQLITE_OK);
  return *this;
}

Result<bool> Statement::step() {
  const int result = sqlite3_step(statement_);
  if (result == SQLITE_ROW) return true;
  if (result == SQLITE_DONE) return false;
  return fail(database_->error(sqlite3_sql(statement_)));
}

Status Statement::run() {
  TRY(const bool row, step());
  CHECK(!row);
  return {};
}

std::int64_t Statement::number(int column) const {
  return sqlite3_column_int64(statement_, column);
}

std::string_view Statement::bytes(int column) const {
  const void* at = sqlite3_column_blob(statement_, column);
  const int length = sqlite3_column_bytes(statement_, column);
  return at == nullptr ? std::string_view()
                       : std::string_view(static_cast<const char*>(at), static_cast<std::size_t>(length));
}

}  // namespace chronik::checkpoint
