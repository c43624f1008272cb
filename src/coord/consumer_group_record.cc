// A consumer group as records of __consumer_offsets: what is written, and what is read back. Many small records, in
// Kafka's formats; those of one event are one batch, so that none stands without the others.
#include "base/check.h"
#include "coord/consumer_group.h"
#include "wire/records/versioned.h"

namespace chronik::coord {

namespace {

template <class Key>
Status add(std::vector<Record>& records, const Key& key, std::optional<Buffer> value = std::nullopt) {
  TRY(Buffer bytes, wire::encode_versioned(key, Key::kSchema.min));
  records.push_back({std::move(bytes), std::move(value)});
  return {};
}

template <class Key, class Value>
Status add_value(std::vector<Record>& records, const Key& key, const Value& value) {
  TRY(Buffer bytes, wire::encode_versioned(value, 0));
  return add(records, key, std::move(bytes));
}

wire::ConsumerGroupMemberMetadataValue metadata_of(const ConsumerMember& member) {
  return {.instance_id = member.instance_id,
          .rack_id = member.rack_id,
          .client_id = member.client_id,
          .client_host = member.client_host,
          .subscribed_topic_names = {member.topics.begin(), member.topics.end()},
          .subscribed_topic_regex = member.regex.empty() ? std::nullopt : std::optional(member.regex),
          .rebalance_timeout_ms = member.rebalance_timeout_ms,
          .server_assignor = member.assignor,
          .classic_member_metadata = member.classic};
}

wire::ConsumerGroupTargetAssignmentMemberValue target_of(const PartitionSet& target) {
  wire::ConsumerGroupTargetAssignmentMemberValue value;
  for (const auto& [topic, partitions] : target) {
    value.topic_partitions.push_back({topic, {partitions.begin(), partitions.end()}});
  }
  return value;
}

using Current = wire::ConsumerGroupCurrentMemberAssignmentValue;

std::vector<Current::TopicPartitions> given_to_wire(const GivenPartitions& given) {
  std::vector<Current::TopicPartitions> topics;
  for (const auto& [topic, partitions] : given) {
    auto& entry = topics.emplace_back();
    entry.topic_id = topic;
    entry.assignment_epochs.emplace();
    for (const auto& [partition, epoch] : partitions) {
      entry.partitions.push_back(partition);
      entry.assignment_epochs->push_back(epoch);
    }
  }
  return topics;
}

GivenPartitions given_from_wire(const std::vector<Current::TopicPartitions>& topics, std::int32_t member_epoch) {
  GivenPartitions given;
  for (const auto& topic : topics) {
    for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
      const bool known = topic.assignment_epochs && i < topic.assignment_epochs->size();
      given[topic.topic_id][topic.partitions[i]] = known ? (*topic.assignment_epochs)[i] : member_epoch;
    }
  }
  return given;
}

MemberState state_from_wire(std::int8_t state) {
  return state >= 0 && state <= 2 ? static_cast<MemberState>(state) : MemberState::unknown;
}

}  // namespace

