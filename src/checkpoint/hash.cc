#include "checkpoint/hash.h"

#include <openssl/evp.h>

#include <cstring>

#include "base/check.h"

namespace chronik::checkpoint {

namespace {

/// Fetched once and kept to the end: OpenSSL 3's one-shot calls look it up each time.
EVP_MD* fetched() {
  static EVP_MD* const kept = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return kept;
}

struct Context {
  EVP_MD* algorithm = fetched();
  EVP_MD_CTX* state = EVP_MD_CTX_new();
  Context() = default;
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context() { EVP_MD_CTX_free(state); }
};

int nibble(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

Digest sha256(std::string_view bytes) {
  thread_local Context context;
  Digest digest;
  CHECK(EVP_DigestInit_ex2(context.state, context.algorithm, nullptr) == 1);
  CHECK(EVP_DigestUpdate(context.state, bytes.data(), bytes.size()) == 1);
  CHECK(EVP_DigestFinal_ex(context.state, digest.data(), nullptr) == 1);
  return digest;
}

struct Sha256::State : Context {};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  CHECK(EVP_DigestInit_ex2(state_->state, state_->algorithm, nullptr) == 1);
}
Sha256::~Sha256() = default;

void Sha256::add(std::string_view bytes) {
  CHECK(EVP_DigestUpdate(state_->state, bytes.data(), bytes.size()) == 1);
}

Digest Sha256::finish() {
  Digest digest;
  CHECK(EVP_DigestFinal_ex(state_->state, digest.data(), nullptr) == 1);
  return digest;
}

std::uint64_t short_hash(std::string_view bytes) {
  const Digest digest = sha256(bytes);
  std::uint64_t word = 0;
  std::memcpy(&word, digest.data(), sizeof word);
  return word == 0 ? 1 : word;
}

std::string to_hex(const Digest& digest) {
  std::string text;
  text.reserve(digest.size() * 2);
  for (const std::uint8_t byte : digest) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

Result<Digest> parse_digest(std::string_view hex) {
  Digest digest;
  if (hex.size() != digest.size() * 2) return fail(Errc::invalid_argument, "not a SHA-256 in hexadecimal");
  for (std::size_t i = 0; i < digest.size(); ++i) {
    const int high = nibble(hex[2 * i]);
    const int low = nibble(hex[2 * i + 1]);
    if (high < 0 || low < 0) return fail(Errc::invalid_argument, "not a SHA-256 in hexadecimal");
    digest[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return digest;
}

}  // namespace chronik::checkpoint
