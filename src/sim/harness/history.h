// What clients did and saw in one world, and what was found wrong. Checkers read it; nothing of the broker does.
//
// A record's value is its number here, so whoever reads it knows which send it came from. A send has one fate:
// acknowledged (at an offset), refused (a definite error: it must never appear), or unknown (a time-out, a lost
// connection, KAFKA_STORAGE_ERROR: it may appear or not).
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/time.h"
#include "sim/harness/holdings.h"
#include "sim/harness/partition_name.h"

namespace chronik::sim {

enum class Fate : std::uint8_t { unknown, acknowledged, refused };

struct SentRecord {
  PartitionName partition;
  std::uint64_t producer = 0;
  bool idempotent = false;  // it must not be in the log twice, whatever was retried
  bool resent = false;      // without idempotence: it may be there more than once
  UnixMillis timestamp{};   // that the client gave it
  Fate fate = Fate::unknown;
  std::int64_t offset = -1;  // acknowledged
  Instant acknowledged_at;
};

/// What readers know of one partition.
struct SeenPartition {
  std::map<std::int64_t, std::uint64_t> records;  // offset to number
  std::int64_t high_watermark = 0;                // highest that any answer told
  std::int64_t delete_before = 0;                 // highest offset that any DeleteRecords asked for
  std::int64_t start_judged = 0;                  // a log start that was found right
};

/// What a topic's configuration lets the broker take away by itself.
struct Retention {
  std::int64_t ms = -1;     // retention.ms; -1: nothing by age
  std::int64_t bytes = -1;  // retention.bytes; -1: nothing by size
};

struct Violation {
  std::string property;
  std::string what;
};

class History {
 public:
  explicit History(std::size_t timeline_max = 200) : timeline_max_(timeline_max) {}

  /// A new record; its number is its value.
  std::uint64_t send(SentRecord record);
  SentRecord& sent(std::uint64_t number) { return sent_[number]; }
  const std::deque<SentRecord>& all_sent() const { return sent_; }

  /// A reader got the record with this number at this offset.
  void see(const PartitionName& partition, std::int64_t offset, std::uint64_t number);
  SeenPartition& seen(const PartitionName& partition) { return seen_[partition]; }
  const std::map<PartitionName, SeenPartition>& all_seen() const { return seen_; }

  /// Judges that a log starts at `start`: somebody asked to delete what was below, or retention may have.
  void see_log_start(const PartitionName& partition, std::int64_t start, std::string_view property);
  void set_retention(const std::string& topic, Retention retention) { retention_[topic] = retention; }
  Retention retention(const std::string& topic) const;
  /// The latest time that the broker's wall clock has shown.
  void broker_clock(UnixMillis now) { broker_now_ = now, broker_clock_ = std::max(broker_clock_, now); }
  UnixMillis broker_now() const { return broker_now_; }
  /// How to read it at any moment, so that what is judged between two of its readings is judged by what it shows then.
  void read_broker_clock(std::function<UnixMillis()> read) { read_broker_clock_ = std::move(read); }

  /// A member was given this partition in this generation of the group.
  void own(const std::string& group, std::int32_t generation, const PartitionName& partition, const std::string& member,
           Instant now);

  /// A member's commit was acknowledged, or had no answer: then it may take effect at any time later, also after
  /// another one that went over another connection.
  void committed(const std::string& group, const PartitionName& partition, std::int64_t offset, bool acknowledged);
  /// Judges what a group is told that it has committed.
  void see_committed(const std::string& group, const PartitionName& partition, std::int64_t offset);

  /// `property` as the file check_<property>.cc names it.
  void violate(std::string property, std::string what);
  const std::vector<Violation>& violations() const { return violations_; }

  /// A line for the report: the last ones are kept.
  void note(Instant at, std::string what);
  const std::deque<std::string>& timeline() const { return timeline_; }

  /// A state that is worth reaching was reached ("sometimes" assertions).
  void reached(std::string_view state, std::uint64_t times = 1) { reached_[std::string(state)] += times; }
  const std::map<std::string, std::uint64_t>& states() const { return reached_; }

  Holdings holdings;              // of groups of the new protocol
  std::uint64_t broker_life = 0;  // how often the broker was started
  bool damaged = false;           // what is on disk was damaged: reading may fail, but never lie
  std::uint64_t requests = 0;
  std::uint64_t faults = 0;

 private:
  const std::size_t timeline_max_;
  std::map<std::string, Retention> retention_;
  UnixMillis broker_clock_{};  // its latest
  UnixMillis broker_now_{};
  std::function<UnixMillis()> read_broker_clock_;
  std::deque<SentRecord> sent_;
  std::map<PartitionName, SeenPartition> seen_;
  std::map<std::tuple<std::string, std::int32_t, PartitionName>, std::string> owners_;
  struct Committed {
    std::int64_t highest = -1;         // acknowledged
    std::set<std::int64_t> uncertain;  // had no answer
  };
  std::map<std::pair<std::string, PartitionName>, Committed> committed_;
  std::vector<Violation> violations_;
  std::deque<std::string> timeline_;
  std::map<std::string, std::uint64_t> reached_;
};

}  // namespace chronik::sim
