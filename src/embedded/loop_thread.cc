#include "embedded/loop_thread.h"

#include "env/real/abandoned.h"
#include "env/real/any_thread.h"
#include "env/real/host.h"

namespace chronik::embedded {

struct LoopThread::State {
  std::unique_ptr<env::Host> host;
  env::Workers thread;
  // Shared: who sets it may still be inside when it is seen.
  std::shared_ptr<checkpoint::Latch> ended = std::make_shared<checkpoint::Latch>();
};

checkpoint::Result<std::shared_ptr<LoopThread>> LoopThread::start() {
  auto state = std::make_shared<State>();
  TRY(state->host, checkpoint::adopt(env::Host::create({})));
  state->thread.run([host = state->host.get(), ended = state->ended] {
    host->run();
    ended->set();
  });
  return std::shared_ptr<LoopThread>(new LoopThread(std::move(state)));
}

LoopThread::~LoopThread() {
  constexpr Duration kGrace = 10s;  // run() itself waits only so long for the kernel
  state_->host->stop();
  // A loop that does not end keeps what it uses.
  if (!state_->ended->wait_for(kGrace)) env::abandon(state_);
}

env::Env& LoopThread::env() {
  return state_->host->env(0);
}

std::int64_t LoopThread::process_id() {
  return env::process_id();
}

}  // namespace chronik::embedded
