// The timeline: checkpoints of all sessions, merged in the order of their creation, page by page.
//
// Of each session one position is kept, the key of what comes next of it; a heap has the nearest on top. Not to look at
// every session, a position is at first a bound that costs nothing: newest first, when the session was last written.
// What comes next of a session is read only when its bound is on top.
//
// A cursor is the key of the first that the next page looks at. Keys never change, and no checkpoint gets one of the
// past but by a clock that goes back, so what others do meanwhile neither repeats nor hides anything.
#include <algorithm>
#include <charconv>
#include <compare>

#include "checkpoint/local.h"
#include "checkpoint/query.h"

namespace chronik::checkpoint {

namespace {

constexpr std::size_t kPageBytes = 4 << 20;  // about: the page ends beyond it
constexpr auto kTick = std::chrono::milliseconds(1);

/// Where a checkpoint stands among those of all sessions.
struct Key {
  Time at{};
  SessionId session;
  std::uint64_t sequence = 0;
  auto operator<=>(const Key&) const = default;
};

struct Cursor {
  Key key;
  std::optional<Time> begin;  // that `within` gave the first page
};

std::string number(std::int64_t value) {
  return std::to_string(value);
}

/// "d1718000000000.0190…-….17", newest first, or "a…"; then "." and the beginning, if there is one.
std::string make_cursor(bool newest_first, const Cursor& cursor) {
  std::string text = (newest_first ? "d" : "a") + number(cursor.key.at.time_since_epoch().count()) + "." +
                     to_string(cursor.key.session) + "." + std::to_string(cursor.key.sequence);
  if (cursor.begin) text += "." + number(cursor.begin->time_since_epoch().count());
  return text;
}

template <class T>
bool read_number(std::string_view text, T& value) {
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
}

/// A time that can be counted on from, in either direction.
bool read_time(std::string_view text, Time& time) {
  constexpr std::int64_t kMost = 1LL << 53;
  std::int64_t ms = 0;
  if (!read_number(text, ms) || ms > kMost || ms < -kMost) return false;
  time = Time(std::chrono::milliseconds(ms));
  return true;
}

Result<Cursor> parse_cursor(std::string_view text, bool newest_first) {
  const auto bad = [] { return fail(Errc::invalid_argument, "not a cursor of this query"); };
  if (text[0] != (newest_first ? 'd' : 'a')) return bad();
  std::vector<std::string_view> parts;
  for (std::size_t from = 1; from <= text.size();) {
    const std::size_t end = std::min(text.find('.', from), text.size());
    parts.push_back(text.substr(from, end - from));
    from = end + 1;
  }
  if (parts.size() != 3 && parts.size() != 4) return bad();
  Cursor cursor;
  const auto session = parse_session_id(parts[1]);
  if (!session || !read_time(parts[0], cursor.key.at) || !read_number(parts[2], cursor.key.sequence)) return bad();
  cursor.key.session = *session;
  if (parts.size() == 4 && !read_time(parts[3], cursor.begin.emplace())) return bad();
  return cursor;
}

class Merge {
  struct Source {
    Key next;  // or, not yet read, a bound: nothing of it comes earlier
    bool read = false;
    std::string name;
  };

  bool down() const { return query_.newest_first; }
  /// Whether `a` comes first.
  bool before(const Key& a, const Key& b) const { return down() ? a > b : a < b; }
  auto later() const {
    return [this](const Source& a, const Source& b) { return before(b.next, a.next); };
  }

 public:
  Merge(Core& core, const Query& query, const std::optional<Cursor>& cursor)
      : backend_(core.backend()), query_(query), begin_(earliest(query, core.world())), cursor_(cursor) {
    // "Less than an hour ago" means the hour before the first page.
    if (cursor && cursor->begin && query.within) begin_ = cursor->begin;
    if (cursor) passed_ = cursor->key;
  }

  Result<TimelinePage> page() {
    TRY_STATUS(find_sources());
    while (!heap_.empty() && page_.next.empty()) {
      std::ranges::pop_heap(heap_, later());
      Source next = std::move(heap_.back());
      heap_.pop_back();
      TRY(const bool more, read(next));
      if (!more) continue;
      heap_.push_back(std::move(next));
      std::ranges::push_heap(heap_, later());
    }
    return std::move(page_);
  }

 private:
  Status find_sources() {
    TRY(auto outlines, backend_.outlines());
    for (Outline& one : outlines) {
      if (begin_ && one.last < *begin_) continue;
      if (!down() && cursor_ && one.last < cursor_->key.at) continue;
      Key bound{Time::min(), one.id, 0};
      if (down()) {
        bound = {one.last, one.id, UINT64_MAX};
        if (query_.until) bound.at = std::min(bound.at, *query_.until);
        if (cursor_) bound.at = std::min(bound.at, cursor_->key.at);
      }
      heap_.push_back({bound, false, std::move(one.name)});
    }
    std::ranges::make_heap(heap_, later());
    return {};
  }

