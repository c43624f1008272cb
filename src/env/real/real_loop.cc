#include "env/real/real_loop.h"

#include <boost/asio/post.hpp>
#include <chrono>
#include <utility>

#include "base/check.h"

namespace chronik::env {

namespace {
std::chrono::steady_clock::time_point clock_time(Instant at) {
  return std::chrono::steady_clock::time_point(std::chrono::nanoseconds(at.ns));
}
}  // namespace

RealLoop::RealLoop() : work_(asio::make_work_guard(io_)), timer_(io_), gate_(std::make_shared<Gate>(*this)) {}

RealLoop::~RealLoop() {
  gate_->close();
}

Instant RealLoop::now() const {
  return Instant{std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count()};
}

UnixMillis RealLoop::wall_now() const {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return UnixMillis(std::chrono::duration_cast<std::chrono::milliseconds>(since).count());
}

void RealLoop::post(Thunk thunk) {
  asio::post(io_, std::move(thunk));
}

void RealLoop::post_remote(Thunk thunk) {
  asio::post(io_, std::move(thunk));
}

void RealLoop::on_alarm(std::function<void()> handler) {
  alarm_ = std::move(handler);
}

void RealLoop::set_alarm(Instant at) {
  alarm_at_ = at;
  wanted_ = true;
  if (!armed_ || at < armed_at_) arm(at);
}

void RealLoop::arm(Instant at) {
  armed_ = true;
  armed_at_ = at;
  timer_.expires_at(clock_time(at));  // cancels an earlier wait
  timer_.async_wait([this, at](const boost::system::error_code& error) {
    // A wait that was cancelled too late to know it: a newer one is under way.
    if (error || !armed_ || at != armed_at_) return;
    timer_fired();
  });
}

void RealLoop::timer_fired() {
  armed_ = false;
  if (!wanted_) return;
  if (alarm_at_ > now()) return arm(alarm_at_);
  wanted_ = false;
  CHECK(alarm_);
  alarm_();
}

void RealLoop::run() {
  io_.run();
}

void RealLoop::stop() {
  io_.stop();
}

void RealLoop::shutdown() {
  io_.drop_handlers();
}

}  // namespace chronik::env
