#include "env/real/abandoned.h"

#include <mutex>
#include <utility>
#include <vector>

namespace chronik::env {

namespace {
struct Abandoned {
  std::mutex mutex;
  std::vector<std::shared_ptr<void>> kept;
};
}  // namespace

void abandon(std::shared_ptr<void> what) {
  static auto* const all = new Abandoned;
  const std::lock_guard lock(all->mutex);
  all->kept.push_back(std::move(what));
}

}  // namespace chronik::env
