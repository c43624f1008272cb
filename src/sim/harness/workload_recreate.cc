// A topic that is deleted and made again under the same name: nothing of the old one may be seen in the new one, be it
// records or committed offsets. The client is the only one who touches it.
#include <fmt/format.h>

#include <charconv>

#include "sim/harness/session.h"
#include "sim/harness/workloads.h"
#include "wire/messages/create_topics.h"
#include "wire/messages/delete_topics.h"
#include "wire/messages/fetch.h"
#include "wire/messages/offset_commit.h"
#include "wire/messages/offset_fetch.h"
#include "wire/messages/produce.h"
#include "wire/record_batch_builder.h"
#include "wire/record_reader.h"

namespace chronik::sim {

namespace {

using wire::ErrorCode;

constexpr std::int32_t kTimeoutMs = 5000;

struct Owner {
  explicit Owner(ClientKit with) : kit(std::move(with)), session(kit) {}
  Owner(const Owner&) = delete;
  Owner& operator=(const Owner&) = delete;

  ClientKit kit;
  Session session;
  std::string topic;
  std::string group;
  std::uint64_t incarnation = 0;
  std::int64_t acknowledged = 0;  // records of this incarnation, at least
  bool unsure = false;            // a request without an answer may take effect whenever: not under this name
};

task::Task<bool> create(Owner& self) {
  wire::CreateTopicsRequest request;
  request.timeout_ms = kTimeoutMs;
  request.topics.push_back(
      {.name = self.topic, .num_partitions = 1, .replication_factor = 1, .assignments = {}, .configs = {}});
  request.topics.back().configs.push_back({"segment.ms", "2000"});
  auto answer = co_await self.session.call(std::move(request), 30s);
  co_return answer && !answer->topics.empty() && answer->topics[0].error_code == ErrorCode::none;
}

/// Until it is gone for certain.
task::Task<void> remove(Owner& self) {
  while (!self.kit.ending) {
    wire::DeleteTopicsRequest request;
    request.timeout_ms = kTimeoutMs;
    request.topic_names.push_back(self.topic);
    auto answer = co_await self.session.call(std::move(request), 30s, 5);
    const ErrorCode error =
        !answer || answer->responses.empty() ? ErrorCode::unknown_server_error : answer->responses[0].error_code;
    if (error == ErrorCode::none || error == ErrorCode::unknown_topic_or_partition) co_return;
    co_await pause(self.kit, 50ms, 500ms);
  }
}

task::Task<void> write(Owner& self) {
  wire::RecordBatchBuilder builder({});
  const std::string value = fmt::format("{} {}", self.incarnation, std::string(self.kit.prng.below(3000), 'r'));
  builder.add(self.kit.context.wall_now(), std::nullopt, as_bytes(value));
  auto batch = builder.build();
  CHECK(batch);
  wire::ProduceRequest request;
  request.acks = -1;
  request.timeout_ms = kTimeoutMs;
  request.topic_data.push_back({.name = self.topic, .topic_id = {}, .partition_data = {}});
  request.topic_data.back().partition_data.push_back({PartitionIndex(0), *std::move(batch)});
  auto answer = co_await self.session.call(std::move(request), std::chrono::milliseconds(kTimeoutMs), 12);
  self.unsure = self.unsure || !answer;
  if (!answer || answer->responses.empty()) co_return;
  const auto& place = answer->responses[0].partition_responses.at(0);
  if (place.error_code == ErrorCode::none)
    self.acknowledged = std::max(self.acknowledged, place.base_offset.value() + 1);
}

task::Task<void> commit(Owner& self) {
  wire::OffsetCommitRequest request;
  request.group_id = self.group;
  request.topics.push_back({.name = self.topic, .topic_id = {}, .partitions = {}});
  request.topics.back().partitions.push_back({PartitionIndex(0), Offset(self.acknowledged), LeaderEpoch(-1), "old"});
  const auto answer = co_await self.session.call(std::move(request), 30s, 8);
  self.unsure = self.unsure || !answer;
}

/// Of a topic that is new, nothing can have been committed.
task::Task<void> check_offset(Owner& self) {
  wire::OffsetFetchRequest request;
  request.group_id = self.group;
  request.topics.emplace().push_back({self.topic, {PartitionIndex(0)}});
  auto answer = co_await self.session.call(std::move(request), 30s, 5);
  if (!answer || answer->topics.empty() || answer->topics[0].partitions.empty()) co_return;
  const auto& place = answer->topics[0].partitions[0];
  if (place.error_code != ErrorCode::none || place.committed_offset.value() < 0) co_return;
  self.kit.history.violate("incarnation", fmt::format("{} was made again, and a group is told offset {} of the old one",
                                                      self.topic, place.committed_offset.value()));
}

void check_value(Owner& self, const wire::RecordView& record) {
  const std::string_view text = record.value ? as_text(*record.value) : std::string_view();
  std::uint64_t incarnation = 0;
  (void)std::from_chars(text.data(), text.data() + text.size(), incarnation);
  if (incarnation == self.incarnation) return;
  self.kit.history.violate("incarnation",
                           fmt::format("{}: offset {} holds a record of incarnation {}, not {}", self.topic,
                                       record.offset.value(), incarnation, self.incarnation));
}

task::Task<void> check_records(Owner& self) {
  wire::FetchRequest request;
  request.max_wait_ms = 10;
  request.max_bytes = 1 << 20;
  wire::FetchRequest::Partition part;
  part.partition = PartitionIndex(0);
  part.fetch_offset = Offset(0);
  part.partition_max_bytes = 1 << 20;
  request.topics.push_back({self.topic, {}, {part}});
  auto answer = co_await self.session.call(std::move(request), 10s, 12);
  if (!answer || answer->error_code != ErrorCode::none || answer->responses.empty()) co_return;
  const auto& place = answer->responses[0].partitions.at(0);
  if (place.error_code != ErrorCode::none) co_return;
  if (place.high_watermark.value() < self.acknowledged) {
    self.kit.history.violate("acknowledged", fmt::format("{}: {} records are there of {} acknowledged ones", self.topic,
                                                         place.high_watermark.value(), self.acknowledged));
  }
  std::string all;
  for (const Buffer& piece : place.records.pieces) all += as_text(piece.span());
  ByteSpan rest = as_bytes(all);
  for (;;) {
    const auto header = wire::parse_batch_header(rest);
    if (rest.empty() || !header || header->size() > rest.size()) co_return;
    auto reader = wire::RecordReader::open(rest.first(header->size()), 64 << 20);
    wire::RecordView record;
    while (reader) {
      const auto more = reader->next(record);
      if (!more || !*more) break;
      check_value(self, record);
    }
    rest = rest.subspan(header->size());
  }
}

}  // namespace

task::Task<void> recreate(ClientKit kit, std::uint64_t number) {
  Owner self(std::move(kit));
  // Of this process alone: one before it may have left requests behind.
  self.topic = fmt::format("again-{}", number);
  self.group = fmt::format("again-{}", number);
  while (!self.kit.ending) {
    ++self.incarnation;
    self.acknowledged = 0;
    if (self.unsure) self.topic += "+";
    self.unsure = !co_await create(self);
    if (self.unsure) {
      co_await pause(self.kit, 100ms, 1s);
      continue;
    }
    if (!self.topic.ends_with('+') && self.incarnation > 1) self.kit.history.reached("a topic was made again");
    co_await check_offset(self);
    const auto rounds = 5 + self.kit.prng.below(30);
    for (std::uint64_t i = 0; i < rounds && !self.kit.ending; ++i) {
      co_await write(self);
      if (self.kit.prng.chance(1, 4)) co_await check_records(self);
      if (self.kit.prng.chance(1, 6)) co_await commit(self);
      co_await pause(self.kit, 5ms, 300ms);
    }
    co_await remove(self);
  }
}

}  // namespace chronik::sim
