#include "sim/harness/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "sim/harness/checks.h"
#include "sim/harness/workloads.h"

namespace chronik::sim {

namespace {

constexpr std::size_t kClients = 4;
constexpr std::int32_t kPartitions = 3;
constexpr Duration kSlice = 20ms;
constexpr Duration kHealLimit = 120s;  // after the last fault ended everything works again by then

/// A client machine and what runs on it.
struct ClientProcess {
  ClientProcess(World& world, std::size_t which, std::uint64_t seed)
      : name(fmt::format("client-{}", which)), machine(world.machine(name)), prng(seed) {}
  const std::string name;
  Machine& machine;
  Prng prng;
  std::unique_ptr<task::Context> context;
};

class Run {
 public:
  explicit Run(const RunOptions& options);
  ~Run();
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
  RunResult go();

 private:
  ClientKit kit(ClientProcess& client) {
    return {*client.context, history_, client.prng, node_.address(), client.name, ending_};
  }
  std::vector<PartitionName> partitions() const;
  void start_client(ClientProcess& client);
  void kill_client(ClientProcess& client);
  void populate(ClientProcess& client);
  void inject(const Fault& fault);
  void restore_due(bool all);
  void restore(const Fault& fault);
  void advance(Instant to);
  bool wait(const std::function<bool()>& done, Duration limit, const char* what);
  void heal();
  void judge();

