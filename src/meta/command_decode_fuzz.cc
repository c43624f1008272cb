// Fuzz: any bytes either fail to decode or decode to a command that encodes to the same bytes; applying it never breaks
// the state; the same holds for snapshots.
#include "base/check.h"
#include "meta/command.h"
#include "meta/state.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace chronik;
  const ByteSpan bytes = std::as_bytes(std::span(data, size));
  if (auto command = meta::decode_command(bytes)) {
    const auto again = meta::encode(*command);
    CHECK(again && as_text(again->span()) == as_text(bytes));
    meta::MetadataState state;
    const meta::Outcome first = state.apply(meta::Index(1), *command);
    (void)state.apply(meta::Index(2), *command);
    CHECK(first.index == meta::Index(1));
    CHECK(meta::check_invariants(state));
    const auto copy = meta::MetadataState::decode(state.encode().span());
    CHECK(copy && *copy == state);
  }
  if (auto state = meta::MetadataState::decode(bytes)) {
    CHECK(as_text(state->encode().span()) == as_text(bytes));
    CHECK(meta::check_invariants(*state));
  }
  return 0;
}
