// Prints a message as one line: ProduceRequest{acks=-1, topic_data=[{name="t", ...}]}. Byte fields as their length.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wire/description.h"
#include "wire/errors.h"

namespace chronik::wire {

class Printer : public Visitor<Printer> {
 public:
  static constexpr bool kReads = false;
  using Visitor::Visitor;

  std::string take() { return std::move(out_); }

  void enter(const char* name) {
    separate();
    out_.append(name).push_back('=');
    first_ = true;  // the value follows without a separator
  }
  void open_struct() { open('{'); }
  void close_struct() { close('}'); }

  template <class T>
  void scalar(T& value) {
    if constexpr (std::same_as<T, bool>) {
      word(value ? "true" : "false");
    } else {
      word(std::to_string(value));
    }
  }
  template <class E>
  void enumeration(E& value) {
    if constexpr (std::same_as<E, ErrorCode> || std::same_as<E, ApiKey>) {
      word(to_string(value));
      out_.append("(").append(std::to_string(static_cast<int>(value))).append(")");
    } else {
      word(std::to_string(static_cast<int>(value)));
    }
  }
  void uuid(TopicId& value) { word(value.to_string()); }
  void string(std::string& value);
  void bytes(Buffer& value) { byte_count(value.size()); }
  void records(Records& value) { byte_count(value.size()); }
  template <class T>
  void array(std::vector<T>& value) {
    open('[');
    for (T& element : value) {
      if constexpr (Leaf<T> || Scalar<T>) separate();
      visit(element);
      first_ = false;
    }
    close(']');
  }
  template <class T>
  bool is_present(const std::optional<T>& value) {
    if (!value) word("null");
    return value.has_value();
  }
  template <class Fields>
  void tagged_section(Fields& fields) {
    fields(*this);
  }
  void empty_tagged_section() {}
  template <class T>
  void tag(std::uint32_t, const char* name, T& value, std::int16_t since, const T& standard = {}) {
    if (version() < since || is_default(value, standard)) return;
    enter(name);
    visit(value);
  }

 private:
  void separate() {
    if (!first_) out_.append(", ");
    first_ = false;
  }
  void open(char bracket) {
    separate();
    out_.push_back(bracket);
    first_ = true;
  }
  void close(char bracket) {
    out_.push_back(bracket);
    first_ = false;
  }
  void word(std::string_view text) {
    out_.append(text);
    first_ = false;
  }
  void byte_count(std::size_t size);

  std::string out_;
  bool first_ = true;
};

}  // namespace chronik::wire
