// What an encrypted store writes: entries and chunks sealed with the key of their session.
#pragma once

#include <string>
#include <string_view>

#include "checkpoint/keyring.h"
#include "checkpoint/log_format.h"

namespace chronik::checkpoint {

/// Payload of an entry of kind `sealed`: number of the key, the kind of what is in it, that, encrypted.
struct SealedEntry {
  std::uint64_t key = 0;
  EntryKind kind = EntryKind::delta;
  std::string_view front;  // the two above, as they stand: what is encrypted is bound to them
  std::string_view sealed;
};
inline constexpr std::size_t kSealedFront = 8 + 1;
/// What sealing adds to an entry.
inline constexpr std::size_t kSealedEntryBytes = kSealedFront + kSealBytes;
std::string seal_entry(const SessionKey& key, const Nonce& nonce, EntryKind kind, std::string_view payload);
Result<SealedEntry> decode_sealed(std::string_view payload);
Result<std::string> open_entry(const SessionKey& key, const SealedEntry& entry);

/// Under which hash a chunk is found; `key` is null in a store that is not encrypted.
Digest chunk_address(const SessionKey* key, std::string_view raw);
/// A chunk as it is stored: packed, and sealed behind that, with the number of the key before it.
std::string store_chunk(const SessionKey* key, const Nonce& nonce, const Digest& address, std::string_view raw);
/// Its bytes; corrupt if they do not have their address, not_found if their key was destroyed.
Result<std::string> open_chunk(const Keyring& keys, const ChunkPlace& place, std::string_view stored);

}  // namespace chronik::checkpoint
