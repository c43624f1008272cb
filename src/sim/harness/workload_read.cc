// A reader, and its judgement of what it is given.
#include <fmt/format.h>

#include <charconv>

#include "sim/harness/reader.h"
#include "sim/harness/workloads.h"
#include "wire/messages/fetch.h"
#include "wire/messages/list_offsets.h"
#include "wire/record_reader.h"

namespace chronik::sim {

namespace {

using wire::ErrorCode;

/// An acknowledged record reaches a waiting reader by then: a long poll that was not woken misses it.
constexpr Duration kDeliveryLimit = 10s;

std::optional<std::uint64_t> number_of(std::string_view value) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end == value.data() + value.size() || *end != ' ') return std::nullopt;
  return number;
}

/// One record, in the order of the log.
void take(Reader& self, const wire::RecordView& record, Instant asked_at) {
  History& history = self.kit.history;
  const std::int64_t offset = record.offset.value();
  if (offset < self.position) return;  // the batch began before
  if (offset != self.position) {
    history.violate("skipped", fmt::format("{}: asked for offset {} and got {}", self.partition.to_string(),
                                           self.position, offset));
  }
  self.position = offset + 1;
  const auto number = record.value ? number_of(as_text(*record.value)) : std::nullopt;
  if (!number || *number >= history.all_sent().size()) {
    return history.violate("invented",
                           fmt::format("{}: nobody sent what is at offset {}", self.partition.to_string(), offset));
  }
  history.see(self.partition, offset, *number);
  const SentRecord& sent = history.sent(*number);
  if (sent.fate != Fate::acknowledged || sent.acknowledged_at < asked_at) return;
  history.reached("a waiting reader was woken");
  const Duration late = self.kit.context.now() - sent.acknowledged_at;
  if (late > kDeliveryLimit) {
    history.violate("delivery",
                    fmt::format("{}: a reader waited for offset {} and got it {:.1f} s after it was "
                                "acknowledged",
                                self.partition.to_string(), offset, static_cast<double>(late.count()) / 1e9));
  }
}

/// False if a batch does not hold.
bool take_batches(Reader& self, const wire::Records& records, Instant asked_at) {
  std::string all;
  for (const Buffer& piece : records.pieces) all += as_text(piece.span());
  ByteSpan rest = as_bytes(all);
  while (!rest.empty()) {
    const auto header = wire::parse_batch_header(rest);
    if (!header || header->size() > rest.size()) return true;  // the end may be cut
    const ByteSpan batch = rest.first(header->size());
    self.bytes += batch.size();
    rest = rest.subspan(batch.size());
    if (!wire::batch_crc_holds(batch)) return false;
    auto reader = wire::RecordReader::open(batch, 64 << 20);
    if (!reader) return false;
    wire::RecordView record;
    for (;;) {
      const auto more = reader->next(record);
      if (!more) return false;
      if (!*more) break;
      take(self, record, asked_at);
    }
  }
  return true;
}

void take_high_watermark(Reader& self, std::int64_t before, HighWatermark now) {
  std::int64_t& highest = self.kit.history.seen(self.partition).high_watermark;
  if (now.value() < before) {
    self.kit.history.violate("monotone", fmt::format("{}: the high watermark went back from {} to {}",
                                                     self.partition.to_string(), before, now.value()));
  }
  highest = std::max(highest, now.value());
}

}  // namespace

task::Task<std::int64_t> ask_offset(Reader& self, UnixMillis which) {
  wire::ListOffsetsRequest request;
  request.replica_id = BrokerId(-1);
  request.timeout_ms = 5000;
  request.topics.push_back({self.partition.topic, {{PartitionIndex(self.partition.index), LeaderEpoch(-1), which}}});
  auto answer = co_await self.session.call(std::move(request), 30s);
  if (!answer || answer->topics.empty() || answer->topics[0].partitions.empty()) co_return -1;
  const auto& place = answer->topics[0].partitions[0];
  co_return place.error_code == ErrorCode::none ? place.offset.value() : -1;
}

