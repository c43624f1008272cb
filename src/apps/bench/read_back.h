// The checker behind reconcile(): is fed every record of the log in order and compares it with the clients' ledgers.
// Sequences of one client in one partition must come 0, 1, 2, ... without those that failed, which may be absent.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "apps/bench/client.h"

namespace chronik::bench {

class ReadBack {
 public:
  ReadBack(const Run& run, const std::vector<std::unique_ptr<Client>>& clients);

  void record(int partition, std::int64_t offset, std::string_view payload);
  /// All partitions have been read to their end. One line for each partition and client that does not agree.
  std::vector<std::string> finish();
  std::uint64_t read() const { return read_; }

 private:
  struct Lane {  // one client in one partition
    std::uint64_t next = 0;
    std::uint64_t duplicated = 0;
    std::uint64_t reordered = 0;
    std::unordered_set<std::uint64_t> missing;
  };
  struct Partition {
    std::uint64_t read = 0;
    std::uint64_t foreign = 0;  // not of this run, or damaged
    std::uint64_t placement = 0;
    std::uint64_t uncertain = 0;  // records whose client saw a failure
    std::vector<Lane> lanes;
  };
  void judge_lane(std::size_t partition, std::size_t client, std::vector<std::string>& lines);
  void judge_placement(std::size_t partition, std::vector<std::string>& lines);

  const Run& run_;
  const std::vector<std::unique_ptr<Client>>& clients_;
  std::vector<Partition> partitions_;
  std::uint64_t read_ = 0;
};

}  // namespace chronik::bench
