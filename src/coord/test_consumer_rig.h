// For tests: one group of the new consumer protocol, its clock and topics, and its records, from which it can be
// rebuilt at any point.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "coord/consumer_group.h"
#include "coord/test_coord_rig.h"

namespace chronik::coord {

/// "topic-partition" names.
using Owned = std::set<std::string>;

class ConsumerRig {
 public:
  using Request = ConsumerGroup::Request;
  using Response = ConsumerGroup::Response;

  explicit ConsumerRig(GroupConfig settings = {})
      : config(settings), clock{Instant{1'000'000'000}, UnixMillis(1'700'000'000'000)}, group("g", config) {
    topics.add("t", 2, 6);
    topics.add("u", 3, 2);
  }
  ~ConsumerRig() { check(); }
  ConsumerRig(const ConsumerRig&) = delete;
  ConsumerRig& operator=(const ConsumerRig&) = delete;

  /// A first heartbeat.
  static Request join(const std::string& member, std::vector<std::string> names,
                      std::optional<std::string> instance = std::nullopt) {
    Request request;
    request.group_id = "g";
    request.member_id = member;
    request.instance_id = std::move(instance);
    request.rebalance_timeout_ms = 60'000;
    request.subscribed_topic_names = std::move(names);
    request.topic_partitions.emplace();
    return request;
  }
  /// A later one.
  static Request beat(const std::string& member, std::int32_t epoch) {
    Request request;
    request.group_id = "g";
    request.member_id = member;
    request.member_epoch = epoch;
    return request;
  }
  Response send(const Request& request) {
    if (auto bad = check_heartbeat(request, 1, config)) return refused(*bad);
    if (auto bad = group.refusal(request)) return refused(*bad);
    const bool steady = group.is_steady(request, caller(), topics);
    Response response =
        request.member_epoch < 0 ? group.leave(request, topics) : group.heartbeat(request, caller(), topics, clock);
    EXPECT_FALSE(write() && steady) << "a steady heartbeat wrote something";
    return response;
  }
  ErrorCode code(const Request& request) { return send(request).error_code; }

  /// A client: remembers its epoch and what it owns, gives up at once what it no longer has.
  struct Client {
    std::int32_t epoch = 0;
    std::map<TopicId, std::set<PartitionIndex>> owned = {};
  };
  /// Heartbeats of a client that does as it is told. The answer's code.
  ErrorCode turn(const std::string& member, const std::vector<std::string>& names) {
    Client& client = clients[member];
    Request request = client.epoch == 0 ? join(member, names) : beat(member, client.epoch);
    request.topic_partitions.emplace();
    for (const auto& [topic, partitions] : client.owned) {
      request.topic_partitions->push_back({topic, {partitions.begin(), partitions.end()}});
    }
    const Response response = send(request);
    if (response.error_code != ErrorCode::none) {
      client = {};
      return response.error_code;
    }
    client.epoch = response.member_epoch;
    if (!response.assignment) return ErrorCode::none;
    client.owned.clear();
    for (const auto& topic : response.assignment->topic_partitions) {
      client.owned[topic.topic_id] = {topic.partitions.begin(), topic.partitions.end()};
    }
    return ErrorCode::none;
  }
  /// Rounds of heartbeats until the group is stable.
  void settle(const std::map<std::string, std::vector<std::string>>& members) {
    for (int round = 0; round < 20; ++round) {
      for (const auto& [member, names] : members) EXPECT_EQ(turn(member, names), ErrorCode::none) << member;
      if (group.state() == ConsumerGroupState::stable) return;
    }
    ADD_FAILURE() << "does not become stable";
  }

  Owned owned(const std::string& member) const {
    Owned names;
    const auto at = group.members().find(member);
    if (at == group.members().end()) return names;
    for (const auto& [topic, partitions] : at->second.assigned) {
      for (const auto& [partition, epoch] : partitions) {
        const auto known = topics.find(topic);
        names.insert((known ? known->name : "?") + "-" + std::to_string(partition.value()));
      }
    }
    return names;
  }
  void pass(Duration span) {
    const Instant end = clock.now + span;
    while (group.earliest_deadline() && *group.earliest_deadline() <= end) {
      move_to(std::max(*group.earliest_deadline(), clock.now));
      group.expire(topics, clock);
      write();
    }
    move_to(end);
  }
  /// What was written so far, read back in another process.
  void restart() {
    group = replayed();
    group.start_sessions(clock);
    check();
  }
  /// Takes what changed; true if anything did.
  bool write() {
    auto records = group.take_records();
    EXPECT_TRUE(records);
    const bool any = !records->empty();
    for (Record& record : *records) log.push_back(std::move(record));
    check();
    return any;
  }
  void check() {
    group.check_invariants();
    const ConsumerGroup again = replayed();
    EXPECT_EQ(text(again), text(group));
  }

  GroupConfig config;
  Clock clock;
  FakeTopics topics;
  ConsumerGroup group;
  std::vector<Record> log;
  std::map<std::string, Client> clients;

 private:
  static ConsumerGroup::Caller caller() { return {"client", "/10.0.0.1", "made-up"}; }
  static Response refused(const Refusal& refusal) {
    Response response;
    response.error_code = refusal.error;
    response.error_message = refusal.message;
    return response;
  }
  ConsumerGroup replayed() const {
    ConsumerGroup fresh("g", config);
    for (const Record& record : log) {
      const auto key = wire::decode_group_key(record.key);
      EXPECT_TRUE(key);
      const auto ended = fresh.replay(*key, record.value);
      EXPECT_TRUE(ended) << ended.error().message();
      if (ended && *ended) fresh = ConsumerGroup("g", config);
    }
    return fresh;
  }
  /// All that must survive.
  static std::string text(const ConsumerGroup& of) {
    std::string out = std::to_string(of.epoch()) + "/" + std::to_string(of.assignment_epoch());
    for (const auto& [id, member] : of.members()) {
      out += "\n" + id + " " + member.instance_id.value_or("-") + " " + member.regex + " " +
             std::to_string(member.epoch) + " " + std::to_string(member.previous_epoch) + " " +
             std::to_string(static_cast<int>(member.state)) + " " + std::to_string(member.rebalance_timeout_ms);
      for (const std::string& topic : member.topics) out += " " + topic;
      for (const GivenPartitions* given : {&member.assigned, &member.revoking}) {
        out += " |";
        for (const auto& [topic, partitions] : *given) {
          for (const auto& [partition, since] : partitions) {
            out += " " + topic.to_string() + ":" + std::to_string(partition.value()) + "@" + std::to_string(since);
          }
        }
      }
      out += member.target ? " target" : "";
      for (const auto& [topic, partitions] : member.target.value_or(PartitionSet{})) {
        for (const auto partition : partitions)
          out += " " + topic.to_string() + ":" + std::to_string(partition.value());
      }
    }
    return out;
  }
  void move_to(Instant at) {
    clock.wall = UnixMillis(clock.wall.value() + (at - clock.now) / std::chrono::milliseconds(1));
    clock.now = at;
  }
};

}  // namespace chronik::coord
