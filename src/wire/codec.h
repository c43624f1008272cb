// The face of messages: decode, encode, size, print and generate any described message. The templates are instantiated
// beside each description (messages/*.cc), so including this header is cheap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/prng.h"
#include "base/result.h"
#include "wire/api.h"

namespace chronik::wire {

struct DecodeOptions {
  /// Memory for the elements of all arrays of one message. Strings and bytes cannot exceed the input and do not count.
  std::size_t array_bytes_max = std::size_t{128} << 20;
  bool trailing_bytes_allowed = false;
};

/// Reads a whole message body: trailing bytes are an error unless allowed. Byte fields are slices of `body` and keep
/// its memory alive: copy what is kept for long. Errors: unsupported (version outside the schema), corrupt (names
/// message, field and position).
template <class M>
Result<M> decode(const Buffer& body, std::int16_t version, const DecodeOptions& options = {});

/// Bytes of the encoded body.
template <class M>
std::size_t encoded_size(const M& message, std::int16_t version);

/// The encoded body as a gather list: large byte fields are slices of the message's own buffers, not copies.
/// Errors: unsupported (version), invalid_argument (a field too long for the format).
template <class M>
Result<std::vector<Buffer>> encode(const M& message, std::int16_t version);

/// The same as a frame: 4-byte length of what follows, `header`, body. See header.h for the two kinds of header.
template <class M>
Result<std::vector<Buffer>> encode_framed(const M& message, std::int16_t version, ByteSpan header);

/// One line for a person; bytes are shown as their length.
template <class M>
std::string to_text(const M& message, std::int16_t version);

/// A message with every field of `version` set by chance, for tests.
template <class M>
M random_message(Prng& prng, std::int16_t version);

/// Total bytes of a gather list.
std::size_t total_size(const std::vector<Buffer>& pieces);
/// A gather list as one contiguous buffer; copies unless it has one piece.
Buffer flatten(const std::vector<Buffer>& pieces);

}  // namespace chronik::wire
