// A producer, with what it may conclude from each answer.
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "sim/harness/workloads.h"
#include "wire/messages/init_producer_id.h"
#include "wire/messages/produce.h"
#include "wire/record_batch_builder.h"

namespace chronik::sim {

namespace {

using wire::ErrorCode;

constexpr std::int32_t kTimeoutMs = 5000;

/// A batch on its way to one partition, until its fate is settled.
struct Outgoing {
  PartitionName partition;
  Buffer batch;
  std::vector<std::uint64_t> numbers;
  int attempts = 0;
  bool uncertain = false;  // some attempt may have been appended
  bool settled = false;
};

struct Producer {
  Producer(ClientKit with, ProducerPlan what) : kit(std::move(with)), plan(std::move(what)), session(kit) {}
  ClientKit kit;
  ProducerPlan plan;
  Session session;
  ProducerId id = wire::kNoProducerId;
  ProducerEpoch epoch = wire::kNoProducerEpoch;
  std::map<PartitionName, std::int32_t> next_sequence;
  std::vector<Outgoing> outgoing;
};

/// Whether the same batch may be taken later.
bool is_permanent(ErrorCode error) {
  return error == ErrorCode::message_too_large || error == ErrorCode::invalid_record ||
         error == ErrorCode::corrupt_message;
}

/// Whether the error says that nothing was appended and nothing will be, whatever happens later.
bool is_definite(ErrorCode error) {
  switch (error) {
    case ErrorCode::unknown_topic_or_partition:
    case ErrorCode::not_leader_or_follower:
    case ErrorCode::message_too_large:
    case ErrorCode::invalid_record:
    case ErrorCode::corrupt_message:
    case ErrorCode::invalid_timestamp:
    case ErrorCode::throttling_quota_exceeded:
      return true;
    default:
      return false;
  }
}

Outgoing make_batch(Producer& self, const PartitionName& partition) {
  Outgoing out;
  out.partition = partition;
  wire::BatchOptions options;
  Prng& prng = self.kit.prng;
  if (prng.chance(1, 4)) options.codec = static_cast<wire::Codec>(1 + prng.below(4));
  const auto count = 1 + prng.below(5);
  if (self.plan.idempotent) {
    options.producer_id = self.id;
    options.producer_epoch = self.epoch;
    options.base_sequence = self.next_sequence[partition];
    self.next_sequence[partition] += static_cast<std::int32_t>(count);
  }
  wire::RecordBatchBuilder builder(options);
  const std::size_t padding = prng.chance(1, 20) ? prng.below(20'000) : prng.below(200);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t number = self.kit.history.send(
        {.partition = partition, .producer = self.plan.number, .idempotent = self.plan.idempotent});
    out.numbers.push_back(number);
    const std::string key = fmt::format("key-{}", prng.below(50));
    const std::string value = fmt::format("{} {}", number, std::string(padding, 'x'));
    std::optional<ByteSpan> keyed;
    if (prng.chance(1, 2)) keyed = as_bytes(key);
    builder.add(self.kit.context.wall_now(), keyed, as_bytes(value));
  }
  auto built = builder.build();
  CHECK(built);
  out.batch = *std::move(built);
  return out;
}

void settle(Producer& self, Outgoing& out, Fate fate, std::int64_t base) {
  out.settled = true;
  for (std::size_t i = 0; i < out.numbers.size(); ++i) {
    SentRecord& record = self.kit.history.sent(out.numbers[i]);
    record.fate = fate;
    if (fate != Fate::acknowledged) continue;
    record.offset = base + static_cast<std::int64_t>(i);
    record.acknowledged_at = self.kit.context.now();
  }
}

/// Takes note of one partition's answer.
void take_answer(Producer& self, Outgoing& out, ErrorCode error, Offset base) {
  History& history = self.kit.history;
  if (error == ErrorCode::none) {
    if (out.uncertain && self.plan.idempotent) history.reached("retried batch acknowledged");
    return settle(self, out, Fate::acknowledged, base.value());
  }
  history.reached(fmt::format("produce answered {}", wire::to_string(error)));
  const bool fatal = error == ErrorCode::out_of_order_sequence_number || error == ErrorCode::unknown_producer_id ||
                     error == ErrorCode::invalid_producer_epoch;
  if (fatal) {
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
  request.timeout_ms = kTimeoutMs;
  for (Outgoing& out : self.outgoing) {
    if (out.settled) continue;
    if (++out.attempts > 1 && !self.plan.idempotent && out.uncertain) {
      for (const auto number : out.numbers) self.kit.history.sent(number).resent = true;
    }
    auto topic = std::ranges::find(request.topic_data, out.partition.topic, &wire::ProduceRequest::TopicData::name);
    if (topic == request.topic_data.end()) {
      topic = request.topic_data.insert(topic, {.name = out.partition.topic, .topic_id = {}, .partition_data = {}});
    }
    topic->partition_data.push_back({PartitionIndex(out.partition.index), out.batch});
  }
  // By name: ids come with version 13.
  auto answer = co_await self.session.call(std::move(request), std::chrono::milliseconds(kTimeoutMs), 12);
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

/// A new producer id: what was sent under the old one will not be sent again.
task::Task<bool> begin(Producer& self) {
  wire::InitProducerIdRequest request;
  auto answer = co_await self.session.call(std::move(request), 30s);
  if (!answer || answer->error_code != ErrorCode::none) co_return false;
  self.id = answer->producer_id;
  self.epoch = answer->producer_epoch;
  self.next_sequence.clear();
  co_return true;
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
