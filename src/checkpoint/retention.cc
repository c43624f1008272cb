// Retention: which checkpoints a session keeps, and the removal of the others. Two passes over the records, newest
// first, in memory that does not grow with their number; payloads are not read.
#include <algorithm>
#include <queue>

#include "checkpoint/local.h"
#include "checkpoint/text.h"

namespace chronik::checkpoint {

namespace {

constexpr std::size_t kReportedMax = 100'000;
constexpr std::size_t kBatch = 1000;
constexpr std::size_t kBestMax = 10'000;

/// Keeps the newest of each of the last n periods that have one. Fed from the newest to the oldest.
class Thinning {
 public:
  Thinning(std::uint32_t periods, std::int64_t seconds, std::int64_t shift = 0)
      : left_(periods), seconds_(seconds), shift_(shift) {}
  bool keeps(Time at) {
    if (left_ == 0) return false;
    const auto since = std::chrono::floor<std::chrono::seconds>(at.time_since_epoch()).count() + shift_;
    const std::int64_t period = since / seconds_;
    if (last_ == period) return false;
    last_ = period;
    --left_;
    return true;
  }

 private:
  std::uint32_t left_;
  std::int64_t seconds_;
  std::int64_t shift_;
  std::optional<std::int64_t> last_;
};

constexpr std::int64_t kHour = 3600;
constexpr std::int64_t kDay = 24 * kHour;
constexpr std::int64_t kWeek = 7 * kDay;
constexpr std::int64_t kThursday = 3 * kDay;  // 1970 began on one; weeks begin on Monday

Time back(Time now, Duration span) {
  return now - std::chrono::duration_cast<std::chrono::milliseconds>(span);
}

bool has_any(const Checkpoint& c, const std::vector<std::string>& tags) {
  return std::ranges::any_of(tags, [&](const std::string& tag) { return std::ranges::binary_search(c.tags, tag); });
}

/// Judges checkpoints from the newest to the oldest.
class Judge {
 public:
  Judge(const Retention& rules, Time now, std::vector<std::uint64_t> best)
      : rules_(rules),
        now_(now),
        best_(std::move(best)),
        hourly_(rules.keep_hourly, kHour),
        daily_(rules.keep_daily, kDay),
        weekly_(rules.keep_weekly, kWeek, kThursday),
        keeps_all_(!rules.keep_last && !rules.keep_within && rules.keep_hourly == 0 && rules.keep_daily == 0 &&
                   rules.keep_weekly == 0 && rules.keep_tagged.empty() && rules.keep_best.empty()) {
    std::ranges::sort(best_);
  }

  bool keeps(const Checkpoint& c) {
    ++seen_;
    // Each rule counts what it sees, whatever the others say.
    bool keep = keeps_all_;
    if (rules_.keep_last && seen_ <= *rules_.keep_last) keep = true;
    if (rules_.keep_within && c.created_at >= back(now_, *rules_.keep_within)) keep = true;
    if (hourly_.keeps(c.created_at)) keep = true;
    if (daily_.keeps(c.created_at)) keep = true;
    if (weekly_.keeps(c.created_at)) keep = true;
    if (has_any(c, rules_.keep_tagged)) keep = true;
    if (std::ranges::binary_search(best_, c.sequence)) keep = true;
    if (rules_.expire_after && c.created_at < back(now_, *rules_.expire_after)) keep = false;
    if (c.pinned) keep = true;
    if (keep) {
      bytes_ += c.size;
      if (rules_.bytes_max && bytes_ > *rules_.bytes_max && !c.pinned) {
        bytes_ -= c.size;
        keep = false;
        full_ = true;
      }
      if (full_ && !c.pinned) keep = false;  // the quota counts from the newest: nothing older slips in
    }
    return keep;
  }

