// Pending: the fate of one change, settled once by the backend, waited for by whoever wants to know.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "checkpoint/latch.h"
#include "checkpoint/surroundings.h"

namespace chronik::checkpoint {

class Pending {
 public:
  /// `on_success` runs once, on the thread that settles.
  explicit Pending(std::function<void()> on_success = {}) : on_success_(std::move(on_success)) {}

  void settle(Status status) {
    status_ = std::move(status);
    if (status_->has_value() && on_success_) on_success_();
    latch_.set();
  }
  bool settled() const { return latch_.is_set(); }
  /// As Latch::then.
  void then(std::function<void()> callback) { latch_.then(std::move(callback)); }
  /// timed_out leaves it open.
  Status wait(Surroundings& world, Duration timeout) {
    if (!latch_.is_set() && !world.wait(latch_, timeout)) {
      return fail(Errc::timed_out, "not known to be durable yet; it may still become so");
    }
    return *status_;
  }

 private:
  std::function<void()> on_success_;
  std::optional<Status> status_;  // before the latch is set: the settler's; then everybody's to read
  Latch latch_;
};
using PendingPtr = std::shared_ptr<Pending>;

}  // namespace chronik::checkpoint
