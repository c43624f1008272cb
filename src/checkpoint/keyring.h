// Keyring: the keys of sessions in memory, and what the two files that keep them look like
// (docs/formats/checkpoints.md). The caller's key opens the files; a session's key is gone once its record is
// overwritten, and with it all that the session ever stored. Any thread may look up.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "checkpoint/cipher.h"

namespace chronik::checkpoint {

using SessionKeyPtr = std::shared_ptr<const SessionKey>;

class Keyring {
 public:
  /// Whether the store is encrypted; set while it opens.
  bool enabled() const { return enabled_; }
  void enable() { enabled_ = true; }
  /// Null: none.
  SessionKeyPtr of_session(const SessionId& session) const;
  /// Null: none, or destroyed.
  SessionKeyPtr numbered(std::uint64_t number) const;
  bool destroyed(std::uint64_t number) const;
  void add(const SessionId& session, const SessionKeyPtr& key);
  /// The number stays known.
  void destroy(std::uint64_t number);

 private:
  bool enabled_ = false;
  mutable std::shared_mutex mutex_;
  std::map<SessionId, SessionKeyPtr> sessions_;
  std::unordered_map<std::uint64_t, SessionKeyPtr> numbers_;  // null: destroyed
};

/// One place in a file of keys; the first is the header. Never across a sector, so that one write changes it whole.
inline constexpr std::size_t kKeyRecord = 128;

/// Names the caller's key without telling it.
std::string key_file_header(const Secret& master);
/// wrong_key if another key made it.
Status check_key_file_header(std::string_view record, const Secret& master);

struct KeyRecord {
  enum class Kind : std::uint8_t { free = 0, key = 1, destroyed = 2 };
  Kind kind = Kind::free;
  SessionId session;
  SessionKeyPtr key;         // of kind `key`
  std::uint64_t number = 0;  // of the other kinds too, but `free`
};
std::string encode(const KeyRecord& record, const Secret& master, const Nonce& nonce);
/// corrupt if it does not hold. All zeros: free.
Result<KeyRecord> decode_key_record(std::string_view record, const Secret& master);

}  // namespace chronik::checkpoint
