// One producing client as the commands see it: something with a sender thread that follows the workload, and counters
// that may be read while it runs. Two kinds exist: librdkafka (rdkafka_client.h) and our own raw one (raw_client.h).
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "apps/bench/histogram.h"
#include "apps/bench/ledger.h"
#include "apps/bench/options.h"
#include "apps/bench/pacing.h"
#include "base/result.h"

namespace chronik::bench {

/// What all clients of one run share; outlives them.
struct Run {
  const Connection& connection;
  const Workload& load;
  std::uint32_t id = 0;
  int partitions = 0;
  std::int64_t start_ns = 0;
  std::int64_t end_ns = 0;  // when sending stops; INT64_MAX with --records
  std::string filler;       // load.size bytes that records are made of
};

/// What one client sends next: which partition, when, and when to stop.
class Schedule {
 public:
  Schedule(const Run& run, int client);

  bool open_loop() const { return pacing_.open_loop(); }
  /// No record `index`, nor any later, is to be sent. In rounds asked at the beginning of a round only.
  bool done(std::uint64_t index) const;
  std::int64_t due(std::uint64_t index) const { return pacing_.due(index); }
  int partition(std::uint64_t index) const;
  /// Record `index` opens a round: all earlier ones must be acknowledged first.
  bool opens_round(std::uint64_t index) const { return run_.load.rounds && index % share_ == 0; }

 private:
  const Run& run_;
  int client_;
  Pacing pacing_;
  std::uint64_t share_ = 1;  // partitions this client writes to, one round of its own
  std::uint64_t quota_ = 0;  // records to send with --records
};

/// Counters and ledger of one client. Written by its own threads, atomics readable by any.
class ClientRecord {
 public:
  explicit ClientRecord(int partitions) : ledger(static_cast<std::size_t>(partitions)) {}

  void acked(std::int64_t intended_ns, std::int64_t at_ns) {
    latency.record(at_ns - intended_ns);
    acked_count.store(acked_count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    last_ack_ns.store(at_ns, std::memory_order_relaxed);
  }
  void failed(const std::string& why) {
    failed_count.fetch_add(1, std::memory_order_relaxed);
    const std::lock_guard lock(errors_mutex);
    ++errors[why];
  }

  Histogram latency;
  std::atomic<std::uint64_t> acked_count{0};
  std::atomic<std::uint64_t> failed_count{0};
  std::atomic<std::int64_t> last_ack_ns{0};
  ClientLedger ledger;
  std::mutex errors_mutex;  // errors only: never taken while all goes well
  std::map<std::string, std::uint64_t> errors;
};

class Client {
 public:
  explicit Client(const Run& run) : record(run.partitions) {}
  virtual ~Client() = default;

  /// Body of the sender thread: returns when everything sent is acknowledged or has failed.
  virtual void run_sender() = 0;

  ClientRecord record;
};

/// Connects, and learns who leads. run.start_ns may still change before run_sender is called.
Result<std::unique_ptr<Client>> make_rdkafka_client(const Run& run, int index);
Result<std::unique_ptr<Client>> make_raw_client(const Run& run, int index);

}  // namespace chronik::bench
