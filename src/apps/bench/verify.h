// Reconciliation: what was acknowledged must be what is read back, once, in order, at the offset the broker named.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "apps/bench/client.h"
#include "apps/bench/topics.h"

namespace chronik::bench {

struct Reconciliation {
  std::uint64_t acked = 0;
  std::uint64_t uncertain = 0;          // failed at the client: may be in the log or not
  std::uint64_t in_log = 0;             // growth of the partitions' end offsets
  std::uint64_t read = 0;               // records read back; 0 unless full
  std::vector<std::string> mismatches;  // one line each; empty means reconciled
};

/// `before` are the ranges when the run began. Verify::offsets compares counts with the growth of end offsets only (for
/// brokers that drop old records on their own, as the mock does); Verify::full also reads everything.
Result<Reconciliation> reconcile(const Run& run, const std::vector<std::unique_ptr<Client>>& clients,
                                 const std::vector<PartitionRange>& before, Verify how);

}  // namespace chronik::bench