Result<std::vector<Record>> ConsumerGroup::take_records() {
  const Dirty dirty = std::exchange(dirty_, {});
  std::vector<Record> records;
  if (dirty.old_metadata) TRY_STATUS(add(records, wire::ConsumerGroupPartitionMetadataKey{id_}));
  for (const std::string& id : dirty.currents) {
    if (find(id) == nullptr) TRY_STATUS(add(records, wire::ConsumerGroupCurrentMemberAssignmentKey{id_, id}));
  }
  for (const std::string& id : dirty.targets) {
    const ConsumerMember* const member = find(id);
    if (member != nullptr && member->target) continue;
    TRY_STATUS(add(records, wire::ConsumerGroupTargetAssignmentMemberKey{id_, id}));
  }
  for (const std::string& id : dirty.metadata) {
    const ConsumerMember* const member = find(id);
    const wire::ConsumerGroupMemberMetadataKey key{id_, id};
    TRY_STATUS(member == nullptr ? add(records, key) : add_value(records, key, metadata_of(*member)));
  }
  for (const std::string& regex : dirty.regexes) {
    const auto found = regexes_.find(regex);
    const wire::ConsumerGroupRegularExpressionKey key{id_, regex};
    if (found == regexes_.end()) {
      TRY_STATUS(add(records, key));
      continue;
    }
    const ResolvedRegex& known = found->second;
    const wire::ConsumerGroupRegularExpressionValue value{
        .topics = {known.topics.begin(), known.topics.end()}, .version = known.version, .timestamp = known.at};
    TRY_STATUS(add_value(records, key, value));
  }
  if (dirty.group) {
    const wire::ConsumerGroupMetadataValue value{.epoch = epoch_, .metadata_hash = metadata_hash_};
    TRY_STATUS(add_value(records, wire::ConsumerGroupMetadataKey{id_}, value));
  }
  for (const std::string& id : dirty.targets) {
    const ConsumerMember* const member = find(id);
    if (member == nullptr || !member->target) continue;
    TRY_STATUS(add_value(records, wire::ConsumerGroupTargetAssignmentMemberKey{id_, id}, target_of(*member->target)));
  }
  if (dirty.assignment) {
    const wire::ConsumerGroupTargetAssignmentMetadataValue value{.assignment_epoch = assignment_epoch_,
                                                                 .assignment_timestamp = assigned_at_};
    TRY_STATUS(add_value(records, wire::ConsumerGroupTargetAssignmentMetadataKey{id_}, value));
  }
  for (const std::string& id : dirty.currents) {
    const ConsumerMember* const member = find(id);
    if (member == nullptr) continue;
    const Current value{.member_epoch = member->epoch,
                        .previous_member_epoch = member->previous_epoch,
                        .state = static_cast<std::int8_t>(member->state),
                        .assigned_partitions = given_to_wire(member->assigned),
                        .partitions_pending_revocation = given_to_wire(member->revoking)};
    TRY_STATUS(add_value(records, wire::ConsumerGroupCurrentMemberAssignmentKey{id_, id}, value));
  }
  return records;
}

Result<std::vector<Record>> ConsumerGroup::tombstones() const {
  std::vector<Record> records;
  for (const auto& [id, member] : members_) {
    TRY_STATUS(add(records, wire::ConsumerGroupCurrentMemberAssignmentKey{id_, id}));
    TRY_STATUS(add(records, wire::ConsumerGroupTargetAssignmentMemberKey{id_, id}));
    TRY_STATUS(add(records, wire::ConsumerGroupMemberMetadataKey{id_, id}));
  }
  for (const auto& [regex, found] : regexes_)
    TRY_STATUS(add(records, wire::ConsumerGroupRegularExpressionKey{id_, regex}));
  TRY_STATUS(add(records, wire::ConsumerGroupTargetAssignmentMetadataKey{id_}));
  if (dirty_.old_metadata) TRY_STATUS(add(records, wire::ConsumerGroupPartitionMetadataKey{id_}));
  TRY_STATUS(add(records, wire::ConsumerGroupMetadataKey{id_}));
  return records;
}

namespace {

template <class... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};

/// The value of a record, or nothing for a tombstone.
template <class Value>
Result<std::optional<Value>> read(const std::optional<Buffer>& bytes) {
  if (!bytes) return std::optional<Value>();
  TRY(auto value, wire::decode_versioned<Value>(*bytes));
  return std::optional(std::move(value));
}

}  // namespace

/// A member comes into being with the first record about it, whichever that is.
ConsumerMember& ConsumerGroup::restored(const std::string& id) {
  const auto [at, is_new] = members_.try_emplace(id);
  if (is_new) at->second.id = id;
  return at->second;
}

Status ConsumerGroup::replay_metadata(const std::string& id, const std::optional<Buffer>& bytes) {
  TRY(auto value, read<wire::ConsumerGroupMemberMetadataValue>(bytes));
  if (!value) {
    const auto at = members_.find(id);
    if (at == members_.end()) return {};
    disclaim(at->second);
    forget_instance(at->second);
    footprint_ -= at->second.counted;
    members_.erase(at);
    return {};
  }
  ConsumerMember& member = restored(id);
  member.instance_id = std::move(value->instance_id);
  member.rack_id = std::move(value->rack_id);
  member.client_id = std::move(value->client_id);
  member.client_host = std::move(value->client_host);
  member.topics = {value->subscribed_topic_names.begin(), value->subscribed_topic_names.end()};
  member.regex = value->subscribed_topic_regex.value_or("");
  member.rebalance_timeout_ms = value->rebalance_timeout_ms;
  member.assignor = std::move(value->server_assignor);
  member.classic = std::move(value->classic_member_metadata);
  if (member.classic) {
    for (auto& protocol : member.classic->supported_protocols) {
      protocol.metadata = Buffer::copy_of(protocol.metadata.span());
    }
  }
  if (member.instance_id) static_members_[*member.instance_id] = id;
  recount(member);
  return {};
}

