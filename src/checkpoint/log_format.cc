#include "checkpoint/log_format.h"

#include <limits>

#include "base/crc32c.h"
#include "checkpoint/codec_bytes.h"
#include "checkpoint/packed.h"

namespace chronik::checkpoint {

namespace {

constexpr std::string_view kManifestMagic = "CHRKCPM";  // then the version of the format, a digit
constexpr std::uint32_t kChunkMagic = 0x43484e4b;       // "CHNK"
constexpr std::uint32_t k32Max = std::numeric_limits<std::uint32_t>::max();

template <class T>
void put(std::string& to, T value) {
  std::byte bytes[sizeof value];
  store_be(bytes, value);
  to.append(as_text(bytes));
}
template <class T>
T get(std::string_view from, std::size_t at) {
  return load_be<T>(as_bytes(from).data() + at);
}
std::uint32_t crc(std::string_view bytes) {
  return crc32c(as_bytes(bytes));
}
std::unexpected<Error> malformed(const char* what) {
  return fail(Errc::corrupt, std::string("malformed ") + what);
}

/// Whether a whole entry begins here; its length if so.
std::size_t entry_at(std::string_view bytes, Entry& entry, bool& header_holds, bool sound) {
  header_holds = false;
  if (bytes.size() < kEntryHeader) return 0;
  if (crc(bytes.substr(0, 17)) != get<std::uint32_t>(bytes, 17)) return 0;
  const std::size_t length = get<std::uint32_t>(bytes, 0);
  const auto kind = get<std::uint8_t>(bytes, 4);
  if (length > bytes.size() - kEntryHeader || kind < 1 || kind > 4) return 0;
  header_holds = true;
  entry = {static_cast<EntryKind>(kind), get<std::uint64_t>(bytes, 5), bytes.substr(kEntryHeader, length)};
  return sound || crc(entry.payload) == get<std::uint32_t>(bytes, 13) ? kEntryHeader + length : 0;
}

}  // namespace

void append_entry(std::string& to, const Entry& entry) {
  const std::size_t at = to.size();
  to.reserve(at + kEntryHeader + entry.payload.size());
  put(to, static_cast<std::uint32_t>(entry.payload.size()));
  put(to, static_cast<std::uint8_t>(entry.kind));
  put(to, entry.lsn);
  put(to, crc(entry.payload));
  put(to, crc(std::string_view(to).substr(at, 17)));
  to += entry.payload;
}

std::vector<Entry> read_entries(std::string_view bytes, std::vector<Damage>& damage, bool sound) {
  std::vector<Entry> entries;
  std::size_t at = 0;
  bool whole = true;
  while (at < bytes.size()) {
    Entry entry;
    bool header_holds = false;
    const std::size_t length = entry_at(bytes.substr(at), entry, header_holds, sound);
    if (length > 0) {
      entries.push_back(entry);
      at += length;
      whole = true;
    } else if (header_holds && whole) {
      // In step, so the length is to be trusted. Out of step it may be part of someone's payload.
      damage.push_back({at, "the entry of change " + std::to_string(entry.lsn) + " does not have its checksum"});
      at += kEntryHeader + entry.payload.size();
    } else {
      if (whole) damage.push_back({at, "no entry begins here"});
      whole = false;
      ++at;
    }
  }
  return entries;
}

std::string encode_place(const ChunkPlace& place) {
  Encoder to;
  to.reserve(64);
  to.number(place.number);
  to.bytes(place.hash);
  to.number(place.raw);
  to.number(place.stored);
  to.number(place.pack);
  to.number(place.offset);
  return to.take();
}

Result<ChunkPlace> decode_place(std::string_view bytes) {
  Decoder from(bytes);
  ChunkPlace place;
  place.number = from.number();
  from.bytes(place.hash);
  place.raw = static_cast<std::uint32_t>(from.number(kEntryBytesMax));
  place.stored = static_cast<std::uint32_t>(from.number(kEntryBytesMax));
  place.pack = static_cast<std::uint32_t>(from.number(k32Max));
  place.offset = from.number(1ULL << 48);
  if (!from.complete()) return malformed("place of a chunk");
  return place;
}

std::string encode_chunk(const ChunkBytes& chunk) {
  Encoder to;
  to.reserve(64 + chunk.packed.size());
  to.number(chunk.number);
  to.bytes(chunk.hash);
  to.number(chunk.raw);
  to.raw(chunk.packed);
  return to.take();
}

Result<ChunkBytes> decode_chunk(std::string_view bytes) {
  Decoder from(bytes);
  ChunkBytes chunk;
  chunk.number = from.number();
  from.bytes(chunk.hash);
  chunk.raw = static_cast<std::uint32_t>(from.number(kEntryBytesMax));
  if (!from.ok()) return malformed("chunk");
  chunk.packed = from.rest();
  return chunk;
}

std::string chunk_header(const ChunkPlace& place) {
  std::string header;
  put(header, kChunkMagic);
  put(header, place.number);
  header.append(reinterpret_cast<const char*>(place.hash.data()), place.hash.size());
  put(header, place.raw);
  put(header, place.stored);
  put(header, crc(header));
  return header;
}

std::string encode_locator(const Locator& locator) {
  Encoder to;
  if (locator.numbers.empty()) {
    to.number(0);
    to.number(locator.raw);
    to.raw(locator.small);
    return to.take();
  }
  to.number(locator.numbers.size());
  std::uint64_t before = 0;
  for (const std::uint64_t number : locator.numbers) {
    // Neighbours were mostly made together: the step is small, either way.
    const auto step = static_cast<std::int64_t>(number - before);
    to.number(static_cast<std::uint64_t>(step) << 1 ^ static_cast<std::uint64_t>(step >> 63));
    before = number;
  }
  return to.take();
}

Result<Locator> decode_locator(std::string_view bytes) {
  Decoder from(bytes);
  Locator locator;
  const std::size_t count = from.count(1);
  if (from.ok() && count == 0) {
    locator.raw = from.number(kEntryBytesMax);
    if (!from.ok()) return malformed("locator");
    locator.small = from.rest();
    return locator;
  }
  std::uint64_t before = 0;
  for (std::size_t i = 0; i < count && from.ok(); ++i) {
    const std::uint64_t zigzag = from.number();
    before += (zigzag >> 1) ^ (~(zigzag & 1) + 1);
    locator.numbers.push_back(before);
  }
  if (!from.complete()) return malformed("locator");
  return locator;
}

std::string encode(const Manifest& manifest) {
  Encoder to;
  to.raw(kManifestMagic);
  to.raw(std::string(1, static_cast<char>('0' + manifest.format)));
  to.number(manifest.version);
  to.fixed64(manifest.log_id);
  to.number(manifest.generation);
  to.number(manifest.lsn);
  to.number(manifest.next_chunk);
  to.number(manifest.next_file);
  to.number(manifest.index);
  to.number(manifest.blocks.size());
  for (const auto& block : manifest.blocks) {
    to.number(block.bytes);
    to.number(block.crc);
  }
  to.number(manifest.packs.size());
  for (const auto& pack : manifest.packs) {
    to.number(pack.number);
    to.number(pack.bytes);
  }
  return seal(to.take());
}

Result<Manifest> decode_manifest(std::string_view bytes) {
  TRY(const std::string_view body, unseal(bytes));
  Decoder from(body);
  if (from.raw(kManifestMagic.size()) != kManifestMagic) return malformed("manifest");
  Manifest manifest;
  const std::string_view format = from.raw(1);
  if (format > std::to_string(kFormat)) return fail(Errc::unsupported, "a store of a newer version");
  if (format < "1") return malformed("manifest");
  manifest.format = static_cast<std::uint8_t>(format[0] - '0');
  manifest.version = from.number();
  manifest.log_id = from.fixed64();
  manifest.generation = from.number();
  manifest.lsn = from.number();
  manifest.next_chunk = from.number();
  manifest.next_file = static_cast<std::uint32_t>(from.number(k32Max));
  manifest.index = static_cast<std::uint32_t>(from.number(k32Max));
  const std::size_t blocks = from.count(2);
  for (std::size_t i = 0; i < blocks && from.ok(); ++i) {
    auto& block = manifest.blocks.emplace_back();
    block.bytes = static_cast<std::uint32_t>(from.number(2 * kEntryBytesMax));
    block.crc = static_cast<std::uint32_t>(from.number(k32Max));
  }
  const std::size_t packs = from.count(2);
  for (std::size_t i = 0; i < packs && from.ok(); ++i) {
    auto& pack = manifest.packs.emplace_back();
    pack.number = static_cast<std::uint32_t>(from.number(k32Max));
    pack.bytes = from.number(1ULL << 48);
  }
  if (!from.complete()) return malformed("manifest");
  return manifest;
}

}  // namespace chronik::checkpoint
