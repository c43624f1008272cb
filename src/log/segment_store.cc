#include "log/segment_store.h"

#include <algorithm>

#include "base/recoverable.h"
#include "log/segment_store_impl.h"

namespace chronik::log {

SegmentStore::Impl::Impl(task::Context& context_, std::string root_, std::string topic_, TopicPartition id_,
                         const SegmentOptions& options_, std::shared_ptr<SegmentCache> cache_)
    : context(context_),
      root(std::move(root_)),
      topic(std::move(topic_)),
      id(id_),
      options(options_),
      directory(std::make_shared<const std::string>(root + "/" + partition_directory_name(topic, id.partition))),
      cache(cache_ ? std::move(cache_) : std::make_shared<SegmentCache>()),
      idle(context_),
      swapped(context_) {}

Offset SegmentStore::Impl::start() const {
  return segments.empty() ? empty_at : segments.front()->base;
}

SegmentPtr SegmentStore::Impl::segment_of(Offset offset) const {
  const auto after =
      std::ranges::upper_bound(segments, offset, {}, [](const SegmentPtr& segment) { return segment->base; });
  CHECK(after != segments.begin());
  return *std::prev(after);
}

Error SegmentStore::Impl::write_failed(Error error) {
  if (is_recoverable(error.code)) return error;
  error.code = Errc::storage_failed;
  error.detail = *directory + ": " + error.detail;
  if (!failure) failure = error;
  return error;
}

Status SegmentStore::Impl::check_writable() const {
  CHECK(!destroyed);
  if (failure) return fail(*failure);
  return {};
}

SegmentStore::SegmentStore(task::Context& context, std::string root, std::string topic, TopicPartition id,
                           SegmentOptions options, std::shared_ptr<SegmentCache> cache)
    : impl_(std::make_unique<Impl>(context, std::move(root), std::move(topic), id, options, std::move(cache))) {}

SegmentStore::~SegmentStore() = default;

task::Task<Status> SegmentStore::recover(const FilePosition& position) {
  return impl_->recover(position);
}

void SegmentStore::start_empty(Offset at) {
  CHECK(impl_->segments.empty());
  impl_->empty_at = at;
  impl_->synced = impl_->recorded = {LogEndOffset(at.value()), at, 0};
}

void SegmentStore::mark_recorded(const FilePosition& position) {
  impl_->recorded = position;
}

task::Task<Status> SegmentStore::append(std::vector<BatchRef> batches) {
  return impl_->append(std::move(batches));
}

task::Task<Status> SegmentStore::sync() {
  return impl_->sync();
}

FilePosition SegmentStore::position() const {
  return impl_->synced;
}

Offset SegmentStore::start() const {
  return impl_->start();
}

LogEndOffset SegmentStore::end() const {
  return LogEndOffset(impl_->end().value());
}

std::uint64_t SegmentStore::bytes() const {
  std::uint64_t sum = 0;
  for (const auto& segment : impl_->segments) sum += segment->bytes;
  return sum;
}

std::vector<SegmentInfo> SegmentStore::segments() const {
  std::vector<SegmentInfo> infos;
  infos.reserve(impl_->segments.size());
  for (const auto& segment : impl_->segments) {
    infos.push_back({.base = segment->base,
                     .end = segment->end,
                     .bytes = segment->bytes,
                     .max_timestamp = segment->max_timestamp(),
                     .active = segment == impl_->segments.back()});
  }
  return infos;
}

task::Task<Result<Run>> SegmentStore::read(Offset from, Offset limit, std::size_t bytes_max, Deadline until) {
  return impl_->read(from, limit, bytes_max, until);
}

task::Task<Result<std::optional<TimestampOffset>>> SegmentStore::find_timestamp(UnixMillis timestamp, Offset limit,
                                                                                Deadline until, Offset from) {
  return impl_->find_timestamp(timestamp, from, limit, until);
}

task::Task<Result<std::optional<TimestampOffset>>> SegmentStore::max_timestamp(Offset limit, Deadline until) {
  return impl_->max_timestamp(limit, until);
}

std::optional<std::pair<LeaderEpoch, Offset>> SegmentStore::epoch_end(LeaderEpoch epoch) const {
  return impl_->epochs.end_of(epoch, impl_->end());
}

task::Task<Status> SegmentStore::remove_before(Offset offset) {
  return impl_->remove_before(offset);
}

bool SegmentStore::removal_pending() const {
  return !impl_->doomed.empty();
}

task::Task<Status> SegmentStore::destroy() {
  return impl_->destroy();
}

task::Task<Result<CompactionResult>> SegmentStore::compact(const CompactionOptions& options) {
  return impl_->compact(options);
}

void SegmentStore::set_options(const SegmentOptions& options) {
  impl_->options = options;
}

std::string SegmentStore::directory() const {
  return *impl_->directory;
}

}  // namespace chronik::log
