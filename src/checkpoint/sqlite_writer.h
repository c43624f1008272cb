// SqliteWriter: the one connection of a store that writes. What arrives while one transaction commits goes into the
// next: many changes share one fsync. Other processes are kept out by SQLite's own lock (BEGIN IMMEDIATE, with a
// deadline).
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <optional>

#include "checkpoint/backend.h"
#include "checkpoint/room.h"
#include "checkpoint/sqlite.h"

namespace chronik::checkpoint {

/// A payload kept in memory until a transaction takes it, or the name of one that is stored.
class StagedForSqlite final : public Staged {
 public:
  StagedForSqlite(std::string hash, std::uint64_t size, std::string packed, Room::Token room)
      : hash_(std::move(hash)), size_(size), packed_(std::move(packed)), room_(std::move(room)) {}
  const std::string& locator() const override { return hash_; }
  std::uint64_t size() const { return size_; }
  /// Empty: it must be stored already.
  const std::string& packed() const { return packed_; }

 private:
  std::string hash_;
  std::uint64_t size_;
  std::string packed_;
  Room::Token room_;
};

class SqliteWriter : public std::enable_shared_from_this<SqliteWriter> {
 public:
  SqliteWriter(std::unique_ptr<Database> database, std::size_t events_kept, std::shared_ptr<Surroundings> world)
      : database_(std::move(database)), events_kept_(events_kept), world_(std::move(world)) {}

  void add(const SessionId& session, Decide decide, PendingPtr pending);
  /// Refuses more, then waits for what is there. timed_out: a transaction in flight may still take effect, nothing else
  /// will.
  Status close(Duration timeout);

 private:
  struct Job {
    SessionId session;
    Decide decide;
    PendingPtr pending;
    Status outcome;
  };
  static constexpr std::size_t kBatch = 256;

  void drain();
  void write(std::vector<Job>& jobs);
  Status decide_and_store(const Job& job);
  Status store(const Delta& delta, const Change& change, Head head);
  Status put(const Delta& delta, const Row& row, const Put& put);
  Status remove(const SessionId& session, std::uint64_t sequence);
  Status erase(const SessionId& session);
  Status store_events(const Delta& delta);

  const std::unique_ptr<Database> database_;  // of the draining thread
  const std::size_t events_kept_;
  const std::shared_ptr<Surroundings> world_;
  std::mutex deciding_;  // held for one decision, or to forbid more of them
  bool abandoned_ = false;
  std::mutex mutex_;  // held for the queue only
  std::deque<Job> queue_;
  bool draining_ = false;
  bool closed_ = false;
  std::optional<Error> failure_;  // an I/O error: sticky
  std::shared_ptr<Latch> drained_;
};

}  // namespace chronik::checkpoint
