// What is stored, and the changes to it. A Change is decided by the core, atomically, on the state of one session; a
// Delta is the same ready to be stored: rows are bytes to whoever keeps them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/result.h"

namespace chronik::checkpoint {

inline constexpr std::size_t kBranchesMax = 256;  // per session

struct SessionRow {
  SessionId id;
  std::string name;
  std::string metadata;
  std::string forked_from;
  Time created_at{};
  bool operator==(const SessionRow&) const = default;
};

struct BranchHead {
  std::string name;
  std::uint64_t sequence = 0;
  CheckpointId id;
  Digest hash{};
  bool operator==(const BranchHead&) const = default;
};

/// Where a session stands; survives the removal of what it names.
struct Head {
  std::uint64_t events = 0;  // number of the newest
  std::uint64_t epoch = 0;
  std::uint64_t last_sequence = 0;
  std::uint64_t checkpoints = 0;
  CheckpointId last_id;
  Time last_time{};
  std::vector<BranchHead> branches;  // by name
  bool operator==(const Head&) const = default;

  const BranchHead* branch(std::string_view name) const;
  /// Takes over what `delta` says; branches that it does not name stay.
  void merge(const Head& delta);
};

/// A payload that the backend has, or will have by the time the change is durable. It stays as long as this lives.
class Staged {
 public:
  virtual ~Staged() = default;
  /// How the backend's rows refer to it.
  virtual const std::string& locator() const = 0;
};
using StagedPtr = std::shared_ptr<const Staged>;

struct Put {
  Checkpoint checkpoint;
  StagedPtr payload;
};

struct Change {
  std::optional<SessionRow> row;  // a new session, or a new name
  bool erase = false;             // the whole session
  std::optional<std::uint64_t> epoch;
  std::vector<Put> puts;               // sequences ascend, from last_sequence + 1
  std::vector<Checkpoint> updates;     // of what may change later
  std::vector<std::uint64_t> deletes;  // ascending, all there
  std::vector<Event> events;           // numbers from events + 1
  bool empty() const {
    return !row && !erase && !epoch && puts.empty() && updates.empty() && deletes.empty() && events.empty();
  }
};

struct Row {
  std::uint64_t sequence = 0;
  std::string record;   // codec.h
  std::string locator;  // of the backend; of an update empty: as before
  bool operator==(const Row&) const = default;
};

struct Delta {
  SessionId session;
  std::optional<SessionRow> row;
  bool erase = false;
  Head head;  // after it, with the branches that changed
  std::vector<Row> puts;
  std::vector<Row> updates;
  std::vector<std::uint64_t> deletes;
  std::vector<Event> events;
  bool operator==(const Delta&) const = default;
};

/// `before` must outlive nothing.
Delta make_delta(const SessionId& session, const Head& before, const Change& change);

/// SHA-256 over the canonical form of what never changes.
Digest chain_hash(const Checkpoint& checkpoint);

}  // namespace chronik::checkpoint
