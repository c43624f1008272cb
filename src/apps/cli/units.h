// Durations, sizes and moments as people write them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <chronik/checkpoint.h>

namespace chronik::cli {

/// "90s", "15m", "12h", "30d", "2w", "250ms".
checkpoint::Result<checkpoint::Duration> parse_duration(std::string_view text);
/// "4096", "64KiB", "1.5GiB"; KB, MB, GB, TB count in thousands.
checkpoint::Result<std::uint64_t> parse_size(std::string_view text);
/// "@1700000000000": milliseconds since 1970; "2h": so long before `now`.
checkpoint::Result<checkpoint::Time> parse_moment(std::string_view text, checkpoint::Time now);

/// "1.5 MiB".
std::string show_size(std::uint64_t bytes);
/// "2026-11-21 13:35:00", UTC.
std::string show_time(checkpoint::Time at);
/// For a cell or an error: without line breaks and other control characters, cut at about `bytes_max`.
std::string one_line(std::string_view text, std::size_t bytes_max);

}  // namespace chronik::cli
