#include "log/segment_epochs.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/check.h"

namespace chronik::log {

bool EpochList::append(LeaderEpoch epoch, Offset base) {
  if (!entries_.empty()) {
    CHECK(epoch >= entries_.back().epoch && base >= entries_.back().start);
    if (epoch == entries_.back().epoch) return false;
  }
  entries_.push_back({epoch, base});
  return true;
}

void EpochList::cut_end(Offset end) {
  while (!entries_.empty() && entries_.back().start >= end) entries_.pop_back();
}

void EpochList::cut_start(Offset start) {
  const auto after = std::ranges::upper_bound(entries_, start, {}, &Entry::start);
  if (after == entries_.begin()) return;
  entries_.erase(entries_.begin(), std::prev(after));
  entries_.front().start = start;
}

std::optional<LeaderEpoch> EpochList::at(Offset base) const {
  const auto after = std::ranges::upper_bound(entries_, base, {}, &Entry::start);
  if (after == entries_.begin()) return std::nullopt;
  return std::prev(after)->epoch;
}

std::optional<std::pair<LeaderEpoch, Offset>> EpochList::end_of(LeaderEpoch epoch, Offset end) const {
  const auto after = std::ranges::upper_bound(entries_, epoch, {}, &Entry::epoch);
  if (after == entries_.begin()) return std::nullopt;
  return std::pair(std::prev(after)->epoch, after == entries_.end() ? end : after->start);
}

std::string EpochList::text() const {
  std::string text = fmt::format("0\n{}\n", entries_.size());
  for (const Entry& entry : entries_) text += fmt::format("{} {}\n", entry.epoch.value(), entry.start.value());
  return text;
}

namespace {
/// Takes one integer and the character behind it off the front of `text`.
template <class T>
bool take(std::string_view& text, T& value, char after) {
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  const auto length = static_cast<std::size_t>(parsed.ptr - text.data());
  if (parsed.ec != std::errc() || length >= text.size() || text[length] != after) return false;
  text.remove_prefix(length + 1);
  return true;
}
}  // namespace

Result<EpochList> EpochList::parse(std::string_view text) {
  const auto malformed = fail(Errc::corrupt, std::string("leader-epoch-checkpoint"));
  int version = -1;
  std::uint64_t count = 0;
  if (!take(text, version, '\n') || version != 0 || !take(text, count, '\n')) return malformed;
  EpochList list;
  for (std::uint64_t i = 0; i < count; ++i) {
    std::int32_t epoch = 0;
    std::int64_t start = 0;
    if (!take(text, epoch, ' ') || !take(text, start, '\n')) return malformed;
    const Entry entry{LeaderEpoch(epoch), Offset(start)};
    if (!list.entries_.empty() &&
        (entry.epoch <= list.entries_.back().epoch || entry.start <= list.entries_.back().start)) {
      return malformed;
    }
    list.entries_.push_back(entry);
  }
  if (!text.empty()) return malformed;
  return list;
}

}  // namespace chronik::log
