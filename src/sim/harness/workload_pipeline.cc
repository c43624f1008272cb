// A producer with several requests in flight on one connection, as idempotent clients have by default: what follows a
// batch that failed is out of order, and all of it is sent again, in order.
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "sim/harness/producer.h"

namespace chronik::sim {

namespace {

using wire::ErrorCode;

constexpr std::size_t kInFlightMax = 5;  // as many batches of a partition as a broker remembers

struct Pipeline : Producer {
  using Producer::Producer;
  std::size_t in_flight = 0;
  bool broken = false;  // a batch of this round failed: those behind it may be out of order
  std::unique_ptr<task::Event> landed;
};

void take_result(Pipeline& self, Outgoing& out, ErrorCode error, Offset base) {
  if (error == ErrorCode::none) return acknowledge(self, out, base);
  self.kit.history.reached(fmt::format("pipelined produce answered {}", wire::to_string(error)));
  if (is_about_sequence(error)) {
    // In order only if everything before it is known to be there: not if something was refused for good.
    const auto before = std::ranges::find_if(self.outgoing, [](const Outgoing& other) { return !other.settled; });
    if (self.id == wire::kNoProducerId || before == self.outgoing.end() || &*before != &out) {
      self.kit.history.reached("a batch behind a failed one was out of order");
    } else {
      self.kit.history.violate(
          "producer", fmt::format("producer {}, pipelined, kept its sequence on {} and was told {}", self.plan.number,
                                  out.partition.to_string(), wire::to_string(error)));
      self.id = wire::kNoProducerId;
      settle(self, out, Fate::unknown, -1);
    }
  } else if (is_permanent(error)) {
    self.id = wire::kNoProducerId;
    settle(self, out, out.uncertain ? Fate::unknown : Fate::refused, -1);
  }
  if (!is_definite(error)) out.uncertain = true;
  self.broken = true;
}

task::Task<void> send_one(std::shared_ptr<Pipeline> self, std::size_t index) {
  wire::ProduceRequest request;
  request.acks = -1;
  request.timeout_ms = kProduceTimeoutMs;
  begin_attempt(*self, self->outgoing[index]);
  add_to(request, self->outgoing[index]);
  auto answer = co_await self->session.call(std::move(request), std::chrono::milliseconds(kProduceTimeoutMs), 12);
  Outgoing& out = self->outgoing[index];
  if (answer && !answer->responses.empty() && !answer->responses[0].partition_responses.empty()) {
    const auto& place = answer->responses[0].partition_responses[0];
    take_result(*self, out, place.error_code, place.base_offset);
  } else {
    out.uncertain = true;
    self->broken = true;
  }
  --self->in_flight;
  self->landed->notify_all();
}

/// Sends what is not settled, in order, over one connection; returns when all are answered.
task::Task<void> send_round(std::shared_ptr<Pipeline> self) {
  self->broken = false;
  if (!co_await self->session.ready()) co_return;
  for (std::size_t i = 0; i < self->outgoing.size(); ++i) {
    // Once a connection is lost, what follows waits for the next round: it would overtake on another one.
    if (self->broken || !self->session.connected()) break;
    if (self->outgoing[i].settled) continue;
    ++self->in_flight;
    self->kit.context.spawn("sim.pipeline", send_one(self, i));
    if (self->kit.prng.chance(1, 3)) co_await pause(self->kit, 0ms, 5ms);
  }
  if (self->in_flight > 2) self->kit.history.reached("several requests of a producer in flight");
  while (self->in_flight > 0) co_await self->landed->wait("sim.landed", self->kit.context.after(60s));
}

task::Task<ErrorCode> send_once(Producer& who) {
  Outgoing& out = who.outgoing.front();
  wire::ProduceRequest request;
  request.acks = -1;
  request.timeout_ms = kProduceTimeoutMs;
  begin_attempt(who, out);
  add_to(request, out);
  auto answer = co_await who.session.call(std::move(request), std::chrono::milliseconds(kProduceTimeoutMs), 12);
  if (!answer || answer->responses.empty()) co_return ErrorCode::request_timed_out;
  const auto& place = answer->responses[0].partition_responses.at(0);
  if (place.error_code == ErrorCode::none) acknowledge(who, out, place.base_offset);
  co_return place.error_code;
}

}  // namespace

task::Task<void> pipeline_on(ClientKit kit, ProducerPlan plan) {
  const auto self = std::make_shared<Pipeline>(std::move(kit), std::move(plan));
  self->landed = std::make_unique<task::Event>(self->kit.context);
  const auto is_open = [](const Outgoing& out) { return !out.settled; };
  while (!self->kit.ending) {
    co_await pause(self->kit, self->plan.pause_min, self->plan.pause_max);
    if (self->id == wire::kNoProducerId && !co_await begin(*self)) continue;
    self->outgoing.clear();
    const PartitionName partition = self->plan.partitions[self->kit.prng.below(self->plan.partitions.size())];
    const std::size_t count = 1 + self->kit.prng.below(kInFlightMax);
    for (std::size_t i = 0; i < count; ++i) self->outgoing.push_back(make_batch(*self, partition));
    for (int i = 0; i < 40 && self->id != wire::kNoProducerId && std::ranges::any_of(self->outgoing, is_open); ++i) {
      if (i > 0) co_await pause(self->kit, 20ms, 500ms);
      co_await send_round(self);
    }
    for (Outgoing& out : self->outgoing) {
      if (out.settled) continue;
      settle(*self, out, out.uncertain ? Fate::unknown : Fate::refused, -1);
      self->id = wire::kNoProducerId;
    }
  }
}

task::Task<void> fence(ClientKit kit, ProducerPlan plan) {
  plan.idempotent = true;
  Producer old(kit, plan);
  Producer heir(kit, plan);
  while (!kit.ending) {
    co_await pause(kit, 500ms, 6s);
    const PartitionName& partition = plan.partitions[kit.prng.below(plan.partitions.size())];
    if (!co_await begin(old)) continue;
    // The heir takes over with the next epoch, as a client does that was started again (KIP-360).
    heir.id = old.id;
    heir.epoch = ProducerEpoch(static_cast<std::int16_t>(old.epoch.value() + 1));
    heir.next_sequence.clear();
    bool taken_over = false;
    for (Producer* const who : {&old, &heir, &old}) {
      who->outgoing.clear();
      who->outgoing.push_back(make_batch(*who, partition));
      const ErrorCode error = co_await send_once(*who);
      Outgoing& out = who->outgoing.front();
      if (who == &heir && error == ErrorCode::none) taken_over = true;
      const bool zombie = who == &old && taken_over;
      if (zombie && error == ErrorCode::none) {
        kit.history.violate("fenced", fmt::format("{}: a producer wrote with an epoch that a newer one has fenced",
                                                  partition.to_string()));
      }
      if (zombie && error == ErrorCode::invalid_producer_epoch) kit.history.reached("a zombie producer was fenced");
      if (!out.settled) settle(*who, out, is_definite(error) ? Fate::refused : Fate::unknown, -1);
    }
  }
}

}  // namespace chronik::sim
