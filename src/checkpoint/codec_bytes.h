// Reading and writing fields: an encoder that appends, a decoder that fails once and for all.
#pragma once

#include <cstring>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace chronik::checkpoint {

class Encoder {
 public:
  void number(std::uint64_t value) {
    while (value >= 0x80) {
      out_ += static_cast<char>(value | 0x80);
      value >>= 7;
    }
    out_ += static_cast<char>(value);
  }
  void fixed64(std::uint64_t value) {
    std::byte bytes[8];
    store_be(bytes, value);
    raw(as_text(bytes));
  }
  void text(std::string_view value) {
    number(value.size());
    raw(value);
  }
  void raw(std::string_view value) { out_.append(value); }
  template <std::size_t N>
  void bytes(const std::array<std::uint8_t, N>& value) {
    out_.append(reinterpret_cast<const char*>(value.data()), N);
  }
  void reserve(std::size_t bytes) { out_.reserve(bytes); }
  std::string take() { return std::move(out_); }
  const std::string& view() const { return out_; }

 private:
  std::string out_;
};

class Decoder {
 public:
  explicit Decoder(std::string_view in) : in_(in) {}

  std::uint64_t number() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (in_.empty()) return bad();
      const auto byte = static_cast<std::uint8_t>(in_.front());
      in_.remove_prefix(1);
      if (shift == 63 && byte > 1) return bad();
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return byte == 0 && shift > 0 ? bad() : value;  // the shortest form only
    }
    return bad();
  }
  std::uint64_t number(std::uint64_t max) {
    const std::uint64_t value = number();
    return value > max ? bad() : value;
  }
  /// How many elements follow, each at least `bytes_min` long: never more than could be there.
  std::size_t count(std::size_t bytes_min) { return number(in_.size() / bytes_min); }
  std::uint64_t fixed64() {
    const std::string_view at = raw(8);
    return ok_ ? load_be<std::uint64_t>(as_bytes(at).data()) : 0;
  }
  std::string_view text() { return raw(number()); }
  std::string_view raw(std::uint64_t bytes) {
    if (bytes > in_.size()) {
      bad();
      return {};
    }
    const std::string_view value = in_.substr(0, bytes);
    in_.remove_prefix(bytes);
    return value;
  }
  template <std::size_t N>
  void bytes(std::array<std::uint8_t, N>& into) {
    const std::string_view value = raw(N);
    if (ok_) std::memcpy(into.data(), value.data(), N);
  }
  std::uint64_t bad() {
    ok_ = false;
    in_ = {};
    return 0;
  }
  std::string_view rest() { return raw(in_.size()); }
  bool ok() const { return ok_; }
  /// Well-formed, and nothing is left.
  bool complete() const { return ok_ && in_.empty(); }

 private:
  std::string_view in_;
  bool ok_ = true;
};

}  // namespace chronik::checkpoint
