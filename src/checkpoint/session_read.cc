// What a session reads: one checkpoint, pages of them, payloads, differences, events.
#include <algorithm>
#include <charconv>

#include "checkpoint/local.h"
#include "checkpoint/query.h"
#include "checkpoint/text.h"

namespace chronik::checkpoint {

namespace {

constexpr std::size_t kEventsMax = 1000;
constexpr std::size_t kJsonDiffBytesMax = 8 << 20;  // parsed JSON takes many times its text

std::string make_cursor(bool newest_first, std::uint64_t next) {
  return (newest_first ? "d" : "a") + std::to_string(next);
}

Result<std::uint64_t> parse_cursor(const std::string& cursor, bool newest_first) {
  std::uint64_t next = 0;
  const char* const end = cursor.data() + cursor.size();
  const auto parsed = std::from_chars(cursor.data() + 1, end, next);
  if (cursor[0] != (newest_first ? 'd' : 'a') || parsed.ec != std::errc() || parsed.ptr != end) {
    return fail(Errc::invalid_argument, "not a cursor of this query");
  }
  return next;
}

struct Range {
  std::uint64_t low = 1;
  std::uint64_t high = UINT64_MAX;
};

/// Sequences and times as one range of sequences, for times ascend with them.
Result<Range> range_of(Core& core, const SessionId& session, const Query& query) {
  Range range{std::max<std::uint64_t>(query.sequence_min, 1), query.sequence_max};
  if (const auto from = earliest(query, core.world())) {
    TRY(const std::uint64_t first, core.backend().first_from(session, *from));
    range.low = std::max(range.low, first);
  }
  if (query.until) {
    TRY(const std::uint64_t behind, core.backend().first_from(session, *query.until));
    if (behind <= 1) return Range{1, 0};
    range.high = std::min(range.high, behind - 1);
  }
  return range;
}

}  // namespace

Result<SessionInfo> LocalSession::describe() const {
  return core_->backend().describe(id_);
}
Result<Checkpoint> LocalSession::get(const CheckpointId& id) const {
  return core_->backend().get(id_, id);
}
Result<Checkpoint> LocalSession::at_sequence(std::uint64_t sequence) const {
  return core_->backend().get(id_, sequence);
}

Result<Page> LocalSession::list(const Query& query) const {
  TRY(const Query wanted, checked(query));
  TRY(Range range, range_of(*core_, id_, query));
  if (!query.cursor.empty()) {
    TRY(const std::uint64_t next, parse_cursor(query.cursor, query.newest_first));
    (query.newest_first ? range.high : range.low) = next;
  }
  Page page;
  if (range.low > range.high) {
    const auto info = describe();  // empty, but of a session that exists
    return info ? Result<Page>(page) : fail(info.error());
  }
  const bool down = query.newest_first;
  const auto visit = [&](std::uint64_t sequence, const Result<Checkpoint>& found) {
    if (sequence < range.low || sequence > range.high) return false;
    if (page.checkpoints.size() + page.damaged.size() == query.limit) {
      page.next = make_cursor(down, sequence);
      return false;
    }
    if (!found) {
      page.damaged.push_back({{}, sequence, found.error().message()});
    } else if (matches(wanted, *found)) {
      page.checkpoints.push_back(*found);
    }
    return true;
  };
  TRY_STATUS(core_->backend().scan(id_, down ? range.high : range.low, down, visit));
  return page;
}

namespace {
/// The first that matches; there is one, or not_found.
Result<Checkpoint> first_of(const LocalSession& session, Query query, const char* what) {
  query.limit = 1;
  TRY(Page page, session.list(query));
  if (!page.damaged.empty()) return fail(Errc::corrupt, page.damaged.front().what);
  if (page.checkpoints.empty()) return fail(Errc::not_found, what);
  return std::move(page.checkpoints.front());
}
}  // namespace

Result<Checkpoint> LocalSession::latest(std::string_view branch) const {
  if (branch.empty()) return first_of(*this, {}, "the session has no checkpoint");
  TRY(const SessionInfo info, describe());
  const auto head = std::ranges::find(info.branches, branch, &Branch::name);
  if (head == info.branches.end()) return fail(Errc::not_found, "no branch " + std::string(branch));
  // Usually there; if it was removed, the newest that is left.
  Query query;
  query.branch = branch;
  query.sequence_max = head->sequence;
  auto found = core_->backend().get(id_, head->sequence);
  if (found || found.error().code != Errc::not_found) return found;
  return first_of(*this, query, "the branch has no checkpoint left");
}

Result<Checkpoint> LocalSession::as_of(Time time) const {
  Query query;
  query.until = time + std::chrono::milliseconds(1);
  return first_of(*this, query, "no checkpoint is that old");
}

Result<Checkpoint> LocalSession::as_of_sequence(std::uint64_t sequence) const {
  Query query;
  query.sequence_max = sequence;
  return first_of(*this, query, "no checkpoint is that old");
}

Result<std::string> LocalSession::payload(const CheckpointId& id) const {
  TRY(const Checkpoint checkpoint, get(id));
  return verified_payload(*core_, id_, checkpoint);
}

Result<Restored> LocalSession::restore(const CheckpointId& id) const {
  TRY(Checkpoint checkpoint, get(id));
  TRY(std::string payload, verified_payload(*core_, id_, checkpoint));
  const Decide decide = [core = core_.get(), sequence = checkpoint.sequence](const View& view) -> Result<Change> {
    Change change;
    if (view.row() == nullptr) return change;
    change.events.push_back(make_event(*core, view.head(), EventKind::restored, sequence));
    return change;
  };
  (void)core_->start(id_, decide);  // the reader does not wait for the disk
  return Restored{std::move(checkpoint), std::move(payload)};
}

Result<Difference> LocalSession::diff(const CheckpointId& first, const CheckpointId& second) const {
  TRY(const Checkpoint a, get(first));
  TRY(const Checkpoint b, get(second));
  Difference difference;
  difference.size_first = a.size;
  difference.size_second = b.size;
  TRY(const std::string from, verified_payload(*core_, id_, a));
  TRY(const std::string to, verified_payload(*core_, id_, b));
  difference.same = from == to;
  const std::size_t shorter = std::min(from.size(), to.size());
  const auto prefix = std::ranges::mismatch(from, to).in1 - from.begin();
  difference.common_prefix = static_cast<std::uint64_t>(prefix);
  const auto suffix = std::mismatch(from.rbegin(), from.rend(), to.rbegin(), to.rend()).first - from.rbegin();
  difference.common_suffix = std::min(static_cast<std::uint64_t>(suffix), shorter - difference.common_prefix);
  if (from.size() <= kJsonDiffBytesMax && to.size() <= kJsonDiffBytesMax) {
    if (auto patch = json_patch(from, to)) {
      difference.structural = true;
      difference.patch = *std::move(patch);
    }
  }
  return difference;
}

Result<EventPage> LocalSession::events(std::uint64_t from, std::size_t limit) const {
  from = std::max<std::uint64_t>(from, 1);
  // First what there is at least: an event that is told later is not a gap.
  TRY(const SessionInfo info, describe());
  EventPage page;
  TRY(page.events, core_->backend().events(id_, from, std::clamp<std::size_t>(limit, 1, kEventsMax)));
  const std::uint64_t first = page.events.empty() ? info.last_event + 1 : page.events.front().number;
  if (first > from) {
    page.gap_from = from;
    page.gap_to = first - 1;
  }
  return page;
}

Result<EventPage> LocalSession::wait_events(std::uint64_t from, std::size_t limit, Duration timeout) const {
  const Instant end = core_->world().monotonic_now() + timeout;
  for (;;) {
    const auto latch = core_->watch(id_);
    if (core_->closed()) return fail(Errc::closed, "the store was closed");
    TRY(EventPage page, events(from, limit));
    if (!page.events.empty() || page.gap_from != 0) return page;
    const Duration left = end - core_->world().monotonic_now();
    if (left <= Duration(0) || !core_->world().wait(*latch, left)) {
      return fail(Errc::timed_out, "no event came");
    }
  }
}

}  // namespace chronik::checkpoint
