#include "checkpoint/watchers.h"

#include <algorithm>

namespace chronik::checkpoint {

namespace {
constexpr std::size_t kSweepLeast = 64;
}  // namespace

std::shared_ptr<Latch> Watchers::watch(const SessionId& session) {
  const auto gone = [](const auto& watcher) { return watcher.expired(); };
  auto latch = std::make_shared<Latch>();
  const std::lock_guard lock(mutex_);
  if (lists_.size() >= sweep_at_) {
    std::erase_if(lists_, [&](const auto& each) { return std::ranges::all_of(each.second, gone); });
    sweep_at_ = std::max(kSweepLeast, lists_.size() * 2);
  }
  List& list = lists_[session];
  std::erase_if(list, gone);
  list.push_back(latch);
  any_.store(true);
  return latch;
}

void Watchers::tell(const SessionId& changed) {
  if (!any_.load()) return;
  std::vector<List> told;
  {
    const std::lock_guard lock(mutex_);
    for (const SessionId& session : {changed, SessionId{}}) {
      if (auto found = lists_.extract(session)) told.push_back(std::move(found.mapped()));
    }
    any_.store(!lists_.empty());
  }
  for (const List& list : told) set_all(list);
}

void Watchers::tell_all() {
  std::map<SessionId, List> told;
  {
    const std::lock_guard lock(mutex_);
    told.swap(lists_);
    any_.store(false);
  }
  for (const auto& [session, list] : told) set_all(list);
}

std::size_t Watchers::sessions() {
  const std::lock_guard lock(mutex_);
  return lists_.size();
}

void Watchers::set_all(const List& told) {
  for (const auto& watcher : told) {
    if (const auto latch = watcher.lock()) latch->set();
  }
}

}  // namespace chronik::checkpoint
