// A Loop on an io_context that one thread runs, and the gate through which threads that may outlive it come back.
// Included only inside env/real (it brings Asio's headers).
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <mutex>

#include "env/env.h"
#include "env/real/gate.h"

namespace chronik::env {

namespace asio = boost::asio;

class RealLoop final : public Loop {
 public:
  RealLoop();
  ~RealLoop() override;
  RealLoop(const RealLoop&) = delete;
  RealLoop& operator=(const RealLoop&) = delete;

  Instant now() const override;
  UnixMillis wall_now() const override;
  void post(Thunk thunk) override;
  void post_remote(Thunk thunk) override;
  void on_alarm(std::function<void()> handler) override;
  void set_alarm(Instant at) override;

  /// Until stop().
  void run();
  /// Any thread.
  void stop();
  /// After run(): destroys what waits in the loop, without calling it.
  void shutdown();

  asio::io_context& io() { return io_; }
  const std::shared_ptr<Gate>& gate() const { return gate_; }

 private:
  /// Opens the protected shutdown(), so that all loops can drop their handlers before any loop goes.
  struct Context : asio::io_context {
    using asio::io_context::io_context;
    void drop_handlers() { shutdown(); }
  };
  void arm(Instant at);
  void timer_fired();

  Context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  asio::steady_timer timer_;
  std::function<void()> alarm_;
  Instant alarm_at_;  // when it is wanted
  Instant armed_at_;  // when the timer comes, at the latest alarm_at_
  bool wanted_ = false;
  bool armed_ = false;
  std::shared_ptr<Gate> gate_;
};

}  // namespace chronik::env
