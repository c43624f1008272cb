// RowGatherer: changes on their way to the index, where many new rows of one session are packed together
// (row_block.h). Changes of one session keep their order; what is few stays as it is, an entry each.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "checkpoint/log_format.h"
#include "checkpoint/model.h"

namespace chronik::checkpoint {

class RowGatherer {
 public:
  struct Made {
    SessionId session;
    EntryKind kind = EntryKind::delta;
    std::uint64_t lsn = 0;
    std::string payload;
  };
  explicit RowGatherer(std::size_t events_kept) : events_kept_(events_kept) {}

  /// First every change is counted, then every one is added, in the same order.
  void count(const Delta& delta) { rows_[delta.session] += delta.puts.size(); }
  /// What can be written now.
  std::vector<Made> add(std::uint64_t lsn, std::shared_ptr<const Delta> delta);
  std::vector<Made> finish();

 private:
  struct Change {
    std::uint64_t lsn = 0;
    std::shared_ptr<const Delta> delta;
  };
  void release(std::vector<Change> run, std::vector<Made>& into) const;

  const std::size_t events_kept_;
  std::map<SessionId, std::uint64_t> rows_;
  std::map<SessionId, std::vector<Change>> runs_;  // that only add
};

}  // namespace chronik::checkpoint
