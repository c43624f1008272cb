#include "checkpoint/sealed.h"

#include "checkpoint/codec_bytes.h"
#include "checkpoint/hash.h"
#include "checkpoint/packed.h"

namespace chronik::checkpoint {

namespace {
std::string_view text_of(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}
}  // namespace

std::string seal_entry(const SessionKey& key, const Nonce& nonce, EntryKind kind, std::string_view payload) {
  Encoder to;
  to.reserve(kSealedEntryBytes + payload.size());
  to.fixed64(key.number());
  to.number(static_cast<std::uint64_t>(kind));
  const std::string front = to.view();
  to.raw(key.seal(nonce, payload, front));
  return to.take();
}

Result<SealedEntry> decode_sealed(std::string_view payload) {
  Decoder from(payload);
  SealedEntry entry;
  entry.key = from.fixed64();
  entry.kind = static_cast<EntryKind>(from.number(static_cast<std::uint64_t>(EntryKind::rows)));
  entry.front = payload.substr(0, kSealedFront);
  entry.sealed = from.rest();
  if (!from.ok() || (entry.kind != EntryKind::delta && entry.kind != EntryKind::rows) ||
      entry.sealed.size() < kSealBytes) {
    return fail(Errc::corrupt, "malformed sealed entry");
  }
  return entry;
}

Result<std::string> open_entry(const SessionKey& key, const SealedEntry& entry) {
  return key.open(entry.sealed, entry.front);
}

Digest chunk_address(const SessionKey* key, std::string_view raw) {
  return key == nullptr ? sha256(raw) : key->address(raw);
}

std::string store_chunk(const SessionKey* key, const Nonce& nonce, const Digest& address, std::string_view raw) {
  std::string packed = pack(raw);
  if (key == nullptr) return packed;
  Encoder to;
  to.fixed64(key->number());
  to.raw(key->seal(nonce, packed, text_of(address)));
  return to.take();
}

Result<std::string> open_chunk(const Keyring& keys, const ChunkPlace& place, std::string_view stored) {
  SessionKeyPtr key;
  std::string opened;
  if (keys.enabled()) {
    Decoder from(stored);
    const std::uint64_t number = from.fixed64();
    key = keys.numbered(number);
    if (!key && keys.destroyed(number)) return fail(Errc::not_found, "the session of a chunk was deleted");
    if (!key) return fail(Errc::corrupt, "the key of a chunk is lost");
    TRY(opened, key->open(from.rest(), text_of(place.hash)));
    stored = opened;
  }
  TRY(std::string raw, unpack(stored, place.raw));
  if (chunk_address(key.get(), raw) != place.hash) return fail(Errc::corrupt, "a chunk does not have its hash");
  return raw;
}

}  // namespace chronik::checkpoint