  /// The sequence at which it begins; nothing if it has nothing for us.
  Result<std::optional<std::uint64_t>> start_of(const Source& source) const {
    const SessionId& id = source.next.session;
    if (source.read) return source.next.sequence;
    std::uint64_t start = down() ? UINT64_MAX : 1;
    // Those of the cursor's own time are behind it in sessions on one side of its own, and before it on the other.
    std::optional<Time> border = down() ? query_.until : begin_;
    if (cursor_) border = id < cursor_->key.session ? cursor_->key.at + kTick : cursor_->key.at;
    if (cursor_ && id == cursor_->key.session) {
      start = cursor_->key.sequence;
    } else if (border) {
      const auto first = backend_.first_from(id, *border);
      if (!first && first.error().code == Errc::not_found) return std::nullopt;  // deleted meanwhile
      if (!first) return fail(first.error());
      if (!down() && *first == UINT64_MAX) return std::nullopt;
      start = down() ? *first - 1 : *first;
    }
    return down() ? std::min(start, query_.sequence_max) : std::max(start, query_.sequence_min);
  }

  /// Takes what comes before all other sources. False: it has nothing more.
  Result<bool> read(Source& source) {
    TRY(const auto start, start_of(source));
    if (!start) return false;
    bool more = false;
    Status failed;
    const auto visit = [&](std::uint64_t sequence, const Result<Checkpoint>& found) {
      if (down() ? sequence < query_.sequence_min : sequence > query_.sequence_max) return false;
      Key key{{}, source.next.session, sequence};
      if (found) {
        key.at = found->created_at;
      } else if (auto at = time_of(key.session, sequence)) {
        key.at = *at;
      } else {
        failed = fail(at.error());
        return false;
      }
      if (down() ? begin_ && key.at < *begin_ : query_.until && key.at >= *query_.until) return false;
      // Behind a cursor of another query, or newer than the page that is being made.
      if (down() ? query_.until && key.at >= *query_.until : begin_ && key.at < *begin_) return true;
      if (passed_ && before(key, *passed_)) return true;
      if (!heap_.empty() && before(heap_.front().next, key)) {
        source.next = key;
        source.read = true;
        more = true;
        return false;
      }
      return take(source, key, found);
    };
    const Status scanned = backend_.scan(source.next.session, *start, down(), visit);
    TRY_STATUS(failed);
    if (!scanned && scanned.error().code != Errc::not_found) return fail(scanned.error());
    return more;
  }

  bool take(const Source& source, const Key& key, const Result<Checkpoint>& found) {
    const std::size_t taken = page_.moments.size() + page_.damaged.size();
    if (taken == query_.limit || bytes_ >= kPageBytes) {
      page_.next = make_cursor(down(), {key, query_.within ? begin_ : std::nullopt});
      return false;
    }
    passed_ = key;
    if (!found) {
      page_.damaged.push_back({source.name, key.sequence, found.error().message()});
    } else if (matches(query_, *found)) {
      bytes_ += found->message.size() + found->metadata.size();
      for (const Annotation& one : found->annotations) bytes_ += one.text.size();
      page_.moments.push_back({source.name, *found});
    }
    return true;
  }

  /// Of a checkpoint whose record cannot be read: the last time at which it, or one before it, is the first from there
  /// on. That is where first_from() has it, so a page that begins there finds it.
  Result<Time> time_of(const SessionId& session, std::uint64_t sequence) const {
    std::int64_t low = -(1LL << 53);
    std::int64_t high = 1LL << 53;
    while (high - low > 1) {
      const std::int64_t middle = low + (high - low) / 2;
      const auto first = backend_.first_from(session, Time(std::chrono::milliseconds(middle)));
      if (!first && first.error().code != Errc::not_found) return fail(first.error());
      (first && *first <= sequence ? low : high) = middle;
    }
    return Time(std::chrono::milliseconds(low));
  }

  Backend& backend_;
  const Query& query_;
  std::optional<Time> begin_;
  const std::optional<Cursor>& cursor_;
  std::vector<Source> heap_;
  std::optional<Key> passed_;  // what comes before it is not of this page any more
  TimelinePage page_;
  std::size_t bytes_ = 0;
};

}  // namespace

Result<TimelinePage> LocalStore::timeline(const Query& query) const {
  TRY(const Query wanted, checked(query));
  std::optional<Cursor> cursor;
  if (!query.cursor.empty()) {
    TRY(cursor, parse_cursor(query.cursor, query.newest_first));
  }
  return Merge(*core_, wanted, cursor).page();
}

}  // namespace chronik::checkpoint
