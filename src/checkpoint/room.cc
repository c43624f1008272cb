#include "checkpoint/room.h"

#include <algorithm>
#include <utility>

namespace chronik::checkpoint {

std::optional<Room::Token> Room::take_now(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  if (!waiting_.empty() || !fits(bytes)) return std::nullopt;
  used_ += bytes;
  return Token(shared_from_this(), bytes);
}

Result<Room::Token> Room::take(std::uint64_t bytes, Surroundings& world, Duration timeout) {
  std::shared_ptr<Waiter> waiter;
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.empty() && fits(bytes)) {
      used_ += bytes;
      return Token(shared_from_this(), bytes);
    }
    if (refusing_) return fail(*refusing_);
    waiter = std::make_shared<Waiter>();
    waiter->bytes = bytes;
    waiting_.push_back(waiter);
  }
  (void)world.wait(waiter->decided, timeout);
  const std::lock_guard lock(mutex_);
  if (waiter->refused) return fail(*waiter->refused);
  if (waiter->decided.is_set()) return Token(shared_from_this(), bytes);
  std::erase(waiting_, waiter);
  return fail(Errc::overloaded, std::to_string(used_) + " bytes wait for the disk already");
}

void Room::give_back(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  used_ -= bytes;
  while (!waiting_.empty() && fits(waiting_.front()->bytes)) {
    used_ += waiting_.front()->bytes;
    waiting_.front()->decided.set();
    waiting_.pop_front();
  }
}

void Room::refuse(const Error& why) {
  const std::lock_guard lock(mutex_);
  refusing_ = why;
  for (const auto& waiter : std::exchange(waiting_, {})) {
    waiter->refused = why;
    waiter->decided.set();
  }
}

void Room::admit() {
  const std::lock_guard lock(mutex_);
  refusing_.reset();
}

std::uint64_t Room::used() const {
  const std::lock_guard lock(mutex_);
  return used_;
}

}  // namespace chronik::checkpoint
