// Taking away: whole segments from the front, or the partition as a whole. First a durable rename, so that a crash
// leaves no half; then removal, one file at a time.
#include <algorithm>
#include <utility>

#include "log/segment_store_impl.h"
#include "task/io.h"

namespace chronik::log {

task::Task<Status> SegmentStore::Impl::remove_before(Offset offset) {
  CO_TRY_STATUS(co_await wait_for_swap(context.after(options.stall_deadline * 6)));
  const Exclusive writer(busy, &idle);
  CO_TRY_STATUS(check_writable());
  if (Status earlier = co_await remove_doomed(); !earlier) co_return fail(write_failed(std::move(earlier).error()));
  if (segments.empty()) co_return Status{};
  std::size_t count = 0;
  // The segment of the last recorded position and what lies above stay: a crash would miss them.
  while (count < segments.size() && segments[count]->base < recorded.segment && segments[count]->end <= offset) ++count;
  const bool all = count + 1 == segments.size() && segments.back()->end <= offset && segments.back()->bytes != 0 &&
                   recorded.segment == segments.back()->base && recorded.end.value() == segments.back()->end.value();
  SegmentPtr next;
  if (all) {
    // The new beginning must be durable before the old end goes.
    next = new_segment(segments.back()->end);
    if (Status made = co_await create_log(next); !made) {
      Error error = std::move(made).error();
      // A file that is there would stand in the row of segments at recovery.
      if (next->unsynced_log) error.code = Errc::storage_failed;
      co_return fail(write_failed(std::move(error)));
    }
    next->release_files();
    ++count;
  }
  if (count == 0) co_return Status{};
  doomed.assign(segments.begin(), segments.begin() + static_cast<std::ptrdiff_t>(count));
  for (const SegmentPtr& segment : doomed) segment->removed = true;
  segments.erase(segments.begin(), segments.begin() + static_cast<std::ptrdiff_t>(count));
  if (next) {
    segments.push_back(next);
    synced = {LogEndOffset(next->base.value()), next->base, 0};
    epochs.clear();
  }
  epochs.cut_start(start());
  Status status = co_await remove_doomed();
  if (!status) co_return fail(write_failed(std::move(status).error()));
  co_return status;
}

/// May be repeated: what is gone already is no mistake.
task::Task<Status> SegmentStore::Impl::remove_doomed() {
  if (doomed.empty()) co_return Status{};
  if (directory_dirty) CO_TRY_STATUS(co_await task::sync_directory(context, *directory, stall()));
  const auto missing_is_fine = [](Status status) {
    return !status && status.error().code == Errc::not_found ? Status{} : status;
  };
  const bool again = std::exchange(removal_begun, true);
  for (const SegmentPtr& segment : doomed) {
    const std::string log = segment->path(kLogSuffix);
    const Status moved = co_await task::rename(context, log, log + std::string(kDeletedSuffix), stall());
    CO_TRY_STATUS(again ? missing_is_fine(moved) : moved);
  }
  CO_TRY_STATUS(co_await task::sync_directory(context, *directory, stall()));
  directory_dirty = false;
  // The log last: while it is there under its new name, recovery knows that what lies below it is to go.
  for (const SegmentPtr& segment : doomed) {
    for (const std::string_view suffix : kSegmentSuffixes) {
      std::string name = segment->path(suffix);
      if (suffix == kLogSuffix) name += kDeletedSuffix;
      CO_TRY_STATUS(missing_is_fine(co_await task::remove(context, std::move(name), stall())));
    }
    // Reads that hold it keep their own share of the descriptor.
    cache->drop(segment->log);
    cache->drop(segment->offsets_file);
    cache->drop(segment->times_file);
  }
  doomed.clear();
  removal_begun = false;
  co_return Status{};
}

task::Task<Status> SegmentStore::Impl::destroy() {
  CO_TRY_STATUS(co_await wait_for_swap(context.after(options.stall_deadline * 6)));
  const Exclusive writer(busy, &idle);
  destroyed = true;
  for (const SegmentPtr& segment : segments) segment->removed = true;
  segments.clear();
  doomed.clear();
  unsynced_metadata.reset();
  const std::string grave = root + "/" + deleted_directory_name(topic, id);
  if (!buried) {
    const Status moved = co_await task::rename(context, *directory, grave, stall());
    if (!moved && moved.error().code == Errc::not_found) co_return Status{};
    if (!moved) co_return moved;
    buried = true;
  }
  CO_TRY_STATUS(co_await task::sync_directory(context, root, stall()));
  CO_TRY(const auto entries, co_await task::list(context, grave, stall()));
  for (const auto& entry : entries) {
    if (entry.is_directory) continue;
    const Status gone = co_await task::remove(context, grave + "/" + entry.name, stall());
    if (!gone && gone.error().code != Errc::not_found) co_return gone;
  }
  co_return co_await task::remove_tree(context, grave, stall());
}

}  // namespace chronik::log
