#include "sim/harness/faults.h"

#include <fmt/format.h>

#include <algorithm>

namespace chronik::sim {

namespace {

constexpr std::string_view kNames[] = {"kill",      "stall",       "fail writes", "fail syncs", "fail reads", "full",
                                       "few files", "kill client", "cut",         "clog",       "rot",        "clock"};

/// How often each kind comes, in parts of the sum: rough ones are rare, or nothing else would get its turn.
constexpr std::uint64_t kWeights[] = {8, 14, 2, 2, 4, 5, 4, 10, 25, 22, 0, 4};

Duration between(Prng& prng, Duration low, Duration high) {
  return low + Duration(prng.below(static_cast<std::uint64_t>((high - low).count()) + 1));
}

FaultKind draw_kind(Prng& prng) {
  std::uint64_t sum = 0;
  for (const std::uint64_t weight : kWeights) sum += weight;
  std::uint64_t at = prng.below(sum);
  for (std::size_t i = 0;; ++i) {
    if (at < kWeights[i]) return static_cast<FaultKind>(i);
    at -= kWeights[i];
  }
}

void fill(Fault& fault, Prng& prng, std::size_t clients) {
  switch (fault.kind) {
    case FaultKind::kill:
      fault.span = prng.chance(1, 3) ? Duration(1ms) : between(prng, 1ms, 3s);
      fault.argument = 1 + prng.below(4);
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
    case FaultKind::rot:
      fault.span = 10ms;
      fault.argument = prng.next();
      break;
    case FaultKind::clock:
      fault.argument = prng.below(120'000);
      break;
  }
}

}  // namespace

std::string_view to_string(FaultKind kind) {
  return kNames[static_cast<std::size_t>(kind)];
}

std::string Fault::to_string() const {
  return fmt::format("{} for {:.3f} s, {}", sim::to_string(kind), static_cast<double>(span.count()) / 1e9, argument);
}

FaultPlan FaultPlan::draw(Prng& prng, Instant from, Instant to, double per_second, std::size_t clients) {
  FaultPlan plan;
  const auto mean = static_cast<std::uint64_t>(1e9 / per_second);
  for (Instant at = from + Duration(prng.below(mean * 2)); at < to; at = at + Duration(prng.below(mean * 2))) {
    Fault fault{.at = at, .kind = draw_kind(prng)};
    fill(fault, prng, clients);
    plan.faults.push_back(fault);
  }
  // Damage that the broker may only report ends a world early: not in every world, and not before its end.
  if (prng.chance(1, 3) && !plan.faults.empty()) {
    Fault& last = plan.faults.back();
    last.kind = FaultKind::rot;
    fill(last, prng, clients);
  }
  return plan;
}

}  // namespace chronik::sim
