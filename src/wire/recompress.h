// Topics with a compression.type of their own: batches are stored in that codec, whatever the producer chose.
#pragma once

#include <cstddef>

#include "base/bytes.h"
#include "base/result.h"
#include "wire/record_batch.h"

namespace chronik::wire {

/// The batch with the same records in another codec, and a checksum of its own. `batch` is exactly one batch.
/// Errors: those of decompress and compress; invalid_argument (above 2 GiB).
Result<Buffer> recompress(ByteSpan batch, Codec codec, std::size_t decompressed_bytes_max);

}  // namespace chronik::wire
