#include "apps/cli/units.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <utility>

#include "checkpoint/result.h"

namespace chronik::cli {

namespace {

using checkpoint::Errc;
using checkpoint::fail;

struct Unit {
  std::string_view name;
  double factor;
};

constexpr std::array kSpans{Unit{"ms", 1e6},   Unit{"s", 1e9},         Unit{"m", 60e9},
                            Unit{"h", 3600e9}, Unit{"d", 24 * 3600e9}, Unit{"w", 7 * 24 * 3600e9}};
constexpr std::array kSizes{
    Unit{"", 1},     Unit{"B", 1},    Unit{"KiB", 1024.0}, Unit{"MiB", 1048576.0}, Unit{"GiB", 1073741824.0},
    Unit{"KB", 1e3}, Unit{"MB", 1e6}, Unit{"GB", 1e9},     Unit{"TB", 1e12},       Unit{"TiB", 1099511627776.0},
};

/// A number not below zero and its unit, multiplied; nothing if it is not that, or above `most`.
template <std::size_t N>
std::optional<double> scaled(std::string_view text, const std::array<Unit, N>& units, double most) {
  double number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (parsed.ec != std::errc() || !std::isfinite(number) || std::signbit(number)) return std::nullopt;
  std::string_view unit(parsed.ptr, text.data() + text.size());
  if (!unit.empty() && unit.front() == ' ') unit.remove_prefix(1);
  for (const Unit& known : units) {
    if (known.name != unit) continue;
    const double value = number * known.factor;
    return value <= most ? std::optional(value) : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

checkpoint::Result<checkpoint::Duration> parse_duration(std::string_view text) {
  const auto value = scaled(text, kSpans, 9e18);
  if (!value) return fail(Errc::invalid_argument, "'" + std::string(text) + "' is no duration such as 90s, 12h or 30d");
  return checkpoint::Duration(static_cast<std::int64_t>(*value));
}

checkpoint::Result<std::uint64_t> parse_size(std::string_view text) {
  const auto value = scaled(text, kSizes, 9e18);
  if (!value)
    return fail(Errc::invalid_argument, "'" + std::string(text) + "' is no size such as 4096, 64KiB or 1.5GB");
  return static_cast<std::uint64_t>(*value);
}

checkpoint::Result<checkpoint::Time> parse_moment(std::string_view text, checkpoint::Time now) {
  if (text.starts_with('@')) {
    std::int64_t ms = 0;
    const char* const end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data() + 1, end, ms);
    constexpr std::int64_t kLatest = 1LL << 50;
    if (parsed.ec == std::errc() && parsed.ptr == end && ms >= 0 && ms < kLatest) {
      return checkpoint::Time(std::chrono::milliseconds(ms));
    }
  } else if (const auto back = parse_duration(text)) {
    return now - std::chrono::duration_cast<std::chrono::milliseconds>(*back);
  }
  return fail(Errc::invalid_argument,
              "'" + std::string(text) + "' is no moment: @milliseconds since 1970, or a duration back from now");
}

std::string show_size(std::uint64_t bytes) {
  constexpr const char* kNames[] = {"KiB", "MiB", "GiB", "TiB"};
  if (bytes < 1024) return std::to_string(bytes) + " B";
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  for (; value >= 1024 && unit < std::size(kNames) - 1; ++unit) value /= 1024;
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %s", value, kNames[unit]);
  return text;
}

std::string show_time(checkpoint::Time at) {
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(std::chrono::floor<std::chrono::seconds>(at - day));
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02u-%02u %02d:%02d:%02d", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()));
  return text;
}

std::string one_line(std::string_view text, std::size_t bytes_max) {
  std::string line;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (line.size() >= bytes_max && (byte & 0xc0) != 0x80) return line + "...";  // not within a character
    line += byte < 0x20 || byte == 0x7f ? ' ' : c;
  }
  return line;
}

}  // namespace chronik::cli
