// Configuration tables: names, defaults, validators, precedence, and that nothing is accepted and ignored.
#include "meta/config.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "meta/topic_name.h"

namespace chronik::meta {
namespace {

BrokerConfig with(std::initializer_list<std::pair<std::string_view, std::string_view>> values) {
  BrokerConfig config;
  for (const auto& [key, value] : values) {
    const auto done = set(config, key, value);
    EXPECT_TRUE(done) << done.error().message();
  }
  return config;
}

TEST(ConfigTable, definitions_are_sorted_unique_and_good_in_themselves) {
  for (const auto definitions : {topic_definitions(), broker_definitions()}) {
    EXPECT_TRUE(std::ranges::is_sorted(definitions, {}, &ConfigDefinition::name));
    std::set<std::string_view> names;
    for (const ConfigDefinition& definition : definitions) {
      EXPECT_TRUE(names.insert(definition.name).second) << definition.name;
      EXPECT_FALSE(definition.documentation.empty()) << definition.name;
      EXPECT_TRUE(definition.documentation.ends_with(".")) << definition.name;
      if (definition.unset) continue;
      const auto good = check_value(definition, definition.default_value);
      EXPECT_TRUE(good) << good.error().message();
    }
  }
}

TEST(ConfigTable, every_topic_default_has_a_broker_name_of_the_same_meaning) {
  const BrokerConfig broker;
  for (const ConfigDefinition& definition : topic_definitions()) {
    ASSERT_FALSE(broker_synonyms(definition.name).empty()) << definition.name;
    for (const ConfigSynonym& synonym : broker_synonyms(definition.name)) {
      ASSERT_NE(find_broker_definition(synonym.name), nullptr) << synonym.name;
    }
    EXPECT_EQ(broker.topic_default(definition.name).text, definition.default_value);
  }
}

TEST(ConfigTable, the_defaults_are_those_of_kafka) {
  const BrokerConfig broker;
  const TopicConfig topic = resolve_topic_config(broker, {});
  EXPECT_TRUE(topic.cleanup_delete);
  EXPECT_FALSE(topic.cleanup_compact);
  EXPECT_EQ(topic.retention_ms, 604'800'000);
  EXPECT_EQ(topic.retention_bytes, -1);
  EXPECT_EQ(topic.segment_bytes, 1 << 30);
  EXPECT_EQ(topic.segment_ms, 604'800'000);
  EXPECT_EQ(topic.max_message_bytes, 1'048'588);
  EXPECT_EQ(topic.index_interval_bytes, 4096);
  EXPECT_EQ(topic.timestamp_type, TimestampType::create_time);
  EXPECT_EQ(topic.timestamp_after_max_ms, 3'600'000);
  EXPECT_EQ(topic.min_insync_replicas, 1);
  EXPECT_EQ(broker.num_partitions, 1);
  EXPECT_TRUE(broker.auto_create_topics);
  EXPECT_EQ(broker.socket_request_max_bytes, 100 << 20);
  EXPECT_EQ(broker.offsets_topic_num_partitions, 50);
  EXPECT_EQ(broker.group_initial_rebalance_delay_ms, 3000);
  EXPECT_EQ(broker.wal_max_bytes, 256 << 20);
  EXPECT_EQ(broker.wal_sync, WalSync::group);
  EXPECT_EQ(broker.disk_stall_timeout_ms, 10'000);
  EXPECT_TRUE(check(broker));
}

struct Case {
  const char* key;
  const char* value;
  Errc expected;  // Errc{} for good
};

TEST(TopicConfigCheck, table) {
  constexpr Errc kGood{};
  const Case cases[] = {
      {"retention.ms", "60000", kGood},
      {"retention.ms", " 60000 ", kGood},
      {"retention.ms", "-1", kGood},
      {"retention.ms", "-2", Errc::invalid_argument},
      {"retention.ms", "soon", Errc::invalid_argument},
      {"retention.ms", "", Errc::invalid_argument},
      {"retention.ms", "1.5", Errc::invalid_argument},
      {"retention.ms", "99999999999999999999", Errc::invalid_argument},
      {"retention.bytes", "1073741824", kGood},
      {"segment.bytes", "1048576", kGood},
      {"segment.bytes", "1048575", Errc::invalid_argument},
      {"segment.bytes", "2147483648", Errc::invalid_argument},
      {"segment.ms", "0", Errc::invalid_argument},
      {"max.message.bytes", "0", kGood},
      {"max.message.bytes", "-1", Errc::invalid_argument},
      {"message.timestamp.type", "LogAppendTime", kGood},
      {"message.timestamp.type", "CreateTime", kGood},
      {"message.timestamp.type", "logappendtime", Errc::invalid_argument},
      {"cleanup.policy", "delete", kGood},
      {"cleanup.policy", "compact", Errc{}},
      {"cleanup.policy", "compact,delete", Errc{}},
      {"preallocate", "true", Errc::unsupported},
      {"cleanup.policy", "shred", Errc::invalid_argument},
      {"cleanup.policy", "", Errc::invalid_argument},
      {"compression.type", "producer", kGood},
      {"compression.type", "zstd", kGood},
      {"compression.type", "none", Errc::invalid_argument},
      {"compression.type", "brotli", Errc::invalid_argument},
      {"min.insync.replicas", "1", kGood},
      {"min.insync.replicas", "2", Errc::unsupported},
      {"min.insync.replicas", "0", Errc::invalid_argument},
      {"preallocate", "false", kGood},
      {"preallocate", "FALSE", kGood},
      {"preallocate", "true", Errc::unsupported},
      {"preallocate", "no", Errc::invalid_argument},
      {"unclean.leader.election.enable", "true", Errc::unsupported},
      {"min.cleanable.dirty.ratio", "0.50", kGood},
      {"min.cleanable.dirty.ratio", "0.6", Errc{}},
      {"min.cleanable.dirty.ratio", "1.1", Errc::invalid_argument},
      {"min.cleanable.dirty.ratio", "nan", Errc::invalid_argument},
      {"flush.messages", "1", kGood},
      {"flush.messages", "0", Errc::invalid_argument},
      {"flush.ms", "0", kGood},
      {"remote.storage.enable", "true", Errc::invalid_argument},
      {"", "", Errc::invalid_argument},
  };
  const BrokerConfig broker;
  for (const Case& c : cases) {
    const auto done = check_topic_config(broker, "orders", c.key, c.value);
    EXPECT_EQ(done ? Errc{} : done.error().code, c.expected) << c.key << "=" << c.value;
    if (!done && *c.key) EXPECT_NE(done.error().detail.find(c.key), std::string::npos) << done.error().detail;
  }
}

TEST(TopicConfigCheck, topics_may_be_compacted) {
  const BrokerConfig broker;
  EXPECT_TRUE(check_topic_config(broker, "orders", "cleanup.policy", "compact"));
  EXPECT_TRUE(check_topic_config(broker, "orders", "cleanup.policy", "compact,delete"));
  const TopicConfig config = resolve_topic_config(broker, {{"cleanup.policy", "compact"}});
  EXPECT_TRUE(config.cleanup_compact);
  EXPECT_FALSE(config.cleanup_delete);
}

TEST(TopicConfigCheck, compaction_is_allowed_before_it_is_due) {
  const BrokerConfig broker;
  EXPECT_TRUE(check_topic_configs_together(broker, {{"min.compaction.lag.ms", "5"}, {"max.compaction.lag.ms", "5"}}));
  EXPECT_FALSE(check_topic_configs_together(broker, {{"min.compaction.lag.ms", "6"}, {"max.compaction.lag.ms", "5"}}));
}

TEST(TopicConfigCheck, flush_settings_need_a_synced_log) {
  const BrokerConfig broker = with({{"wal.sync", "interval"}});
  EXPECT_EQ(check_topic_config(broker, "t", "flush.messages", "1").error().code, Errc::unsupported);
  EXPECT_TRUE(check_topic_config(broker, "t", "flush.messages", "9223372036854775807"));
}

TEST(BrokerConfigSet, retention_precedence_is_that_of_kafka) {
  EXPECT_EQ(with({{"log.retention.hours", "2"}}).topic_defaults.retention_ms, 7'200'000);
  EXPECT_EQ(with({{"log.retention.minutes", "3"}, {"log.retention.hours", "2"}}).topic_defaults.retention_ms, 180'000);
  EXPECT_EQ(with({{"log.retention.ms", "5"}, {"log.retention.minutes", "3"}, {"log.retention.hours", "2"}})
                .topic_defaults.retention_ms,
            5);
  EXPECT_EQ(with({{"log.retention.hours", "-1"}}).topic_defaults.retention_ms, -1);
  EXPECT_EQ(with({{"log.roll.hours", "1"}}).topic_defaults.segment_ms, 3'600'000);
  EXPECT_EQ(with({{"log.roll.ms", "9000"}, {"log.roll.hours", "1"}}).topic_defaults.segment_ms, 9000);
}

TEST(BrokerConfigSet, overrides_of_a_topic_go_before_the_broker) {
  const BrokerConfig broker = with({{"log.retention.ms", "5000"}, {"message.max.bytes", "2000000"}});
  const TopicConfig topic = resolve_topic_config(broker, {{"retention.ms", "7000"}, {"from.the.future", "1"}});
  EXPECT_EQ(topic.retention_ms, 7000);
  EXPECT_EQ(topic.max_message_bytes, 2'000'000);
}

TEST(BrokerConfigSet, table) {
  const Case cases[] = {
      {"num.partitions", "3", Errc{}},
      {"num.partitions", "0", Errc::invalid_argument},
      {"wal.sync", "none", Errc{}},
      {"wal.sync", "sometimes", Errc::invalid_argument},
      {"disk.backend", "io_uring", Errc{}},
      {"node.id", "-1", Errc::invalid_argument},
      {"default.replication.factor", "3", Errc::unsupported},
      {"offsets.topic.replication.factor", "1", Errc{}},
      {"offsets.topic.replication.factor", "3", Errc::unsupported},
      {"log.cleanup.policy", "compact", Errc{}},
      {"log.preallocate", "true", Errc::unsupported},
      {"min.insync.replicas", "2", Errc::unsupported},
      {"auto.create.topics.enable", "maybe", Errc::invalid_argument},
      {"zookeeper.connect", "localhost", Errc::invalid_argument},
  };
  for (const Case& c : cases) {
    BrokerConfig config;
    const auto done = set(config, c.key, c.value);
    EXPECT_EQ(done ? Errc{} : done.error().code, c.expected) << c.key << "=" << c.value;
    if (done) continue;
    EXPECT_NE(done.error().detail.find(c.key), std::string::npos);
    EXPECT_EQ(done.error().detail.find('\n'), std::string::npos);
  }
  BrokerConfig config;
  EXPECT_NE(set(config, "num.partition", "3").error().detail.find("num.partitions"), std::string::npos);
}

TEST(BrokerConfigSet, contradictions_are_found) {
  EXPECT_FALSE(check(with({{"group.min.session.timeout.ms", "9000"}, {"group.max.session.timeout.ms", "8000"}})));
  EXPECT_FALSE(check(with({{"wal.max.bytes", "16777216"}})));  // smaller than one file
  EXPECT_FALSE(check(with({{"log.flush.interval.messages", "1"}, {"wal.sync", "none"}})));
  EXPECT_TRUE(check(with({{"log.flush.interval.messages", "1"}})));
}

Image image_with(std::map<BrokerId, ConfigMap> configs) {
  Image::Parts parts;
  parts.broker_configs = std::move(configs);
  return Image(std::move(parts));
}

TEST(DynamicConfig, goes_before_the_static_one_and_the_own_broker_before_all) {
  const BrokerConfig fixed = with({{"log.retention.ms", "1"}});
  const ConfigMap all = {{"log.retention.ms", "2"}, {"message.max.bytes", "5000"}, {"num.partitions", "9"}};
  BrokerConfig config = fixed.with_dynamic(image_with({{kEveryBroker, all}}));
  EXPECT_EQ(config.topic_defaults.retention_ms, 2);
  EXPECT_EQ(config.topic_defaults.max_message_bytes, 5000);
  EXPECT_EQ(config.num_partitions, 1);  // not dynamic: skipped
  config = fixed.with_dynamic(image_with({{kEveryBroker, all}, {BrokerId(1), {{"log.retention.ms", "3"}}}}));
  EXPECT_EQ(config.topic_defaults.retention_ms, 3);
  EXPECT_EQ(config.value("log.retention.ms")->source, ConfigSource::dynamic_broker);
  config = config.with_dynamic(Image());  // taken back
  EXPECT_EQ(config.topic_defaults.retention_ms, 1);

  EXPECT_TRUE(check_dynamic(fixed, "log.retention.ms", "10"));
  EXPECT_FALSE(check_dynamic(fixed, "log.retention.ms", "x"));
  EXPECT_FALSE(check_dynamic(fixed, "num.partitions", "10"));
  EXPECT_FALSE(check_dynamic(fixed, "log.preallocate", "true"));
  EXPECT_FALSE(check_dynamic(with({{"wal.sync", "none"}}), "log.flush.interval.ms", "10"));
}

TEST(Describe, rows_say_where_a_value_comes_from) {
  const BrokerConfig broker = with({{"log.retention.hours", "2"}});
  const auto rows = describe_topic(broker, {{"max.message.bytes", "77"}});
  EXPECT_EQ(rows.size(), topic_definitions().size());
  const auto row = [&rows](std::string_view name) {
    return *std::ranges::find_if(rows, [name](const DescribedConfig& r) { return r.definition->name == name; });
  };
  EXPECT_EQ(row("retention.ms").value, "7200000");
  EXPECT_EQ(row("retention.ms").source, ConfigSource::static_broker);
  EXPECT_EQ(row("max.message.bytes").source, ConfigSource::dynamic_topic);
  EXPECT_EQ(row("max.message.bytes").synonyms.front().value, "77");
  EXPECT_EQ(row("max.message.bytes").synonyms.back().name, "message.max.bytes");
  EXPECT_EQ(row("segment.bytes").source, ConfigSource::default_value);
  for (const DescribedConfig& described : describe_broker(broker)) {
    if (described.definition->name == "log.retention.ms") EXPECT_TRUE(described.null);
    if (described.definition->name == "node.id") EXPECT_TRUE(described.read_only);
  }
}

}  // namespace
}  // namespace chronik::meta
