// Writes a message. Two walks over the description: Sizer counts, Encoder fills a block of exactly that size. Byte
// fields from kGatherMin on are not copied: they become pieces of their own between parts of the block.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "wire/description.h"

namespace chronik::wire {

/// Byte fields at least this long travel by reference; below it, a copy is cheaper than another piece.
inline constexpr std::size_t kGatherMin = 512;

constexpr std::size_t unsigned_varint_size(std::uint32_t value) {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : value < 0x10000000 ? 4 : 5;
}

/// Tells how many tagged fields differ from their default.
struct TagCounter {
  std::int16_t version;
  std::uint32_t count = 0;

  template <class T>
  void tag(std::uint32_t, const char*, T& value, std::int16_t since, const T& standard = {}) {
    if (version >= since && !is_default(value, standard)) ++count;
  }
};

class Sizer : public Visitor<Sizer> {
 public:
  static constexpr bool kReads = false;
  using Visitor::Visitor;

  std::size_t size() const { return copied_ + gathered_; }
  std::size_t copied() const { return copied_; }
  /// A string or array does not fit its length field.
  bool too_long() const { return too_long_; }

  void enter(const char*) {}
  void open_struct() {}
  void close_struct() {}

  template <class T>
  void scalar(T&) {
    copied_ += sizeof(T);
  }
  void uuid(TopicId&) { copied_ += sizeof(TopicId); }
  void string(std::string& value) {
    if (!flexible() && value.size() > INT16_MAX) too_long_ = true;
    copied_ += length_size(value.size(), sizeof(std::int16_t)) + value.size();
  }
  void bytes(Buffer& value) {
    copied_ += length_size(value.size(), sizeof(std::int32_t));
    add_buffer(value);
  }
  void records(Records& value) {
    copied_ += length_size(value.size(), sizeof(std::int32_t));
    for (const Buffer& piece : value.pieces) add_buffer(piece);
  }
  template <class T>
  void array(std::vector<T>& value) {
    copied_ += length_size(value.size(), sizeof(std::int32_t));
    for (T& element : value) visit(element);
  }
  template <class T>
  bool is_present(const std::optional<T>& value) {
    constexpr bool kHasLength = Leaf<T> || kIsVector<T>;
    if (!kHasLength) {
      ++copied_;
    } else if (!value) {
      copied_ += flexible() ? 1 : (std::same_as<T, std::string> ? sizeof(std::int16_t) : sizeof(std::int32_t));
    }
    return value.has_value();
  }
  template <class Fields>
  void tagged_section(Fields& fields) {
    TagCounter counter{version()};
    fields(counter);
    copied_ += unsigned_varint_size(counter.count);
    if (counter.count > 0) fields(*this);
  }
  void empty_tagged_section() { ++copied_; }

  template <class T>
  void tag(std::uint32_t number, const char*, T& value, std::int16_t since, const T& standard = {}) {
    if (version() < since || is_default(value, standard)) return;
    const std::size_t before = size();
    visit(value, true);  // a struct that can be null says that it is not
    copied_ += unsigned_varint_size(number) + unsigned_varint_size(static_cast<std::uint32_t>(size() - before));
  }

 private:
  std::size_t length_size(std::size_t length, std::size_t fixed) {
    if (length >= INT32_MAX) too_long_ = true;
    return flexible() ? unsigned_varint_size(static_cast<std::uint32_t>(length + 1)) : fixed;
  }
  void add_buffer(const Buffer& value) { (value.size() < kGatherMin ? copied_ : gathered_) += value.size(); }

  std::size_t copied_ = 0;
  std::size_t gathered_ = 0;
  bool too_long_ = false;
};

class Encoder : public Visitor<Encoder> {
 public:
  static constexpr bool kReads = false;

  /// `copied`: bytes that will be written, headers included; CHECKed when pieces are taken.
  Encoder(std::int16_t version, bool flexible, std::size_t copied);

  /// The gather list. Call once, at the end.
  std::vector<Buffer> take_pieces();

  void enter(const char*) {}
  void open_struct() {}
  void close_struct() {}

  template <class T>
  void scalar(T& value) {
    if constexpr (std::same_as<T, bool>) {
      *at_ = value ? std::byte{1} : std::byte{0};
    } else {
      store_be(at_, value);
    }
    at_ += sizeof(T);
  }
  void uuid(TopicId& value) { put(std::as_bytes(std::span(value.bytes))); }
  void string(std::string& value) {
    put_length<std::int16_t>(value.size());
    put(as_bytes(value));
  }
  void bytes(Buffer& value) {
    put_length<std::int32_t>(value.size());
    add_buffer(value);
  }
  void records(Records& value) {
    put_length<std::int32_t>(value.size());
    for (const Buffer& piece : value.pieces) add_buffer(piece);
  }
  template <class T>
  void array(std::vector<T>& value) {
    put_length<std::int32_t>(value.size());
    for (T& element : value) visit(element);
  }
  template <class T>
  bool is_present(const std::optional<T>& value) {
    constexpr bool kHasLength = Leaf<T> || kIsVector<T>;
    if (!kHasLength) {
      *at_++ = value ? std::byte{1} : std::byte{0xff};
    } else if (!value) {
      std::same_as<T, std::string> ? put_null<std::int16_t>() : put_null<std::int32_t>();
    }
    return value.has_value();
  }
  template <class Fields>
  void tagged_section(Fields& fields) {
    TagCounter counter{version()};
    fields(counter);
    put_unsigned_varint(counter.count);
    if (counter.count > 0) fields(*this);
  }
  void empty_tagged_section() { *at_++ = std::byte{0}; }

  template <class T>
  void tag(std::uint32_t number, const char*, T& value, std::int16_t since, const T& standard = {}) {
    if (version() < since || is_default(value, standard)) return;
    Sizer sizer(version(), flexible());
    sizer.visit(value, true);
    put_unsigned_varint(number);
    put_unsigned_varint(static_cast<std::uint32_t>(sizer.size()));
    visit(value, true);
  }

  void put(ByteSpan bytes) {
    if (bytes.empty()) return;
    std::memcpy(at_, bytes.data(), bytes.size());
    at_ += bytes.size();
  }

 private:
  void put_unsigned_varint(std::uint32_t value);
  template <class Fixed>
  void put_length(std::size_t length) {
    if (flexible()) return put_unsigned_varint(static_cast<std::uint32_t>(length + 1));
    store_be(at_, static_cast<Fixed>(length));
    at_ += sizeof(Fixed);
  }
  template <class Fixed>
  void put_null() {
    if (flexible()) return put_unsigned_varint(0);
    store_be(at_, Fixed{-1});
    at_ += sizeof(Fixed);
  }
  void add_buffer(const Buffer& value);
  /// Makes what was written since the last cut a piece.
  void cut();

  std::shared_ptr<Block> block_;
  std::byte* piece_begin_;
  std::byte* at_;
  std::vector<Buffer> pieces_;
};

}  // namespace chronik::wire
