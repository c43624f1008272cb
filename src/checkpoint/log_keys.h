// LogKeys: the two files in which an encrypted store keeps the keys of its sessions (keyring.h), on the engine's loop.
// A record is written in place, in one file, then in the other: at every moment one copy of it is whole.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "checkpoint/keyring.h"
#include "task/event.h"
#include "task/task.h"

namespace chronik::checkpoint {

class LogKeys {
 public:
  LogKeys(task::Context& context, std::string directory, Keyring& ring, Duration stall_deadline)
      : context_(context),
        directory_(std::move(directory)),
        ring_(ring),
        stall_deadline_(stall_deadline),
        free_(context) {}

  /// `key`: the caller's, may be empty. `store` names it; `known`: it was there before. wrong_key if key and store do
  /// not fit.
  task::Task<Status> open(std::string key, std::uint64_t store, bool known);
  /// Once all is loaded, and whole: keys of sessions that do not exist go, and the places of those whose numbers
  /// nothing on disk names any more are free again.
  task::Task<Status> settle(std::set<SessionId> sessions, std::set<std::uint64_t> met);
  /// A key for a session that has none.
  task::Task<Status> add(SessionId session);
  /// Of keys that were retired.
  task::Task<Status> destroy(std::vector<SessionKeyPtr> keys);
  task::Task<Status> rotate(std::string key);
  /// What does not hold in the files.
  task::Task<std::vector<std::string>> check();
  /// Waits for what is being written, and refuses all that comes.
  task::Task<void> close();
  /// Records lost in both copies: what they are needed for cannot be read. Nothing is mended then.
  const std::vector<std::string>& damage() const { return damage_; }

 private:
  struct Copy {
    Status header;  // why it does not count
    std::string bytes;
    bool there = false;
  };
  using Changes = std::vector<std::pair<std::size_t, KeyRecord>>;
  task::Task<Copy> read(std::string name, Secret master);
  task::Task<Status> merge(Copy first, Copy second);
  Status take_in(std::string_view first, std::string_view second, std::size_t at, std::string& merged);
  task::Task<Status> write_whole(std::string bytes);
  task::Task<Status> put(Changes changes);
  task::Task<Status> put_in(std::string name, const Changes& changes, const std::vector<std::string>& records);
  task::Task<Status> enter();
  void leave();
  std::string record_bytes(const KeyRecord& record, const Secret& wrap) const;
  Deadline stall() const { return context_.after(stall_deadline_); }
  std::string path(const std::string& name) const { return directory_ + "/" + name; }

  task::Context& context_;
  const std::string directory_;
  Keyring& ring_;
  const Duration stall_deadline_;
  std::uint64_t store_ = 0;
  std::optional<Secret> master_;  // nothing: the store is not encrypted
  std::optional<Secret> wrap_;
  std::vector<KeyRecord> slots_;                           // behind the header
  std::unordered_map<std::uint64_t, std::size_t> places_;  // of numbers, among them
  std::vector<std::size_t> vacant_;                        // of them
  std::vector<std::string> damage_;
  std::optional<Error> failure_;  // what the files hold is not known, or it is closed: sticky
  bool busy_ = false;
  task::Event free_;
};

}  // namespace chronik::checkpoint
