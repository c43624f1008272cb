#include "apps/torture/torture.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <deque>
#include <functional>
#include <map>
#include <memory>

#include "apps/torture/server_process.h"
#include "apps/torture/small_disk.h"
#include "env/real/host.h"
#include "sim/harness/checks.h"
#include "sim/harness/population.h"
#include "sim/harness/topics.h"
#include "task/io.h"
#include "task/wait.h"

namespace chronik::torture {

namespace {

constexpr std::size_t kClients = 4;
constexpr Duration kStep = 20ms;
constexpr Duration kStartLimit = 60s;
constexpr Duration kHealLimit = 120s;
constexpr Duration kQuiet = 20s;  // until the last requests of the workloads are answered
constexpr std::uint64_t kSmallDiskBytes = 512ULL << 20;

struct Client {
  std::string name;
  Prng prng;
};

class Torture {
 public:
  Torture(const Options& options, env::Host& host)
      : options_(options),
        host_(host),
        context_(host.env(0)),
        dice_(options.seed),
        server_(options.server, options.directory) {
    // Not as of the last step: filling a disk takes its time.
    history_.read_broker_clock([this] { return context_.wall_now(); });
    for (std::size_t i = 0; i < kClients; ++i) clients_.push_back({fmt::format("client-{}", i), Prng(dice_.next())});
  }

  int go() {
    context_.spawn("torture", body(this));
    host_.run();
    context_.stop();
    return exit_code_;
  }

 private:
  static task::Task<void> body(Torture* self) {
    co_await self->play();
    self->report();
    self->host_.stop();
  }

  sim::ClientKit kit(std::size_t which) {
    Client& client = clients_[which];
    return {context_, history_, client.prng, {"127.0.0.1", server_.port()}, client.name, ending_};
  }
  void note(const std::string& what) { history_.note(context_.now(), what); }
  task::Task<void> play();
  task::Task<void> under_faults();
  task::Task<void> judge();
  task::Task<void> step();
  task::Task<bool> wait(std::function<bool()> done, Duration limit, std::string what);
  void start_server();
  void supervise();
  void inject();
  void progress();
  void report();

