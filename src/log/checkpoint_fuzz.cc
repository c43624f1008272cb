// Arbitrary bytes as a checkpoint record: decoded or refused as corrupt; what was decoded encodes to the same bytes.
#include <vector>

#include "base/crc32c.h"
#include "log/checkpoint.h"

namespace chronik::log {
namespace {

void run(ByteSpan input) {
  // As it came: the checksum refuses nearly everything.
  if (const auto record = decode_checkpoint(input); !record) CHECK(record.error().code == Errc::corrupt);
  // With magic and checksum made right, the fields are reached.
  std::vector<std::byte> bytes(input.begin(), input.end());
  const Buffer empty = encode(CheckpointRecord{});
  constexpr std::size_t kMagicBytes = 8;
  bytes.insert(bytes.begin(), empty.data(), empty.data() + kMagicBytes);
  const std::uint32_t crc = crc32c(bytes);
  bytes.resize(bytes.size() + sizeof crc);
  store_be(bytes.data() + bytes.size() - sizeof crc, crc);
  const auto record = decode_checkpoint(bytes);
  if (!record) {
    CHECK(record.error().code == Errc::corrupt);
    return;
  }
  const auto again = decode_checkpoint(encode(*record).span());
  CHECK(again && *again == *record);
}

}  // namespace
}  // namespace chronik::log

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  chronik::log::run(std::as_bytes(std::span(data, size)));
  return 0;
}
