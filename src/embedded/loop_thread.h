// A loop of the machine on a thread of its own, for a log.
#pragma once

#include <memory>

#include "checkpoint/log_backend.h"
#include "checkpoint/result.h"

namespace chronik::embedded {

class LoopThread final : public checkpoint::LogLoop {
 public:
  static checkpoint::Result<std::shared_ptr<LoopThread>> start();
  ~LoopThread() override;
  LoopThread(const LoopThread&) = delete;
  LoopThread& operator=(const LoopThread&) = delete;
  env::Env& env() override;
  std::int64_t process_id() override;

 private:
  struct State;
  explicit LoopThread(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

}  // namespace chronik::embedded
