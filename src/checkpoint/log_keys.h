// LogKeys: the two files in which an encrypted store keeps the keys of its sessions (keyring.h), on the engine's loop.
// A record is written in place, in one file, then in the other: at every moment one copy of it is whole.
#pragma once

#include <set>
#include <string>
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

  /// `key`: the caller's, may be empty. `known`: the store was there before. wrong_key if the two do not fit.
  task::Task<Status> open(std::string key, bool known);
  /// Once all is loaded: keys of sessions that do not exist go, and the places of those whose numbers nothing on disk
  /// names any more are free again.
  task::Task<Status> settle(std::set<SessionId> sessions, std::set<std::uint64_t> met);
  /// A key for a session that has none.
  task::Task<Status> add(SessionId session);
  task::Task<Status> destroy(SessionId session);
  task::Task<Status> rotate(std::string key);
  /// What does not hold in the files.
  task::Task<std::vector<std::string>> check();
  /// Records lost in both copies: what they are needed for cannot be read.
  const std::vector<std::string>& damage() const { return damage_; }

 private:
  struct Copy {
    Status header;
    std::string bytes;
    bool there = false;
  };
  task::Task<Result<Copy>> read(std::string name, Secret master);
  task::Task<Status> merge(Copy first, Copy second);
  task::Task<Status> write_whole(std::string bytes);
  task::Task<Status> put(std::size_t slot, KeyRecord record);
  task::Task<Status> enter();
  void leave();
  std::string record_bytes(const KeyRecord& record, const Secret& master) const;
  Deadline stall() const { return context_.after(stall_deadline_); }
  std::string path(const std::string& name) const { return directory_ + "/" + name; }

  task::Context& context_;
  const std::string directory_;
  Keyring& ring_;
  const Duration stall_deadline_;
  std::optional<Secret> master_;
  std::vector<KeyRecord> slots_;     // behind the header
  std::vector<std::size_t> vacant_;  // of them
  std::vector<std::string> damage_;
  std::optional<Error> failure_;  // what the files hold is not known: sticky
  bool busy_ = false;
  task::Event free_;
};

}  // namespace chronik::checkpoint
