// Fuzzes what a socket delivers: a frame, its header, its body by key and version; then the same bytes as a response.
// Corpus: src/wire/corpus/request. Run: request_decode_fuzz -max_total_time=60 <a scratch directory>
// src/wire/corpus/request
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "wire/catalogue.h"
#include "wire/header.h"

using namespace chronik;
using namespace chronik::wire;

namespace {

/// What was accepted has a stable encoding, and can be printed.
void exercise(const MessageOps& ops, const Buffer& body, std::int16_t version) {
  const auto text = ops.to_text(body, version);
  const auto again = ops.reencode(body, version);
  CHECK(text.has_value() == again.has_value());
  if (!again) return;
  const auto twice = ops.reencode(*again, version);
  CHECK(twice.has_value());
  CHECK(as_text(twice->span()) == as_text(again->span()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Buffer frame = Buffer::copy_of(std::as_bytes(std::span(data, size)));
  const auto request = parse_request(frame);
  if (!request || !request->supported) return 0;
  const RequestHeader& header = request->header;
  exercise(*find_message(header.key, MessageKind::request), request->body, header.version);
  exercise(*find_message(header.key, MessageKind::response), request->body, header.version);
  (void)parse_response(frame, header.key, header.version);
  return 0;
}
