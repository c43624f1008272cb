// Every described message, with its operations erased to bytes: for tests, fuzzing, and printing any request by its
// key.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/bytes.h"
#include "base/prng.h"
#include "base/result.h"
#include "wire/api.h"
#include "wire/codec.h"

namespace chronik::wire {

enum class MessageKind : std::uint8_t { request, response, record };

struct MessageOps {
  Schema schema;
  MessageKind kind;
  /// Decodes and prints.
  Result<std::string> (*to_text)(const Buffer& body, std::int16_t version);
  /// Decodes and encodes again.
  Result<Buffer> (*reencode)(const Buffer& body, std::int16_t version);
  /// An encoded random message.
  Buffer (*random)(Prng& prng, std::int16_t version);
};

/// All messages: requests and responses in order of key, then record formats.
std::span<const MessageOps> all_messages();

/// The operations of one message; null when there is none.
const MessageOps* find_message(ApiKey key, MessageKind kind);

}  // namespace chronik::wire
