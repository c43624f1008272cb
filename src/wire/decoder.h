// Reads a message from a Buffer that may hold anything: every length is checked against the bytes that remain before
// memory is taken, failure is sticky, and the first problem is the one reported. Byte fields are slices of the input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "wire/codec.h"
#include "wire/description.h"
#include "wire/encoder.h"

namespace chronik::wire {

class Decoder : public Visitor<Decoder> {
 public:
  static constexpr bool kReads = true;

  Decoder(const Buffer& body, std::int16_t version, bool flexible, const DecodeOptions& options)
      : Visitor(version, flexible),
        body_(body),
        at_(body.data()),
        end_(body.data() + body.size()),
        memory_left_(options.array_bytes_max),
        trailing_bytes_allowed_(options.trailing_bytes_allowed) {}

  bool ok() const { return problem_ == nullptr; }
  std::size_t remaining() const { return static_cast<std::size_t>(end_ - at_); }
  /// After decoding: success only when every byte was consumed, unless the options say otherwise.
  Status finish(const Schema& schema);

  void enter(const char* name) {
    if (ok()) field_ = name;
  }
  void open_struct() {}
  void close_struct() {}

  template <class T>
  void scalar(T& value) {
    if (remaining() < sizeof(T)) return fail_field("truncated");
    if constexpr (std::same_as<T, bool>) {
      value = *at_ != std::byte{0};
    } else {
      value = load_be<T>(at_);
    }
    at_ += sizeof(T);
  }
  void uuid(TopicId& value);
  void string(std::string& value) {
    take_string(value, pending_length_ ? *std::exchange(pending_length_, std::nullopt) : string_length());
  }
  void bytes(Buffer& value) {
    take_bytes(value, pending_length_ ? *std::exchange(pending_length_, std::nullopt) : bytes_length());
  }
  /// Null and empty are the same to whoever consumes records.
  void records(Records& value);

  template <class T>
  void array(std::vector<T>& value) {
    const std::int64_t count = pending_length_ ? *std::exchange(pending_length_, std::nullopt) : array_length();
    if (count == 0) return value.clear();
    if (!admit(count, minimum_size<T>(), sizeof(T))) return;
    value.resize(static_cast<std::size_t>(count));
    visit_elements(value);
  }

  template <class T>
  bool is_present(std::optional<T>& value) {
    const std::int64_t length = length_of<T>();
    if (!ok()) return false;
    value.reset();
    if (length == kNull) return false;
    value.emplace();
    if constexpr (Leaf<T> || kIsVector<T>) pending_length_ = length;
    return true;
  }

  template <class Fields>
  void tagged_section(Fields& fields) {
    const std::uint32_t count = unsigned_varint();
    std::int64_t last = -1;
    for (std::uint32_t i = 0; i < count && ok(); ++i) {
      const std::uint32_t tag = unsigned_varint();
      const std::uint32_t size = unsigned_varint();
      if (!ok()) return;
      if (tag <= last) return fail_field("tags out of order");
      if (size > remaining()) return fail_field("tagged field longer than the message");
      last = tag;
      const std::byte* outer_end = std::exchange(end_, at_ + size);
      TagReader reader{*this, tag};
      fields(reader);
      if (reader.known && ok() && at_ != end_) fail_field("tagged field has trailing bytes");
      if (!ok()) return;
      at_ = end_;
      end_ = outer_end;
    }
  }
  void empty_tagged_section() {
    auto nothing = [](auto&) {};
    tagged_section(nothing);
  }

 private:
  static constexpr std::int64_t kNull = -1;

  struct TagReader {
    Decoder& decoder;
    std::uint32_t wanted;
    bool known = false;

    template <class T>
    void tag(std::uint32_t number, const char* name, T& value, std::int16_t since, const T& = {}) {
      if (number != wanted || decoder.version() < since) return;
      known = true;
      decoder.enter(name);
      decoder.visit(value, true);  // a tagged field that can be null may say so
    }
  };

  template <class T>
  void visit_elements(std::vector<T>& value) {
    for (std::size_t i = 0; i < value.size() && ok(); ++i) {
      visit(value[i]);
    }
  }

  template <class T>
  std::size_t minimum_size() const {
    if constexpr (std::integral<T> || std::is_enum_v<T>) {
      return sizeof(T);
    } else if constexpr (kIsStrong<T>) {
      return sizeof(typename T::rep);
    } else {
      Sizer sizer(version(), flexible());
      T smallest{};
      sizer.visit(smallest);
      return sizer.size();
    }
  }

  template <class T>
  std::int64_t length_of() {
    if constexpr (std::same_as<T, std::string>) {
      return string_length();
    } else if constexpr (kIsVector<T>) {
      return array_length();
    } else if constexpr (Leaf<T>) {
      return bytes_length();
    } else {
      std::int8_t marker = 0;  // a nullable struct: -1 is null, anything else announces the struct
      scalar(marker);
      return marker < 0 ? kNull : 0;
    }
  }

  std::uint32_t unsigned_varint();
  std::int64_t compact_length();
  std::int64_t string_length();
  std::int64_t bytes_length();
  std::int64_t array_length();
  /// Whether an array may be allocated: not null, not negative, not more elements than bytes can hold, within memory.
  bool admit(std::int64_t count, std::size_t element_size_min, std::size_t element_memory);
  void take_string(std::string& value, std::int64_t length);
  void take_bytes(Buffer& value, std::int64_t length);
  /// Length of the value that follows, when it may be taken; else fails.
  bool admit_bytes(std::int64_t length);
  [[gnu::cold]] void fail_field(const char* problem);

  const Buffer& body_;
  const std::byte* at_;
  const std::byte* end_;
  std::size_t memory_left_;
  bool trailing_bytes_allowed_;
  std::optional<std::int64_t> pending_length_;  // length already read while looking for null
  const char* field_ = "";
  const char* problem_ = nullptr;
};

}  // namespace chronik::wire
