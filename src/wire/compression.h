// The codecs of record batches: none, gzip, snappy, lz4, zstd. Output is always bounded by the caller, because the
// ratio of hostile input is not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace chronik::wire {

/// Values are those of the batch attributes' low three bits.
enum class Codec : std::uint8_t { none = 0, gzip = 1, snappy = 2, lz4 = 3, zstd = 4 };

inline constexpr Codec kAllCodecs[] = {Codec::none, Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd};

/// Kafka's configuration value: "none", "gzip", ...
std::string_view to_string(Codec codec);

/// Snappy is read raw (as librdkafka writes it) and in xerial's framing (as Java does). `none` copies.
/// Errors: corrupt, invalid_argument (output would exceed `output_bytes_max`), unsupported (codec).
Result<Buffer> decompress(Codec codec, ByteSpan input, std::size_t output_bytes_max);

/// At each codec's default level; snappy in xerial's framing, lz4 with the independent blocks that Java insists on.
Result<Buffer> compress(Codec codec, ByteSpan input);

}  // namespace chronik::wire
