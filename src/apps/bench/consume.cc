// `consume`: reads a topic from the beginning to the end offsets seen at the start, or a number of records, or a time.
#include <fmt/format.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "apps/bench/clock.h"
#include "apps/bench/commands.h"
#include "apps/bench/progress.h"
#include "apps/bench/reader.h"
#include "apps/bench/report.h"
#include "apps/bench/topics.h"

namespace chronik::bench {
namespace {

constexpr std::int64_t kStallNs = 30'000'000'000;

/// What the reading threads share: totals, and which partitions still have to reach their end.
class Consumption {
 public:
  Consumption(const ConsumeOptions& options, std::vector<PartitionRange> ranges)
      : options_(options), ranges_(std::move(ranges)), ended_(ranges_.size()) {
    for (const auto& range : ranges_) open_ += range.end > range.start ? 1 : 0;
    last_ns = started_ns = now_ns();
  }

  bool finished() const {
    if (failed_) return true;
    if (options_.records > 0 && records >= options_.records) return true;
    if (options_.seconds > 0) return now_ns() - started_ns >= static_cast<std::int64_t>(options_.seconds * 1e9);
    return options_.records == 0 && open_ == 0;
  }

  void take(const rd_kafka_message_t& message) {
    if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      records.fetch_add(1, std::memory_order_relaxed);
      bytes.fetch_add(message.len, std::memory_order_relaxed);
      reached(message.partition, message.offset + 1);
    } else if (message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      reached(message.partition, message.offset);
    } else if (message.rkt != nullptr || rd_kafka_message_errstr(&message) == nullptr) {
      fail_with(fmt::format("partition {}: {}", message.partition, rd_kafka_err2str(message.err)));
    } else {
      errors.fetch_add(1, std::memory_order_relaxed);
    }
  }

  void fail_with(const std::string& why) {
    const std::lock_guard lock(mutex_);
    if (failure_.empty()) failure_ = why;
    failed_ = true;
  }
  std::string failure() {
    const std::lock_guard lock(mutex_);
    return failure_;
  }
  const std::vector<PartitionRange>& ranges() const { return ranges_; }

  std::atomic<std::uint64_t> records{0};
  std::atomic<std::uint64_t> bytes{0};
  std::atomic<std::uint64_t> errors{0};
  std::atomic<std::int64_t> last_ns{0};
  std::int64_t started_ns = 0;

 private:
  void reached(int partition, std::int64_t offset) {
    const auto p = static_cast<std::size_t>(partition);
    if (p >= ranges_.size() || ranges_[p].end <= ranges_[p].start || offset < ranges_[p].end) return;
    if (!ended_[p].exchange(true)) open_.fetch_sub(1);
  }

  const ConsumeOptions& options_;
  const std::vector<PartitionRange> ranges_;
  std::vector<std::atomic<bool>> ended_;
  std::atomic<std::size_t> open_{0};
  std::atomic<bool> failed_{false};
  std::mutex mutex_;  // guards failure_ only
  std::string failure_;
};

Result<std::unique_ptr<Reader>> make_reader(const ConsumeOptions& options, const Consumption& shared, int client) {
  if (!options.group.empty()) return Reader::grouped(options.connection, options.topic, options.group);
  std::vector<Assignment> mine;
  for (std::size_t p = static_cast<std::size_t>(client); p < shared.ranges().size();
       p += static_cast<std::size_t>(options.clients)) {
    mine.push_back({static_cast<int>(p), shared.ranges()[p].start});
  }
  return Reader::assigned(options.connection, options.topic, mine, Purpose::catch_up);
}

void read(const ConsumeOptions& options, Consumption& shared, int client) {
  auto reader = make_reader(options, shared, client);
  if (!reader) return shared.fail_with(reader.error().detail);
  while (!shared.finished()) {
    const auto got = (*reader)->poll(50, [&](const rd_kafka_message_t& message) { shared.take(message); });
    if (got > 0) shared.last_ns = now_ns();
    if (options.seconds == 0 && now_ns() - shared.last_ns > kStallNs) {
      shared.fail_with(fmt::format("no record for 30 s, {} read so far", shared.records.load()));
    }
  }
}

}  // namespace

Status run_consume(const ConsumeOptions& options) {
  TRY(const int partitions, partition_count(options.connection, options.topic));
  TRY(auto ranges, partition_ranges(options.connection, options.topic, partitions));
  const auto cpu_before = cpu_seconds();
  Consumption shared(options, std::move(ranges));
  Progress progress("read", [&] { return Totals{shared.records, shared.errors, {}}; }, options.output.quiet);
  std::vector<std::thread> threads;
  for (int c = 0; c < options.clients; ++c) threads.emplace_back([&, c] { read(options, shared, c); });
  for (auto& thread : threads) thread.join();
  progress.stop();
  if (const auto why = shared.failure(); !why.empty()) return fail(Errc::timed_out, why);

  const auto seconds = std::max(1e-9, static_cast<double>(shared.last_ns - shared.started_ns) / 1e9);
  const Json result = {{"command", "consume"},
                       {"bootstrap", options.connection.bootstrap},
                       {"topic", options.topic},
                       {"partitions", partitions},
                       {"clients", options.clients},
                       {"group", options.group},
                       {"records", shared.records.load()},
                       {"bytes", shared.bytes.load()},
                       {"seconds", seconds},
                       {"records_per_s", static_cast<double>(shared.records) / seconds},
                       {"mb_per_s", static_cast<double>(shared.bytes) / 1e6 / seconds},
                       {"cpu_seconds", cpu_seconds() - cpu_before},
                       {"series", series_json(progress.series())}};
  return emit(result, options.output);
}

}  // namespace chronik::bench
