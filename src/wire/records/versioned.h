// Bytes that carry their own version as a leading int16: records of internal topics, the consumer protocol.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "wire/codec.h"

namespace chronik::wire {

/// The leading version. Errors: corrupt.
Result<std::int16_t> leading_version(const Buffer& bytes);

/// Version and message. Errors: as of encode.
template <class M>
Result<Buffer> encode_versioned(const M& message, std::int16_t version) {
  TRY(auto pieces, encode(message, version));
  std::byte prefix[sizeof version];
  store_be(prefix, version);
  pieces.insert(pieces.begin(), Buffer::copy_of(prefix));
  return flatten(pieces);
}

/// Errors: as of decode; unsupported is a version that this build does not know.
template <class M>
Result<M> decode_versioned(const Buffer& bytes) {
  TRY(const std::int16_t version, leading_version(bytes));
  return decode<M>(bytes.slice(sizeof version, bytes.size() - sizeof version), version);
}

/// For formats whose later versions only append fields: reads what this build knows and passes over the rest.
template <class M>
Result<M> decode_versioned_or_newer(const Buffer& bytes) {
  TRY(const std::int16_t version, leading_version(bytes));
  return decode<M>(bytes.slice(sizeof version, bytes.size() - sizeof version), std::min(version, M::kSchema.max),
                   {.trailing_bytes_allowed = version > M::kSchema.max});
}

}  // namespace chronik::wire
