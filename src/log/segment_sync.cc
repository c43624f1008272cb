// Making what was appended durable: segment data and indexes side by side, then the directory, then the log directory.
#include <algorithm>

#include "base/canary.h"
#include "log/segment_store_impl.h"
#include "task/io.h"

namespace chronik::log {
namespace {

/// Syncs all at once. After a failure the state of the pages is unknown, whatever the error says: storage_failed.
task::Task<Status> sync_files(task::Context& context, std::vector<env::FilePtr> files, Deadline until) {
  std::vector<std::unique_ptr<task::Operation<void>>> running;
  running.reserve(files.size());
  for (const auto& file : files) {
    running.push_back(std::make_unique<task::Operation<void>>(context, "disk.sync", until));
    file->sync(running.back()->callback());
  }
  Status all;
  for (auto& operation : running) {
    Status one = co_await *operation;
    if (!one && all) all = fail(Errc::storage_failed, one.error().message());
  }
  co_return all;
}

task::Task<Status> sync_entries(task::Context& context, std::string directory, Deadline until) {
  const Status status = co_await task::sync_directory(context, std::move(directory), until);
  // Overloaded: it could not even be opened, so nothing was tried.
  if (!status && status.error().code != Errc::overloaded)
    co_return fail(Errc::storage_failed, status.error().message());
  co_return status;
}

}  // namespace

task::Task<Result<env::FilePtr>> SegmentStore::Impl::write_epochs(std::string file_path) {
  CO_TRY(auto file, co_await task::open(context, std::move(file_path), {.create = true}, stall()));
  CO_TRY_STATUS(co_await task::truncate(context, file, 0, stall()));
  std::vector<Buffer> text;
  text.push_back(Buffer::copy_of(as_bytes(epochs.text())));
  CO_TRY_STATUS(co_await task::write(context, file, 0, std::move(text), env::Sync::none, stall()));
  co_return file;
}

task::Task<Status> SegmentStore::Impl::sync() {
  CO_TRY_STATUS(co_await wait_for_swap(context.after(options.stall_deadline * 6)));
  const Exclusive writer(busy, &idle);
  CO_TRY_STATUS(check_writable());
  Status status = co_await sync_all();
  if (!status) co_return fail(write_failed(std::move(status).error()));
  co_return status;
}

task::Task<Status> SegmentStore::Impl::sync_all() {
  std::vector<SegmentPtr> dirty;
  for (const SegmentPtr& segment : segments) {
    if (segment->base >= synced.segment && (segment->index_unsynced || segment->unsynced_log)) {
      dirty.push_back(segment);
    }
  }
  std::vector<env::FilePtr> files;
  for (const SegmentPtr& segment : dirty) {
    if (segment->index_unsynced && (segment->index_reset || segment->closed)) directory_dirty = true;
    CO_TRY_STATUS(co_await write_index(io(), segment));
    const auto unsynced = segment->unsynced();
    files.insert(files.end(), unsynced.begin(), unsynced.end());
  }
  if (unsynced_metadata) files.push_back(unsynced_metadata);
  const std::string epoch_file = path(kEpochFile);
  const std::string epoch_temporary = epoch_file + std::string(kTemporarySuffix);
  if (epochs_dirty) {
    CO_TRY(auto file, co_await write_epochs(epoch_temporary));
    files.push_back(std::move(file));
  }
  if (!canary(Canary::flush_not_synced)) CO_TRY_STATUS(co_await sync_files(context, std::move(files), stall()));
  if (epochs_dirty) {
    CO_TRY_STATUS(co_await task::rename(context, epoch_temporary, epoch_file, stall()));
    epochs_dirty = false;
    directory_dirty = true;
  }
  if (directory_dirty) CO_TRY_STATUS(co_await sync_entries(context, *directory, stall()));
  if (root_dirty) CO_TRY_STATUS(co_await sync_entries(context, root, stall()));
  directory_dirty = root_dirty = false;
  unsynced_metadata.reset();
  for (const SegmentPtr& segment : dirty) segment->mark_synced();
  if (segments.empty()) {
    synced = {LogEndOffset(empty_at.value()), empty_at, 0};
  } else {
    const Segment& active = *segments.back();
    synced = {LogEndOffset(active.end.value()), active.base, active.bytes};
  }
  co_return Status{};
}

}  // namespace chronik::log
