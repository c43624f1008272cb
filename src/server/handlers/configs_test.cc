// DescribeConfigs, AlterConfigs, IncrementalAlterConfigs: each resource is answered for itself, nothing that is not
// honoured is accepted.
#include <algorithm>

#include "server/test_client.h"
#include "wire/messages/alter_configs.h"
#include "wire/messages/describe_configs.h"
#include "wire/messages/incremental_alter_configs.h"

namespace chronik::server {
namespace {

using wire::ConfigOperation;
using wire::ConfigResourceType;
using wire::ConfigSource;
using wire::ErrorCode;

class Configs : public HandlerTest {
 protected:
  using Described = wire::DescribeConfigsResponse::ResourceResult;
  using Config = wire::DescribeConfigsResponse::Config;
  using Increment = wire::IncrementalAlterConfigsRequest::Config;
  using Setting = wire::AlterConfigsRequest::Config;

  Described describe(ConfigResourceType type, std::string name,
                     std::optional<std::vector<std::string>> keys = std::nullopt, bool details = false) {
    wire::DescribeConfigsRequest request;
    request.resources.push_back({type, std::move(name), std::move(keys)});
    request.include_synonyms = details;
    request.include_documentation = details;
    const auto response = call(request);
    EXPECT_EQ(response.results.size(), 1U);
    return response.results.at(0);
  }
  Config topic_config(const std::string& topic, const std::string& key, bool details = false) {
    const auto described = describe(ConfigResourceType::topic, topic, std::vector{key}, details);
    EXPECT_EQ(described.configs.size(), 1U);
    return described.configs.empty() ? Config{} : described.configs[0];
  }
  ErrorCode change(ConfigResourceType type, std::string name, std::vector<Increment> changes,
                   bool validate_only = false) {
    wire::IncrementalAlterConfigsRequest request;
    request.resources.push_back({type, std::move(name), std::move(changes)});
    request.validate_only = validate_only;
    const auto response = call(request);
    EXPECT_EQ(response.responses.size(), 1U);
    const auto& answer = response.responses.at(0);
    EXPECT_EQ(answer.error_code == ErrorCode::none, !answer.error_message);
    return answer.error_code;
  }
  ErrorCode replace(ConfigResourceType type, std::string name, std::vector<Setting> settings) {
    wire::AlterConfigsRequest request;
    request.resources.push_back({type, std::move(name), std::move(settings)});
    return call(request).responses.at(0).error_code;
  }
  std::string self() { return std::to_string(rig().node().value()); }
};

TEST_P(Configs, of_a_topic_with_sources_types_and_words) {
  make_topic("a", 1, {{"retention.ms", "1234"}});
  const auto own = topic_config("a", "retention.ms", true);
  EXPECT_EQ(own.value, "1234");
  EXPECT_EQ(own.config_source, ConfigSource::dynamic_topic);
  EXPECT_EQ(own.config_type, wire::ConfigType::int64);
  EXPECT_FALSE(own.read_only);
  EXPECT_FALSE(own.is_sensitive);
  EXPECT_TRUE(own.documentation && !own.documentation->empty());
  ASSERT_GE(own.synonyms.size(), 2U);
  EXPECT_EQ(own.synonyms[0].source, ConfigSource::dynamic_topic);
  EXPECT_EQ(own.synonyms.back().source, ConfigSource::default_value);
  const auto inherited = topic_config("a", "segment.bytes");
  EXPECT_EQ(inherited.config_source, ConfigSource::default_value);
  EXPECT_TRUE(inherited.synonyms.empty());
  EXPECT_FALSE(inherited.documentation);
  EXPECT_GT(describe(ConfigResourceType::topic, "a").configs.size(), 20U);
  EXPECT_TRUE(describe(ConfigResourceType::topic, "a", std::vector<std::string>{"no.such.key"}).configs.empty());
}

TEST_P(Configs, of_the_broker_and_of_all_brokers) {
  settings_ = {{"num.partitions", "4"}};
  const auto broker = describe(ConfigResourceType::broker, self());
  EXPECT_EQ(broker.error_code, ErrorCode::none);
  const auto row = std::ranges::find(broker.configs, "num.partitions", &Config::name);
  ASSERT_NE(row, broker.configs.end());
  EXPECT_EQ(row->value, "4");
  EXPECT_EQ(row->config_source, ConfigSource::static_broker);
  EXPECT_TRUE(describe(ConfigResourceType::broker, "").configs.empty());
  ASSERT_EQ(change(ConfigResourceType::broker, "", {{"log.retention.ms", ConfigOperation::set, "5000"}}),
            ErrorCode::none);
  const auto defaults = describe(ConfigResourceType::broker, "");
  ASSERT_EQ(defaults.configs.size(), 1U);
  EXPECT_EQ(defaults.configs[0].name, "log.retention.ms");
  EXPECT_EQ(defaults.configs[0].config_source, ConfigSource::dynamic_default_broker);
  make_topic("a", 1);
  EXPECT_EQ(topic_config("a", "retention.ms").value, "5000");
}

TEST_P(Configs, of_what_is_not_there) {
  const auto error = [&](ConfigResourceType type, std::string name) { return describe(type, name).error_code; };
  EXPECT_EQ(error(ConfigResourceType::topic, "nope"), ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(error(ConfigResourceType::topic, "b!d"), ErrorCode::invalid_topic_exception);
  EXPECT_EQ(error(ConfigResourceType::topic, ""), ErrorCode::invalid_topic_exception);
  EXPECT_EQ(error(ConfigResourceType::broker, "77"), ErrorCode::invalid_request);
  EXPECT_EQ(error(ConfigResourceType::broker, "one"), ErrorCode::invalid_request);
  EXPECT_EQ(error(ConfigResourceType::broker, "1x"), ErrorCode::invalid_request);
  EXPECT_EQ(error(ConfigResourceType::broker_logger, self()), ErrorCode::invalid_request);
  EXPECT_EQ(error(ConfigResourceType::unknown, "a"), ErrorCode::invalid_request);
  EXPECT_EQ(error(static_cast<ConfigResourceType>(99), "a"), ErrorCode::invalid_request);
}

TEST_P(Configs, increments_set_and_remove) {
  make_topic("a", 3);
  const auto kTopic = ConfigResourceType::topic;
  EXPECT_EQ(change(kTopic, "a", {{"retention.ms", ConfigOperation::set, "10"}}, true), ErrorCode::none);
  EXPECT_EQ(topic_config("a", "retention.ms").config_source, ConfigSource::default_value);
  EXPECT_EQ(change(kTopic, "a",
                   {{"retention.ms", ConfigOperation::set, "10"}, {"max.message.bytes", ConfigOperation::set, "2000"}}),
            ErrorCode::none);
  EXPECT_EQ(topic_config("a", "retention.ms").value, "10");
  EXPECT_EQ(rig().partition("a", 2)->config().retention_ms, 10);
  EXPECT_EQ(change(kTopic, "a", {{"retention.ms", ConfigOperation::remove, std::nullopt}}), ErrorCode::none);
  EXPECT_EQ(topic_config("a", "retention.ms").config_source, ConfigSource::default_value);
  EXPECT_EQ(topic_config("a", "max.message.bytes").value, "2000");
}

TEST_P(Configs, increments_are_refused_by_name) {
  make_topic("a", 1);
  const auto kTopic = ConfigResourceType::topic;
  const auto kSet = ConfigOperation::set;
  const std::vector<std::pair<std::vector<Increment>, ErrorCode>> cases = {
      {{{"no.such.key", kSet, "1"}}, ErrorCode::invalid_config},
      {{{"retention.ms", kSet, "soon"}}, ErrorCode::invalid_config},
      {{{"retention.ms", kSet, "-2"}}, ErrorCode::invalid_config},
      {{{"preallocate", kSet, "true"}}, ErrorCode::invalid_config},
      {{{"cleanup.policy", ConfigOperation::append, "shred"}}, ErrorCode::invalid_config},
      {{{"retention.ms", ConfigOperation::append, "1"}}, ErrorCode::invalid_config},
      {{{"min.compaction.lag.ms", kSet, "6"}, {"max.compaction.lag.ms", kSet, "5"}}, ErrorCode::invalid_config},
      {{{"retention.ms", kSet, std::nullopt}}, ErrorCode::invalid_request},
      {{{"retention.ms", kSet, "1"}, {"retention.ms", kSet, "2"}}, ErrorCode::invalid_request},
      {{{"retention.ms", static_cast<ConfigOperation>(9), "1"}}, ErrorCode::invalid_request},
      {{{"max.message.bytes", kSet, "2000"}, {"no.such.key", kSet, "1"}}, ErrorCode::invalid_config},
  };
  for (const auto& [changes, error] : cases) {
    EXPECT_EQ(change(kTopic, "a", changes), error) << changes[0].name << "=" << changes[0].value.value_or("null");
  }
  EXPECT_TRUE(rig().image()->find("a")->configs.empty());
  EXPECT_EQ(change(kTopic, "nope", {{"retention.ms", kSet, "1"}}), ErrorCode::unknown_topic_or_partition);
  const auto kBroker = ConfigResourceType::broker;
  EXPECT_EQ(change(kBroker, "77", {{"log.retention.ms", kSet, "1"}}), ErrorCode::invalid_request);
  EXPECT_EQ(change(kBroker, self(), {{"node.id", kSet, "9"}}), ErrorCode::invalid_request);
  EXPECT_EQ(change(kBroker, self(), {{"no.such.key", kSet, "9"}}), ErrorCode::invalid_request);
  EXPECT_EQ(change(ConfigResourceType::group, "g", {{"x", kSet, "1"}}), ErrorCode::invalid_request);
  EXPECT_EQ(change(static_cast<ConfigResourceType>(99), "g", {{"x", kSet, "1"}}), ErrorCode::invalid_request);
}

TEST_P(Configs, a_resource_named_twice_is_not_changed) {
  make_topic("a", 1);
  make_topic("b", 1);
  wire::IncrementalAlterConfigsRequest request;
  for (const char* name : {"a", "b", "a"}) {
    request.resources.push_back({ConfigResourceType::topic, name, {{"retention.ms", ConfigOperation::set, "10"}}});
  }
  const auto response = call(request);
  ASSERT_EQ(response.responses.size(), 3U);
  EXPECT_EQ(response.responses[0].error_code, ErrorCode::invalid_request);
  EXPECT_EQ(response.responses[1].error_code, ErrorCode::none);
  EXPECT_EQ(response.responses[1].resource_name, "b");
  EXPECT_EQ(response.responses[2].error_code, ErrorCode::invalid_request);
  EXPECT_TRUE(rig().image()->find("a")->configs.empty());
}

TEST_P(Configs, alter_configs_replaces_everything) {
  make_topic("a", 1, {{"retention.ms", "1"}, {"max.message.bytes", "2000"}});
  const auto kTopic = ConfigResourceType::topic;
  EXPECT_EQ(replace(kTopic, "a", {{"retention.ms", "7"}}), ErrorCode::none);
  EXPECT_EQ(rig().image()->find("a")->configs, (meta::ConfigMap{{"retention.ms", "7"}}));
  EXPECT_EQ(replace(kTopic, "a", {{"retention.ms", std::nullopt}}), ErrorCode::invalid_request);
  EXPECT_EQ(replace(kTopic, "a", {{"retention.ms", "x"}}), ErrorCode::invalid_config);
  EXPECT_EQ(replace(kTopic, "nope", {{"retention.ms", "1"}}), ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(replace(ConfigResourceType::broker_logger, self(), {{"a", "DEBUG"}}), ErrorCode::invalid_request);
  EXPECT_EQ(rig().image()->find("a")->configs, (meta::ConfigMap{{"retention.ms", "7"}}));
}

INSTANTIATE_TEST_SUITE_P(Shards, Configs, kShardCounts);

}  // namespace
}  // namespace chronik::server
