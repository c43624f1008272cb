// The world behind sim_env.h: time, chance, machines and their processes. Everything is on one thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/prng.h"
#include "sim/events.h"
#include "sim/process.h"
#include "sim/sim_disk.h"
#include "sim/sim_env.h"

namespace chronik::sim {

class WorldImpl;

class MachineImpl final : public Machine {
 public:
  MachineImpl(WorldImpl& world, std::string name) : world_(world), name_(std::move(name)), disk_(*this) {}

  env::Env& env(std::size_t loop) override;
  DiskFaults& disk_faults() override { return disk_.faults(); }
  std::uint64_t disk_used() override { return disk_.image().pages_used() * kPageBytes; }
  void disk_faults_changed() override { disk_.faults_changed(); }
  NetworkFaults& network_faults() override { return network_faults_; }
  void reset_connections() override;
  void shift_wall_clock(Duration off) override { wall_shift_ = off; }
  UnixMillis wall_now() const override;
  void pause(Instant until) override;
  void watch_disk(std::string part) override { disk_.watch(std::move(part)); }
  std::uint64_t disk_watched() const override { return disk_.watched(); }
  std::uint64_t open_files() const override { return process_ ? process_->open_files : 0; }
  void crash() override;
  std::vector<env::DirectoryEntry> list(const std::string& path) override {
    return disk_.image().list(path).value_or(std::vector<env::DirectoryEntry>{});
  }
  Result<Buffer> read(const std::string& path, std::uint64_t offset, std::size_t length) override;
  Status flip(const std::string& path, std::uint64_t offset, std::uint8_t mask) override;

  WorldImpl& world() const { return world_; }
  const std::string& name() const { return name_; }
  MachineDisk& disk() { return disk_; }
  /// Null before the first env() and after a crash.
  const std::shared_ptr<Process>& process() const { return process_; }
  std::uint16_t ephemeral_port();

 private:
  WorldImpl& world_;
  const std::string name_;
  MachineDisk disk_;
  std::shared_ptr<Process> process_;
  std::uint16_t last_port_ = 32767;
  NetworkFaults network_faults_;
  Duration wall_shift_{};
};

class WorldImpl final : public World {
 public:
  explicit WorldImpl(std::uint64_t seed) : prng_(seed), chance_(seed ^ 0x5eedf00dc0ffee11ULL) {}
  ~WorldImpl() override;

  Machine& machine(const std::string& name) override;
  Instant now() const override { return events_.now(); }
  Prng& prng() override { return prng_; }
  std::uint64_t trace_hash() const override { return events_.trace_hash(); }
  bool step() override;
  bool run_until(const std::function<bool()>& done, Duration limit) override;
  void run_for(Duration span) override;

  Events& events() { return events_; }
  /// The world's own dice; prng() belongs to the workload.
  Prng& chance() { return chance_; }
  Duration delay(Duration low, Duration high);
  std::uint64_t next_id() { return ++ids_; }
  /// Null if there is no such machine.
  MachineImpl* find_machine(const std::string& name);
  std::shared_ptr<Process> make_process(MachineImpl& machine);

  void bury(env::Thunk thunk) { graveyard_->thunks.push_back(std::move(thunk)); }
  const std::shared_ptr<Graveyard>& graveyard() const { return graveyard_; }
  /// Does so now, unless an event is running.
  void empty_graveyard();

 private:
  Events events_;
  Prng prng_;
  Prng chance_;
  std::uint64_t ids_ = 0;
  bool running_ = false;
  std::shared_ptr<Graveyard> graveyard_ = std::make_shared<Graveyard>();
  std::map<std::string, std::unique_ptr<MachineImpl>> machines_;
  std::vector<std::shared_ptr<Process>> processes_;  // the dead too: their Envs stay callable
};

}  // namespace chronik::sim
