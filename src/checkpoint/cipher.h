// Encryption at rest: AES-256-GCM (NIST SP 800-38D) with a random nonce each time, keyed hashes (HMAC-SHA-256,
// RFC 2104).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "checkpoint/surroundings.h"

namespace chronik::checkpoint {

inline constexpr std::size_t kSecretBytes = 32;
inline constexpr std::size_t kNonceBytes = 12;
inline constexpr std::size_t kTagBytes = 16;
/// What encryption adds.
inline constexpr std::size_t kSealBytes = kNonceBytes + kTagBytes;

/// A key; wiped when it goes.
class Secret {
 public:
  explicit Secret(std::string_view bytes);
  ~Secret();
  Secret(const Secret& other) = default;
  Secret& operator=(const Secret& other) = default;
  std::string_view view() const { return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()}; }
  /// One of its own for each purpose.
  Secret derive(std::string_view purpose) const;

 private:
  std::array<std::uint8_t, kSecretBytes> bytes_{};
};

/// invalid_argument: not 32 bytes. It never says what it was given.
Status check_key(std::string_view key);

using Nonce = std::array<std::uint8_t, kNonceBytes>;

Digest keyed_hash(const Secret& key, std::string_view bytes);

/// The nonce, what was encrypted, the tag. `context` must be the same to open it.
std::string encrypt(const Secret& key, const Nonce& nonce, std::string_view plain, std::string_view context);
/// corrupt if any of it, or the context, is not what was encrypted with this key.
Result<std::string> decrypt(const Secret& key, std::string_view sealed, std::string_view context);

/// `words` gives 64 random bits each time.
template <std::size_t N, class Words>
std::array<std::uint8_t, N> random_bytes(const Words& words) {
  std::array<std::uint8_t, N> bytes;
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < N; ++i) {
    if (i % 8 == 0) word = words();
    bytes[i] = static_cast<std::uint8_t>(word >> (8 * (i % 8)));
  }
  return bytes;
}

/// The key of one session: what it stores, and under which hash its chunks are found (those of other sessions are
/// others, or a chunk would tell what it holds).
class SessionKey {
 public:
  SessionKey(std::uint64_t number, const Secret& secret)
      : number_(number), secret_(secret), content_(secret.derive("content")), address_(secret.derive("address")) {}
  /// Names it on disk; random.
  std::uint64_t number() const { return number_; }
  const Secret& secret() const { return secret_; }
  Digest address(std::string_view raw) const { return keyed_hash(address_, raw); }
  std::string seal(const Nonce& nonce, std::string_view plain, std::string_view context) const {
    return encrypt(content_, nonce, plain, context);
  }
  Result<std::string> open(std::string_view sealed, std::string_view context) const {
    return decrypt(content_, sealed, context);
  }

 private:
  std::uint64_t number_;
  Secret secret_;
  Secret content_;
  Secret address_;
};

}  // namespace chronik::checkpoint
