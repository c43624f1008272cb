// Holdings: which member of a group may work on which partition, as the members know it (KIP-848). A member holds what
// it was given until it says that it gave it up, or until its session may have ended: the broker counts the session
// from when it saw the last heartbeat, which is not before that was sent. Two holders at once: the broker gave away
// what was not free.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "base/time.h"
#include "sim/harness/partition_name.h"

namespace chronik::sim {

class Holdings {
 public:
  struct Before {
    std::string member;
    bool held = false;  // still: it was not free
  };
  /// `until`: the end of the member's session; what comes too late to be of use is nobody's. Another member that had
  /// the partition before is returned.
  std::optional<Before> give(const std::string& group, const PartitionName& partition, const std::string& member,
                             Instant now, Instant until);
  /// Whether it holds the partition, unless its session has ended.
  bool holds(const std::string& group, const PartitionName& partition, const std::string& member, Instant now) const;
  void extend(const std::string& group, const std::string& member, Instant until);
  void release(const std::string& group, const PartitionName& partition, const std::string& member);
  void release_all(const std::string& group, const std::string& member);

 private:
  struct Holder {
    std::string member;
    Instant until;  // zero: given up
  };
  std::map<std::pair<std::string, PartitionName>, Holder> holders_;
};

}  // namespace chronik::sim
