// Watchers: who waits for a change, by session. Any thread; the lock is held for lookups only.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "checkpoint/latch.h"
#include "checkpoint/model.h"

namespace chronik::checkpoint {

class Watchers {
 public:
  /// Set at the next change of this session; nil: of any.
  std::shared_ptr<Latch> watch(const SessionId& session);
  void tell(const SessionId& changed);
  void tell_all();
  /// How many sessions are waited for, or were not long ago.
  std::size_t sessions();

 private:
  using List = std::vector<std::weak_ptr<Latch>>;
  static void set_all(const List& told);

  std::mutex mutex_;
  std::map<SessionId, List> lists_;
  std::size_t sweep_at_ = 0;      // with so many sessions, those that nobody waits for any more go
  std::atomic<bool> any_{false};  // is waited for
};

}  // namespace chronik::checkpoint
