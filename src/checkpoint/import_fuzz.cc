// Arbitrary text as lines of an export, and as JSON from callers: parsed or refused by name.
#include "base/bytes.h"
#include "base/check.h"
#include "checkpoint/text.h"
#include "checkpoint/transfer.h"

namespace chronik::checkpoint {
namespace {

void run(std::string_view input) {
  const auto parsed = parse_line(input, 1 << 20);
  if (parsed && parsed->kind == ExportLine::Kind::checkpoint) {
    // What was taken writes a line that is taken again, as the same.
    const auto again = parse_line(checkpoint_line(parsed->checkpoint, parsed->payload), 1 << 20);
    CHECK(again && again->checkpoint == parsed->checkpoint && again->payload == parsed->payload);
  }
  if (!parsed) CHECK(!parsed.error().detail.empty());
  if (const auto json = canonical_json(input)) {
    CHECK(is_utf8(*json) && canonical_json(*json).value() == *json);
    (void)json_has(*json, {{"a", "1"}});
    (void)json_number(*json, "a");
  }
  const std::size_t half = input.size() / 2;
  (void)json_patch(input.substr(0, half), input.substr(half));
}

}  // namespace
}  // namespace chronik::checkpoint

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  chronik::checkpoint::run(chronik::as_text(std::as_bytes(std::span(data, size))));
  return 0;
}