Status ConsumerGroup::replay_target(const std::string& id, const std::optional<Buffer>& bytes) {
  TRY(const auto value, read<wire::ConsumerGroupTargetAssignmentMemberValue>(bytes));
  if (!value) {
    if (ConsumerMember* const member = find(id)) member->target.reset(), recount(*member);
    return {};
  }
  ConsumerMember& member = restored(id);
  member.target.emplace();
  for (const auto& topic : value->topic_partitions) {
    (*member.target)[topic.topic_id].insert(topic.partitions.begin(), topic.partitions.end());
  }
  recount(member);
  return {};
}

Status ConsumerGroup::replay_current(const std::string& id, const std::optional<Buffer>& bytes) {
  TRY(const auto value, read<Current>(bytes));
  if (!value && find(id) == nullptr) return {};
  ConsumerMember& member = restored(id);
  disclaim(member);
  const Current empty{.member_epoch = kLeaveEpoch, .previous_member_epoch = kLeaveEpoch};
  const Current& now = value ? *value : empty;
  member.epoch = now.member_epoch;
  member.previous_epoch = now.previous_member_epoch;
  member.state = state_from_wire(now.state);
  member.assigned = given_from_wire(now.assigned_partitions, member.epoch);
  member.revoking = given_from_wire(now.partitions_pending_revocation, member.epoch);
  claim(member);
  recount(member);
  return {};
}

Result<bool> ConsumerGroup::replay(const wire::GroupKey& key, const std::optional<Buffer>& value) {
  const auto unchanged = [](Status status) -> Result<bool> {
    if (!status) return std::unexpected(std::move(status).error());
    return false;
  };
  return std::visit(
      Overloaded{
          [&](const wire::ConsumerGroupMetadataKey&) -> Result<bool> {
            TRY(const auto stored, read<wire::ConsumerGroupMetadataValue>(value));
            if (!stored) return true;
            epoch_ = stored->epoch;
            metadata_hash_ = stored->metadata_hash;
            return false;
          },
          [&](const wire::ConsumerGroupPartitionMetadataKey&) -> Result<bool> {
            dirty_.old_metadata = value.has_value();
            return false;
          },
          [&](const wire::ConsumerGroupMemberMetadataKey& of) {
            return unchanged(replay_metadata(of.member_id, value));
          },
          [&](const wire::ConsumerGroupTargetAssignmentMetadataKey&) -> Result<bool> {
            TRY(const auto stored, read<wire::ConsumerGroupTargetAssignmentMetadataValue>(value));
            assignment_epoch_ = stored ? stored->assignment_epoch : 0;
            if (stored) assigned_at_ = stored->assignment_timestamp;
            return false;
          },
          [&](const wire::ConsumerGroupTargetAssignmentMemberKey& of) {
            return unchanged(replay_target(of.member_id, value));
          },
          [&](const wire::ConsumerGroupCurrentMemberAssignmentKey& of) {
            return unchanged(replay_current(of.member_id, value));
          },
          [&](const wire::ConsumerGroupRegularExpressionKey& of) -> Result<bool> {
            TRY(const auto stored, read<wire::ConsumerGroupRegularExpressionValue>(value));
            if (!stored) {
              erase_regex(of.regular_expression);
            } else {
              set_regex(of.regular_expression,
                        {{stored->topics.begin(), stored->topics.end()}, stored->version, stored->timestamp});
            }
            return false;
          },
          [&](const auto&) -> Result<bool> { return fail(Errc::unsupported, "not a record of a consumer group"); },
      },
      key);
}

}  // namespace chronik::coord
