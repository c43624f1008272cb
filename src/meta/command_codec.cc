// The binary form of commands: one byte version, one byte kind, then the fields in order
// (docs/formats/metadata-log.md).
#include "meta/codec.h"
#include "meta/command.h"

namespace chronik::meta {

namespace {

constexpr std::uint8_t kVersion = 1;

/// On disk for ever: never renumber.
enum class Kind : std::uint8_t {
  create_topics = 1,
  delete_topics = 2,
  create_partitions = 3,
  alter_topic_configs = 4,
  alter_broker_configs = 5,
  allocate_producer_ids = 6,
  allocate_generation = 7,
  forget_tombstones = 8,
  initialize_cluster = 9,
};

constexpr std::size_t kIdBytes = 16;
constexpr std::size_t kCountBytes = 4;

void write_ids(Writer& out, const std::vector<TopicId>& ids) {
  out.count(ids.size());
  for (const TopicId& id : ids) out.id(id);
}
std::vector<TopicId> read_ids(Reader& in) {
  std::vector<TopicId> ids(in.count(kIdBytes));
  for (TopicId& id : ids) id = in.id();
  return ids;
}

void write_changes(Writer& out, const std::vector<ConfigChange>& changes) {
  out.count(changes.size());
  for (const ConfigChange& change : changes) {
    out.text(change.key);
    out.integer(static_cast<std::uint8_t>(change.operation));
    out.text(change.value);
  }
}
std::vector<ConfigChange> read_changes(Reader& in) {
  std::vector<ConfigChange> changes(in.count(2 * kCountBytes + 1));
  for (ConfigChange& change : changes) {
    change.key = in.text();
    const auto operation = in.integer<std::uint8_t>();
    if (operation > static_cast<std::uint8_t>(ConfigOperation::subtract)) in.fail();
    change.operation = static_cast<ConfigOperation>(operation);
    change.value = in.text();
  }
  return changes;
}

struct Encode {
  Writer& out;

  void kind(Kind k) const {
    out.integer(kVersion);
    out.integer(static_cast<std::uint8_t>(k));
  }
  void operator()(const CreateTopics& c) const {
    kind(Kind::create_topics);
    out.integer(c.at.value());
    out.count(c.topics.size());
    for (const NewTopic& topic : c.topics) {
      out.text(topic.name);
      out.id(topic.id);
      out.integer(topic.partitions);
      out.configs(topic.configs);
    }
  }
  void operator()(const DeleteTopics& c) const {
    kind(Kind::delete_topics);
    write_ids(out, c.topics);
  }
  void operator()(const CreatePartitions& c) const {
    kind(Kind::create_partitions);
    out.count(c.topics.size());
    for (const PartitionCount& item : c.topics) {
      out.id(item.topic);
      out.integer(item.total);
    }
  }
  void operator()(const AlterTopicConfigs& c) const {
    kind(Kind::alter_topic_configs);
    out.count(c.topics.size());
    for (const TopicConfigChange& item : c.topics) {
      out.id(item.topic);
      out.flag(item.replace);
      write_changes(out, item.changes);
    }
  }
  void operator()(const AlterBrokerConfigs& c) const {
    kind(Kind::alter_broker_configs);
    out.integer(c.broker.value());
    out.flag(c.replace);
    write_changes(out, c.changes);
  }
  void operator()(const AllocateProducerIds& c) const {
    kind(Kind::allocate_producer_ids);
    out.integer(c.count);
  }
  void operator()(const AllocateGeneration&) const { kind(Kind::allocate_generation); }
  void operator()(const ForgetTombstones& c) const {
    kind(Kind::forget_tombstones);
    write_ids(out, c.topics);
  }
  void operator()(const InitializeCluster& c) const {
    kind(Kind::initialize_cluster);
    out.text(c.cluster_id);
    out.integer(c.log_id.value());
  }
};

CreateTopics read_create_topics(Reader& in) {
  CreateTopics c;
  c.at = UnixMillis(in.integer<std::int64_t>());
  c.topics.resize(in.count(kCountBytes + kIdBytes + 4 + kCountBytes));
  for (NewTopic& topic : c.topics) {
    topic.name = in.text();
    topic.id = in.id();
    topic.partitions = in.integer<std::int32_t>();
    topic.configs = in.configs();
  }
  return c;
}

CreatePartitions read_create_partitions(Reader& in) {
  CreatePartitions c;
  c.topics.resize(in.count(kIdBytes + 4));
  for (PartitionCount& item : c.topics) {
    item.topic = in.id();
    item.total = in.integer<std::int32_t>();
  }
  return c;
}

AlterTopicConfigs read_alter_topic_configs(Reader& in) {
  AlterTopicConfigs c;
  c.topics.resize(in.count(kIdBytes + 1 + kCountBytes));
  for (TopicConfigChange& item : c.topics) {
    item.topic = in.id();
    item.replace = in.flag();
    item.changes = read_changes(in);
  }
  return c;
}

AlterBrokerConfigs read_alter_broker_configs(Reader& in) {
  AlterBrokerConfigs c;
  c.broker = BrokerId(in.integer<std::int32_t>());
  c.replace = in.flag();
  c.changes = read_changes(in);
  return c;
}

InitializeCluster read_initialize_cluster(Reader& in) {
  InitializeCluster c;
  c.cluster_id = in.text();
  c.log_id = wal::LogId(in.integer<std::uint64_t>());
  return c;
}

Command read_body(Kind kind, Reader& in) {
  switch (kind) {
    case Kind::create_topics:
      return read_create_topics(in);
    case Kind::delete_topics:
      return DeleteTopics{read_ids(in)};
    case Kind::create_partitions:
      return read_create_partitions(in);
    case Kind::alter_topic_configs:
      return read_alter_topic_configs(in);
    case Kind::alter_broker_configs:
      return read_alter_broker_configs(in);
    case Kind::allocate_producer_ids:
      return AllocateProducerIds{in.integer<std::int32_t>()};
    case Kind::allocate_generation:
      return AllocateGeneration{};
    case Kind::forget_tombstones:
      return ForgetTombstones{read_ids(in)};
    case Kind::initialize_cluster:
      return read_initialize_cluster(in);
  }
  in.fail();
  return AllocateGeneration{};
}

}  // namespace

Result<Buffer> encode(const Command& command) {
  Writer out;
  std::visit(Encode{out}, command);
  if (out.size() > kCommandBytesMax) {
    return fail(Errc::invalid_argument, "a metadata command of " + std::to_string(out.size()) +
                                            " bytes, the limit is " + std::to_string(kCommandBytesMax));
  }
  return std::move(out).finish();
}

Result<Command> decode_command(ByteSpan bytes) {
  if (bytes.size() > kCommandBytesMax) return fail(Errc::corrupt, "metadata command: too long");
  Reader in(bytes);
  const auto version = in.integer<std::uint8_t>();
  const auto kind = in.integer<std::uint8_t>();
  if (in.failed()) return fail(Errc::corrupt, "metadata command: too short");
  if (version != kVersion) {
    return fail(Errc::corrupt, "metadata command: version " + std::to_string(version) + " is not known to this build");
  }
  Command command = read_body(static_cast<Kind>(kind), in);
  if (!in.finished()) {
    return fail(Errc::corrupt, "metadata command: malformed body of kind " + std::to_string(kind));
  }
  return command;
}

}  // namespace chronik::meta
