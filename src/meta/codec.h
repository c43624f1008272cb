// Reader and Writer of the metadata log's encoding: big-endian integers, strings and lists behind a 32-bit length.
// A Reader survives any input: the first violation makes it fail for good, and every later read gives zero.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "meta/image.h"

namespace chronik::meta {

class Writer {
 public:
  template <class T>
  void integer(T value) {
    std::byte raw[sizeof value];
    store_be(raw, value);
    bytes_.insert(bytes_.end(), raw, raw + sizeof raw);
  }
  void flag(bool value) { integer(static_cast<std::uint8_t>(value ? 1 : 0)); }
  void count(std::size_t n) { integer(static_cast<std::uint32_t>(n)); }
  void text(std::string_view value) {
    count(value.size());
    const ByteSpan raw = as_bytes(value);
    bytes_.insert(bytes_.end(), raw.begin(), raw.end());
  }
  void id(const TopicId& value) {
    const ByteSpan raw = std::as_bytes(std::span(value.bytes));
    bytes_.insert(bytes_.end(), raw.begin(), raw.end());
  }
  void configs(const ConfigMap& map) {
    count(map.size());
    for (const auto& [key, value] : map) {
      text(key);
      text(value);
    }
  }
  std::size_t size() const { return bytes_.size(); }
  Buffer finish() && {
    auto owner = std::make_shared<std::vector<std::byte>>(std::move(bytes_));
    const ByteSpan all(*owner);
    return {std::move(owner), all};
  }

 private:
  std::vector<std::byte> bytes_;
};

class Reader {
 public:
  explicit Reader(ByteSpan bytes) : rest_(bytes) {}

  template <class T>
  T integer() {
    if (!take(sizeof(T))) return T{};
    return load_be<T>(taken_.data());
  }
  bool flag() {
    const auto value = integer<std::uint8_t>();
    if (value > 1) fail();
    return value == 1;
  }
  /// The length of a list whose items take at least `item_bytes` each: never more than the input could hold.
  std::size_t count(std::size_t item_bytes) {
    const auto n = integer<std::uint32_t>();
    if (n > rest_.size() / item_bytes) {
      fail();
      return 0;
    }
    return n;
  }
  std::string text() {
    const auto n = integer<std::uint32_t>();
    if (!take(n)) return {};
    return std::string(as_text(taken_));
  }
  TopicId id() {
    TopicId value;
    if (take(value.bytes.size())) std::memcpy(value.bytes.data(), taken_.data(), value.bytes.size());
    return value;
  }
  ConfigMap configs() {
    ConfigMap map;
    const std::size_t n = count(2 * sizeof(std::uint32_t));
    for (std::size_t i = 0; i < n && !failed_; ++i) {
      std::string key = text();
      if (!map.empty() && key <= map.rbegin()->first) fail();  // canonical: ascending
      map.emplace_hint(map.end(), std::move(key), text());
    }
    return map;
  }

  void fail() {
    failed_ = true;
    rest_ = {};
  }
  bool failed() const { return failed_; }
  /// All was read and nothing was wrong.
  bool finished() const { return !failed_ && rest_.empty(); }

 private:
  bool take(std::size_t n) {
    if (failed_ || n > rest_.size()) {
      fail();
      return false;
    }
    taken_ = rest_.first(n);
    rest_ = rest_.subspan(n);
    return true;
  }

  ByteSpan rest_;
  ByteSpan taken_;
  bool failed_ = false;
};

}  // namespace chronik::meta
