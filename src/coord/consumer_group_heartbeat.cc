// ConsumerGroupHeartbeat: what is refused, and what a heartbeat does.
#include <algorithm>
#include <cctype>

#include "base/check.h"
#include "coord/consumer_group.h"
#include "coord/regular_expression.h"

namespace chronik::coord {

namespace {

constexpr std::size_t kKeyTextMax = INT16_MAX;  // what a record's key can hold

bool blank(std::string_view text) {
  return std::ranges::all_of(text, [](unsigned char c) { return std::isspace(c) != 0; });
}
bool blank(const std::optional<std::string>& text) {
  return text && blank(std::string_view(*text));
}

Refusal invalid_request(std::string message) {
  return {ErrorCode::invalid_request, std::move(message)};
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

/// What is wrong whatever the group says; in the order in which Kafka looks.
std::optional<Refusal> malformed(const ConsumerGroup::Request& request) {
  if (request.member_epoch == kJoinEpoch) {
    if (request.rebalance_timeout_ms == -1) {
      return invalid_request("RebalanceTimeoutMs must be provided in first request.");
    }
    if (!request.topic_partitions || !request.topic_partitions->empty()) {
      return invalid_request("TopicPartitions must be empty when (re-)joining.");
    }
    if (!request.subscribed_topic_names && !request.subscribed_topic_regex) {
      return invalid_request("Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.");
    }
  } else if (request.member_epoch == kStaticLeaveEpoch) {
    if (!request.instance_id) return invalid_request("InstanceId can't be null.");
  } else if (request.member_epoch < kStaticLeaveEpoch) {
    return invalid_request("MemberEpoch is invalid.");
  }
  if (std::max({request.group_id.size(), request.member_id.size(),
                request.subscribed_topic_regex.value_or("").size()}) > kKeyTextMax) {
    return invalid_request("A name is longer than 32767 bytes.");
  }
  return std::nullopt;
}

/// Whether the member owns nothing but these, and says so.
bool owns_part_of(const ConsumerGroup::Request& request, const GivenPartitions& given) {
  if (!request.topic_partitions) return false;
  return std::ranges::all_of(*request.topic_partitions, [&](const auto& topic) {
    return std::ranges::all_of(topic.partitions,
                               [&](PartitionIndex partition) { return contains(given, topic.topic_id, partition); });
  });
}

std::vector<ConsumerGroup::Response::TopicPartitions> to_wire(const GivenPartitions& given) {
  std::vector<ConsumerGroup::Response::TopicPartitions> topics;
  for (const auto& [topic, partitions] : given) {
    auto& entry = topics.emplace_back();
    entry.topic_id = topic;
    for (const auto& [partition, epoch] : partitions) entry.partitions.push_back(partition);
  }
  return topics;
}

}  // namespace

std::optional<Refusal> check_heartbeat(const ConsumerGroup::Request& request, std::int16_t api_version,
                                       const GroupConfig& config) {
  constexpr std::int16_t kMemberIdSince = 1;  // the client makes its member id (KIP-1082)
  const bool names_itself =
      api_version >= kMemberIdSince || request.member_epoch > 0 || request.member_epoch == kLeaveEpoch;
  if (names_itself && blank(std::string_view(request.member_id))) return invalid_request("MemberId can't be empty.");
  if (blank(std::string_view(request.group_id))) return invalid_request("GroupId can't be empty.");
  if (blank(request.instance_id)) return invalid_request("InstanceId can't be empty.");
  if (blank(request.rack_id)) return invalid_request("RackId can't be empty.");
  if (auto refusal = malformed(request)) return refusal;
  const auto& known = config.consumer_assignors;
  if (request.server_assignor && std::ranges::find(known, *request.server_assignor) == known.end()) {
    return Refusal{ErrorCode::unsupported_assignor, "ServerAssignor " + *request.server_assignor +
                                                        " is not supported. Supported assignors: " + joined(known) +
                                                        "."};
  }
  return std::nullopt;
}

std::optional<Refusal> ConsumerGroup::refusal(const Request& request) const {
  const bool leaves = request.member_epoch < 0;
  const bool is_member = find(request.member_id) != nullptr;
  if (!leaves && !is_member && members_.size() >= static_cast<std::size_t>(std::max(config_->consumer_max_size, 0))) {
    return Refusal{ErrorCode::group_max_size_reached, "The consumer group has reached its maximum capacity of " +
                                                          std::to_string(config_->consumer_max_size) + " members."};
  }
  if (request.instance_id) {
    if (auto refused = static_refusal(request)) return refused;
  } else if (request.member_epoch != kJoinEpoch) {
    const ConsumerMember* const member = find(request.member_id);
    if (member == nullptr) {
      return Refusal{ErrorCode::unknown_member_id,
                     "Member " + request.member_id + " is not a member of group " + id_ + "."};
    }
    if (auto refused = epoch_refusal(*member, request)) return refused;
  }
  const std::string regex = request.subscribed_topic_regex.value_or("");
  if (leaves || regex.empty() || is_used(regex)) return std::nullopt;
  if (const auto problem = problem_of(regex)) {
    return Refusal{ErrorCode::invalid_regular_expression,
                   "SubscribedTopicRegex `" + regex + "` is not a valid regular expression: " + *problem + "."};
  }
  return std::nullopt;
}

std::optional<Refusal> ConsumerGroup::static_refusal(const Request& request) const {
  const std::string& instance = *request.instance_id;
  const std::string who = "Static member " + request.member_id + " with instance id " + instance;
  const auto known = static_members_.find(instance);
  const ConsumerMember* const holder = known == static_members_.end() ? nullptr : find(known->second);
  if (request.member_epoch == kJoinEpoch) {
    if (holder == nullptr || holder->classic || holder->epoch == kStaticLeaveEpoch) return std::nullopt;
    return Refusal{ErrorCode::unreleased_instance_id,
                   who + " cannot join the group because the instance id is owned by " + holder->id + " member."};
  }
  if (holder == nullptr) return Refusal{ErrorCode::unknown_member_id, "Instance id " + instance + " is unknown."};
  if (holder->id != request.member_id) {
    return Refusal{ErrorCode::fenced_instance_id, who + " was fenced by member " + holder->id + "."};
  }
  return epoch_refusal(*holder, request);
}

std::optional<Refusal> ConsumerGroup::epoch_refusal(const ConsumerMember& member, const Request& request) const {
  const std::int32_t said = request.member_epoch;
  if (said <= 0 || said == member.epoch) return std::nullopt;
  // The answer with the newer epoch may have been lost: a member that is where it was before may go on.
  const bool is_smaller = said < member.epoch;
  if (is_smaller && said == member.previous_epoch && owns_part_of(request, member.assigned)) return std::nullopt;
  return Refusal{ErrorCode::fenced_member_epoch,
                 "The consumer group member has a " + std::string(is_smaller ? "smaller" : "greater") +
                     " member epoch (" + std::to_string(said) + ") than the one known by the group coordinator (" +
                     std::to_string(member.epoch) + "). The member must abandon all its partitions and rejoin."};
}

bool ConsumerGroup::is_steady(const Request& request, const Caller& caller, const Topics& topics) const {
  const ConsumerMember* const member = find(request.member_id);
  return member != nullptr && request.member_epoch > 0 && request.member_epoch == member->epoch && !member->classic &&
         member->is_reconciled_to(assignment_epoch_) && epoch_ == assignment_epoch_ &&
         topics.version() == seen_version_ && request.rebalance_timeout_ms == -1 && !request.rack_id &&
         !request.subscribed_topic_names && !request.subscribed_topic_regex && !request.server_assignor &&
         (!request.instance_id || request.instance_id == member->instance_id) &&
         caller.client_id == member->client_id && caller.client_host == member->client_host;
}

ConsumerMember& ConsumerGroup::enter(const Request& request, const Caller& caller) {
  const std::string& id = request.member_id.empty() ? caller.unique : request.member_id;
  if (request.instance_id) {
    const auto known = static_members_.find(*request.instance_id);
    if (known != static_members_.end()) {
      return request.member_epoch == kJoinEpoch ? replace_static(std::string(known->second), id) : *find(known->second);
    }
  }
  const auto [at, is_new] = members_.try_emplace(id);
  if (is_new) at->second.id = id;
  return at->second;
}

/// A static member is back, most likely under another member id: it gets its place, and begins from epoch 0.
ConsumerMember& ConsumerGroup::replace_static(const std::string& old_id, const std::string& new_id) {
  auto node = members_.extract(old_id);
  CHECK(!node.empty());
  disclaim(node.mapped());
  if (old_id != new_id) {
    // An old member of that name, without the instance id, gives way.
    if (const auto other = members_.find(new_id); other != members_.end()) {
      disclaim(other->second);
      forget_instance(other->second);
      footprint_ -= other->second.counted;
      members_.erase(other);
    }
    for (auto* ids : {&dirty_.metadata, &dirty_.targets, &dirty_.currents}) ids->insert({old_id, new_id});
  }
  ConsumerMember& member = node.mapped();
  node.key() = new_id;
  member.id = new_id;
  member.epoch = 0;
  member.previous_epoch = 0;
  member.revocation_ends.reset();
  dirty_.currents.insert(new_id);
  static_members_[*member.instance_id] = new_id;
  claim(member);
  ConsumerMember& replaced = members_.insert(std::move(node)).position->second;
  recount(replaced);
  return replaced;
}

/// True if the topics that it subscribes to, as far as they are known, changed.
bool ConsumerGroup::take_subscription(ConsumerMember& member, const Request& request, const Caller& caller,
                                      std::optional<ConsumerMember::Classic> classic) {
  ConsumerMember before{.id = member.id,
                        .instance_id = member.instance_id,
                        .rack_id = member.rack_id,
                        .client_id = member.client_id,
                        .client_host = member.client_host,
                        .topics = member.topics,
                        .regex = member.regex,
                        .rebalance_timeout_ms = member.rebalance_timeout_ms,
                        .assignor = member.assignor,
                        .classic = member.classic};
  if (request.instance_id && request.instance_id != member.instance_id) {
    forget_instance(member);
    member.instance_id = request.instance_id;
  }
  if (request.rack_id) member.rack_id = request.rack_id;
  if (request.rebalance_timeout_ms != -1) member.rebalance_timeout_ms = request.rebalance_timeout_ms;
  if (request.server_assignor) member.assignor = request.server_assignor;
  if (request.subscribed_topic_names) {
    member.topics = {request.subscribed_topic_names->begin(), request.subscribed_topic_names->end()};
  }
  if (request.subscribed_topic_regex) member.regex = *request.subscribed_topic_regex;
  member.client_id = caller.client_id;
  member.client_host = caller.client_host;
  member.classic = std::move(classic);
  if (member.instance_id) static_members_[*member.instance_id] = member.id;

  const bool is_new = member.counted == 0;
  if (!is_new && member.same_metadata(before)) return false;
  dirty_.metadata.insert(member.id);
  if (member.regex != before.regex) forget_regex(before.regex);
  recount(member);
  return member.topics != before.topics || member.regex != before.regex;
}

/// What heartbeats of either protocol do. Whether the member's assignment changed comes with it.
std::pair<ConsumerMember&, bool> ConsumerGroup::step(const Request& request, const Caller& caller,
                                                     std::optional<ConsumerMember::Classic> classic,
                                                     const Topics& topics, Clock at) {
  ConsumerMember& member = enter(request, caller);
  const std::string regex_before = member.regex;
  const Names names_before = member.topics;
  const bool changed = take_subscription(member, request, caller, std::move(classic));
  // A new expression counts when it has been looked up: bumping twice would rebalance twice.
  const bool is_known = member.regex.empty() || regexes_.contains(member.regex);
  const bool known_change = changed && (member.topics != names_before || (member.regex != regex_before && is_known));
  if (epoch_ == 0 || known_change) {
    update_metadata(true, topics);
  } else if (topics.version() != seen_version_) {
    update_metadata(false, topics);
  }
  if (epoch_ > assignment_epoch_) assign(topics, at);
  const bool reassigned = reconcile(member, changed, request.topic_partitions, topics, at);
  restart_session(member, at);
  return {member, reassigned};
}

ConsumerGroup::Response ConsumerGroup::heartbeat(const Request& request, const Caller& caller, const Topics& topics,
                                                 Clock at) {
  const auto [member, reassigned] = step(request, caller, std::nullopt, topics, at);
  member.join_ends.reset();
  member.sync_ends.reset();
  Response response;
  response.member_id = member.id;
  response.member_epoch = member.epoch;
  response.heartbeat_interval_ms = config_->consumer_heartbeat_interval_ms;
  const bool is_full = request.rebalance_timeout_ms != -1 && request.topic_partitions &&
                       (request.subscribed_topic_names || request.subscribed_topic_regex);
  if (request.member_epoch == kJoinEpoch || is_full || reassigned)
    response.assignment.emplace(to_wire(member.assigned));
  return response;
}

}  // namespace chronik::coord
