// The parts of Encoder that do not depend on the message, and gather lists.
#include "wire/encoder.h"

#include "base/check.h"
#include "wire/codec.h"

namespace chronik::wire {

Encoder::Encoder(std::int16_t version, bool flexible, std::size_t copied)
    : Visitor(version, flexible), block_(Block::allocate(copied)), piece_begin_(block_->data()), at_(block_->data()) {}

std::vector<Buffer> Encoder::take_pieces() {
  cut();
  CHECK(at_ == block_->data() + block_->capacity());  // Sizer and Encoder agree
  return std::move(pieces_);
}

void Encoder::put_unsigned_varint(std::uint32_t value) {
  while (value >= 0x80) {
    *at_++ = static_cast<std::byte>((value & 0x7fU) | 0x80U);
    value >>= 7;
  }
  *at_++ = static_cast<std::byte>(value);
}

void Encoder::add_buffer(const Buffer& value) {
  if (value.size() < kGatherMin) return put(value.span());
  cut();
  pieces_.push_back(value);
}

void Encoder::cut() {
  if (at_ == piece_begin_) return;
  pieces_.emplace_back(block_, ByteSpan(piece_begin_, at_));
  piece_begin_ = at_;
}

std::size_t total_size(const std::vector<Buffer>& pieces) {
  std::size_t total = 0;
  for (const Buffer& piece : pieces) total += piece.size();
  return total;
}

Buffer flatten(const std::vector<Buffer>& pieces) {
  if (pieces.size() == 1) return pieces.front();
  const std::size_t size = total_size(pieces);
  if (size == 0) return {};
  auto block = Block::allocate(size);
  std::byte* at = block->data();
  for (const Buffer& piece : pieces) {
    std::memcpy(at, piece.data(), piece.size());
    at += piece.size();
  }
  const ByteSpan bytes(block->data(), size);
  return {std::move(block), bytes};
}

}  // namespace chronik::wire
