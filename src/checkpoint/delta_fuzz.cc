// Arbitrary bytes as records, heads and changes: decoded or refused; what was decoded encodes to the same bytes.
#include "base/bytes.h"
#include "base/check.h"
#include "checkpoint/codec.h"
#include "checkpoint/tables.h"

namespace chronik::checkpoint {
namespace {

void run(std::string_view input) {
  if (const auto record = decode_checkpoint(input)) {
    CHECK(encode(*record) == input);
    CHECK(decode_front(input).id == record->id);
  } else {
    CHECK(record.error().code == Errc::corrupt || record.error().code == Errc::unsupported);
  }
  if (const auto head = decode_head(input)) CHECK(encode(*head) == input);
  if (const auto delta = decode_delta(input)) {
    CHECK(encode(*delta) == input);
    // Loading takes whatever was decoded, twice: replays repeat.
    Tables tables(16, nullptr);
    tables.load(*delta);
    tables.load(*delta);
    (void)tables.adopt_nameless();
    for (const SessionId& id : tables.all()) {
      std::uint64_t seen = 0;
      (void)tables.scan(id, 0, false, [&](std::uint64_t, const Result<Checkpoint>&) { return ++seen < 1000; });
      (void)tables.describe(id);
    }
  }
}

}  // namespace
}  // namespace chronik::checkpoint

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  chronik::checkpoint::run(chronik::as_text(std::as_bytes(std::span(data, size))));
  return 0;
}
