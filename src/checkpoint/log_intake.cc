#include "checkpoint/log_intake.h"

#include <algorithm>
#include <utility>

namespace chronik::checkpoint {

namespace {
constexpr std::size_t kMuch = 256 * 1024;
}

Status LogIntake::push(const LogItemPtr& item, std::uint64_t epoch, Wake wake) {
  bool call = false;
  {
    const std::lock_guard lock(mutex_);
    if (refusing_) return std::unexpected(*refusing_);
    if (epoch != epoch_) {
      if (last_refusal_.code == Errc::disk_full) return fail(last_refusal_);
      return fail(Errc::overloaded, "a write before this one failed: try again");
    }
    item->lsn = next_lsn_++;
    line_.push_back(item);
    if (item->delta) unsettled_.push_back(item);
    line_bytes_ += item->entries.size();
    if (line_bytes_ >= kMuch) call = !std::exchange(called_much_, true);
    if (wake == Wake::now) call = !std::exchange(called_, true) || call;
  }
  if (call) wake_();
  return {};
}

void LogIntake::kick() {
  {
    const std::lock_guard lock(mutex_);
    if (line_.empty() || std::exchange(called_, true)) return;
  }
  wake_();
}

void LogIntake::follow(const std::shared_ptr<const Delta>& delta, PendingPtr pending) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = std::ranges::find(unsettled_, delta, &LogItem::delta);
    if (found != unsettled_.end()) return (*found)->followers.push_back(std::move(pending));
  }
  pending->settle({});
}

std::uint64_t LogIntake::epoch() const {
  return epoch_.load();
}

std::deque<LogItemPtr> LogIntake::take() {
  const std::lock_guard lock(mutex_);
  called_ = !line_.empty();
  called_much_ = false;
  line_bytes_ = 0;
  return std::exchange(line_, {});
}

std::deque<LogItemPtr> LogIntake::refuse(const Error& error) {
  const std::lock_guard lock(mutex_);
  refusing_ = last_refusal_ = error;
  called_ = called_much_ = false;
  line_bytes_ = 0;
  ++epoch_;
  return std::exchange(line_, {});
}

void LogIntake::admit() {
  const std::lock_guard lock(mutex_);
  refusing_.reset();
}

void LogIntake::set_next_lsn(std::uint64_t lsn) {
  const std::lock_guard lock(mutex_);
  next_lsn_ = lsn;
}

std::uint64_t LogIntake::next_lsn() const {
  const std::lock_guard lock(mutex_);
  return next_lsn_;
}

void LogIntake::settle(std::span<const LogItemPtr> items, const Status& status) {
  {
    const std::lock_guard lock(mutex_);
    for (const LogItemPtr& item : items) {
      if (!item->delta) continue;
      const auto found = std::ranges::find(unsettled_, item);
      if (found != unsettled_.end()) unsettled_.erase(found);
    }
  }
  // Out of line, so nobody but us has them.
  for (const LogItemPtr& item : items) {
    if (item->pending) item->pending->settle(status);
    for (const PendingPtr& pending : item->followers) pending->settle(status);
    item->followers.clear();
  }
}

}  // namespace chronik::checkpoint
