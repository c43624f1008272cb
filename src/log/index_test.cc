// Sparse indexes as values: codecs, searches and the builder, against the naive way.
#include "log/index.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>

namespace chronik::log {
namespace {

std::vector<OffsetEntry> growing_offsets(const std::vector<std::uint8_t>& steps) {
  std::vector<OffsetEntry> entries;
  OffsetEntry at;
  for (const std::uint8_t step : steps) {
    at = {at.relative + 1 + step, at.position + 61 + step};
    entries.push_back(at);
  }
  return entries;
}

std::vector<TimeEntry> growing_times(const std::vector<std::uint8_t>& steps) {
  std::vector<TimeEntry> entries;
  TimeEntry at;
  for (const std::uint8_t step : steps) {
    at = {at.timestamp + 1 + step, at.relative + 1 + step};
    entries.push_back(at);
  }
  return entries;
}

constexpr IndexBounds kWide{1U << 31, 1ULL << 31};

void check(bool holds) {
  EXPECT_TRUE(holds);
}

TEST(Index, entries_survive_their_files) {
  check(rc::check([](const std::vector<std::uint8_t>& steps) {
    const auto offsets = growing_offsets(steps);
    const auto times = growing_times(steps);
    RC_ASSERT(decode_offset_entries(encode_offset_entries(offsets).span(), kWide) == offsets);
    RC_ASSERT(decode_time_entries(encode_time_entries(times).span(), kWide) == times);
    RC_ASSERT(encode_offset_entries(offsets).size() == offsets.size() * 8);
    RC_ASSERT(encode_time_entries(times).size() == times.size() * 12);
  }));
}

TEST(Index, of_any_bytes_only_a_growing_prefix_within_bounds_is_believed) {
  check(rc::check([](const std::vector<std::uint8_t>& steps, std::uint16_t at, std::uint8_t mask, std::uint16_t cut) {
    const auto offsets = growing_offsets(steps);
    const Buffer good = encode_offset_entries(offsets);
    std::vector<std::byte> bytes(good.span().begin(), good.span().end());
    if (!bytes.empty()) bytes[at % bytes.size()] ^= static_cast<std::byte>(mask);
    bytes.resize(bytes.size() - std::min<std::size_t>(bytes.size(), cut % 9));
    const IndexBounds bounds{offsets.empty() ? 0U : offsets.back().position, 4000};
    const auto found = decode_offset_entries(bytes, bounds);
    for (std::size_t i = 0; i < found.size(); ++i) {
      RC_ASSERT(found[i].relative < bounds.relative_end && found[i].position < bounds.log_bytes);
      if (i > 0) RC_ASSERT(found[i].relative > found[i - 1].relative && found[i].position > found[i - 1].position);
    }
  }));
}

TEST(Index, searches_agree_with_a_scan) {
  check(rc::check([](const std::vector<std::uint8_t>& steps, std::uint16_t target) {
    const SparseIndex index{growing_offsets(steps), growing_times(steps)};
    std::optional<OffsetEntry> offset;
    for (const auto& entry : index.offsets) {
      if (entry.relative <= target) offset = entry;
    }
    std::optional<TimeEntry> time;
    std::optional<TimeEntry> latest;
    for (const auto& entry : index.times) {
      if (entry.timestamp < target) time = entry;
      if (entry.relative <= target) latest = entry;
    }
    RC_ASSERT(index.at_or_below(target) == offset);
    RC_ASSERT(index.before(target) == time);
    RC_ASSERT(index.latest(target) == latest);
  }));
}

TEST(Index, builder_says_what_kafka_checks) {
  check(rc::check([](const std::vector<std::pair<std::uint8_t, std::uint8_t>>& batches) {
    IndexBuilder builder;
    std::uint32_t relative = 0;
    std::uint32_t position = 0;
    std::int64_t max = -1;
    std::uint32_t max_at = 0;
    std::uint64_t since = 0;
    std::optional<TimeEntry> last_time;
    for (const auto& [count, time] : batches) {
      const IndexBuilder::Batch batch{relative + count, position, 61U + count, time};
      if (time > max) {
        max = time;
        max_at = batch.last_relative;
      }
      const auto entries = builder.add(batch, 200);
      RC_ASSERT(entries.offset.has_value() == (since > 200));
      if (entries.offset) {
        RC_ASSERT(*entries.offset == (OffsetEntry{batch.last_relative, position}));
        since = 0;
      }
      if (entries.time) {
        RC_ASSERT(*entries.time == (TimeEntry{max, max_at}));
        RC_ASSERT(!last_time || last_time->timestamp < max);
        last_time = entries.time;
      }
      since += batch.size;
      position += batch.size;
      relative += count + 1U;
    }
    RC_ASSERT(builder.latest() == (TimeEntry{max, max_at}));
    const auto closing = builder.finish();
    RC_ASSERT(closing.has_value() == (max >= 0 && (!last_time || last_time->timestamp < max)));
  }));
}

}  // namespace
}  // namespace chronik::log
