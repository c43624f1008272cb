#include "checkpoint/keyring.h"

#include <algorithm>
#include <mutex>

#include "base/bytes.h"
#include "base/check.h"
#include "base/crc32c.h"
#include "checkpoint/codec_bytes.h"

namespace chronik::checkpoint {

namespace {

constexpr std::string_view kMagic = "CHRKKEY1";
constexpr std::size_t kNameBytes = 16;  // of the name of the caller's key

std::string name_of(const Secret& master) {
  const Digest digest = keyed_hash(master, "name");
  return {reinterpret_cast<const char*>(digest.data()), kNameBytes};
}

/// Filled up, with a checksum at its end.
std::string finished(std::string record) {
  CHECK(record.size() <= kKeyRecord - 4);
  record.resize(kKeyRecord - 4);
  std::byte crc[4];
  store_be(crc, crc32c(as_bytes(record)));
  return record.append(as_text(crc));
}

bool holds(std::string_view record) {
  if (record.size() != kKeyRecord) return false;
  const std::string_view body = record.substr(0, kKeyRecord - 4);
  return crc32c(as_bytes(body)) == load_be<std::uint32_t>(as_bytes(record).data() + body.size());
}

/// A key may not be moved to another session.
std::string context_of(const SessionId& session, std::uint64_t number) {
  Encoder to;
  to.bytes(session.bytes);
  to.fixed64(number);
  return to.take();
}

}  // namespace

SessionKeyPtr Keyring::of_session(const SessionId& session) const {
  const std::shared_lock lock(mutex_);
  const auto found = sessions_.find(session);
  return found == sessions_.end() ? nullptr : found->second;
}

SessionKeyPtr Keyring::numbered(std::uint64_t number) const {
  const std::shared_lock lock(mutex_);
  const auto found = numbers_.find(number);
  return found == numbers_.end() ? nullptr : found->second;
}

bool Keyring::destroyed(std::uint64_t number) const {
  const std::shared_lock lock(mutex_);
  const auto found = numbers_.find(number);
  return found != numbers_.end() && found->second == nullptr;
}

void Keyring::add(const SessionId& session, const SessionKeyPtr& key) {
  const std::lock_guard lock(mutex_);
  sessions_[session] = key;
  numbers_[key->number()] = key;
}

void Keyring::destroy(std::uint64_t number) {
  const std::lock_guard lock(mutex_);
  numbers_[number] = nullptr;
  std::erase_if(sessions_, [&](const auto& one) { return one.second->number() == number; });
}

std::string key_file_header(const Secret& master) {
  return finished(std::string(kMagic) + name_of(master));
}

Status check_key_file_header(std::string_view record, const Secret& master) {
  if (!holds(record) || !record.starts_with(kMagic)) return fail(Errc::corrupt, "the header does not hold");
  if (record.substr(kMagic.size(), kNameBytes) != name_of(master)) {
    return fail(Errc::wrong_key, "the store was encrypted with another key");
  }
  return {};
}

std::string encode(const KeyRecord& record, const Secret& master, const Nonce& nonce) {
  Encoder to;
  if (record.kind == KeyRecord::Kind::free) return std::string(kKeyRecord, '\0');
  to.number(static_cast<std::uint64_t>(record.kind));
  to.bytes(record.session.bytes);
  to.fixed64(record.number);
  if (record.kind == KeyRecord::Kind::key) {
    to.raw(
        encrypt(master.derive("wrap"), nonce, record.key->secret().view(), context_of(record.session, record.number)));
  }
  return finished(to.take());
}

Result<KeyRecord> decode_key_record(std::string_view bytes, const Secret& master) {
  if (bytes.size() == kKeyRecord && std::ranges::all_of(bytes, [](char c) { return c == 0; })) return KeyRecord{};
  if (!holds(bytes)) return fail(Errc::corrupt, "the record of a key does not hold");
  Decoder from(bytes);
  KeyRecord record;
  record.kind = static_cast<KeyRecord::Kind>(from.number(2));
  from.bytes(record.session.bytes);
  record.number = from.fixed64();
  if (!from.ok() || record.kind == KeyRecord::Kind::free)
    return fail(Errc::corrupt, "the record of a key is malformed");
  if (record.kind == KeyRecord::Kind::destroyed) return record;
  const std::string_view sealed = from.rest().substr(0, kSealBytes + kSecretBytes);
  TRY(const std::string secret, decrypt(master.derive("wrap"), sealed, context_of(record.session, record.number)));
  record.key = std::make_shared<const SessionKey>(record.number, Secret(secret));
  return record;
}

}  // namespace chronik::checkpoint
