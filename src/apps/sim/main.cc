// chronik-sim: worlds from seeds, as many as wanted; a failure prints the command that replays it.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <map>
#include <optional>
#include <random>
#include <string>

#include "base/canary.h"
#include "sim/harness/run.h"
#include "sim/harness/sometimes.h"

namespace chronik {
namespace {

struct Options {
  std::optional<std::uint64_t> seed;
  std::uint64_t seeds = 10;
  double minutes = 0;
  std::uint64_t seconds = 60;
  double faults = 2.5;
  bool quiet = false;
  bool shrink = true;
  bool log = false;
  bool sometimes = false;
  std::string canary = "none";
  std::string world = "default";
};

using Counts = std::map<std::string, std::uint64_t>;

struct Totals {
  std::uint64_t seeds = 0;
  std::uint64_t failed = 0;
  double simulated_s = 0;
  std::uint64_t requests = 0;
  std::uint64_t records = 0;
  Counts faults;
  Counts states;
};

using Clock = std::chrono::steady_clock;  // lint: allow real-time: how fast the simulator is

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

std::uint64_t sum(const Counts& counts) {
  std::uint64_t total = 0;
  for (const auto& [name, count] : counts) total += count;
  return total;
}

void add(Totals& totals, const sim::RunResult& result) {
  ++totals.seeds;
  totals.failed += result.violations.empty() ? 0 : 1;
  totals.simulated_s += static_cast<double>(result.simulated.count()) / 1e9;
  totals.requests += result.requests;
  totals.records += result.records;
  for (const auto& [name, count] : result.faults) totals.faults[name] += count;
  for (const auto& [name, count] : result.states) totals.states[name] += count;
}

void print_failure(const Options& options, const sim::RunOptions& run, const sim::RunResult& result) {
  fmt::print("\nseed {} failed:\n", run.seed);
  for (const auto& violation : result.violations) fmt::print("  [{}] {}\n", violation.property, violation.what);
  fmt::print("the end of its time line:\n");
  for (const std::string& line : result.timeline) fmt::print("  {}\n", line);
  if (options.shrink) {
    const auto plan = sim::shrink(run, result, 40);
    fmt::print("{} of {} faults are enough for it:\n", plan.faults.size(), result.plan.faults.size());
    for (const auto& fault : plan.faults) {
      fmt::print("  {:12.6f} {}\n", static_cast<double>(fault.at.ns) / 1e9, fault.to_string());
    }
  }
  fmt::print("replay: ./dev sim --world {} --seed {} --seeds 1 --seconds {} --faults {}\n", run.kind->name, run.seed,
             options.seconds, options.faults);
}

void print_progress(const Totals& totals, std::uint64_t first, double elapsed) {
  fmt::print("\r{} seeds from {}, {:.2f} a second, {:.0f} simulated s, {} faults, {} of {} states reached, {} failed ",
             totals.seeds, first, static_cast<double>(totals.seeds) / elapsed, totals.simulated_s, sum(totals.faults),
             sim::kSometimes.size() - sim::never_reached(totals.states).size(), sim::kSometimes.size(), totals.failed);
  std::fflush(stdout);
}

void print_totals(const Totals& totals, double elapsed) {
  fmt::print("\nfaults injected:\n");
  for (const auto& [name, count] : totals.faults) fmt::print("  {:>9} {}\n", count, name);
  fmt::print("states reached:\n");
  for (const auto& [name, count] : totals.states) fmt::print("  {:>9} {}\n", count, name);
  fmt::print("{} seeds, {:.0f} simulated s in {:.1f} s ({:.1f} for each), {} requests, {} records, {} faults\n",
             totals.seeds, totals.simulated_s, elapsed, totals.simulated_s / elapsed, totals.requests, totals.records,
             sum(totals.faults));
  fmt::print("{} passed, {} failed\n", totals.seeds - totals.failed, totals.failed);
}

/// False, with a line that says why, if this program has no such bug.
bool choose_canary([[maybe_unused]] const std::string& name) {
#ifdef CHRONIK_CANARIES
  for (std::size_t i = 0; i < kCanaryNames.size(); ++i) {
    if (kCanaryNames[i] != name) continue;
    chosen_canary = static_cast<Canary>(i);
    return true;
  }
  fmt::print(stderr, "chronik-sim: no canary '{}'; there are {}\n", name, fmt::join(kCanaryNames, ", "));
#else
  fmt::print(stderr, "chronik-sim: this build has no canaries; ./dev build canary chronik-sim makes one that has\n");
#endif
  return false;
}

int run(const Options& options) {
  const auto begin = Clock::now();
  // lint: allow entropy: the seed of all the rest, printed
  const std::uint64_t first = options.seed ? *options.seed : std::random_device{}();
  Totals totals;
  for (std::uint64_t i = 0; options.minutes > 0 ? seconds_since(begin) < options.minutes * 60 : i < options.seeds;
       ++i) {
    const sim::RunOptions world{.seed = first + i,
                                .kind = sim::world_of(options.world, first + i),
                                .length = std::chrono::seconds(options.seconds),
                                .faults_per_second = options.faults,
                                .invariants = options.canary == "none",
                                .plan = std::nullopt};
    const sim::RunResult result = sim::run_world(world);
    add(totals, result);
    if (!result.violations.empty()) print_failure(options, world, result);
    if (!options.quiet) print_progress(totals, first, seconds_since(begin));
    if (options.seeds == 1) fmt::print("\nseed {}: trace hash {:016x}\n", world.seed, result.trace_hash);
  }
  print_totals(totals, seconds_since(begin));
  const auto never = sim::never_reached(totals.states);
  for (const std::string_view state : never) fmt::print("never reached: {}\n", state);
  const bool good = totals.failed == 0 && (never.empty() || !options.sometimes);
  return good ? 0 : 1;
}

}  // namespace
}  // namespace chronik

