// The group epoch, and who is to have what.
#include <algorithm>

#include "coord/consumer_group.h"

namespace chronik::coord {

namespace {

/// FNV-1a over 64 bits: only ever compared with what this code made before.
class Hash {
 public:
  void add(std::string_view bytes) {
    for (const char c : bytes) value_ = (value_ ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  }
  void add(std::uint64_t number) {
    for (int i = 0; i < 8; ++i)
      value_ = (value_ ^ ((number >> (8U * static_cast<unsigned>(i))) & 0xFFU)) * 0x100000001b3ULL;
  }
  std::int64_t value() const { return static_cast<std::int64_t>(value_); }

 private:
  std::uint64_t value_ = 0xcbf29ce484222325ULL;
};

/// Of the topics that exist; 0 if none does.
std::int64_t hash_of(const std::set<std::string, std::less<>>& names, const Topics& topics) {
  Hash hash;
  bool any = false;
  for (const std::string& name : names) {
    const auto topic = topics.find(name);
    if (!topic) continue;
    any = true;
    hash.add(name.size());
    hash.add(name);
    hash.add(as_text(std::as_bytes(std::span(topic->id.bytes))));
    hash.add(static_cast<std::uint64_t>(topic->partitions));
  }
  return any ? hash.value() : 0;
}

}  // namespace

ConsumerGroup::Names ConsumerGroup::topics_of(const ConsumerMember& member) const {
  Names names = member.topics;
  if (const auto regex = regexes_.find(member.regex); regex != regexes_.end()) {
    names.insert(regex->second.topics.begin(), regex->second.topics.end());
  }
  return names;
}

ConsumerGroup::Names ConsumerGroup::subscribed_topics() const {
  Names names;
  for (const auto& [id, member] : members_) names.insert(member.topics.begin(), member.topics.end());
  for (const auto& [regex, found] : regexes_) names.insert(found.topics.begin(), found.topics.end());
  return names;
}

/// A new group epoch if there is reason to, or if the topics are not what they were.
void ConsumerGroup::update_metadata(bool bump, const Topics& topics) {
  seen_version_ = topics.version();
  const std::int64_t hash = hash_of(subscribed_topics(), topics);
  if (!bump && hash == metadata_hash_) return;
  metadata_hash_ = hash;
  ++epoch_;
  dirty_.group = true;
}

/// The one that most members name; the configured default if none does.
std::string ConsumerGroup::assignor_name() const {
  const auto& known = config_->consumer_assignors;
  std::map<std::string_view, std::size_t> votes;
  for (const auto& [id, member] : members_) {
    if (member.assignor && std::ranges::find(known, *member.assignor) != known.end()) ++votes[*member.assignor];
  }
  const auto most = std::ranges::max_element(votes, {}, [](const auto& entry) { return entry.second; });
  if (most != votes.end()) return std::string(most->first);
  return known.empty() ? "uniform" : known.front();
}

void ConsumerGroup::assign(const Topics& topics, Clock at) {
  AssignmentInput input;
  std::map<std::string, std::optional<TopicInfo>, std::less<>> known;
  for (const auto& [id, member] : members_) {
    auto& entry = input.members.emplace_back();
    entry.id = id;
    entry.instance_id = member.instance_id;
    entry.previous = member.target ? &*member.target : nullptr;
    for (const std::string& name : topics_of(member)) {
      const auto [at_name, is_new] = known.try_emplace(name);
      if (is_new) at_name->second = topics.find(name);
      if (!at_name->second) continue;
      entry.topics.push_back(at_name->second->id);
      input.partitions.try_emplace(at_name->second->id, at_name->second->partitions);
    }
    std::ranges::sort(entry.topics);
  }
  const Assignor assignor = find_assignor(assignor_name());
  Assignments targets = assignor == nullptr ? assign_uniform(input) : assignor(input);
  for (auto& [id, target] : targets) {
    ConsumerMember& member = *find(id);
    if (member.target == target) continue;
    member.target = std::move(target);
    recount(member);
    dirty_.targets.insert(id);
  }
  assignment_epoch_ = epoch_;
  assigned_at_ = at.wall;
  dirty_.assignment = true;
}

}  // namespace chronik::coord
