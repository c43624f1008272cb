// A producer that waits for each answer, with what it may conclude from it.
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "sim/harness/producer.h"

namespace chronik::sim {

namespace {

using wire::ErrorCode;

/// Takes note of one partition's answer.
void take_answer(Producer& self, Outgoing& out, ErrorCode error, Offset base) {
  History& history = self.kit.history;
  if (error == ErrorCode::none) return acknowledge(self, out, base);
  history.reached(fmt::format("produce answered {}", wire::to_string(error)));
  if (is_about_sequence(error)) {
    history.violate("producer", fmt::format("producer {} kept its sequence on {} and was told {}", self.plan.number,
                                            out.partition.to_string(), wire::to_string(error)));
    self.id = wire::kNoProducerId;
    return settle(self, out, Fate::unknown, -1);
  }
  if (is_permanent(error)) {
    // Its sequence numbers were not used, and cannot be taken back: the producer begins anew.
    self.id = wire::kNoProducerId;
    return settle(self, out, out.uncertain ? Fate::unknown : Fate::refused, -1);
  }
  if (!is_definite(error)) out.uncertain = true;
}

task::Task<void> attempt(Producer& self) {
  wire::ProduceRequest request;
  request.acks = static_cast<std::int16_t>(self.kit.prng.chance(1, 4) ? 1 : -1);
  request.timeout_ms = kProduceTimeoutMs;
  for (Outgoing& out : self.outgoing) {
    if (out.settled) continue;
    begin_attempt(self, out);
    add_to(request, out);
  }
  // By name: ids come with version 13.
  auto answer = co_await self.session.call(std::move(request), std::chrono::milliseconds(kProduceTimeoutMs), 12);
  if (!answer) {
    for (Outgoing& out : self.outgoing) out.uncertain = true;
    co_return;
  }
  for (const auto& topic : answer->responses) {
    for (const auto& place : topic.partition_responses) {
      const PartitionName name{topic.name, place.index.value()};
      const auto out = std::ranges::find(self.outgoing, name, &Outgoing::partition);
      if (out != self.outgoing.end() && !out->settled) take_answer(self, *out, place.error_code, place.base_offset);
    }
  }
}

void choose(Producer& self) {
  self.outgoing.clear();
  std::vector<PartitionName> some = self.plan.partitions;
  const std::size_t count = 1 + self.kit.prng.below(std::min<std::size_t>(some.size(), 4));
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t at = self.kit.prng.below(some.size());
    self.outgoing.push_back(make_batch(self, some[at]));
    some.erase(some.begin() + static_cast<std::ptrdiff_t>(at));
  }
}

/// Until every batch has its fate; what is given up stays unknown, or was refused for certain.
task::Task<void> deliver(Producer& self) {
  const int attempts_max = self.plan.idempotent ? 40 : 3;
  const auto is_open = [](const Outgoing& out) { return !out.settled; };
  for (int i = 0; i < attempts_max && std::ranges::any_of(self.outgoing, is_open); ++i) {
    if (i > 0) co_await pause(self.kit, 20ms, 500ms);
    co_await attempt(self);
  }
  for (Outgoing& out : self.outgoing) {
    if (out.settled) continue;
    settle(self, out, out.uncertain ? Fate::unknown : Fate::refused, -1);
    self.id = wire::kNoProducerId;
  }
}

}  // namespace

task::Task<void> produce_on(ClientKit kit, ProducerPlan plan) {
  Producer self(std::move(kit), std::move(plan));
  while (!self.kit.ending) {
    co_await pause(self.kit, self.plan.pause_min, self.plan.pause_max);
    if (self.plan.idempotent && self.id == wire::kNoProducerId && !co_await begin(self)) continue;
    choose(self);
    co_await deliver(self);
  }
}

task::Task<void> prove_alive(ClientKit kit, std::vector<PartitionName> partitions, std::shared_ptr<bool> done) {
  ProducerPlan plan{.number = UINT64_MAX, .idempotent = false, .partitions = partitions};
  Producer self(std::move(kit), std::move(plan));
  for (const PartitionName& partition : partitions) {
    bool acknowledged = false;
    while (!acknowledged) {
      self.outgoing.clear();
      self.outgoing.push_back(make_batch(self, partition));
      co_await attempt(self);
      Outgoing& out = self.outgoing.front();
      acknowledged = out.settled;
      if (!out.settled) settle(self, out, Fate::unknown, -1);
      if (!acknowledged) co_await pause(self.kit, 100ms, 200ms);
    }
  }
  *done = true;
}

}  // namespace chronik::sim
