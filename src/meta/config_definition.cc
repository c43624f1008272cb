#include "meta/config_definition.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace chronik::meta {

namespace {

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::unexpected<Error> bad(const ConfigDefinition& definition, std::string_view value, std::string_view why) {
  return fail(Errc::invalid_argument,
              fmt::format("Invalid value {} for configuration {}: {}", value, definition.name, why));
}

struct IntegerRange {
  std::int64_t low;
  std::int64_t high;
  int bits;
};

IntegerRange type_range(ConfigType type) {
  switch (type) {
    case ConfigType::int16:
      return {std::numeric_limits<std::int16_t>::min(), std::numeric_limits<std::int16_t>::max(), 16};
    case ConfigType::int32:
      return {std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max(), 32};
    default:
      return {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max(), 64};
  }
}

Status check_choices(const ConfigDefinition& definition, std::string_view value) {
  if (definition.choices.empty()) return {};
  const auto allowed = parse_list(definition.choices);
  const auto items =
      definition.type == ConfigType::list ? parse_list(value) : std::vector<std::string>{std::string(trim(value))};
  if (items.empty()) return bad(definition, value, "it must not be empty");
  for (const std::string& item : items) {
    if (std::ranges::find(allowed, item) == allowed.end()) {
      return bad(definition, value, fmt::format("it must be one of {}", definition.choices));
    }
  }
  return {};
}

}  // namespace

Result<std::int64_t> parse_integer(const ConfigDefinition& definition, std::string_view value) {
  const std::string_view digits = trim(value);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc{} || end != digits.data() + digits.size()) {
    return bad(definition, value, "it must be a whole number");
  }
  const IntegerRange range = type_range(definition.type);
  if (number < range.low || number > range.high) {
    return bad(definition, value, fmt::format("it must fit into {} bits", range.bits));
  }
  if (static_cast<double>(number) < definition.minimum) {
    return bad(definition, value, fmt::format("it must be at least {}", definition.minimum));
  }
  if (static_cast<double>(number) > definition.maximum) {
    return bad(definition, value, fmt::format("it must be at most {}", definition.maximum));
  }
  return number;
}

Result<double> parse_double(const ConfigDefinition& definition, std::string_view value) {
  const std::string_view digits = trim(value);
  double number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc{} || end != digits.data() + digits.size() || !std::isfinite(number)) {
    return bad(definition, value, "it must be a number");
  }
  if (number < definition.minimum || number > definition.maximum) {
    return bad(definition, value, fmt::format("it must be between {} and {}", definition.minimum, definition.maximum));
  }
  return number;
}

Result<bool> parse_boolean(const ConfigDefinition& definition, std::string_view value) {
  const std::string_view word = trim(value);
  const auto is = [word](std::string_view other) {
    return std::ranges::equal(word, other, [](char a, char b) { return (a | 0x20) == b; });
  };
  if (is("true")) return true;
  if (is("false")) return false;
  return bad(definition, value, "it must be true or false");
}

std::vector<std::string> parse_list(std::string_view value) {
  std::vector<std::string> items;
  while (!value.empty()) {
    const auto comma = value.find(',');
    if (const auto item = trim(value.substr(0, comma)); !item.empty()) items.emplace_back(item);
    value = comma == std::string_view::npos ? std::string_view{} : value.substr(comma + 1);
  }
  return items;
}

Status check_value(const ConfigDefinition& definition, std::string_view value) {
  switch (definition.type) {
    case ConfigType::boolean: {
      TRY([[maybe_unused]] const bool parsed, parse_boolean(definition, value));
      return {};
    }
    case ConfigType::int16:
    case ConfigType::int32:
    case ConfigType::int64: {
      TRY([[maybe_unused]] const auto parsed, parse_integer(definition, value));
      return {};
    }
    case ConfigType::float64: {
      TRY([[maybe_unused]] const double parsed, parse_double(definition, value));
      return {};
    }
    case ConfigType::string:
    case ConfigType::list:
      return check_choices(definition, value);
  }
  return bad(definition, value, "its type is not known");
}

bool same_value(const ConfigDefinition& definition, std::string_view a, std::string_view b) {
  switch (definition.type) {
    case ConfigType::boolean: {
      const auto x = parse_boolean(definition, a);
      const auto y = parse_boolean(definition, b);
      return x && y && *x == *y;
    }
    case ConfigType::int16:
    case ConfigType::int32:
    case ConfigType::int64: {
      const auto x = parse_integer(definition, a);
      const auto y = parse_integer(definition, b);
      return x && y && *x == *y;
    }
    case ConfigType::float64: {
      const auto x = parse_double(definition, a);
      const auto y = parse_double(definition, b);
      return x && y && !(*x < *y) && !(*y < *x);
    }
    case ConfigType::string:
      return trim(a) == trim(b);
    case ConfigType::list: {
      auto x = parse_list(a);
      auto y = parse_list(b);
      std::ranges::sort(x);
      std::ranges::sort(y);
      return x == y;
    }
  }
  return false;
}

}  // namespace chronik::meta
