// TransactionFates: how the transactions in a stretch of log ended, learnt by passing over it once.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "log/transactions.h"
#include "wire/record_batch.h"

namespace chronik::log {

/// How a control batch ends a transaction; nullopt if it is something else.
Result<std::optional<EndMarker>> marker_of(ByteSpan batch);

class TransactionFates {
 public:
  explicit TransactionFates(std::size_t markers_max) : markers_max_(markers_max) {}

  /// The next batch in offset order. False if no more can be remembered: what follows is not known of.
  Result<bool> add(const wire::RecordBatchHeader& header, ByteSpan batch);

  /// The first offset of a transaction that is still open at the end of the stretch.
  std::optional<Offset> first_open() const;
  /// Whether the transaction of `producer` that wrote at `offset` was aborted.
  bool aborted(ProducerId producer, Offset offset) const;

 private:
  struct Marker {
    Offset offset;
    bool commits;
  };
  struct Producer {
    std::vector<Marker> markers;
    std::optional<Offset> open_since;
  };
  std::map<ProducerId, Producer> producers_;
  std::size_t markers_ = 0;
  std::size_t markers_max_;
};

}  // namespace chronik::log
