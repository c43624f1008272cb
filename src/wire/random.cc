// The distributions of RandomFiller: mostly small, with the edges where encodings change width.
#include "wire/random.h"

#include <limits>

namespace chronik::wire {

std::int64_t RandomFiller::number() {
  switch (prng_.below(6)) {
    case 0:
      return 0;
    case 1:
      return -1;
    case 2:
      return std::numeric_limits<std::int64_t>::max();
    case 3:
      return static_cast<std::int64_t>(prng_.below(256));
    default:
      return static_cast<std::int64_t>(prng_.next());
  }
}

std::size_t RandomFiller::length() {
  if (prng_.chance(1, 16)) return 120 + prng_.below(16);   // around the first varint boundary
  if (prng_.chance(1, 64)) return 500 + prng_.below(600);  // around kGatherMin
  return prng_.below(12);
}

void RandomFiller::uuid(TopicId& value) {
  for (std::uint8_t& byte : value.bytes) byte = static_cast<std::uint8_t>(prng_.next());
}

void RandomFiller::string(std::string& value) {
  value.resize(length());
  for (char& c : value) c = static_cast<char>('a' + prng_.below(26));
}

void RandomFiller::bytes(Buffer& value) {
  std::string text;
  string(text);
  value = Buffer::copy_of(as_bytes(text));
}

void RandomFiller::records(Records& value) {
  value.pieces.clear();
  for (std::uint64_t pieces = prng_.below(3); pieces > 0; --pieces) bytes(value.pieces.emplace_back());
}

}  // namespace chronik::wire
