// When an open-loop client sends: a fixed schedule, independent of answers. Latency is counted from the scheduled time,
// so that a stall of the broker is charged to every record that should have been sent meanwhile (no coordinated
// omission).
#pragma once

#include <cstdint>

namespace chronik::bench {

class Pacing {
 public:
  /// `rate` records/s of this client, 0 for closed loop; `phase` in [0, 1) shifts the schedule by a part of one
  /// interval so that clients do not send in step.
  Pacing(double rate, double phase, std::int64_t start_ns)
      : interval_ns_(rate > 0 ? 1e9 / rate : 0),
        start_ns_(start_ns + static_cast<std::int64_t>(interval_ns_ * phase)) {}

  bool open_loop() const { return interval_ns_ > 0; }

  /// Due time of the record with this index. Above 10,000 records/s records come in bursts, one each 100 us, since
  /// sleeping for each would measure the sleep.
  std::int64_t due(std::uint64_t index) const {
    auto offset = static_cast<std::int64_t>(static_cast<double>(index) * interval_ns_);
    if (interval_ns_ < kTickNs) offset -= offset % kTickNs;
    return start_ns_ + offset;
  }

 private:
  static constexpr std::int64_t kTickNs = 100'000;
  double interval_ns_;
  std::int64_t start_ns_;
};

}  // namespace chronik::bench
