#include "wire/recompress.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace chronik::wire {

Result<Buffer> recompress(ByteSpan batch, Codec codec, std::size_t decompressed_bytes_max) {
  TRY(RecordBatchHeader header, parse_batch_header(batch));
  CHECK(header.size() == batch.size());
  TRY(const Buffer plain, decompress(header.codec(), batch.subspan(kRecordsAt), decompressed_bytes_max));
  TRY(const Buffer records, compress(codec, plain.span()));
  const std::size_t size = kBatchHeaderSize + records.size();
  if (size > INT32_MAX) return fail(Errc::invalid_argument, "record batch exceeds 2 GiB");
  header.batch_length = static_cast<std::int32_t>(size - kBatchLengthEnd);
  header.attributes = static_cast<std::int16_t>((header.attributes & ~kCodecMask) | static_cast<int>(codec));
  const auto block = Block::allocate(size);
  const MutableByteSpan bytes(block->data(), size);
  store_batch_header(bytes, header);
  std::ranges::copy(records.span(), bytes.begin() + kRecordsAt);
  store_be(bytes.data() + kCrcAt, compute_batch_crc(bytes));
  return Buffer(block, ByteSpan(bytes));
}

}  // namespace chronik::wire