task::Task<void> start_over(Reader& self) {
  const std::int64_t start = co_await ask_offset(self, wire::kEarliestTimestamp);
  if (start < 0) co_return;
  self.kit.history.see_log_start(self.partition, start, "lost");
  self.position = start;
}

task::Task<bool> poll(Reader& self) {
  wire::FetchRequest request;
  request.max_wait_ms = static_cast<std::int32_t>(self.poll_max / 1ms);
  request.min_bytes = 1;
  request.max_bytes = 1 << 20;
  wire::FetchRequest::Partition part;
  part.partition = PartitionIndex(self.partition.index);
  part.fetch_offset = Offset(self.position);
  part.partition_max_bytes = static_cast<std::int32_t>(1000 + self.kit.prng.below(100'000));
  request.topics.push_back({self.partition.topic, {}, {part}});
  const Instant asked_at = self.kit.context.now();
  const std::int64_t before = self.kit.history.seen(self.partition).high_watermark;
  // By name: ids come with version 13. Reading from a stalled disk ends by its own deadline.
  auto answer = co_await self.session.call(std::move(request), self.poll_max + 10s, 12);
  if (!answer || answer->error_code != ErrorCode::none || answer->responses.empty()) co_return false;
  const auto& place = answer->responses[0].partitions.at(0);
  if (place.error_code == ErrorCode::offset_out_of_range) {
    co_await start_over(self);
    co_return false;
  }
  if (place.error_code != ErrorCode::none) {
    self.kit.history.reached(fmt::format("fetch answered {}", wire::to_string(place.error_code)));
    self.damaged = place.error_code == ErrorCode::corrupt_message;
    if (self.damaged && !self.kit.history.damaged) {
      self.kit.history.violate("corruption", fmt::format("{}: offset {} is called damaged, and nothing was",
                                                         self.partition.to_string(), self.position));
    }
    co_return false;
  }
  take_high_watermark(self, before, place.high_watermark);
  if (!take_batches(self, place.records, asked_at)) {
    self.kit.history.violate("corruption", fmt::format("{}: a batch at or after offset {} does not hold",
                                                       self.partition.to_string(), self.position));
  }
  co_return true;
}

task::Task<void> read_on(ClientKit kit, PartitionName partition) {
  Reader self(std::move(kit), std::move(partition));
  while (!self.kit.ending) {
    if (!co_await poll(self)) co_await pause(self.kit, 50ms, 400ms);
    if (self.kit.prng.chance(1, 400)) co_await start_over(self);
    if (self.kit.prng.chance(1, 300)) self.session.close();
  }
}

task::Task<void> read_whole_log(ClientKit kit, PartitionName partition, std::shared_ptr<FinalLog> into) {
  Reader self(std::move(kit), std::move(partition));
  self.poll_max = 100ms;
  while (into->start < 0 || into->end < 0) {
    into->start = co_await ask_offset(self, wire::kEarliestTimestamp);
    into->end = co_await ask_offset(self, wire::kLatestTimestamp);
    if (into->start < 0 || into->end < 0) co_await pause(self.kit, 100ms, 300ms);
  }
  self.position = into->start;
  while (self.position < into->end && !self.damaged) {
    if (!co_await poll(self)) co_await pause(self.kit, 50ms, 200ms);
  }
  into->damaged = self.damaged;
  into->end = std::min(into->end, self.position);
  into->bytes = self.bytes;
  // Retention may have gone on meanwhile.
  if (!self.damaged)
    into->start = std::max(into->start, std::min(co_await ask_offset(self, wire::kEarliestTimestamp), into->end));
  const auto& seen = self.kit.history.seen(self.partition).records;
  into->records.insert(seen.lower_bound(into->start), seen.lower_bound(into->end));
  into->complete = true;
}

}  // namespace chronik::sim