 private:
  const Retention& rules_;
  const Time now_;
  std::vector<std::uint64_t> best_;
  Thinning hourly_;
  Thinning daily_;
  Thinning weekly_;
  const bool keeps_all_;
  std::uint64_t seen_ = 0;
  std::uint64_t bytes_ = 0;
  bool full_ = false;
};

/// The sequences of the `count` best by one number of the metadata.
Result<std::vector<std::uint64_t>> find_best(Core& core, const SessionId& session, const Retention::Best& rule) {
  if (rule.count > kBestMax) return fail(Errc::invalid_argument, "at most the best 10,000");
  using Entry = std::pair<double, std::uint64_t>;
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> best;  // the worst of them on top
  const auto visit = [&](std::uint64_t sequence, const Result<Checkpoint>& c) {
    if (!c) return true;
    const auto value = json_number(c->metadata, rule.key);
    if (!value) return true;
    best.emplace(rule.highest ? *value : -*value, sequence);
    if (best.size() > rule.count) best.pop();
    return true;
  };
  TRY_STATUS(core.backend().scan(session, UINT64_MAX, true, visit));
  std::vector<std::uint64_t> sequences;
  for (; !best.empty(); best.pop()) sequences.push_back(best.top().second);
  return sequences;
}

/// Removes those of `sequences` (ascending) that are still there, not pinned meanwhile and not tagged to stay.
Status remove_batch(Core& core, const SessionId& session, std::uint64_t epoch, const Retention& rules,
                    std::vector<std::uint64_t> sequences, PruneReport& report) {
  const auto removed = std::make_shared<std::vector<Checkpoint>>();
  Core* const raw = &core;
  const Decide decide = [raw, epoch, tags = rules.keep_tagged, sequences, removed](const View& view) -> Result<Change> {
    if (view.row() == nullptr) return fail(Errc::not_found, "no such session");
    TRY_STATUS(check_epoch(view.head(), epoch));
    removed->clear();
    Change change;
    for (const std::uint64_t sequence : sequences) {
      TRY(auto found, view.find(sequence));
      if (!found || found->pinned || has_any(*found, tags)) continue;
      change.deletes.push_back(sequence);
      removed->push_back(*std::move(found));
    }
    if (change.deletes.empty()) return change;
    change.events.push_back(
        make_event(*raw, view.head(), EventKind::deleted, change.deletes.front(), change.deletes.size()));
    return change;
  };
  TRY_STATUS(core.run(session, decide, core.timeout()));
  for (const Checkpoint& c : *removed) {
    ++report.deleted;
    report.payload_bytes += c.size;
    if (report.sequences.size() < kReportedMax) report.sequences.push_back(c.sequence);
  }
  return {};
}

Status check(const Retention& rules) {
  for (const auto& span : {rules.keep_within, rules.expire_after}) {
    if (span && *span < Duration(0)) return fail(Errc::invalid_argument, "a negative duration");
  }
  return check_tags(rules.keep_tagged);
}

}  // namespace

Result<PruneReport> LocalSession::prune(const Retention& rules, bool dry_run) const {
  TRY_STATUS(check(rules));
  std::vector<std::uint64_t> best;
  for (const auto& rule : rules.keep_best) {
    TRY(const auto some, find_best(*core_, id_, rule));
    best.insert(best.end(), some.begin(), some.end());
  }
  PruneReport report;
  Judge judge(rules, core_->world().now(), std::move(best));
  std::uint64_t from = UINT64_MAX;
  for (bool more = true; more;) {
    more = false;
    std::vector<std::uint64_t> batch;
    const auto visit = [&](std::uint64_t sequence, const Result<Checkpoint>& c) {
      if (batch.size() == kBatch) {
        from = sequence;
        more = true;
        return false;
      }
      ++report.examined;
      if (!c || judge.keeps(*c)) return true;  // what is damaged is kept: it is evidence
      if (dry_run) {
        ++report.deleted;
        report.payload_bytes += c->size;
        if (report.sequences.size() < kReportedMax) report.sequences.push_back(sequence);
        return true;
      }
      batch.push_back(sequence);
      return true;
    };
    TRY_STATUS(core_->backend().scan(id_, from, true, visit));
    if (batch.empty()) break;
    std::ranges::reverse(batch);
    TRY_STATUS(remove_batch(*core_, id_, epoch_, rules, std::move(batch), report));
  }
  std::ranges::sort(report.sequences);
  if (!dry_run && report.deleted > 0) {
    TRY(report.bytes_returned, core_->backend().compact(core_->timeout()));
  }
  return report;
}

}  // namespace chronik::checkpoint
