// The key of a record of __consumer_offsets: its kind stands in front.
#include "wire/records/group_records.h"
#include "wire/records/versioned.h"

namespace chronik::wire {

namespace {

template <class Key>
Result<GroupKey> decode_key(const Buffer& key) {
  TRY(auto decoded, decode_versioned<Key>(key));
  return decoded;
}

/// The kind of `Key` that knows `version`.
template <class... Keys>
Result<GroupKey> decode_kind(const Buffer& key, std::int16_t version, const std::variant<Keys...>*) {
  Result<GroupKey> found = fail(Errc::unsupported, "a record of unknown kind");
  ((version >= Keys::kSchema.min && version <= Keys::kSchema.max ? void(found = decode_key<Keys>(key)) : void()), ...);
  return found;
}

}  // namespace

Result<GroupKey> decode_group_key(const Buffer& key) {
  TRY(const std::int16_t version, leading_version(key));
  return decode_kind(key, version, static_cast<const GroupKey*>(nullptr));
}

}  // namespace chronik::wire
