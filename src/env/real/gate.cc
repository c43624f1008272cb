#include "env/real/gate.h"

#include <utility>

#include "env/real/abandoned.h"

namespace chronik::env {

void Gate::post(Thunk thunk) {
  {
    const std::lock_guard lock(mutex_);
    if (loop_ != nullptr) return loop_->post_remote(std::move(thunk));
  }
  abandon(std::make_shared<Thunk>(std::move(thunk)));
}

bool Gate::closed() {
  const std::lock_guard lock(mutex_);
  return loop_ == nullptr;
}

void Gate::close() {
  const std::lock_guard lock(mutex_);
  loop_ = nullptr;
}

}  // namespace chronik::env
