// Definitions behind codec.h. Included only by messages/*.cc and records/*.cc, which end with
// CHRONIK_WIRE_INSTANTIATE(Message).
#pragma once

#include <utility>

#include "wire/codec.h"
#include "wire/decoder.h"
#include "wire/encoder.h"
#include "wire/printer.h"
#include "wire/random.h"

namespace chronik::wire {

template <class M>
Status check_version(std::int16_t version) {
  if (version >= M::kSchema.min && version <= M::kSchema.max) return {};
  return fail(Errc::unsupported, std::string(M::kSchema.name) + " has no version " + std::to_string(version));
}

/// Descriptions take mutable references because one of their visitors writes; Sizer, Encoder and Printer do not.
template <class M>
M& unconst(const M& message) {
  return const_cast<M&>(message);
}

template <class M>
Result<M> decode(const Buffer& body, std::int16_t version, const DecodeOptions& options) {
  TRY_STATUS(check_version<M>(version));
  Result<M> message;
  Decoder decoder(body, version, M::kSchema.is_flexible(version), options);
  decoder.structure(*message);
  if (Status status = decoder.finish(M::kSchema); !status) message = std::unexpected(std::move(status).error());
  return message;
}

template <class M>
std::size_t encoded_size(const M& message, std::int16_t version) {
  Sizer sizer(version, M::kSchema.is_flexible(version));
  sizer.structure(unconst(message));
  return sizer.size();
}

enum class Framing : bool { body_only, framed };

template <class M>
Result<std::vector<Buffer>> encode_as(const M& message, std::int16_t version, Framing framing, ByteSpan header) {
  TRY_STATUS(check_version<M>(version));
  const bool flexible = M::kSchema.is_flexible(version);
  Sizer sizer(version, flexible);
  sizer.structure(unconst(message));
  const std::size_t frame_size = header.size() + sizer.size();
  if (sizer.too_long() || frame_size > INT32_MAX) {
    return fail(Errc::invalid_argument, std::string(M::kSchema.name) + " is too long for its format");
  }
  auto length = static_cast<std::int32_t>(frame_size);
  const std::size_t prefix_size = framing == Framing::framed ? sizeof length + header.size() : 0;
  Encoder encoder(version, flexible, prefix_size + sizer.copied());
  if (framing == Framing::framed) {
    encoder.scalar(length);
    encoder.put(header);
  }
  encoder.structure(unconst(message));
  return encoder.take_pieces();
}

template <class M>
Result<std::vector<Buffer>> encode(const M& message, std::int16_t version) {
  return encode_as(message, version, Framing::body_only, {});
}

template <class M>
Result<std::vector<Buffer>> encode_framed(const M& message, std::int16_t version, ByteSpan header) {
  return encode_as(message, version, Framing::framed, header);
}

template <class M>
std::string to_text(const M& message, std::int16_t version) {
  Printer printer(version, M::kSchema.is_flexible(version));
  printer.structure(unconst(message));
  return M::kSchema.name + printer.take();
}

template <class M>
M random_message(Prng& prng, std::int16_t version) {
  M message;
  RandomFiller filler(version, M::kSchema.is_flexible(version), prng);
  filler.structure(message);
  return message;
}

}  // namespace chronik::wire

#define CHRONIK_WIRE_INSTANTIATE(M)                                                        \
  template Result<M> decode<M>(const Buffer&, std::int16_t, const DecodeOptions&);         \
  template std::size_t encoded_size<M>(const M&, std::int16_t);                            \
  template Result<std::vector<Buffer>> encode<M>(const M&, std::int16_t);                  \
  template Result<std::vector<Buffer>> encode_framed<M>(const M&, std::int16_t, ByteSpan); \
  template std::string to_text<M>(const M&, std::int16_t);                                 \
  template M random_message<M>(Prng&, std::int16_t)
