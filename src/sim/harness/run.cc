#include "sim/harness/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "sim/harness/broker_node.h"
#include "sim/harness/checks.h"
#include "sim/harness/population.h"
#include "sim/harness/topics.h"

namespace chronik::sim {

namespace {

constexpr std::size_t kClients = 4;
constexpr Duration kSlice = 20ms;
constexpr Duration kTrapLife = 5s;       // a kill in action that found nothing to interrupt by then is given up
constexpr Duration kDamageSettles = 2s;  // after damage was done, so that later writes bear witness to it
constexpr Duration kHealLimit = 120s;    // after the last fault ended everything works again by then

/// A client machine and what runs on it.
struct ClientProcess {
  ClientProcess(World& world, std::size_t which_, std::uint64_t seed)
      : which(which_), name(fmt::format("client-{}", which)), machine(world.machine(name)), prng(seed) {}
  const std::size_t which;
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
  void start_client(ClientProcess& client);
  void kill_client(ClientProcess& client);
  void populate(ClientProcess& client) { sim::populate(kit(client), options_.kind->mix, client.which, numbers_); }
  void inject(const Fault& fault);
  bool inject_at_once(const Fault& fault);
  void set_trap(const Fault& fault);
  bool in_action();
  void spring_trap();
  void watch_damage();
  void move_clocks();
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
  FaultPlan plan_;
  std::vector<Fault> active_;    // to be restored
  std::optional<Fault> trap_;    // a kill in action, until when
  std::optional<Fault> damage_;  // a damaged write that is to come; then the restart
  Duration wall_shift_{};
  std::map<std::string, std::uint64_t> injected_;
  Numbers numbers_;
  bool ending_ = false;
  bool told_waits_ = false;
};

Run::Run(const RunOptions& options)
    : options_(options),
      world_(World::create(options.seed)),
      prng_(options.seed * 31 + 7),
      node_(*world_, history_, "broker", options.seed) {
  history_.read_broker_clock([this] { return node_.machine().wall_now(); });
  for (std::size_t i = 0; i < kClients; ++i) {
    clients_.push_back(std::make_unique<ClientProcess>(*world_, i, prng_.next()));
  }
}

Run::~Run() {
  for (const auto& client : clients_) kill_client(*client);
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

/// Those that have no end of their own. False: it is another one.
bool Run::inject_at_once(const Fault& fault) {
  Machine& machine = node_.machine();
  const Instant until = world_->now() + fault.span;
  ClientProcess& client = *clients_[fault.argument % clients_.size()];
  switch (fault.kind) {
    case FaultKind::kill:
      node_.kill(until, shards_of(fault));
      return true;
    case FaultKind::kill_in_action:
      set_trap(fault);
      return true;
    case FaultKind::rot:
      (void)node_.rot(fault.argument);
      return true;
    case FaultKind::kill_client:
      kill_client(client);
      start_client(client);
      populate(client);
      return true;
    case FaultKind::cut:
      client.machine.reset_connections();
      return true;
    case FaultKind::clog:
      (fault.argument % 2 == 0 ? machine.network_faults().deaf_until : machine.network_faults().mute_until) = until;
      return true;
    case FaultKind::pause:
      machine.pause(until);
      return true;
    case FaultKind::clock:
      wall_shift_ = std::chrono::milliseconds(fault.argument) - 60s;
      move_clocks();
      return true;
    default:
      return false;
  }
}

void Run::inject(const Fault& fault) {
  ++injected_[std::string(to_string(fault.kind))];
  history_.note(world_->now(), fault.to_string());
  if (inject_at_once(fault)) return;
  Machine& machine = node_.machine();
  DiskFaults& disk = machine.disk_faults();
  if (fault.kind == FaultKind::stall) disk.stalled = true;
  if (fault.kind == FaultKind::fail_writes) disk.fail_writes = true;
  if (fault.kind == FaultKind::fail_syncs) disk.fail_syncs = true;
  if (fault.kind == FaultKind::fail_reads) disk.fail_reads = true;
  if (fault.kind == FaultKind::full) disk.capacity = machine.disk_used() + fault.argument * 1024;
  if (fault.kind == FaultKind::few_files) disk.max_open_files = machine.open_files() + fault.argument;
  if (is_damage(fault.kind)) {
    disk.damage = fault.kind == FaultKind::lost_write ? WriteDamage::lost : WriteDamage::misdirected;
    disk.damage_path = damage_path(fault);
    node_.expect_damage();
    damage_ = fault;
    return;
  }
  Fault end = fault;
  end.at = world_->now() + fault.span;
  active_.push_back(end);
}

/// The broker dies once its disk is so far into what the fault names.
void Run::set_trap(const Fault& fault) {
  const Action action = action_of(fault);
  if (action.starting) {
    node_.kill(world_->now() + 1ms, shards_of(fault));
  }
  node_.machine().watch_disk(std::string(action.path));
  trap_ = fault;
  trap_->at = world_->now() + kTrapLife;
}

bool Run::in_action() {
  const Action action = action_of(*trap_);
  return node_.running() && node_.serving() != action.starting && node_.machine().disk_watched() >= action.operations;
}

void Run::spring_trap() {
  if (!trap_) return;
  if (in_action()) {
    const std::string_view name = action_of(*trap_).name;
    history_.reached(name);
    history_.note(world_->now(), std::string(name));
    node_.kill(world_->now() + trap_->span, shards_of(*trap_));
    trap_.reset();
  } else if (trap_->at <= world_->now()) {
    trap_.reset();
  }
}

/// Once a write was damaged, and others have followed, the broker is started anew and has to find out.
void Run::watch_damage() {
  if (!damage_ || node_.machine().disk_faults().damage != WriteDamage::none) return;
  if (damage_->kind != FaultKind::kill) {
    history_.note(world_->now(), fmt::format("{} in {}", to_string(damage_->kind), damage_path(*damage_)));
    history_.reached("a write was lost or misdirected");
    damage_->kind = FaultKind::kill;
    damage_->at = world_->now() + kDamageSettles;
  }
  if (damage_->at > world_->now()) return;
  if (node_.running()) node_.kill(world_->now() + 10ms, shards_of(*damage_));
  damage_.reset();
}

void Run::move_clocks() {
  history_.broker_clock(node_.machine().wall_now());  // as far as it came
  for (const Fault& fault : active_) {
    if (fault.kind == FaultKind::clock_strobe) wall_shift_ = std::chrono::milliseconds(prng_.below(60'000)) - 30s;
    if (fault.kind == FaultKind::clock_drift) wall_shift_ += (fault.argument % 2 == 0 ? -1 : 1) * kSlice / 10;
  }
  node_.machine().shift_wall_clock(wall_shift_);
  history_.broker_clock(node_.machine().wall_now());
}

void Run::restore(const Fault& fault) {
  DiskFaults& disk = node_.machine().disk_faults();
  const DiskFaults healthy;
  if (fault.kind == FaultKind::stall && node_.flushing()) history_.reached("a flush waited for a stalled disk");
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
    const Duration slice = std::min<Duration>(kSlice, to - world_->now());
    if (trap_) {
      (void)world_->run_until([this] { return in_action(); }, slice);
    } else {
      world_->run_for(slice);
    }
    restore_due(false);
    spring_trap();
    watch_damage();
    node_.supervise();
    move_clocks();
    if (!history_.violations().empty() && !std::exchange(told_waits_, true)) node_.note_waits();
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
  if (damage_) advance(world_->now() + 10s);  // it is to be found
  damage_.reset();
  trap_.reset();
  restore_due(true);
  node_.machine().disk_faults() = {};
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
  client.context->spawn("sim.alive", prove_alive(kit(client), world_partitions(), alive));
  if (!wait([&] { return *alive; }, kHealLimit, "a write to every partition")) return;
  ending_ = true;
  advance(world_->now() + 20s);
  std::map<PartitionName, std::shared_ptr<FinalLog>> reads;
  for (const PartitionName& partition : world_partitions()) {
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
  move_clocks();
  for (const auto& client : clients_) start_client(*client);
  const auto created = std::make_shared<bool>(false);
  clients_.front()->context->spawn("sim.create", create_topics(kit(*clients_.front()), created));
  if (wait([&] { return *created; }, 60s, "creating the topics")) {
    for (const auto& client : clients_) populate(*client);
    const Instant from = world_->now();
    const Instant to = from + options_.length;
    Prng dice(options_.seed * 0x9e37 + 99);
    plan_ = options_.plan ? *options_.plan
                          : FaultPlan::draw(dice, options_.kind->faults, from, to,
                                            options_.faults_per_second * options_.kind->fault_factor, kClients);
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
  node_.finish();
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