  const Options options_;
  env::Host& host_;
  task::Context context_;
  Prng dice_;
  ServerProcess server_;
  std::unique_ptr<SmallDisk> disk_;
  sim::History history_;
  std::deque<Client> clients_;
  sim::Numbers numbers_;
  std::map<std::string, std::uint64_t> injected_;
  Instant begin_{};
  Instant told_{};
  std::optional<Instant> resume_at_;
  std::optional<Instant> room_at_;
  std::size_t starts_in_vain_ = 0;
  bool was_ready_ = false;
  bool ending_ = false;
  int exit_code_ = 1;
};

void Torture::start_server() {
  const std::size_t shards = 1 + dice_.below(3);
  if (auto started = server_.start(shards); !started) history_.violate("liveness", started.error().message());
  history_.broker_life += 1;
  was_ready_ = false;
  note(fmt::format("the server is started with {} shards", shards));
}

/// Starts it again when it is gone, as a service manager does.
void Torture::supervise() {
  if (resume_at_ && *resume_at_ <= context_.now()) {
    server_.resume();
    resume_at_.reset();
    note("it goes on");
  }
  if (room_at_ && *room_at_ <= context_.now()) {
    disk_->make_room();
    room_at_.reset();
    note("there is room again");
  }
  if (server_.ended()) {
    starts_in_vain_ = was_ready_ ? 0 : starts_in_vain_ + 1;
    constexpr std::size_t kInVainMax = 200;
    if (starts_in_vain_ > kInVainMax)
      history_.violate("liveness", "the server does not start any more: see server.log");
    if (!was_ready_) history_.reached("a start that failed, or was cut short");
    start_server();
  } else if (!was_ready_ && server_.ready()) {
    was_ready_ = true;
    starts_in_vain_ = 0;
    note("it serves");
  }
  history_.broker_clock(context_.wall_now());
}

task::Task<void> Torture::step() {
  co_await task::sleep_until(context_, "torture.step", context_.after(kStep));
  supervise();
  progress();
}

task::Task<bool> Torture::wait(std::function<bool()> done, Duration limit, std::string what) {
  const Instant end = context_.now() + limit;
  while (!done() && context_.now() < end && history_.violations().empty()) co_await step();
  if (done()) co_return true;
  history_.violate("liveness", fmt::format("{} did not happen within {} s", what, limit / 1s));
  co_return false;
}

void Torture::inject() {
  const std::uint64_t die = dice_.below(disk_ ? 6 : 4);
  const Duration span = std::chrono::milliseconds(dice_.chance(1, 4) ? 1000 + dice_.below(2500) : 5 + dice_.below(400));
  if (die < 2) {
    ++injected_["kill -9"];
    note("kill -9");
    server_.kill();
  } else if (die < 4) {
    ++injected_["stop"];
    note(fmt::format("stopped for {} ms", span / 1ms));
    server_.pause();
    resume_at_ = context_.now() + span;
  } else if (!room_at_) {
    const std::uint64_t left = dice_.below(3000) * 1024;
    ++injected_["full disk"];
    note(fmt::format("{} KiB of room for {} ms", left / 1024, span / 1ms));
    if (auto filled = disk_->fill(left); !filled) note(filled.error().message());
    room_at_ = context_.now() + span;
  }
}

task::Task<void> Torture::under_faults() {
  const Instant end = context_.now() + options_.length;
  Instant next = context_.now() + 1s;
  while (context_.now() < end && history_.violations().empty()) {
    co_await step();
    if (context_.now() < next) continue;
    inject();
    next = context_.now() + std::chrono::milliseconds(200 + dice_.below(3000));
  }
}

task::Task<void> Torture::judge() {
  server_.resume();
  if (disk_) disk_->make_room();
  resume_at_.reset();
  room_at_.reset();
  note("every fault is gone");
  if (!co_await wait([this] { return server_.ready(); }, kHealLimit, "serving")) co_return;
  const auto alive = std::make_shared<bool>(false);
  context_.spawn("torture.alive", sim::prove_alive(kit(0), sim::world_partitions(), alive));
  if (!co_await wait([alive] { return *alive; }, kHealLimit, "a write to every partition")) co_return;
  ending_ = true;
  const Instant quiet = context_.now() + kQuiet;
  (void)co_await wait([this, quiet] { return context_.now() >= quiet; }, kQuiet * 2, "quiet");
  std::map<sim::PartitionName, std::shared_ptr<sim::FinalLog>> reads;
  for (const sim::PartitionName& partition : sim::world_partitions()) {
    const auto into = reads[partition] = std::make_shared<sim::FinalLog>();
    context_.spawn("torture.read", sim::read_whole_log(kit(0), partition, into));
  }
  const auto complete = [&reads] {
    return std::ranges::all_of(reads, [](const auto& r) { return r.second->complete; });
  };
  if (!co_await wait(complete, kHealLimit, "reading every partition to its end")) co_return;
  sim::FinalLogs logs;
  for (const auto& [partition, log] : reads) logs[partition] = *log;
  sim::check_all(history_, logs);
}

task::Task<void> Torture::play() {
  begin_ = context_.now();
  const std::string data = options_.directory + "/data";
  (void)co_await task::make_directory(context_, data, context_.after(10s));
  if (options_.small_disk) {
    auto mounted = SmallDisk::mount(data, kSmallDiskBytes);
    if (!mounted) {
      fmt::print("skipped: {}\n", mounted.error().message());
      exit_code_ = kSkipped;
      co_return;
    }
    disk_ = *std::move(mounted);
  }
  start_server();
  if (!co_await wait([this] { return server_.ready(); }, kStartLimit, "the first start")) co_return;
  const auto created = std::make_shared<bool>(false);
  context_.spawn("torture.create", sim::create_topics(kit(0), created));
  if (!co_await wait([created] { return *created; }, kStartLimit, "creating the topics")) co_return;
  for (std::size_t i = 0; i < kClients; ++i) sim::populate(kit(i), sim::find_world("default")->mix, i, numbers_);
  co_await under_faults();
  if (history_.violations().empty()) co_await judge();
  if (history_.violations().empty()) exit_code_ = 0;
}

void Torture::progress() {
  if (options_.quiet || context_.now() - told_ < 1s) return;
  told_ = context_.now();
  std::uint64_t faults = 0;
  for (const auto& [name, count] : injected_) faults += count;
  fmt::print("\r{} s, {} requests, {} records sent, {} faults, {} violations ", (told_ - begin_) / 1s,
             history_.requests, history_.all_sent().size(), faults, history_.violations().size());
  std::fflush(stdout);
}

void Torture::report() {
  if (exit_code_ == kSkipped) return;
  std::uint64_t acknowledged = 0;
  for (const auto& sent : history_.all_sent()) acknowledged += sent.fate == sim::Fate::acknowledged ? 1 : 0;
  fmt::print("\nseed {}: {} requests, {} records acknowledged\nfaults injected:\n", options_.seed, history_.requests,
             acknowledged);
  for (const auto& [name, count] : injected_) fmt::print("  {:>9} {}\n", count, name);
  fmt::print("states reached:\n");
  for (const auto& [name, count] : history_.states()) fmt::print("  {:>9} {}\n", count, name);
  if (!history_.violations().empty()) {
    for (const auto& violation : history_.violations()) fmt::print("  [{}] {}\n", violation.property, violation.what);
    fmt::print("the end of its time line:\n");
    for (const std::string& line : history_.timeline()) fmt::print("  {}\n", line);
  }
  fmt::print("{}\n", history_.violations().empty() ? "passed" : "failed");
}

}  // namespace

int run(const Options& options) {
  auto host = env::Host::create({.loops = 1});
  if (!host) {
    fmt::print(stderr, "chronik-torture: {}\n", host.error().message());
    return 2;
  }
  return Torture(options, **host).go();
}

}  // namespace chronik::torture
