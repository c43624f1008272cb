#include "remote/line.h"

namespace chronik::remote {

cp::Status Lines::add(const cp::SessionId& session, std::uint64_t bytes, Job job, Duration timeout) {
  TRY(cp::Room::Token room, room_->take(bytes, machine_, timeout));
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    auto& line = lines_[session];
    first = line.empty();
    line.push_back({std::move(job), std::move(room)});
  }
  if (first) {
    machine_.run([self = shared_from_this(), session] { self->work(session); });
  }
  return {};
}

void Lines::work(const cp::SessionId& session) {
  for (;;) {
    Job job;
    {
      const std::lock_guard lock(mutex_);
      job = std::move(lines_[session].front().job);
    }
    job();
    job = nullptr;
    const std::lock_guard lock(mutex_);
    auto& line = lines_[session];
    line.pop_front();
    if (!line.empty()) continue;
    lines_.erase(session);
    if (lines_.empty() && empty_) std::exchange(empty_, nullptr)->set();
    return;
  }
}

bool Lines::drain(Duration timeout) {
  std::shared_ptr<cp::Latch> empty;
  {
    const std::lock_guard lock(mutex_);
    if (lines_.empty()) return true;
    if (!empty_) empty_ = std::make_shared<cp::Latch>();
    empty = empty_;
  }
  return machine_.wait(*empty, timeout);
}

}  // namespace chronik::remote
