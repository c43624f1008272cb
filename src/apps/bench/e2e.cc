// `e2e`: producers and one consumer in one process, latency from the intended send time to the poll that returns the
// record. One clock, so no synchronisation error.
#include <fmt/format.h>

#include <atomic>
#include <thread>

#include "apps/bench/clock.h"
#include "apps/bench/commands.h"
#include "apps/bench/fleet.h"
#include "apps/bench/reader.h"
#include "apps/bench/stamp.h"

namespace chronik::bench {
namespace {

constexpr std::int64_t kDrainNs = 30'000'000'000;

/// The consuming side; its thread ends when `expected` records came, once that number is known.
class Tail {
 public:
  Tail(std::unique_ptr<Reader> reader, std::uint32_t run) : reader_(std::move(reader)), run_(run) {}

  void start() {
    thread_ = std::thread([this] { read(); });
  }
  /// Waits for `expected` records, at most 30 s after the last; false when they did not all come.
  bool finish(std::uint64_t expected) {
    expected_ = expected;
    thread_.join();
    return received_ >= expected;
  }

  const Histogram& latency() const { return latency_; }
  std::uint64_t received() const { return received_; }

 private:
  void read() {
    use_precise_sleep();
    auto last = now_ns();
    while (received_ < expected_ && (expected_ == UINT64_MAX || now_ns() - last < kDrainNs)) {
      reader_->poll(50, [&](const rd_kafka_message_t& message) {
        if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR || message.len < kTimedStampBytes) return;
        if (read_stamp(message.payload).run != run_) return;
        last = now_ns();
        latency_.record(last - read_intended(message.payload));
        received_ = received_ + 1;
      });
    }
  }

  std::unique_ptr<Reader> reader_;
  const std::uint32_t run_;
  Histogram latency_;
  std::atomic<std::uint64_t> received_{0};
  std::atomic<std::uint64_t> expected_{UINT64_MAX};
  std::thread thread_;
};

}  // namespace

Status run_e2e(const E2eOptions& options) {
  TRY(const int partitions, prepare_topic(options.connection, options.load));
  TRY(const auto ranges, partition_ranges(options.connection, options.load.topic, partitions));
  std::vector<Assignment> assignments;
  for (int p = 0; p < partitions; ++p) assignments.push_back({p, ranges[static_cast<std::size_t>(p)].end});
  TRY(auto reader, Reader::assigned(options.connection, options.load.topic, assignments, Purpose::tail));
  TRY(auto fleet, Fleet::make(options.connection, options.load, partitions));
  Tail tail(std::move(reader), fleet->run().id);
  tail.start();
  // The consumer's first fetch should be waiting at the broker before the first record is sent.
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  const auto cpu_before = cpu_seconds();
  Progress progress(
      "received", [&] { return Totals{tail.received(), fleet->totals().errors, tail.latency().snapshot()}; },
      options.output.quiet);
  fleet->start();
  fleet->wait();
  const auto acked = fleet->totals().records;
  const bool complete = tail.finish(acked);
  progress.stop();

  Json result = {{"command", "e2e"}, {"bootstrap", options.connection.bootstrap}};
  result.update(fleet->summary());
  result["received"] = tail.received();
  result["end_to_end_latency_us"] = latency_json(tail.latency().snapshot());
  result["cpu_seconds"] = cpu_seconds() - cpu_before;
  result["series"] = series_json(progress.series());
  TRY_STATUS(emit(result, options.output));
  if (!complete) {
    return fail(Errc::timed_out, fmt::format("{} acknowledged, but only {} received", acked, tail.received()));
  }
  return fleet->status();
}

}  // namespace chronik::bench
