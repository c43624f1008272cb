// The producing clients of one run: made, started together, watched, summed up. Used by `produce` and `e2e`.
#pragma once

#include <memory>
#include <thread>
#include <vector>

#include "apps/bench/client.h"
#include "apps/bench/progress.h"
#include "apps/bench/report.h"
#include "apps/bench/topics.h"

namespace chronik::bench {

class Fleet {
 public:
  /// Connects all clients; nothing is sent yet.
  static Result<std::unique_ptr<Fleet>> make(const Connection& connection, const Workload& load, int partitions);

  /// Sets the clock to zero and lets all clients send. wait() must follow.
  void start();
  /// Until each client has sent its part and knows what became of it.
  void wait();

  Totals totals() const;
  const Run& run() const { return run_; }
  const std::vector<std::unique_ptr<Client>>& clients() const { return clients_; }
  /// From the start to the last acknowledgement.
  double elapsed_s() const;
  /// An error when records failed, naming the most frequent reason, or when none was acknowledged; after wait().
  Status status() const;
  /// Counts, rates, errors and publish latency; after wait().
  Json summary() const;

 private:
  std::map<std::string, std::uint64_t> errors() const;
  Fleet(const Connection& connection, const Workload& load, int partitions);

  Run run_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<std::thread> senders_;
};

}  // namespace chronik::bench
