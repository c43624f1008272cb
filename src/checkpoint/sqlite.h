// SQLite, as values: connections, statements, errors as results. Not thread-safe: one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "checkpoint/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace chronik::checkpoint {

class Latch;
class Statement;

class Database {
 public:
  /// Creates the file if need be; waits up to `busy` for locks of others.
  static Result<std::unique_ptr<Database>> open(const std::string& path, Duration busy);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  /// Statements without results.
  Status run(const char* sql);
  /// Prepared once and kept; `sql` must be a literal.
  Result<Statement> prepare(const char* sql);
  /// Ends what runs with an error soon after the latch is set; null: nothing does. It must outlive that.
  void end_at(const Latch* latch);
  /// What the last failure was.
  Error error(std::string_view doing) const;
  std::uint64_t changes() const;

 private:
  friend class Statement;
  explicit Database(sqlite3* handle) : handle_(handle) {}
  sqlite3* handle_;
  std::unordered_map<std::string_view, sqlite3_stmt*> prepared_;
};

/// One run of a prepared statement; ends with it. Parameters are numbered from 1, columns from 0.
class Statement {
 public:
  Statement(Database& database, sqlite3_stmt* statement) : database_(&database), statement_(statement) {}
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  /// Bytes must stay until the statement ends.
  Statement& bind(int parameter, std::int64_t value);
  Statement& bind_blob(int parameter, std::string_view bytes);
  Statement& bind_text(int parameter, std::string_view text);
  /// True: a row; false: the end.
  Result<bool> step();
  /// For statements without rows.
  Status run();

  std::int64_t number(int column) const;
  std::string_view bytes(int column) const;  // until the next step

 private:
  Database* database_;
  sqlite3_stmt* statement_;
};

}  // namespace chronik::checkpoint