  const RunOptions options_;
  std::unique_ptr<World> world_;
  History history_;
  Prng prng_;
  BrokerNode node_;
  std::vector<std::unique_ptr<ClientProcess>> clients_;
  std::vector<std::string> topics_;
  FaultPlan plan_;
  std::vector<Fault> active_;  // to be restored
  std::map<std::string, std::uint64_t> injected_;
  std::uint64_t producers_ = 0;
  bool ending_ = false;
};

Run::Run(const RunOptions& options)
    : options_(options),
      world_(World::create(options.seed)),
      prng_(options.seed * 31 + 7),
      node_(*world_, history_, "broker") {
  for (std::size_t i = 0; i < kClients; ++i) {
    clients_.push_back(std::make_unique<ClientProcess>(*world_, i, prng_.next()));
  }
  for (std::size_t i = 0; i < 3; ++i) topics_.push_back(fmt::format("topic-{}", i));
}

Run::~Run() {
  for (const auto& client : clients_) kill_client(*client);
}

std::vector<PartitionName> Run::partitions() const {
  std::vector<PartitionName> all;
  for (const std::string& topic : topics_) {
    for (std::int32_t i = 0; i < kPartitions; ++i) all.push_back({topic, i});
  }
  return all;
}

void Run::start_client(ClientProcess& client) {
  client.context = std::make_unique<task::Context>(client.machine.env());
}

void Run::kill_client(ClientProcess& client) {
  if (!client.context) return;
  client.machine.crash();
  client.context->stop();
  client.context.reset();
}

void Run::populate(ClientProcess& client) {
  const auto all = partitions();
  const auto spawn = [&](task::Task<void> body) { client.context->spawn("sim.workload", std::move(body)); };
  for (int i = 0; i < 3; ++i) {
    ProducerPlan plan{.number = producers_++, .idempotent = client.prng.chance(3, 4)};
    for (const PartitionName& partition : all) {
      if (client.prng.chance(1, 2)) plan.partitions.push_back(partition);
    }
    if (plan.partitions.empty()) plan.partitions.push_back(all.front());
    plan.pause_min = 1ms;
    plan.pause_max = std::chrono::milliseconds(5 + client.prng.below(40));
    spawn(produce_on(kit(client), plan));
  }
  for (int i = 0; i < 3; ++i) spawn(read_on(kit(client), all[client.prng.below(all.size())]));
  spawn(consume_in_group(kit(client), {.group = "group",
                                       .instance = client.prng.chance(1, 3) ? "static-" + client.name : std::string(),
                                       .topics = {topics_.begin(), topics_.begin() + 2}}));
  if (client.prng.chance(1, 2)) spawn(administer(kit(client), all));
  spawn(misbehave(kit(client), topics_.front()));
}

void Run::inject(const Fault& fault) {
  ++injected_[std::string(to_string(fault.kind))];
  history_.note(world_->now(), fault.to_string());
  Machine& machine = node_.machine();
  DiskFaults& disk = machine.disk_faults();
  const Instant until = world_->now() + fault.span;
  switch (fault.kind) {
    case FaultKind::kill:
      return node_.kill(until, fault.argument);
    case FaultKind::rot:
      (void)node_.rot(fault.argument);
      return;
    case FaultKind::stall:
      disk.stalled = true;
      break;
    case FaultKind::fail_writes:
      disk.fail_writes = true;
      break;
    case FaultKind::fail_syncs:
      disk.fail_syncs = true;
      break;
    case FaultKind::fail_reads:
      disk.fail_reads = true;
      break;
    case FaultKind::full:
      disk.capacity = machine.disk_used() + fault.argument * 1024;
      break;
    case FaultKind::few_files:
      disk.max_open_files = machine.open_files() + fault.argument;
      break;
    case FaultKind::kill_client: {
      ClientProcess& client = *clients_[fault.argument % clients_.size()];
      kill_client(client);
      start_client(client);
      populate(client);
      return;
    }
    case FaultKind::cut:
      return clients_[fault.argument % clients_.size()]->machine.reset_connections();
    case FaultKind::clog:
      (fault.argument % 2 == 0 ? machine.network_faults().deaf_until : machine.network_faults().mute_until) = until;
      return;
    case FaultKind::clock:
      return machine.shift_wall_clock(std::chrono::milliseconds(fault.argument) - 60s);
  }
  Fault end = fault;
  end.at = until;
  active_.push_back(end);
}

void Run::restore(const Fault& fault) {
  DiskFaults& disk = node_.machine().disk_faults();
  const DiskFaults healthy;
  if (fault.kind == FaultKind::stall) disk.stalled = healthy.stalled;
  if (fault.kind == FaultKind::fail_writes) disk.fail_writes = healthy.fail_writes;
  if (fault.kind == FaultKind::fail_syncs) disk.fail_syncs = healthy.fail_syncs;
  if (fault.kind == FaultKind::fail_reads) disk.fail_reads = healthy.fail_reads;
  if (fault.kind == FaultKind::full) disk.capacity = healthy.capacity;
  if (fault.kind == FaultKind::few_files) disk.max_open_files = healthy.max_open_files;
  node_.machine().disk_faults_changed();
}

void Run::restore_due(bool all) {
  for (std::size_t i = 0; i < active_.size();) {
    if (!all && active_[i].at > world_->now()) {
      ++i;
      continue;
    }
    restore(active_[i]);
    active_.erase(active_.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

void Run::advance(Instant to) {
  while (world_->now() < to) {
    world_->run_for(std::min<Duration>(kSlice, to - world_->now()));
    restore_due(false);
    node_.supervise();
    if (prng_.chance(1, 8) && options_.invariants) node_.check_invariants();
  }
}

/// False if it did not come about, which is a violation of liveness.
bool Run::wait(const std::function<bool()>& done, Duration limit, const char* what) {
  const Instant end = world_->now() + limit;
  while (!done() && world_->now() < end) advance(world_->now() + kSlice);
  if (done()) return true;
  history_.violate("liveness",
                   fmt::format("{} did not happen within {} s after the faults were gone", what, limit / 1s));
  return false;
}

void Run::heal() {
  restore_due(true);
  node_.machine().network_faults() = {};
  history_.note(world_->now(), "every fault is gone");
}

/// Peace: the broker serves, everybody finishes, the logs are read through the front door.
void Run::judge() {
  heal();
  if (!wait([&] { return node_.serving() || node_.refused(); }, kHealLimit, "serving")) return;
  if (node_.refused()) return;
  ClientProcess& client = *clients_.front();
  const auto alive = std::make_shared<bool>(false);
  client.context->spawn("sim.alive", prove_alive(kit(client), partitions(), alive));
  if (!wait([&] { return *alive; }, kHealLimit, "a write to every partition")) return;
  ending_ = true;
  advance(world_->now() + 20s);
  std::map<PartitionName, std::shared_ptr<FinalLog>> reads;
  for (const PartitionName& partition : partitions()) {
    const auto into = reads[partition] = std::make_shared<FinalLog>();
    client.context->spawn("sim.read", read_whole_log(kit(client), partition, into));
  }
  const auto complete = [&] { return std::ranges::all_of(reads, [](const auto& r) { return r.second->complete; }); };
  if (!wait(complete, kHealLimit, "reading every partition to its end")) return;
  FinalLogs logs;
  for (const auto& [partition, log] : reads) logs[partition] = *log;
  check_all(history_, logs);
  for (const auto& each : clients_) kill_client(*each);
  advance(world_->now() + 60s);
  node_.check_quiet();
}

RunResult Run::go() {
  const Instant begin = world_->now();
  node_.start(1 + prng_.below(4));
  for (const auto& client : clients_) start_client(*client);
  const auto created = std::make_shared<bool>(false);
  clients_.front()->context->spawn("sim.create", create_topics(kit(*clients_.front()), topics_, kPartitions, created));
  if (wait([&] { return *created; }, 60s, "creating the topics")) {
    for (const auto& client : clients_) populate(*client);
    const Instant from = world_->now();
    const Instant to = from + options_.length;
    Prng dice(options_.seed * 0x9e37 + 99);
    plan_ = options_.plan ? *options_.plan : FaultPlan::draw(dice, from, to, options_.faults_per_second, kClients);
    for (const Fault& fault : plan_.faults) {
      advance(std::max(fault.at, world_->now()));
      inject(fault);
      if (!history_.violations().empty()) break;
    }
    if (history_.violations().empty()) {
      advance(std::max(to, world_->now()));
      judge();
    }
  }
  RunResult result;
  result.violations = history_.violations();
  result.timeline = history_.timeline();
  result.states = history_.states();
  result.faults = injected_;
  result.plan = plan_;
  result.simulated = world_->now() - begin;
  result.requests = history_.requests;
  for (const SentRecord& sent : history_.all_sent()) result.records += sent.fate == Fate::acknowledged ? 1 : 0;
  result.trace_hash = world_->trace_hash();
  return result;
}

}  // namespace

RunResult run_world(const RunOptions& options) {
  return Run(options).go();
}

FaultPlan shrink(const RunOptions& options, const RunResult& failed, int tries) {
  FaultPlan best = failed.plan;
  const std::string property = failed.violations.front().property;
  // Halves, quarters, ... are left out as long as the same property breaks without them.
  for (std::size_t part = std::max<std::size_t>(best.faults.size() / 2, 1); tries > 0;) {
    bool smaller = false;
    for (std::size_t at = 0; at < best.faults.size() && tries > 0;) {
      FaultPlan without = best;
      const auto first = without.faults.begin() + static_cast<std::ptrdiff_t>(at);
      const auto count = static_cast<std::ptrdiff_t>(std::min(part, without.faults.size() - at));
      without.faults.erase(first, first + count);
      RunOptions again = options;
      again.plan = without;
      --tries;
      const RunResult result = run_world(again);
      const bool same = std::ranges::any_of(result.violations, [&](const auto& v) { return v.property == property; });
      if (same) {
        best = std::move(without);
        smaller = true;
      } else {
        at += part;
      }
    }
    if (part == 1 && !smaller) break;
    part = std::max<std::size_t>(part / 2, 1);
  }
  return best;
}

}  // namespace chronik::sim
