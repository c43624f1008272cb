// The disk of a machine on virtual time: every operation takes effect when it completes, after a time drawn from the
// seed, under the faults that hold then. At a crash, each operation in flight took effect or not.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "env/env.h"
#include "sim/disk_image.h"
#include "sim/events.h"
#include "sim/sim_env.h"

namespace chronik::sim {

class MachineImpl;
class Process;
class SimLoop;

/// What is in flight, of any result type.
class Operation {
 public:
  virtual ~Operation() = default;
  /// Takes effect; the result is lost.
  virtual void perform() = 0;
  /// Takes effect and tells the caller.
  virtual void complete() = 0;
};

class MachineDisk {
 public:
  explicit MachineDisk(MachineImpl& machine) : machine_(machine) {}

  void submit(SimLoop& loop, Duration low, Duration high, std::unique_ptr<Operation> operation);
  DiskFaults& faults() { return faults_; }
  void faults_changed();
  void crash();
  /// The power is going: what is written now is not synced any more.
  bool crashing() const { return crashing_; }
  /// Drops what is in flight; the end of the world.
  void abandon();

  DiskImage& image() { return image_; }
  void watch(std::string part) { watched_part_ = std::move(part), watched_ = 0; }
  std::uint64_t watched() const { return watched_; }
  void note(const std::string& path) { watched_ += path.contains(watched_part_) ? 1 : 0; }

  Prng& chance();
  std::uint64_t pages_max() const { return faults_.capacity / kPageBytes; }

 private:
  struct InFlight {
    SimLoop* loop;
    std::unique_ptr<Operation> operation;
  };
  void schedule(std::uint64_t id, SimLoop& loop, Duration after);
  void complete(std::uint64_t id);

  MachineImpl& machine_;
  DiskFaults faults_;
  DiskImage image_;
  bool crashing_ = false;
  std::string watched_part_;
  std::uint64_t watched_ = 0;
  std::uint64_t operations_ = 0;
  std::map<std::uint64_t, InFlight> in_flight_;
  std::vector<std::uint64_t> held_;  // by a stall, in order
};

/// One loop's view of it.
class SimDisk final : public env::Disk {
 public:
  explicit SimDisk(SimLoop& loop) : loop_(loop) {}

  void open(std::string path, env::OpenOptions options, env::Callback<env::FilePtr> done) override;
  void make_directory(std::string path, env::Callback<void> done) override;
  void list(std::string path, env::Callback<std::vector<env::DirectoryEntry>> done) override;
  void rename(std::string from, std::string to, env::Callback<void> done) override;
  void remove(std::string path, env::Callback<void> done) override;
  void remove_tree(std::string path, env::Callback<void> done) override;
  void sync_directory(std::string path, env::Callback<void> done) override;
  void space(std::string path, env::Callback<env::Space> done) override;
  void lock(std::string path, env::Callback<std::shared_ptr<void>> done) override;

 private:
  SimLoop& loop_;
};

}  // namespace chronik::sim
