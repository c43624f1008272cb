// Putting a compacted segment in the place of the old ones so that a crash leaves either. In this order:
//   1. <base>.{index,timeindex,summary,log}.cleaned, synced, with their directory entries;
//   2. <base>.log.cleaned -> <base>.log.swap, directory synced: from here on recovery completes it, before, drops it;
//   3. index, timeindex and summary to their names, the other old segments removed, directory synced;
//   4. <base>.log.swap -> <base>.log, directory synced.
#include <algorithm>

#include "log/compact_write.h"
#include "log/segment_store_impl.h"
#include "task/io.h"

namespace chronik::log {
namespace {

Status unless_missing(Status status) {
  return !status && status.error().code == Errc::not_found ? Status{} : status;
}

/// Holds off readers and writers while segments change places.
class SwapGate {
 public:
  SwapGate(bool& swapping, task::Event& swapped) : swapping_(swapping), swapped_(swapped) { swapping_ = true; }
  ~SwapGate() {
    swapping_ = false;
    swapped_.notify_all();
  }
  SwapGate(const SwapGate&) = delete;
  SwapGate& operator=(const SwapGate&) = delete;

 private:
  bool& swapping_;
  task::Event& swapped_;
};

constexpr std::string_view kBesideLog[] = {kIndexSuffix, kTimeIndexSuffix, kSummarySuffix};

}  // namespace

task::Task<Status> SegmentStore::Impl::discard_cleaned(SegmentPtr target) {
  for (const std::string_view suffix : kSegmentSuffixes) {
    CO_TRY_STATUS(unless_missing(co_await task::remove(context, cleaned_path(*target, suffix), stall())));
  }
  co_return Status{};
}

task::Task<Status> SegmentStore::Impl::wait_for_swap(Deadline until) {
  while (swapping) {
    const auto woken = co_await swapped.wait("segment.swap", until);
    if (woken == task::Woken::timed_out && swapping) co_return fail(Errc::timed_out, *directory + ": swap");
  }
  co_return Status{};
}

/// Waits until no writer and no index rebuild is at work on these.
task::Task<Status> SegmentStore::Impl::wait_for_quiet(const std::vector<SegmentPtr>& group) {
  const Deadline until = context.after(options.stall_deadline * 6);
  for (;;) {
    task::Woken woken = task::Woken::notified;
    const auto rebuilt =
        std::ranges::find_if(group, [](const SegmentPtr& segment) { return segment->rebuild != nullptr; });
    if (rebuilt != group.end()) {
      const auto running = (*rebuilt)->rebuild;
      woken = co_await running->done.wait("segment.rebuild_index", until);
    } else if (busy) {
      woken = co_await idle.wait("segment.idle", until);
    } else {
      co_return Status{};
    }
    if (woken != task::Woken::notified) co_return fail(Errc::timed_out, *directory + ": waiting to swap segments");
  }
}

task::Task<Status> SegmentStore::Impl::swap_in(std::vector<SegmentPtr> group, SegmentPtr target) {
  CO_TRY_STATUS(co_await wait_for_quiet(group));
  if (destroyed) co_return fail(Errc::closed, *directory);
  const SwapGate gate(swapping, swapped);
  CO_TRY_STATUS(check_writable());
  const auto first = std::ranges::find(segments, group.front());
  // Retention may have taken them meanwhile.
  if (first == segments.end()) co_return co_await discard_cleaned(target);
  CO_TRY_STATUS(co_await task::sync_directory(context, *directory, stall()));
  const std::string swap = target->path(kLogSuffix) + std::string(kSwapSuffix);
  if (Status named = co_await task::rename(context, cleaned_path(*target, kLogSuffix), swap, stall()); !named) {
    co_return fail(write_failed(std::move(named).error()));
  }
  for (const SegmentPtr& segment : group) segment->removed = true;
  std::vector<Offset> others;
  for (const SegmentPtr& segment : group) {
    if (segment != group.front()) others.push_back(segment->base);
  }
  if (Status done = co_await complete_swap(target->base, std::move(others)); !done) {
    // Half done: recovery knows how to go on, we do not.
    Error error = std::move(done).error();
    error.code = Errc::storage_failed;
    co_return fail(write_failed(std::move(error)));
  }
  const auto at = std::ranges::find(segments, group.front());
  *at = target;
  segments.erase(std::next(at), std::next(at, static_cast<std::ptrdiff_t>(group.size())));
  for (const SegmentPtr& segment : group) {
    cache->drop(segment->log);
    cache->drop(segment->index);
  }
  co_return Status{};
}

/// A swap that has begun must end: a want of descriptors is waited out, within the stall deadline.
task::Task<Status> SegmentStore::Impl::sync_patiently() {
  const Deadline until = stall();
  task::Event never(context);
  for (;;) {
    Status status = co_await task::sync_directory(context, *directory, stall());
    const bool wait = !status && status.error().code == Errc::overloaded && context.after(100ms) < until;
    if (!wait) co_return status;
    co_await never.wait("segment.swap.descriptors", context.after(100ms));
  }
}

task::Task<Status> SegmentStore::Impl::complete_swap(Offset base, std::vector<Offset> others) {
  CO_TRY_STATUS(co_await sync_patiently());
  for (const std::string_view suffix : kBesideLog) {
    const std::string name = path(segment_file_name(base, suffix));
    CO_TRY_STATUS(unless_missing(co_await task::rename(context, name + std::string(kCleanedSuffix), name, stall())));
  }
  for (const Offset other : others) {
    for (const std::string_view suffix : kSegmentSuffixes) {
      CO_TRY_STATUS(unless_missing(co_await task::remove(context, path(segment_file_name(other, suffix)), stall())));
    }
  }
  CO_TRY_STATUS(co_await sync_patiently());
  const std::string log = path(segment_file_name(base, kLogSuffix));
  CO_TRY_STATUS(co_await task::rename(context, log + std::string(kSwapSuffix), log, stall()));
  co_return co_await sync_patiently();
}

/// Recovery: completes what a crash interrupted behind step 2.
task::Task<Status> SegmentStore::Impl::finish_swaps() {
  const auto listed = co_await task::list(context, *directory, stall());
  if (!listed) co_return listed.error().code == Errc::not_found ? Status{} : Status(fail(listed.error()));
  for (const auto& entry : *listed) {
    const auto name = parse_segment_file_name(entry.name);
    if (!name || name->suffix != std::string(kLogSuffix) + std::string(kSwapSuffix)) continue;
    const std::string summary_name = path(segment_file_name(name->base, kSummarySuffix));
    auto text = co_await task::read_whole(context, summary_name + std::string(kCleanedSuffix), kSummarySize, stall());
    if (!text) text = co_await task::read_whole(context, summary_name, kSummarySize, stall());
    if (!text) co_return std::unexpected(std::move(text).error());
    CO_TRY(const auto summary, decode_summary(text->span()));
    std::vector<Offset> others;
    for (const auto& other : *listed) {
      const auto parsed = parse_segment_file_name(other.name);
      const bool inside = parsed && parsed->base > name->base && parsed->base < summary.end;
      if (inside && std::ranges::find(others, parsed->base) == others.end()) others.push_back(parsed->base);
    }
    CO_TRY_STATUS(co_await complete_swap(name->base, std::move(others)));
  }
  co_return Status{};
}

}  // namespace chronik::log
