#include "sim/harness/producer.h"

#include <fmt/format.h>

#include <algorithm>

#include "wire/messages/init_producer_id.h"
#include "wire/record_batch_builder.h"

namespace chronik::sim {

using wire::ErrorCode;

bool is_permanent(ErrorCode error) {
  return error == ErrorCode::message_too_large || error == ErrorCode::invalid_record ||
         error == ErrorCode::corrupt_message;
}

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
      return is_about_sequence(error);
  }
}

bool is_about_sequence(ErrorCode error) {
  return error == ErrorCode::out_of_order_sequence_number || error == ErrorCode::unknown_producer_id ||
         error == ErrorCode::invalid_producer_epoch;
}

Outgoing make_batch(Producer& self, const PartitionName& partition) {
  Outgoing out;
  out.partition = partition;
  out.life = self.kit.history.broker_life;
  wire::BatchOptions options;
  Prng& prng = self.kit.prng;
  if (prng.chance(1, 4)) options.codec = static_cast<wire::Codec>(1 + prng.below(4));
  const auto count = self.plan.bulk ? 1 + prng.below(20) : 1 + prng.below(5);
  if (self.plan.idempotent) {
    options.producer_id = self.id;
    options.producer_epoch = self.epoch;
    options.base_sequence = self.next_sequence[partition];
    self.next_sequence[partition] += static_cast<std::int32_t>(count);
  }
  wire::RecordBatchBuilder builder(options);
  std::size_t padding = prng.chance(1, 20) ? prng.below(20'000) : prng.below(200);
  if (self.plan.bulk) padding = 500 + prng.below(4000);
  for (std::uint64_t i = 0; i < count; ++i) {
    const UnixMillis now = self.kit.context.wall_now();
    const std::uint64_t number = self.kit.history.send(
        {.partition = partition, .producer = self.plan.number, .idempotent = self.plan.idempotent, .timestamp = now});
    out.numbers.push_back(number);
    const std::string key = fmt::format("key-{}", prng.below(50));
    std::string value = fmt::format("{} ", number);
    // Half of the large ones do not compress.
    const bool dense = self.plan.bulk && prng.chance(1, 2);
    while (value.size() < padding) value.push_back(dense ? static_cast<char>(prng.next()) : 'x');
    std::optional<ByteSpan> keyed;
    if (prng.chance(1, 2)) keyed = as_bytes(key);
    builder.add(now, keyed, as_bytes(value));
  }
  auto built = builder.build();
  CHECK(built);
  out.batch = *std::move(built);
  return out;
}

void begin_attempt(Producer& self, Outgoing& out) {
  if (++out.attempts == 1 || self.plan.idempotent || !out.uncertain) return;
  for (const auto number : out.numbers) self.kit.history.sent(number).resent = true;
}

void add_to(wire::ProduceRequest& request, const Outgoing& out) {
  auto topic = std::ranges::find(request.topic_data, out.partition.topic, &wire::ProduceRequest::TopicData::name);
  if (topic == request.topic_data.end()) {
    topic = request.topic_data.insert(topic, {.name = out.partition.topic, .topic_id = {}, .partition_data = {}});
  }
  topic->partition_data.push_back({PartitionIndex(out.partition.index), out.batch});
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

void acknowledge(Producer& self, Outgoing& out, Offset base) {
  History& history = self.kit.history;
  if (out.uncertain && self.plan.idempotent) {
    history.reached("retried batch acknowledged");
    const auto& seen = history.seen(out.partition).records;
    const auto there = seen.find(base.value());
    // Somebody read it before this attempt was answered, and the attempt before was of another life.
    const bool known = there != seen.end() && there->second == out.numbers.front();
    if (known && out.life != history.broker_life) history.reached("a duplicate was recognised after a restart");
  }
  settle(self, out, Fate::acknowledged, base.value());
}

task::Task<bool> begin(Producer& self) {
  wire::InitProducerIdRequest request;
  auto answer = co_await self.session.call(std::move(request), 30s);
  if (!answer || answer->error_code != ErrorCode::none) co_return false;
  self.id = answer->producer_id;
  self.epoch = answer->producer_epoch;
  self.next_sequence.clear();
  co_return true;
}

}  // namespace chronik::sim
