#include "apps/cli/units.h"

#include <gtest/gtest.h>

namespace chronik::cli {
namespace {

using namespace std::chrono_literals;

TEST(Units, durations_and_sizes_are_read_as_people_write_them) {
  EXPECT_EQ(parse_duration("90s").value(), 90s);
  EXPECT_EQ(parse_duration("1.5h").value(), 90min);
  EXPECT_EQ(parse_duration("2w").value(), 24h * 14);
  EXPECT_EQ(parse_duration("250 ms").value(), 250ms);
  EXPECT_EQ(parse_size("4096").value(), 4096U);
  EXPECT_EQ(parse_size("64KiB").value(), 65536U);
  EXPECT_EQ(parse_size("1.5MB").value(), 1'500'000U);
}

TEST(Units, nonsense_is_refused_with_an_example) {
  for (const char* text : {"", "s", "5", "-1h", "1y", "nan", "inf", "1e3s", "99999999999w", "1h "}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
  for (const char* text : {"", "KiB", "-1", "1kib", "99999999999TB", "0x10"}) EXPECT_FALSE(parse_size(text)) << text;
  for (const char* text : {"", "@", "@-1", "@x", "@99999999999999999", "yesterday"}) {
    EXPECT_FALSE(parse_moment(text, checkpoint::Time(1h))) << text;
  }
  EXPECT_TRUE(parse_duration("x").error().detail.contains("12h"));
}

TEST(Units, a_moment_is_absolute_or_back_from_now) {
  const checkpoint::Time now(1'000'000ms);
  EXPECT_EQ(parse_moment("@5", now).value(), checkpoint::Time(5ms));
  EXPECT_EQ(parse_moment("10s", now).value(), checkpoint::Time(990'000ms));
}

TEST(Units, what_is_shown_fits_a_cell) {
  EXPECT_EQ(show_size(1023), "1023 B");
  EXPECT_EQ(show_size(1536), "1.5 KiB");
  EXPECT_EQ(show_size(UINT64_MAX), "16777216.0 TiB");
  EXPECT_EQ(show_time(checkpoint::Time(1'700'000'000'123ms)), "2023-11-14 22:13:20");
  EXPECT_EQ(one_line("a\nb\x1b[1m", 100), "a b [1m");
  EXPECT_EQ(one_line("\xc3\xa4\xc3\xa4\xc3\xa4", 3), "\xc3\xa4\xc3\xa4...");
}

}  // namespace
}  // namespace chronik::cli
