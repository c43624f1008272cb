// The rows behind topic_definitions() and broker_definitions(): a definition and how its text becomes a typed field.
// Private to this room.
#pragma once

#include <array>
#include <span>
#include <type_traits>

#include "meta/broker_config.h"
#include "meta/config_definition.h"
#include "meta/topic_config.h"

namespace chronik::meta {

template <class Settings>
using Store = void (*)(Settings& into, const ConfigDefinition& definition, std::string_view text);

struct TopicRow {
  ConfigDefinition definition;
  Store<TopicConfig> store;
  std::array<ConfigSynonym, 3> synonyms;  // of the broker, strongest first
  std::size_t synonym_count;
};

struct BrokerRow {
  ConfigDefinition definition;
  Store<BrokerSettings> store;  // null: not a field of its own
};

std::span<const TopicRow> topic_rows();
std::span<const BrokerRow> broker_rows();

/// Text to enumeration, for values that passed check_value.
void assign(CompressionType& into, std::string_view text);
void assign(TimestampType& into, std::string_view text);
void assign(WalSync& into, std::string_view text);
void assign(DiskBackendChoice& into, std::string_view text);

void store_cleanup_policy(TopicConfig& into, const ConfigDefinition& definition, std::string_view text);

/// Parses by the field's type. Text that does not parse leaves the field as it was: tables hold only good defaults, and
/// everything else was checked when it was set.
template <class Settings, auto Member>
void store_value(Settings& into, const ConfigDefinition& definition, std::string_view text) {
  auto& field = into.*Member;
  using Field = std::remove_reference_t<decltype(field)>;
  if constexpr (std::is_same_v<Field, bool>) {
    if (const auto value = parse_boolean(definition, text)) field = *value;
  } else if constexpr (std::is_same_v<Field, double>) {
    if (const auto value = parse_double(definition, text)) field = *value;
  } else if constexpr (std::is_same_v<Field, std::string>) {
    field = std::string(text);
  } else if constexpr (std::is_enum_v<Field>) {
    if (check_value(definition, text)) assign(field, text);
  } else if constexpr (std::is_same_v<Field, BrokerId>) {
    if (const auto value = parse_integer(definition, text)) field = BrokerId(static_cast<std::int32_t>(*value));
  } else {
    if (const auto value = parse_integer(definition, text)) field = static_cast<Field>(*value);
  }
}

}  // namespace chronik::meta
