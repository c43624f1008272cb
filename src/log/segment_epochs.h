// EpochList: which leader epoch began at which offset (KIP-101), and its file, leader-epoch-checkpoint.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace chronik::log {

class EpochList {
 public:
  struct Entry {
    LeaderEpoch epoch;
    Offset start;
    bool operator==(const Entry&) const = default;
  };

  /// A batch of `epoch` at `base`, behind all before. True if the list changed. Epochs never go back: a smaller one is
  /// a bug of the caller's.
  bool append(LeaderEpoch epoch, Offset base);
  /// Forgets what begins at or above `end`.
  void cut_end(Offset end);
  /// The first offset is now `start`.
  void cut_start(Offset start);
  void clear() { entries_.clear(); }

  /// Epoch of the batch at `base`; nullopt before the first entry.
  std::optional<LeaderEpoch> at(Offset base) const;
  /// The largest epoch at or below `epoch` and the offset where it ends; `end` is the log's.
  std::optional<std::pair<LeaderEpoch, Offset>> end_of(LeaderEpoch epoch, Offset end) const;

  const std::vector<Entry>& entries() const { return entries_; }
  std::string text() const;
  static Result<EpochList> parse(std::string_view text);

 private:
  std::vector<Entry> entries_;
};

}  // namespace chronik::log
