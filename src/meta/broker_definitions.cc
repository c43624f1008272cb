// The table of broker-level configurations: Kafka's names where the meaning is the same, and Chronik's own. Those that
// only give the default of a topic-level one are derived from the topic table.
#include <algorithm>
#include <deque>
#include <limits>

#include "meta/config_tables.h"

namespace chronik::meta {

namespace {

constexpr double kUnlimited = std::numeric_limits<double>::infinity();
constexpr double kSpanMsMax = 1e12;  // 31 years: nanoseconds hold it

template <auto Member>
constexpr Store<BrokerSettings> field = &store_value<BrokerSettings, Member>;

constexpr ConfigDefinition number(std::string_view name, ConfigType type, std::string_view value, double minimum,
                                  double maximum, std::string_view documentation) {
  return {.name = name,
          .type = type,
          .default_value = value,
          .minimum = minimum,
          .maximum = maximum,
          .documentation = documentation};
}
/// A number of which this build honours the default only.
constexpr ConfigDefinition one_value(std::string_view name, ConfigType type, std::string_view value,
                                     std::string_view documentation) {
  return {.name = name,
          .type = type,
          .default_value = value,
          .minimum = 0,
          .honoured = Honoured::default_only,
          .documentation = documentation};
}
constexpr ConfigDefinition flag(std::string_view name, std::string_view value, std::string_view documentation) {
  return {.name = name, .type = ConfigType::boolean, .default_value = value, .documentation = documentation};
}
constexpr ConfigDefinition text(std::string_view name, std::string_view value, std::string_view documentation) {
  return {.name = name, .type = ConfigType::string, .default_value = value, .documentation = documentation};
}
constexpr ConfigDefinition choice(std::string_view name, std::string_view value, std::string_view choices,
                                  std::string_view documentation) {
  return {.name = name,
          .type = ConfigType::string,
          .default_value = value,
          .choices = choices,
          .documentation = documentation};
}

constexpr BrokerRow kRows[] = {
    {text("admin.listeners", "127.0.0.1:9644", "Address of health, metrics and the REST interface; empty for none."),
     field<&BrokerSettings::admin_listeners>},
    {text("advertised.listeners", "", "Addresses told to clients; empty for the listeners themselves."),
     field<&BrokerSettings::advertised_listeners>},
    {flag("auto.create.topics.enable", "true", "Whether asking for an unknown topic creates it."),
     field<&BrokerSettings::auto_create_topics>},
    {text("broker.rack", "", "The place this broker stands in, told to clients."), field<&BrokerSettings::rack>},
    {text("checkpoints.key.file", "",
          "A file of 64 hexadecimal digits: the served checkpoint store is encrypted with them. Empty: it is not."),
     field<&BrokerSettings::checkpoints_key_file>},
    {number("checkpoints.scrub.interval.ms", ConfigType::int64, "604800000", 0, kSpanMsMax,
            "Time between two verifications of the checkpoint store in the background, in milliseconds; 0 for none."),
     field<&BrokerSettings::checkpoints_scrub_interval_ms>},
    {text("cluster.id", "", "Identity given to a cluster at its first start; empty for a random one."),
     field<&BrokerSettings::cluster_id>},
    {number("connections.max.idle.ms", ConfigType::int64, "600000", 1, kUnlimited,
            "An idle connection is closed after this many milliseconds."),
     field<&BrokerSettings::connections_max_idle_ms>},
    {one_value("default.replication.factor", ConfigType::int16, "1",
               "Replicas of a topic whose creator names no number."),
     field<&BrokerSettings::default_replication_factor>},
    {flag("delete.topic.enable", "true", "Whether topics can be deleted."), field<&BrokerSettings::delete_topics>},
    {choice("disk.backend", "auto", "auto,io_uring,threads",
            "How the disk is driven; auto takes io_uring where the kernel allows it."),
     field<&BrokerSettings::disk_backend>},
    {number("disk.stall.timeout.ms", ConfigType::int64, "10000", 1, kUnlimited,
            "A disk operation that takes longer takes the data directory offline."),
     field<&BrokerSettings::disk_stall_timeout_ms>},
    {number("fetch.max.bytes", ConfigType::int32, "57671680", 1024, kUnlimited,
            "The most bytes in one fetch response, whatever the client asks for."),
     field<&BrokerSettings::fetch_max_bytes>},
    {{.name = "group.consumer.assignors",
      .type = ConfigType::list,
      .default_value = "uniform,range",
      .choices = "uniform,range",
      .documentation = "Assignors of the new consumer protocol; the first is the default."},
     field<&BrokerSettings::group_consumer_assignors>},
    {number("group.consumer.heartbeat.interval.ms", ConfigType::int32, "5000", 1, kUnlimited,
            "Heartbeat interval told to members of the new consumer protocol."),
     field<&BrokerSettings::group_consumer_heartbeat_interval_ms>},
    {number("group.consumer.max.session.timeout.ms", ConfigType::int32, "60000", 1, kUnlimited,
            "Upper bound of group.consumer.session.timeout.ms."),
     field<&BrokerSettings::group_consumer_max_session_timeout_ms>},
    {number("group.consumer.max.size", ConfigType::int32, "2147483647", 1, kUnlimited,
            "Members of one group of the new consumer protocol."),
     field<&BrokerSettings::group_consumer_max_size>},
    {choice("group.consumer.migration.policy", "bidirectional", "bidirectional,upgrade,downgrade,disabled",
            "Whether a live group changes between the classic and the new consumer protocol."),
     field<&BrokerSettings::group_consumer_migration_policy>},
    {number("group.consumer.min.session.timeout.ms", ConfigType::int32, "45000", 1, kUnlimited,
            "Lower bound of group.consumer.session.timeout.ms."),
     field<&BrokerSettings::group_consumer_min_session_timeout_ms>},
    {number("group.consumer.regex.refresh.interval.ms", ConfigType::int32, "600000", 10000, kUnlimited,
            "Time after which the topics of a subscription by regular expression are looked up again."),
     field<&BrokerSettings::group_consumer_regex_refresh_interval_ms>},
    {number("group.consumer.session.timeout.ms", ConfigType::int32, "45000", 1, kUnlimited,
            "Session time-out of members of the new consumer protocol."),
     field<&BrokerSettings::group_consumer_session_timeout_ms>},
    {number("group.initial.rebalance.delay.ms", ConfigType::int32, "3000", 0, kUnlimited,
            "How long a new group waits for more members before it starts, in milliseconds."),
     field<&BrokerSettings::group_initial_rebalance_delay_ms>},
    {number("group.max.session.timeout.ms", ConfigType::int32, "1800000", 1, kUnlimited,
            "The longest session time-out a group member may ask for."),
     field<&BrokerSettings::group_max_session_timeout_ms>},
    {number("group.max.size", ConfigType::int32, "2147483647", 1, kUnlimited, "Members of one group."),
     field<&BrokerSettings::group_max_size>},
    {number("group.min.session.timeout.ms", ConfigType::int32, "6000", 1, kUnlimited,
            "The shortest session time-out a group member may ask for."),
     field<&BrokerSettings::group_min_session_timeout_ms>},
    {text("listeners", "PLAINTEXT://127.0.0.1:9092", "Addresses to listen on, comma-separated."),
     field<&BrokerSettings::listeners>},
    {number("log.cleaner.backoff.ms", ConfigType::int64, "15000", 1, kUnlimited,
            "Time between two rounds of compaction, in milliseconds."),
     field<&BrokerSettings::log_cleaner_backoff_ms>},
    {text("log.dirs", "data", "The data directory."), field<&BrokerSettings::log_dirs>},
    {number("log.retention.check.interval.ms", ConfigType::int64, "300000", 1, kUnlimited,
            "Time between two checks of retention, in milliseconds."),
     field<&BrokerSettings::log_retention_check_interval_ms>},
    {number("max.connections", ConfigType::int32, "2147483647", 1, kUnlimited,
            "Connections open at once; more are closed at once."),
     field<&BrokerSettings::max_connections>},
    {number("max.incremental.fetch.session.cache.slots", ConfigType::int32, "1000", 0, kUnlimited,
            "Incremental fetch sessions kept at once."),
     field<&BrokerSettings::fetch_session_cache_slots>},
    {number("memory.budget.bytes", ConfigType::int64, "268435456", 16777216, kUnlimited,
            "Memory for requests in flight, in bytes."),
     field<&BrokerSettings::memory_budget_bytes>},
    {number("node.id", ConfigType::int32, "1", 0, kUnlimited,
            "This node's number in the cluster; stays the same for the life of its data."),
     field<&BrokerSettings::node_id>},
    {number("num.partitions", ConfigType::int32, "1", 1, 100000,
            "Partitions of a topic whose creator names no number."),
     field<&BrokerSettings::num_partitions>},
    {number("offset.metadata.max.bytes", ConfigType::int32, "4096", 0, kUnlimited,
            "The longest text a client may store with a committed offset."),
     field<&BrokerSettings::offset_metadata_max_bytes>},
    {number("offsets.retention.check.interval.ms", ConfigType::int64, "600000", 1, kUnlimited,
            "Time between two checks for expired offsets, in milliseconds."),
     field<&BrokerSettings::offsets_retention_check_interval_ms>},
    {number("offsets.retention.minutes", ConfigType::int32, "10080", 1, kUnlimited,
            "How long committed offsets of an empty group are kept."),
     field<&BrokerSettings::offsets_retention_minutes>},
    {number("offsets.topic.num.partitions", ConfigType::int32, "50", 1, 100000,
            "Partitions of __consumer_offsets; fixed once the topic exists."),
     field<&BrokerSettings::offsets_topic_num_partitions>},
    {one_value("offsets.topic.replication.factor", ConfigType::int16, "1", "Replicas of __consumer_offsets."), nullptr},
    {number("producer.id.expiration.ms", ConfigType::int32, "86400000", 1, kUnlimited,
            "How long an idle producer is remembered, in milliseconds."),
     field<&BrokerSettings::producer_id_expiration_ms>},
    {number("shards", ConfigType::int32, "0", 0, 1024, "Loops, one thread each; 0 lets the program choose."),
     field<&BrokerSettings::shards>},
    {number("socket.request.max.bytes", ConfigType::int32, "104857600", 1024, kUnlimited,
            "The largest request; a longer one ends the connection."),
     field<&BrokerSettings::socket_request_max_bytes>},
    {number("transaction.max.timeout.ms", ConfigType::int32, "900000", 1, kUnlimited,
            "The longest transaction time-out a client may ask for."),
     field<&BrokerSettings::transaction_max_timeout_ms>},
    {one_value("transaction.state.log.min.isr", ConfigType::int32, "1",
               "In-sync replicas that __transaction_state demands."),
     nullptr},
    {number("transaction.state.log.num.partitions", ConfigType::int32, "50", 1, 100000,
            "Partitions of __transaction_state; fixed once the topic exists."),
     field<&BrokerSettings::transaction_topic_num_partitions>},
    {one_value("transaction.state.log.replication.factor", ConfigType::int16, "1", "Replicas of __transaction_state."),
     nullptr},
    {number("transactional.id.expiration.ms", ConfigType::int32, "604800000", 1, kUnlimited,
            "How long an idle transactional id is remembered, in milliseconds."),
     field<&BrokerSettings::transactional_id_expiration_ms>},
    {number("wal.file.bytes", ConfigType::int64, "33554432", 1048576, kUnlimited,
            "Size of one file of a write-ahead log."),
     field<&BrokerSettings::wal_file_bytes>},
    {number("wal.linger.us", ConfigType::int64, "0", 0, 1000000,
            "How long a group waits for company before it is written, in microseconds; for slow devices."),
     field<&BrokerSettings::wal_linger_us>},
    {number("wal.max.bytes", ConfigType::int64, "268435456", 16777216, kUnlimited,
            "Size of the write-ahead logs of all shards together; reaching it slows producers down."),
     field<&BrokerSettings::wal_max_bytes>},
    {choice("wal.sync", "group", "group,interval,none",
            "When records are synced: group before every acknowledgement, interval now and then, none never."),
     field<&BrokerSettings::wal_sync>},
    {number("wal.sync.interval.ms", ConfigType::int64, "1000", 1, kUnlimited,
            "Time between syncs with wal.sync=interval, in milliseconds."),
     field<&BrokerSettings::wal_sync_interval_ms>},
};

/// Defaults of retention.ms, segment.ms and segment.jitter.ms in coarser units: one value of broker and topic table.
constexpr ConfigDefinition kCoarse[] = {
    {.name = "log.retention.hours", .type = ConfigType::int32, .default_value = "168", .minimum = -1},
    {.name = "log.retention.minutes", .type = ConfigType::int32, .unset = true, .minimum = -1},
    {.name = "log.roll.hours", .type = ConfigType::int32, .default_value = "168", .minimum = 1},
    {.name = "log.roll.jitter.hours",
     .type = ConfigType::int32,
     .default_value = "0",
     .minimum = 0,
     .honoured = Honoured::default_only},
};

struct Table {
  std::vector<BrokerRow> rows;
  std::deque<std::string> sentences;