int main(int argc, char** argv) {
  chronik::Options options;
  CLI::App app("Runs the broker and its clients in simulated worlds, each from a seed, under faults.", "chronik-sim");
  app.add_option("--seed", options.seed, "the first seed (default: chosen at random, and printed)");
  app.add_option("--seeds", options.seeds, "how many, counting on from the first")->capture_default_str();
  app.add_option("--minutes", options.minutes, "go on for so long instead");
  app.add_option("--seconds", options.seconds, "simulated seconds under faults, for each seed")->capture_default_str();
  app.add_option("--faults", options.faults, "faults a simulated second")
      ->capture_default_str()
      ->check(CLI::Range(0.01, 1000.0));
  std::string worlds;
  std::vector<std::string> names;
  for (const auto& kind : chronik::sim::world_kinds()) {
    names.emplace_back(kind.name);
    worlds += fmt::format("\n  {:<10} {}", kind.name, kind.about);
  }
  names.emplace_back(chronik::sim::kEveryWorld);
  app.footer(fmt::format("Worlds:{}\n  {:<10} each of these in turn, by seed", worlds, chronik::sim::kEveryWorld));
  app.add_option("--world", options.world, "the kind of world, see below")
      ->capture_default_str()
      ->check(CLI::IsMember(names));
  app.add_flag("--quiet", options.quiet, "no progress line");
  app.add_flag("!--no-shrink", options.shrink, "do not look for a smaller plan of faults after a failure");
  app.add_flag("--sometimes", options.sometimes, "fail if a state that is worth reaching was not reached by any seed");
  app.add_option("--canary", options.canary,
                 "put in this bug (in the build `canary` only), without looking at invariants");
  app.add_flag("--log", options.log, "print what the broker logs");
  CLI11_PARSE(app, argc, argv);
  if (options.canary != "none" && !chronik::choose_canary(options.canary)) return 2;
  if (!options.log) spdlog::set_level(spdlog::level::off);
  return chronik::run(options);
}
