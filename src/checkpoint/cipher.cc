#include "checkpoint/cipher.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "checkpoint/hash.h"

namespace chronik::checkpoint {

namespace {

/// Fetched once and kept to the end: OpenSSL 3's implicit fetch looks it up each time.
const EVP_CIPHER* algorithm() {
  static const EVP_CIPHER* const kept = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  return kept;
}

struct Context {
  EVP_CIPHER_CTX* state = EVP_CIPHER_CTX_new();
  Context() = default;
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context() { EVP_CIPHER_CTX_free(state); }
};
thread_local Context context_of_thread;

const unsigned char* octets(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
unsigned char* octets(std::string& bytes) {
  return reinterpret_cast<unsigned char*>(bytes.data());
}
int length_of(std::string_view bytes) {
  CHECK(bytes.size() < std::numeric_limits<int>::max() / 2);
  return static_cast<int>(bytes.size());
}

}  // namespace

Secret::Secret(std::string_view bytes) {
  CHECK(bytes.size() == bytes_.size());
  std::ranges::copy(bytes, bytes_.begin());
}
Secret::~Secret() {
  OPENSSL_cleanse(bytes_.data(), bytes_.size());
}

Secret Secret::derive(std::string_view purpose) const {
  const Digest digest = keyed_hash(*this, purpose);
  return Secret({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

Status check_key(std::string_view key) {
  if (key.size() == kSecretBytes) return {};
  return fail(Errc::invalid_argument, "a key of " + std::to_string(key.size()) + " bytes; it has 32");
}

Result<std::string> parse_key(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first != std::string_view::npos) text = text.substr(first, text.find_last_not_of(kSpace) - first + 1);
  const auto digest = parse_digest(text);
  if (!digest)
    return fail(Errc::invalid_argument, "a key is 64 hexadecimal digits, as openssl rand -hex 32 prints them");
  return std::string(reinterpret_cast<const char*>(digest->data()), digest->size());
}

Digest keyed_hash(const Secret& key, std::string_view bytes) {
  Digest digest;
  unsigned int length = 0;
  CHECK(HMAC(EVP_sha256(), key.view().data(), static_cast<int>(kSecretBytes), octets(bytes), bytes.size(),
             digest.data(), &length) != nullptr);
  CHECK(length == digest.size());
  return digest;
}

std::string encrypt(const Secret& key, const Nonce& nonce, std::string_view plain, std::string_view context) {
  EVP_CIPHER_CTX* const state = context_of_thread.state;
  std::string sealed(kSealBytes + plain.size(), '\0');
  std::ranges::copy(nonce, sealed.begin());
  int length = 0;
  CHECK(EVP_EncryptInit_ex2(state, algorithm(), octets(key.view()), nonce.data(), nullptr) == 1);
  CHECK(EVP_EncryptUpdate(state, nullptr, &length, octets(context), length_of(context)) == 1);
  CHECK(EVP_EncryptUpdate(state, octets(sealed) + kNonceBytes, &length, octets(plain), length_of(plain)) == 1);
  CHECK(EVP_EncryptFinal_ex(state, octets(sealed) + kNonceBytes + plain.size(), &length) == 1);
  CHECK(EVP_CIPHER_CTX_ctrl(state, EVP_CTRL_AEAD_GET_TAG, kTagBytes, octets(sealed) + kNonceBytes + plain.size()) == 1);
  return sealed;
}

Result<std::string> decrypt(const Secret& key, std::string_view sealed, std::string_view context) {
  const auto wrong = [] { return fail(Errc::corrupt, "encrypted bytes do not have their tag"); };
  if (sealed.size() < kSealBytes) return wrong();
  EVP_CIPHER_CTX* const state = context_of_thread.state;
  const std::string_view body = sealed.substr(kNonceBytes, sealed.size() - kSealBytes);
  std::string tag(sealed.substr(sealed.size() - kTagBytes));
  std::string plain(body.size(), '\0');
  int length = 0;
  CHECK(EVP_DecryptInit_ex2(state, algorithm(), octets(key.view()), octets(sealed), nullptr) == 1);
  CHECK(EVP_DecryptUpdate(state, nullptr, &length, octets(context), length_of(context)) == 1);
  CHECK(EVP_DecryptUpdate(state, octets(plain), &length, octets(body), length_of(body)) == 1);
  CHECK(EVP_CIPHER_CTX_ctrl(state, EVP_CTRL_AEAD_SET_TAG, kTagBytes, tag.data()) == 1);
  if (EVP_DecryptFinal_ex(state, octets(plain) + plain.size(), &length) != 1) return wrong();
  return plain;
}

}  // namespace chronik::checkpoint