  Table() : rows(std::begin(kRows), std::end(kRows)) {
    for (const TopicRow& topic : topic_rows()) {
      for (std::size_t i = 0; i < topic.synonym_count; ++i) add(topic, topic.synonyms[i]);
    }
    std::ranges::sort(rows, {}, [](const BrokerRow& row) { return row.definition.name; });
  }

  void add(const TopicRow& topic, const ConfigSynonym& synonym) {
    ConfigDefinition definition = topic.definition;
    const auto* const coarse = std::ranges::find(kCoarse, synonym.name, &ConfigDefinition::name);
    if (coarse != std::end(kCoarse)) {
      definition = *coarse;
    } else {
      // Where coarser units exist they hold the default.
      if (topic.synonym_count > 1) {
        definition.unset = true;
        definition.default_value = {};
      }
      definition.dynamic = true;
    }
    definition.name = synonym.name;
    sentences.push_back("Default of " + std::string(topic.definition.name) + " for topics that do not set it" +
                        (topic.synonym_count > 1 ? "; of several units the finest goes first." : "."));
    definition.documentation = sentences.back();
    rows.push_back({definition, nullptr});
  }
};

}  // namespace

std::span<const BrokerRow> broker_rows() {
  static const Table table;
  return table.rows;
}

}  // namespace chronik::meta
