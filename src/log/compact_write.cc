#include "log/compact_write.h"

#include "base/crc32c.h"
#include "task/io.h"

namespace chronik::log {
namespace {
constexpr std::uint64_t kWriteAtOnce = 1U << 20;
}  // namespace

std::string cleaned_path(const Segment& segment, std::string_view suffix) {
  return segment.path(suffix) + std::string(kCleanedSuffix);
}

task::Task<Status> CleanedWriter::open() {
  CO_TRY(file_, co_await task::open(io_.context, cleaned_path(*target_, kLogSuffix), {.create = true}, io_.stall()));
  // A run that failed may have left one.
  co_return co_await task::truncate(io_.context, file_, 0, io_.stall());
}

task::Task<Status> CleanedWriter::add(std::vector<KeptBatch> batches) {
  for (KeptBatch& batch : batches) {
    const auto entries = builder_.add({.last_relative = target_->relative(batch.header.last_offset()),
                                       .position = static_cast<std::uint32_t>(bytes()),
                                       .size = static_cast<std::uint32_t>(batch.bytes.size()),
                                       .max_timestamp = batch.header.max_timestamp.value()},
                                      io_.index_interval_bytes);
    if (entries.offset) index_.offsets.push_back(*entries.offset);
    if (entries.time) index_.times.push_back(*entries.time);
    pending_bytes_ += batch.bytes.size();
    pending_.push_back(std::move(batch.bytes));
    if (pending_bytes_ >= kWriteAtOnce) CO_TRY_STATUS(co_await flush());
  }
  co_return Status{};
}

task::Task<Status> CleanedWriter::flush() {
  if (pending_.empty()) co_return Status{};
  const std::uint64_t at = position_;
  position_ += std::exchange(pending_bytes_, 0);
  co_return co_await task::write(io_.context, file_, at, std::exchange(pending_, {}), env::Sync::none, io_.stall());
}

task::Task<Status> CleanedWriter::write_beside(std::string_view suffix, Buffer content) {
  CO_TRY(const auto file,
         co_await task::open(io_.context, cleaned_path(*target_, suffix), {.create = true}, io_.stall()));
  CO_TRY_STATUS(co_await task::truncate(io_.context, file, 0, io_.stall()));
  if (content.empty()) co_return co_await task::sync(io_.context, file, io_.stall());
  std::vector<Buffer> pieces;
  pieces.push_back(std::move(content));
  co_return co_await task::write(io_.context, file, 0, std::move(pieces), env::Sync::data, io_.stall());
}

task::Task<Status> CleanedWriter::finish() {
  CO_TRY_STATUS(co_await flush());
  if (const auto last = builder_.finish()) index_.times.push_back(*last);
  const Buffer offsets = encode_offset_entries(index_.offsets);
  const Buffer times = encode_time_entries(index_.times);
  Segment& target = *target_;
  target.closed = true;
  target.bytes = position_;
  target.builder = builder_;
  target.offsets_written = static_cast<std::uint32_t>(index_.offsets.size());
  target.times_written = static_cast<std::uint32_t>(index_.times.size());
  target.offsets_crc = crc32c(offsets.span());
  target.times_crc = crc32c(times.span());
  CO_TRY_STATUS(co_await task::sync(io_.context, file_, io_.stall()));
  CO_TRY_STATUS(co_await write_beside(kIndexSuffix, offsets));
  CO_TRY_STATUS(co_await write_beside(kTimeIndexSuffix, times));
  co_return co_await write_beside(kSummarySuffix, encode_summary(summarize(target)));
}

}  // namespace chronik::log
