#include "sim/harness/faults.h"

#include <fmt/format.h>

#include <algorithm>

namespace chronik::sim {

namespace {

constexpr std::string_view kNames[] = {
    "kill",  "kill in action", "stall",       "fail writes", "fail syncs", "fail reads",
    "full",  "few files",      "kill client", "cut",         "clog",       "pause",
    "clock", "clock strobe",   "clock drift", "rot",         "lost write", "misdirected write"};
static_assert(std::size(kNames) == kFaultKinds);

/// Paths of what is being done, and how many operations it may be into it.
struct ActionKind {
  std::string_view name;
  std::string_view path;
  std::uint64_t operations_max;
  bool starting;
};
constexpr ActionKind kActions[] = {
    {"killed while it recovers", "", 120, true},
    {"killed while metadata is recovered", "meta", 12, true},
    {"killed while segments are written", ".log", 6, false},
    {"killed while an index is written", "index", 6, false},
    {"killed while the checkpoint record is written", "checkpoint-", 3, false},
    {"killed while segments are removed", ".deleted", 6, false},
    {"killed while compacting", ".cleaned", 8, false},
    {"killed while compacted segments are put in place", ".swap", 4, false},
    {"killed while a topic is deleted", "-delete", 4, false},
    {"killed while write-ahead files change", "wal/", 40, false},
};

constexpr std::string_view kDamagePaths[] = {"wal/", "wal/", ".log", ".log", "index", "checkpoint-"};

Duration between(Prng& prng, Duration low, Duration high) {
  return low + Duration(prng.below(static_cast<std::uint64_t>((high - low).count()) + 1));
}

FaultKind draw_kind(Prng& prng, const FaultWeights& weights) {
  std::uint64_t sum = 0;
  for (const std::uint64_t weight : weights) sum += weight;
  std::uint64_t at = prng.below(sum);
  for (std::size_t i = 0;; ++i) {
    if (at < weights[i]) return static_cast<FaultKind>(i);
    at -= weights[i];
  }
}

void fill(Fault& fault, Prng& prng, std::size_t clients) {
  switch (fault.kind) {
    case FaultKind::kill:
    case FaultKind::kill_in_action:
      fault.span = prng.chance(1, 3) ? Duration(1ms) : between(prng, 1ms, 3s);
      fault.argument = prng.below(1U << 30);
      break;
    case FaultKind::stall:
      // Mostly a hiccup; now and then beyond the stall deadline, which takes the directory offline.
      fault.span = prng.chance(1, 10) ? between(prng, 5s, 12s) : between(prng, 1ms, 800ms);
      break;
    case FaultKind::fail_writes:
    case FaultKind::fail_syncs:
    case FaultKind::fail_reads:
      fault.span = between(prng, 1ms, 300ms);
      break;
    case FaultKind::full:
      fault.span = between(prng, 10ms, 3s);
      fault.argument = prng.below(300);
      break;
    case FaultKind::few_files:
      fault.span = between(prng, 10ms, 2s);
      fault.argument = prng.below(6);
      break;
    case FaultKind::kill_client:
    case FaultKind::cut:
      fault.argument = prng.below(clients);
      break;
    case FaultKind::clog:
      fault.span = prng.chance(1, 8) ? between(prng, 500ms, 3s) : between(prng, 1ms, 200ms);
      fault.argument = prng.below(2);
      break;
    case FaultKind::pause:
      fault.span = prng.chance(1, 4) ? between(prng, 1s, 4s) : between(prng, 5ms, 500ms);
      break;
    case FaultKind::clock:
      fault.argument = prng.below(120'000);
      break;
    case FaultKind::clock_strobe:
    case FaultKind::clock_drift:
      fault.span = between(prng, 200ms, 10s);
      fault.argument = prng.below(2);
      break;
    case FaultKind::rot:
    case FaultKind::lost_write:
    case FaultKind::wrong_place:
      fault.span = 3s;
      fault.argument = prng.next();
      break;
  }
}

}  // namespace

std::string_view to_string(FaultKind kind) {
  return kNames[static_cast<std::size_t>(kind)];
}

bool is_damage(FaultKind kind) {
  return kind == FaultKind::rot || kind == FaultKind::lost_write || kind == FaultKind::wrong_place;
}

std::string Fault::to_string() const {
  return fmt::format("{} for {:.3f} s, {}", sim::to_string(kind), static_cast<double>(span.count()) / 1e9, argument);
}

std::size_t shards_of(const Fault& fault) {
  return 1 + fault.argument % 4;
}

Action action_of(const Fault& fault) {
  const std::uint64_t dice = fault.argument / 4;
  const ActionKind& kind = kActions[dice % std::size(kActions)];
  return {kind.name, kind.path, 1 + dice / std::size(kActions) % kind.operations_max, kind.starting};
}

std::string_view damage_path(const Fault& fault) {
  return kDamagePaths[fault.argument % std::size(kDamagePaths)];
}

FaultPlan FaultPlan::draw(Prng& prng, const FaultWeights& weights, Instant from, Instant to, double per_second,
                          std::size_t clients) {
  FaultPlan plan;
  const auto mean = static_cast<std::uint64_t>(1e9 / per_second);
  for (Instant at = from + Duration(prng.below(mean * 2)); at < to; at = at + Duration(prng.below(mean * 2))) {
    Fault fault{.at = at, .kind = draw_kind(prng, weights)};
    fill(fault, prng, clients);
    plan.faults.push_back(fault);
  }
  // Damage may end a world: not in every world, and not before its end.
  if (!prng.chance(1, 2) || plan.faults.empty()) return plan;
  constexpr FaultKind kDamage[] = {FaultKind::rot, FaultKind::rot, FaultKind::lost_write, FaultKind::wrong_place};
  Fault last{.at = std::max(from, to + Duration(-6s)), .kind = kDamage[prng.below(std::size(kDamage))]};
  fill(last, prng, clients);
  std::erase_if(plan.faults, [&](const Fault& fault) { return fault.at >= last.at; });
  plan.faults.push_back(last);
  return plan;
}

}  // namespace chronik::sim
