// What a configuration is: name, type, default, the values it takes, those this build honours, and one sentence for
// people. Topic and broker tables (meta/topic_config.h, meta/broker_config.h) are made of these. Immutable; any shard.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace chronik::meta {

/// Kafka's numbers in DescribeConfigs.
enum class ConfigType : std::int8_t {
  boolean = 1,
  string = 2,
  int32 = 3,
  int16 = 4,
  int64 = 5,
  float64 = 6,
  list = 7,
};
enum class ConfigSource : std::int8_t {
  dynamic_topic = 1,
  dynamic_broker = 2,
  dynamic_default_broker = 3,
  static_broker = 4,
  default_value = 5,
};

/// Values that this build acts upon. Others, though valid in Kafka, are refused: never accepted and ignored.
enum class Honoured : std::uint8_t {
  fully,         // every valid value
  default_only,  // the default, and nothing else yet
  synced_log,    // every value while wal.sync = group (nothing is acknowledged unsynced), else the default
};

struct ConfigDefinition {
  std::string_view name{};
  ConfigType type = ConfigType::string;
  std::string_view default_value{};  // as text; empty together with `unset` means that there is none
  bool unset = false;
  double minimum = -std::numeric_limits<double>::infinity();  // numbers only
  double maximum = std::numeric_limits<double>::infinity();
  std::string_view choices{};  // strings and lists: the allowed words, comma-separated; empty: any text
  Honoured honoured = Honoured::fully;
  bool dynamic = false;  // broker level: may be changed while running. Topic level: always
  std::string_view documentation{};
};

/// A broker-level name that gives the default of a topic-level one, and what to multiply its value by.
struct ConfigSynonym {
  std::string_view name;
  std::int64_t multiplier = 1;
};

/// invalid_argument, with one line naming key and value, unless `value` has the type and lies in the range.
Status check_value(const ConfigDefinition& definition, std::string_view value);

/// As check_value does, then converts. `value` is trimmed.
Result<std::int64_t> parse_integer(const ConfigDefinition& definition, std::string_view value);
Result<double> parse_double(const ConfigDefinition& definition, std::string_view value);
Result<bool> parse_boolean(const ConfigDefinition& definition, std::string_view value);
/// Comma-separated, items trimmed, empty ones dropped.
std::vector<std::string> parse_list(std::string_view value);

/// Whether both texts mean the same value of this type: "1e3" and "1000.0", " a , b" and "a,b".
bool same_value(const ConfigDefinition& definition, std::string_view a, std::string_view b);

/// One row of DescribeConfigs.
struct DescribedConfig {
  struct Synonym {
    std::string name;
    std::string value;
    bool null = false;
    ConfigSource source = ConfigSource::default_value;
  };
  const ConfigDefinition* definition = nullptr;
  std::string value;
  bool null = false;  // no value at all
  ConfigSource source = ConfigSource::default_value;
  bool read_only = false;
  std::vector<Synonym> synonyms;  // in order of precedence, the effective one first
};

}  // namespace chronik::meta
