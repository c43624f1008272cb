// The snapshot of the state machine as bytes: version, scalars, topics by name, tombstones, broker configurations
// (docs/formats/metadata-log.md).
#include "meta/codec.h"
#include "meta/state.h"
#include "meta/topic_name.h"

namespace chronik::meta {

namespace {
constexpr std::uint8_t kVersion = 1;

TopicPtr read_topic(Reader& in) {
  auto topic = std::make_shared<Topic>();
  topic->name = in.text();
  topic->id = in.id();
  topic->created_at = UnixMillis(in.integer<std::int64_t>());
  topic->partitions.resize(in.count(sizeof(std::int32_t)));
  for (Partition& partition : topic->partitions) partition.leader_epoch = LeaderEpoch(in.integer<std::int32_t>());
  topic->configs = in.configs();
  return topic;
}
}  // namespace

Buffer MetadataState::encode() const {
  Writer out;
  out.integer(kVersion);
  out.integer(index_.value());
  out.text(cluster_id_);
  out.integer(log_id_.value());
  out.integer(next_producer_id_);
  out.integer(generation_);
  out.count(topics_.size());
  for (const auto& [name, topic] : topics_) {
    out.text(name);
    out.id(topic->id);
    out.integer(topic->created_at.value());
    out.count(topic->partitions.size());
    for (const Partition& partition : topic->partitions) out.integer(partition.leader_epoch.value());
    out.configs(topic->configs);
  }
  out.count(tombstones_.size());
  for (const TopicId& id : tombstones_) out.id(id);
  out.count(broker_configs_.size());
  for (const auto& [broker, configs] : broker_configs_) {
    out.integer(broker.value());
    out.configs(configs);
  }
  return std::move(out).finish();
}

Result<MetadataState> MetadataState::decode(ByteSpan bytes) {
  Reader in(bytes);
  const auto version = in.integer<std::uint8_t>();
  if (version != kVersion) {
    return fail(Errc::corrupt, "metadata snapshot: version " + std::to_string(version) + " is not known to this build");
  }
  MetadataState state;
  state.index_ = Index(in.integer<std::uint64_t>());
  state.cluster_id_ = in.text();
  state.log_id_ = wal::LogId(in.integer<std::uint64_t>());
  state.next_producer_id_ = in.integer<std::int64_t>();
  state.generation_ = in.integer<std::uint64_t>();
  const std::size_t topics = in.count(4 + 16 + 8 + 4 + 4);
  for (std::size_t i = 0; i < topics && !in.failed(); ++i) {
    TopicPtr topic = read_topic(in);
    // Ascending, and every identity once: what insert() relies on.
    if (!state.topics_.empty() && topic->name <= state.topics_.rbegin()->first) in.fail();
    if (state.by_id_.contains(topic->id) || state.collisions_.contains(collision_key(topic->name))) in.fail();
    if (!in.failed()) state.insert(std::move(topic));
  }
  const std::size_t tombstones = in.count(16);
  for (std::size_t i = 0; i < tombstones && !in.failed(); ++i) {
    const TopicId id = in.id();
    if (!state.tombstones_.empty() && id <= *state.tombstones_.rbegin()) in.fail();
    state.tombstones_.insert(id);
  }
  const std::size_t brokers = in.count(4 + 4);
  for (std::size_t i = 0; i < brokers && !in.failed(); ++i) {
    const BrokerId broker(in.integer<std::int32_t>());
    if (!state.broker_configs_.empty() && broker <= state.broker_configs_.rbegin()->first) in.fail();
    state.broker_configs_.emplace(broker, in.configs());
  }
  if (!in.finished()) return fail(Errc::corrupt, "metadata snapshot: malformed");
  TRY_STATUS(check_invariants(state));
  return state;
}

}  // namespace chronik::meta
