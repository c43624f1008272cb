// Room: how many bytes may be on their way to the disk. Who finds none waits, with a deadline; who has some gives it
// back by dropping its token.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <optional>

#include "checkpoint/surroundings.h"

namespace chronik::checkpoint {

class Room : public std::enable_shared_from_this<Room> {
 public:
  explicit Room(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}

  class Token {
   public:
    Token() = default;
    Token(std::shared_ptr<Room> room, std::uint64_t bytes) : room_(std::move(room)), bytes_(bytes) {}
    Token(Token&& other) noexcept : room_(std::move(other.room_)), bytes_(other.bytes_) {}
    Token& operator=(Token&& other) noexcept {
      std::swap(room_, other.room_);
      std::swap(bytes_, other.bytes_);
      return *this;
    }
    Token(const Token&) = delete;
    Token& operator=(const Token&) = delete;
    ~Token() {
      if (room_) room_->give_back(bytes_);
    }
    std::uint64_t bytes() const { return room_ ? bytes_ : 0; }

   private:
    std::shared_ptr<Room> room_;
    std::uint64_t bytes_ = 0;
  };

  /// In turn. Something larger than all there is goes alone. overloaded at the deadline; at once, what refuse() was
  /// given.
  Result<Token> take(std::uint64_t bytes, Surroundings& world, Duration timeout);
  /// Nothing if it would have to wait.
  std::optional<Token> take_now(std::uint64_t bytes);
  std::uint64_t used() const;
  /// What is on its way will not arrive soon: who finds no room, or waits for some, is told why, until admit().
  void refuse(const Error& why);
  void admit();

 private:
  struct Waiter {
    std::uint64_t bytes = 0;
    std::optional<Error> refused;
    Latch decided;
  };
  void give_back(std::uint64_t bytes);
  bool fits(std::uint64_t bytes) const { return used_ == 0 || used_ + bytes <= bytes_max_; }

  const std::uint64_t bytes_max_;
  mutable std::mutex mutex_;  // held for the numbers only
  std::uint64_t used_ = 0;
  std::deque<std::shared_ptr<Waiter>> waiting_;
  std::optional<Error> refusing_;
};

}  // namespace chronik::checkpoint
