// An intrusive doubly linked list whose nodes unlink themselves when destroyed: waits move between lists without
// allocation, and a dropped coroutine leaves every list it stood in.
#pragma once

#include "base/check.h"

namespace chronik::task {

/// Tag lets one object stand in several lists at once.
template <class Tag>
class Link {
 public:
  Link() = default;
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  ~Link() { unlink(); }

  bool linked() const { return next_ != nullptr; }
  void unlink() {
    if (!next_) return;
    previous_->next_ = next_;
    next_->previous_ = previous_;
    previous_ = next_ = nullptr;
  }

 private:
  template <class T, class U>
  friend class List;
  Link* previous_ = nullptr;
  Link* next_ = nullptr;
};

/// T derives from Link<Tag>.
template <class T, class Tag>
class List {
 public:
  List() { head_.previous_ = head_.next_ = &head_; }
  List(const List&) = delete;
  List& operator=(const List&) = delete;
  ~List() {
    while (!empty()) front().Link<Tag>::unlink();
    head_.previous_ = head_.next_ = nullptr;
  }

  bool empty() const { return head_.next_ == &head_; }
  T& front() { return static_cast<T&>(*head_.next_); }
  void push_back(T& item) {
    Link<Tag>& link = item;
    CHECK(!link.linked());
    link.previous_ = head_.previous_;
    link.next_ = &head_;
    head_.previous_->next_ = &link;
    head_.previous_ = &link;
  }
  /// Moves every item of `other` behind ours.
  void take_all(List& other) {
    if (other.empty()) return;
    Link<Tag>* const first = other.head_.next_;
    Link<Tag>* const last = other.head_.previous_;
    other.head_.next_ = other.head_.previous_ = &other.head_;
    first->previous_ = head_.previous_;
    head_.previous_->next_ = first;
    last->next_ = &head_;
    head_.previous_ = last;
  }
  /// Calls f(T&) on each; f must not unlink other items.
  template <class F>
  void for_each(F&& f) const {
    for (Link<Tag>* at = head_.next_; at != &head_;) {
      Link<Tag>* const next = at->next_;
      f(static_cast<T&>(*at));
      at = next;
    }
  }

 private:
  mutable Link<Tag> head_;
};

}  // namespace chronik::task
