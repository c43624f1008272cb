// Tables: every session in memory, as the memory backend and the log backend keep it. Per session there are two states:
// what readers see (durable), and what the next change is decided on (with what is on its way to the disk).
//
// Locks: the directory's (names, sessions) and one per session; the latter is held while a change is decided and put in
// line, never across I/O. The directory's is never taken while a session's is held, but in propose(), for a name.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <span>
#include <unordered_map>

#include "checkpoint/backend.h"
#include "checkpoint/record_table.h"

namespace chronik::checkpoint {

class Tables {
 public:
  /// Told of locators that come and go, under the session's lock.
  struct Payloads {
    virtual ~Payloads() = default;
    virtual void added(std::string_view locator) = 0;
    virtual void removed(std::string_view locator) = 0;
  };
  Tables(std::size_t events_kept, Payloads* payloads) : events_kept_(events_kept), payloads_(payloads) {}
  Tables(const Tables&) = delete;
  Tables& operator=(const Tables&) = delete;
  ~Tables();

  /// What became of a proposed change.
  enum class Line : std::uint8_t { applied, queued };
  /// Puts a change in line: called with the session locked, so that lines keep its order. `applied`: visible at once.
  using Enqueue = std::function<Result<Line>(std::shared_ptr<const Delta>)>;
  /// Decides on the newest state. Nothing if the change is empty, and then `behind` is the newest delta in line, if
  /// any.
  Result<std::shared_ptr<const Delta>> propose(const SessionId& session, const Decide& decide, const Enqueue& enqueue,
                                               std::shared_ptr<const Delta>* behind);
  /// Queued deltas are durable: in the order of the line.
  void apply(std::span<const std::shared_ptr<const Delta>> deltas);
  /// It and all that is in line of its session will never be.
  void drop(const std::shared_ptr<const Delta>& delta);
  /// While loading: applies whatever comes; may meet what it has already applied.
  void load(Delta delta);
  /// The same for rows; corrupt if they meet rows that are there, and do not unpack.
  Status load(const SessionId& session, RowBlock block);
  /// After loading: sessions whose own row is lost get a name, so that what they hold can be reached.
  std::vector<SessionId> adopt_nameless();

  Result<SessionId> find_session(std::string_view name) const;
  Result<SessionInfo> describe(const SessionId& session) const;
  std::vector<SessionInfo> sessions(std::string_view after, std::size_t limit) const;
  std::vector<Outline> outlines() const;
  Result<Checkpoint> get(const SessionId& session, std::uint64_t sequence) const;
  Result<Checkpoint> get(const SessionId& session, const CheckpointId& id) const;
  Status scan(const SessionId& session, std::uint64_t from, bool descending, const Visit& visit) const;
  Result<std::uint64_t> first_from(const SessionId& session, Time time) const;
  Result<std::vector<Event>> events(const SessionId& session, std::uint64_t from, std::size_t limit) const;
  /// Copies the locator; runs `use` with it under the session's lock.
  Status with_locator(const SessionId& session, std::uint64_t sequence,
                      const std::function<void(std::string_view)>& use) const;
  std::vector<SessionId> all() const;
  /// Whether it is there, or something of it is in line.
  bool knows(const SessionId& session) const;
  /// A session without its rows, as a delta that load() takes.
  Status snapshot(const SessionId& session, Delta& into) const;
  /// Its rows from the first at or above `sequence` on, as many as a block holds.
  std::optional<RowBlock> packed_from(const SessionId& session, std::uint64_t sequence) const;
  /// Every locator of the session, under its lock.
  void for_each_locator(const SessionId& session, const std::function<void(std::string_view)>& use) const;

  std::uint64_t checkpoints() const { return checkpoints_.load(std::memory_order_relaxed); }
  std::uint64_t payload_bytes() const { return payload_bytes_.load(std::memory_order_relaxed); }
  std::uint64_t session_count() const;
  /// Of records and locators, packed where they are.
  std::uint64_t bytes() const;

 private:
  struct Table;
  using TablePtr = std::shared_ptr<Table>;
  class Speculative;

  TablePtr table(const SessionId& session) const;
  Result<TablePtr> visible(const SessionId& session) const;
  TablePtr table_or_new(const SessionId& session);
  void forget(const SessionId& session, const TablePtr& table);
  void apply_locked(Table& table, const Delta& delta);
  void put_row(Table& table, const Row& row);
  void remove_row(Table& table, std::uint64_t sequence);
  void remove_rows(Table& table, const std::vector<std::uint64_t>& sequences);
  void set_row(Table& table, const SessionRow& row);
  void erase_all(Table& table);
  Status reserve_name(const std::string& name, const SessionId& session);
  void release_name(const std::string& name, const SessionId& session);

  const std::size_t events_kept_;
  Payloads* const payloads_;
  mutable std::shared_mutex directory_;
  std::map<SessionId, TablePtr> sessions_;
  std::map<std::string, SessionId, std::less<>> names_;  // taken, also by what is not durable yet
  std::atomic<std::uint64_t> checkpoints_{0};
  std::atomic<std::uint64_t> payload_bytes_{0};
};

}  // namespace chronik::checkpoint
