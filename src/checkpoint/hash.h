// SHA-256, at the speed of the machine.
#pragma once

#include <memory>
#include <string_view>

#include "checkpoint/result.h"

namespace chronik::checkpoint {

Digest sha256(std::string_view bytes);

/// The same, piece by piece.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  void add(std::string_view bytes);
  /// Of all added so far; ends it.
  Digest finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// 64 bits of it, never 0: an index's key.
std::uint64_t short_hash(std::string_view bytes);

/// Lower-case hexadecimal to 32 bytes.
Result<Digest> parse_digest(std::string_view hex);

}  // namespace chronik::checkpoint
