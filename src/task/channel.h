// Channel<T>: a bounded queue between coroutines of one shard. A full channel makes the sender wait until its deadline;
// nothing is ever dropped in silence (law 2).
#pragma once

#include <deque>

#include "task/event.h"

namespace chronik::task {

template <class T>
class Channel {
 public:
  /// `name` as for Wait.
  Channel(Context& context, const char* name, std::size_t capacity)
      : name_(name), capacity_(capacity), filled_(context), emptied_(context) {}

  /// overloaded when full until the deadline; closed after close().
  Task<Status> send(T item, Deadline until) {
    while (items_.size() >= capacity_ && !closed_) {
      if (co_await emptied_.wait(name_, until) == Woken::timed_out) co_return fail(Errc::overloaded, name_);
    }
    if (closed_) co_return fail(Errc::closed, name_);
    items_.push_back(std::move(item));
    filled_.notify_one();
    co_return Status{};
  }
  /// Without waiting: overloaded if full.
  Status try_send(T item) {
    if (closed_) return fail(Errc::closed, name_);
    if (items_.size() >= capacity_) return fail(Errc::overloaded, name_);
    items_.push_back(std::move(item));
    filled_.notify_one();
    return {};
  }
  /// timed_out if nothing came; closed once closed and drained.
  Task<Result<T>> receive(Deadline until) {
    while (items_.empty()) {
      if (closed_) co_return fail(Errc::closed, name_);
      if (co_await filled_.wait(name_, until) == Woken::timed_out && items_.empty()) {
        co_return fail(Errc::timed_out, name_);
      }
    }
    T item = std::move(items_.front());
    items_.pop_front();
    emptied_.notify_one();
    co_return item;
  }
  void close() {
    closed_ = true;
    filled_.close();
    emptied_.close();
  }
  std::size_t size() const { return items_.size(); }
  std::size_t capacity() const { return capacity_; }

 private:
  const char* name_;
  std::size_t capacity_;
  std::deque<T> items_;
  Event filled_;
  Event emptied_;
  bool closed_ = false;
};

}  // namespace chronik::task
