// ChunkIndex: which chunks there are, by hash and by number; where each is, in memory or in a pack. Its lock is held
// for lookups only.
//
// A chunk that a payload in the making refers to is pinned; what was pinned while a compaction marks what is in use
// counts as used.
#pragma once

#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "checkpoint/log_format.h"

namespace chronik::checkpoint {

struct Chunk {
  ChunkPlace place;
  std::shared_ptr<const std::string> memory;  // packed; null once it is in a pack
  std::uint32_t pins = 0;
};

class ChunkIndex {
 public:
  /// The number of the chunk with this hash, pinned; nothing if there is none.
  std::optional<std::uint64_t> find_pinned(const Digest& hash);
  /// A new one, pinned, or the one that someone else has added meanwhile. True: it is new.
  std::pair<std::uint64_t, bool> add_pinned(const Digest& hash, std::uint32_t raw,
                                            std::shared_ptr<const std::string> packed);
  /// False if one of them is gone; then none is pinned.
  bool pin(const std::vector<std::uint64_t>& numbers);
  void unpin(const std::vector<std::uint64_t>& numbers);

  std::optional<Chunk> get(std::uint64_t number) const;
  /// So many may come.
  void reserve(std::size_t chunks);
  /// While loading and flushing: where it is now.
  void set(const ChunkPlace& place, std::shared_ptr<const std::string> memory);
  void moved(const ChunkPlace& place);
  void drop(std::uint64_t number);

  void begin_marking();
  /// Takes away what is in a pack and neither in `live` nor pinned since begin_marking().
  std::vector<ChunkPlace> sweep(const std::unordered_set<std::uint64_t>& live);
  /// Those in packs, by number.
  std::vector<ChunkPlace> in_packs() const;
  /// Of those, some from `number` to below `end`, about `bytes` of them; `number` is then where to go on.
  std::vector<ChunkPlace> in_packs_from(std::uint64_t& number, std::uint64_t end, std::uint64_t bytes) const;
  std::uint64_t stored_bytes() const;
  std::uint64_t next_number() const;
  void set_next_number(std::uint64_t number);

 private:
  struct HashOfDigest {
    std::size_t operator()(const Digest& digest) const {
      std::size_t word = 0;
      std::memcpy(&word, digest.data(), sizeof word);
      return word;
    }
  };
  void pin_one(Chunk& chunk);

  mutable std::mutex mutex_;
  std::unordered_map<std::uint64_t, Chunk> chunks_;
  std::unordered_map<Digest, std::uint64_t, HashOfDigest> numbers_;
  std::uint64_t next_ = 1;
  std::uint64_t stored_ = 0;
  bool marking_ = false;
  std::unordered_set<std::uint64_t> touched_;
};

}  // namespace chronik::checkpoint
