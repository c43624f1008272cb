// The world in memory: virtual time, a network without a wire, disks that lose unsynced writes at a crash. One thread,
// one seed; the same calls give the same events in the same order.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/prng.h"
#include "env/env.h"

namespace chronik::sim {

/// What a disk does with one write while it says that all is well.
enum class WriteDamage : std::uint8_t {
  none,
  lost,         // a phantom write: nothing changes
  misdirected,  // it lands some blocks away, in the same file
};

/// What a simulated disk does to its users. All off by default.
struct DiskFaults {
  bool stalled = false;                 // operations do not complete until cleared; those held are then completed
  bool fail_writes = false;             // EIO on write and allocate
  bool fail_syncs = false;              // EIO on sync and synced writes; what was unsynced may or may not be on disk
  bool fail_reads = false;              // EIO
  std::uint64_t capacity = 1ULL << 40;  // bytes; beyond it disk_full
  std::uint64_t max_open_files = 1ULL << 40;  // of a process; opening, listing or syncing a directory: overloaded
  WriteDamage damage = WriteDamage::none;     // of the next write to a file whose path contains damage_path; once
  std::string damage_path;
};

/// What the network does to a machine. All off by default. What is held back arrives when the clog ends, in order.
struct NetworkFaults {
  Instant deaf_until;  // nothing arrives at it before
  Instant mute_until;  // nothing that it sends arrives before
};

class World;

/// One machine: disks and sockets in the world. It survives crashes of the process on it.
class Machine {
 public:
  virtual ~Machine() = default;
  /// A fresh Env of `loops` shards for a (re)started process. Previous Envs must be gone or crashed.
  virtual env::Env& env(std::size_t loop = 0) = 0;
  virtual DiskFaults& disk_faults() = 0;
  /// Bytes that its files take.
  virtual std::uint64_t disk_used() = 0;
  /// Of the process that runs now.
  virtual std::uint64_t open_files() const = 0;
  /// The faults were changed: completes what a cleared stall held.
  virtual void disk_faults_changed() = 0;
  virtual NetworkFaults& network_faults() = 0;
  /// Every connection of the process that runs now is reset, at both ends.
  virtual void reset_connections() = 0;
  /// Its wall clock is off by so much from now on; the clock that deadlines use is not.
  virtual void shift_wall_clock(Duration off) = 0;
  virtual UnixMillis wall_now() const = 0;
  /// The process that runs now does nothing until then: what is due earlier happens then, in its order.
  virtual void pause(Instant until) = 0;
  /// From now on counts operations that open, write, rename or remove what has `part` in its path.
  virtual void watch_disk(std::string part) = 0;
  virtual std::uint64_t disk_watched() const = 0;
  /// Kills the process: no callback of its Envs fires again; unsynced writes are lost by chance, piece by piece (each
  /// unsynced 4 KiB-page write may survive, vanish, or be torn at a 512-byte sector); unsynced directory entries
  /// likewise. The next env() is a fresh process on what remains.
  virtual void crash() = 0;
  /// What a directory shows now; empty if there is none.
  virtual std::vector<env::DirectoryEntry> list(const std::string& path) = 0;
  /// What a file shows now, at most `length` bytes.
  virtual Result<Buffer> read(const std::string& path, std::uint64_t offset, std::size_t length) = 0;
  /// XORs `mask` into the byte at `offset` of the file, behind everybody's back.
  virtual Status flip(const std::string& path, std::uint64_t offset, std::uint8_t mask) = 0;
};

/// Owns time and every Machine.
class World {
 public:
  static std::unique_ptr<World> create(std::uint64_t seed);
  virtual ~World() = default;

  virtual Machine& machine(const std::string& name) = 0;  // created on first use; the name is its host name
  virtual Instant now() const = 0;
  virtual Prng& prng() = 0;
  /// Digest of every event so far: when, in which order, to whom. Equal for equal seeds and equal calls.
  virtual std::uint64_t trace_hash() const = 0;
  /// Runs the next event, moving time; false if nothing is left to happen.
  virtual bool step() = 0;
  /// Runs until `done()` or until `limit` of simulated time has passed; true if done.
  virtual bool run_until(const std::function<bool()>& done, Duration limit) = 0;
  /// Runs everything due within `span`.
  virtual void run_for(Duration span) = 0;
};

}  // namespace chronik::sim
