// Arbitrary bytes as what the log backend finds on disk: entries, places, packed rows, locators, manifests, packed
// bytes.
#include "base/bytes.h"
#include "base/check.h"
#include "checkpoint/log_format.h"
#include "checkpoint/packed.h"
#include "checkpoint/row_block.h"
#include "checkpoint/sealed.h"

namespace chronik::checkpoint {
namespace {

void run(std::string_view input) {
  std::vector<Damage> damage;
  std::size_t bytes = 0;
  for (const Entry& entry : read_entries(input, damage)) bytes += kEntryHeader + entry.payload.size();
  CHECK(bytes <= input.size());
  for (const Damage& one : damage) CHECK(one.at < input.size() && !one.what.empty());
  CHECK(bytes == input.size() || !damage.empty());

  // Entries whose checksums hold.
  std::string sound;
  append_entry(sound, {EntryKind::chunk, 7, input});
  append_entry(sound, {EntryKind::delta, 8, input.substr(input.size() / 2)});
  damage.clear();
  CHECK(read_entries(sound, damage).size() == 2 && damage.empty());
  // One damaged byte takes at most one entry.
  if (!input.empty()) {
    std::string hurt = sound;
    hurt[static_cast<unsigned char>(input[0]) % hurt.size()] ^= 0x10;
    CHECK(!read_entries(hurt, damage).empty() && !damage.empty());
  }

  const Secret secret("0123456789abcdef0123456789abcdef");
  if (const auto sealed = decode_sealed(input)) {
    CHECK(sealed->front.size() + sealed->sealed.size() == input.size());
    CHECK(!open_entry(SessionKey(sealed->key, secret), *sealed));  // no input guesses the tag
  }
  if (const auto record = decode_key_record(input, secret)) CHECK(record->kind != KeyRecord::Kind::key);
  (void)check_key_file_header(input, secret);

  if (const auto place = decode_place(input)) CHECK(encode_place(*place) == input);
  if (const auto rows = decode_rows(input)) {
    CHECK(encode_rows(rows->first, rows->second) == input);
    if (const auto loose = unpack_rows(rows->second)) {
      CHECK(loose->slots.size() == rows->second.rows);
      CHECK(unpack_rows(pack_rows(*loose)).value().bytes == loose->bytes);
    }
  }
  if (const auto chunk = decode_chunk(input)) CHECK(encode_chunk(*chunk) == input);
  if (const auto locator = decode_locator(input)) CHECK(encode_locator(*locator) == input);
  if (const auto manifest = decode_manifest(seal(std::string(input))))
    CHECK(encode(*manifest) == seal(std::string(input)));
  (void)decode_manifest(input);
  constexpr std::uint64_t kRaw = 4096;
  if (const auto raw = unpack(input, kRaw)) CHECK(raw->size() == kRaw);
  CHECK(unpack(pack(input), input.size()).value() == input);
}

}  // namespace
}  // namespace chronik::checkpoint

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  chronik::checkpoint::run(chronik::as_text(std::as_bytes(std::span(data, size))));
  return 0;
}
