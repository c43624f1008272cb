// Byte spans and Buffer, a slice of reference-counted memory: what is passed between rooms and to the kernel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

namespace chronik {

using ByteSpan = std::span<const std::byte>;
using MutableByteSpan = std::span<std::byte>;

inline ByteSpan as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}
inline std::string_view as_text(ByteSpan bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Fixed-capacity aligned memory. Held by shared_ptr; whoever holds a Buffer into it keeps it alive.
class Block {
 public:
  /// Memory of `capacity` bytes, aligned to `alignment` (a power of two); contents are unspecified.
  static std::shared_ptr<Block> allocate(std::size_t capacity, std::size_t alignment = 16);
  ~Block();
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  std::byte* data() { return data_; }
  const std::byte* data() const { return data_; }
  std::size_t capacity() const { return capacity_; }

 private:
  Block(std::byte* data, std::size_t capacity, std::size_t alignment)
      : data_(data), capacity_(capacity), alignment_(alignment) {}
  std::byte* data_;
  std::size_t capacity_;
  std::size_t alignment_;
};

/// A read-only view that owns a share of what it views. Copying is cheap and thread-safe; the bytes are immutable once
/// shared.
class Buffer {
 public:
  Buffer() = default;
  Buffer(std::shared_ptr<const void> owner, ByteSpan bytes) : owner_(std::move(owner)), bytes_(bytes) {}

  /// A new block holding a copy of `bytes`.
  static Buffer copy_of(ByteSpan bytes);

  ByteSpan span() const { return bytes_; }
  const std::byte* data() const { return bytes_.data(); }
  std::size_t size() const { return bytes_.size(); }
  bool empty() const { return bytes_.empty(); }
  /// The part [offset, offset + length); both must lie inside.
  Buffer slice(std::size_t offset, std::size_t length) const { return {owner_, bytes_.subspan(offset, length)}; }

 private:
  std::shared_ptr<const void> owner_;
  ByteSpan bytes_;
};

/// Big-endian (network order, Kafka's) loads and stores.
template <class T>
T load_be(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  if constexpr (sizeof(T) == 1) return value;
  if constexpr (sizeof(T) == 2) return static_cast<T>(__builtin_bswap16(static_cast<std::uint16_t>(value)));
  if constexpr (sizeof(T) == 4) return static_cast<T>(__builtin_bswap32(static_cast<std::uint32_t>(value)));
  if constexpr (sizeof(T) == 8) return static_cast<T>(__builtin_bswap64(static_cast<std::uint64_t>(value)));
}

template <class T>
void store_be(std::byte* at, T value) {
  if constexpr (sizeof(T) == 2) value = static_cast<T>(__builtin_bswap16(static_cast<std::uint16_t>(value)));
  if constexpr (sizeof(T) == 4) value = static_cast<T>(__builtin_bswap32(static_cast<std::uint32_t>(value)));
  if constexpr (sizeof(T) == 8) value = static_cast<T>(__builtin_bswap64(static_cast<std::uint64_t>(value)));
  std::memcpy(at, &value, sizeof value);
}

}  // namespace chronik
