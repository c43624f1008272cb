#include "base/bytes.h"

#include <new>

namespace chronik {

std::shared_ptr<Block> Block::allocate(std::size_t capacity, std::size_t alignment) {
  auto* data = static_cast<std::byte*>(::operator new(capacity, std::align_val_t(alignment)));
  return std::shared_ptr<Block>(new Block(data, capacity, alignment));
}

Block::~Block() {
  ::operator delete(data_, std::align_val_t(alignment_));
}

Buffer Buffer::copy_of(ByteSpan bytes) {
  if (bytes.empty()) return {};
  auto block = Block::allocate(bytes.size());
  std::memcpy(block->data(), bytes.data(), bytes.size());
  const ByteSpan copy(block->data(), bytes.size());
  return {std::move(block), copy};
}

}  // namespace chronik
