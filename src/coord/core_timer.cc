// The one timer of a coordinator: sleeps until the earliest deadline of all groups, and is not there when there is
// none.
#include <algorithm>

#include "coord/core.h"

namespace chronik::coord {

void Core::arm(Entry& entry) {
  const auto before = next_deadline();
  deadlines_.set(entry.serial, entry.earliest_deadline());
  const auto now = next_deadline();
  // A deadline that moved out wakes the timer for nothing, once; one that moved in must not be missed.
  if (now && (!before || *now < *before)) wake_timer();
}

std::optional<Instant> Core::next_deadline() const {
  const auto group = deadlines_.next();
  if (!group || !next_sweep_) return group ? group : next_sweep_;
  return std::min(*group, *next_sweep_);
}

void Core::wake_timer() {
  if (closed_) return;
  if (timer_running_) return timer_changed_.notify_all();
  timer_running_ = true;
  context_.spawn("coord.timer", run_timer(shared_from_this()));
}

task::Task<void> Core::run_timer(std::shared_ptr<Core> core) {
  while (!core->closed_) {
    const auto next = core->next_deadline();
    if (!next) break;
    if (*next > core->context_.now()) {
      co_await core->timer_changed_.wait("coord.timer", Deadline(*next));
    } else {
      core->fire_due();
    }
  }
  core->timer_running_ = false;
}

void Core::fire_due() {
  const Clock at = clock();
  while (const auto serial = deadlines_.due(at.now)) {
    Entry& entry = *by_serial_.at(*serial);
    if (entry.consumer && entry.consumer->is_due(at.now)) {
      start_expiry(entry);
    } else if (entry.consumer) {
      entry.consumer->expire(topics_, at);
    }
    Update due = entry.group.expire(at);
    // Whatever the group says now lies ahead, or counts from the next turn: each group is looked at once.
    deadlines_.set(*serial, std::nullopt);
    update(entry, std::move(due));
    if (deadlines_.due(at.now) == serial) break;
  }
  if (next_sweep_ && *next_sweep_ <= at.now) {
    next_sweep_.reset();
    if (!groups_.empty()) {
      next_sweep_ = at.now + config_.offsets_retention_check;
      request_sweep();
    }
  }
}

}  // namespace chronik::coord
