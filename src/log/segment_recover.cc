// Opening what the checkpoint record says is there. The record alone is believed: what lies beyond it is cut off, what
// it speaks of must be there. Work is bounded by the number of segments and the tail of the last index, not by data.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "log/segment_store_impl.h"
#include "task/io.h"

namespace chronik::log {

struct SegmentStore::Impl::Listing {
  struct Files {
    std::map<std::string, std::uint64_t, std::less<>> sizes;  // by suffix
    std::optional<std::uint64_t> log() const {
      const auto found = sizes.find(kLogSuffix);
      return found == sizes.end() ? std::nullopt : std::optional(found->second);
    }
  };
  std::map<Offset, Files> segments;
  std::vector<std::string> leftovers;  // temporary files
};

task::Task<Status> SegmentStore::Impl::recover(FilePosition position) {
  const Exclusive writer(busy, &idle);
  CHECK(segments.empty() && !destroyed);
  empty_at = position.segment;
  synced = recorded = position;
  Status status = co_await recover_files(position);
  if (!status) {
    segments.clear();
    empty_at = Offset(position.end.value());
    co_return status;
  }
  epochs_known = false;
  status = co_await recover_epochs();
  epochs_known = true;
  co_return status;
}

task::Task<Status> SegmentStore::Impl::recover_files(const FilePosition& position) {
  CO_TRY_STATUS(co_await finish_swaps());
  auto listed = co_await list_directory();
  if (!listed && listed.error().code == Errc::not_found && position.bytes == 0) {
    empty_at = Offset(position.end.value());
    co_return Status{};
  }
  if (!listed && listed.error().code == Errc::not_found) {
    co_return fail(Errc::corrupt, *directory + " is missing");
  }
  if (!listed) co_return std::unexpected(std::move(listed).error());
  CO_TRY_STATUS(co_await check_metadata(position.bytes == 0));
  Listing& listing = *listed;
  const Offset end(position.end.value());
  // An emptied store leaves a new first segment before the record of it is written (remove_before).
  const bool emptied = !listing.segments.contains(position.segment) && listing.segments.contains(end) &&
                       listing.segments.begin()->first == end;
  const FilePosition kept = emptied ? FilePosition{position.end, end, 0} : position;
  CO_TRY_STATUS(co_await remove_leftovers(listing, kept));
  if (position.bytes == 0 && (listing.segments.empty() || listing.segments.begin()->first == end)) {
    // Nothing that counts is there: the first append prepares the directory anew.
    empty_at = end;
    synced = kept;
    co_return Status{};
  }
  CO_TRY_STATUS(co_await recover_closed(listing, kept));
  const auto found = listing.segments.find(kept.segment);
  const auto file_bytes = found == listing.segments.end() ? std::nullopt : found->second.log();
  prepared = true;
  segments.push_back(new_segment(kept.segment));
  CO_TRY_STATUS(co_await recover_active(segments.back(), file_bytes, kept));
  synced = kept;
  co_return Status{};
}

task::Task<Result<SegmentStore::Impl::Listing>> SegmentStore::Impl::list_directory() {
  CO_TRY(const auto entries, co_await task::list(context, *directory, stall()));
  Listing listing;
  std::optional<Offset> removed_below;
  for (const auto& entry : entries) {
    const auto name = parse_segment_file_name(entry.name);
    const bool ours = name && std::ranges::find(kSegmentSuffixes, name->suffix) != std::end(kSegmentSuffixes);
    if (ours) {
      listing.segments[name->base].sizes.emplace(name->suffix, entry.size);
    } else if (name || entry.name.ends_with(kTemporarySuffix)) {
      listing.leftovers.push_back(entry.name);
    }
    if (name && name->suffix == std::string(kLogSuffix) + std::string(kDeletedSuffix)) {
      removed_below = std::max(removed_below.value_or(name->base), name->base);
    }
  }
  // A removal takes segments from the front; where it was interrupted, it is completed. Files without their log are
  // what an interrupted removal or roll left.
  for (auto at = listing.segments.begin(); at != listing.segments.end();) {
    const bool gone = (removed_below && at->first < *removed_below) || !at->second.log();
    if (!gone) {
      ++at;
      continue;
    }
    for (const auto& [suffix, size] : at->second.sizes) {
      listing.leftovers.push_back(segment_file_name(at->first, suffix));
    }
    at = listing.segments.erase(at);
  }
  co_return listing;
}

task::Task<Status> SegmentStore::Impl::check_metadata(bool may_be_missing) {
  const auto text = co_await task::read_whole(context, path(kMetadataFile), 4096, stall());
  const auto found = text ? parse_partition_metadata(as_text(text->span())) : Result<TopicId>(fail(text.error()));
  if (found && *found != id.topic) {
    co_return fail(Errc::corrupt, fmt::format("{} belongs to topic id {}, not {}", *directory, found->to_string(),
                                              id.topic.to_string()));
  }
  if (found) co_return Status{};
  const bool unwritten = found.error().code == Errc::not_found || found.error().code == Errc::corrupt;
  if (unwritten && may_be_missing) co_return Status{};
  co_return fail(unwritten ? Errc::corrupt : found.error().code, *directory + ": " + found.error().message());
}

task::Task<Status> SegmentStore::Impl::remove_leftovers(Listing& listing, const FilePosition& position) {
  for (auto at = listing.segments.upper_bound(position.segment); at != listing.segments.end();) {
    for (const auto& [suffix, size] : at->second.sizes) {
      listing.leftovers.push_back(segment_file_name(at->first, suffix));
    }
    at = listing.segments.erase(at);
  }
  for (const std::string& name : listing.leftovers) {
    directory_dirty = true;
    const Status gone = co_await task::remove(context, path(name), stall());
    if (!gone && gone.error().code != Errc::not_found) co_return gone;
  }
  co_return Status{};
}

task::Task<Status> SegmentStore::Impl::recover_closed(const Listing& listing, const FilePosition& position) {
  for (auto at = listing.segments.begin(); at != listing.segments.end() && at->first < position.segment; ++at) {
    const auto follower = std::next(at);
    const SegmentPtr segment = new_segment(at->first);
    segment->closed = true;
    segment->end = follower == listing.segments.end() ? position.segment : follower->first;
    segment->bytes = *at->second.log();
    const auto bytes = co_await task::read_whole(context, segment->path(kSummarySuffix), kSummarySize, stall());
    const auto summary = bytes ? decode_summary(bytes->span()) : Result<SegmentSummary>(fail(bytes.error()));
    const bool unknown =
        !summary && (summary.error().code == Errc::timed_out || summary.error().code == Errc::overloaded);
    if (unknown) co_return fail(summary.error());
    if (summary && summary->base == segment->base) {
      if (summary->end != segment->end) {
        co_return fail(Errc::corrupt,
                       fmt::format("{}: the segment that begins at {} is missing", *directory, summary->end.value()));
      }
      if (summary->bytes > segment->bytes) {
        co_return fail(Errc::corrupt,
                       fmt::format("{} has {} of {} bytes", segment->path(kLogSuffix), segment->bytes, summary->bytes));
      }
      segment->bytes = summary->bytes;
      segment->offsets_written = summary->offset_entries;
      segment->offsets_crc = summary->offsets_crc;
      segment->times_written = summary->time_entries;
      segment->times_crc = summary->times_crc;
      segment->builder =
          IndexBuilder::closed({summary->max_timestamp.value(), segment->relative(summary->max_timestamp_offset)});
    } else {
      segment->time_estimated = true;
      segment->estimated = context.wall_now();
    }
    segments.push_back(segment);
  }
  co_return Status{};
}

task::Task<Status> SegmentStore::Impl::recover_active(SegmentPtr segment, std::optional<std::uint64_t> file_bytes,
                                                      const FilePosition& position) {
  if (file_bytes.value_or(0) < position.bytes) {
    co_return fail(Errc::corrupt, fmt::format("{} has {} of {} bytes", segment->path(kLogSuffix),
                                              file_bytes.value_or(0), position.bytes));
  }
  if (!file_bytes) {
    CO_TRY_STATUS(co_await create_log(segment));
  } else if (*file_bytes > position.bytes) {
    CO_TRY_STATUS(co_await open_to_write(io(), segment, segment->log, segment->unsynced_log, kLogSuffix));
    CO_TRY_STATUS(co_await task::truncate(context, segment->unsynced_log, position.bytes, stall()));
  }
  segment->bytes = position.bytes;
  segment->end = Offset(position.end.value());
  if (segment->bytes == 0) {
    segment->index_reset = segment->index_unsynced = true;
    segment->release_files();
    co_return Status{};
  }
  CO_TRY(const auto file, co_await open_log(io(), segment, stall()));
  CO_TRY(const auto head, co_await task::read(context, file, 0, wire::kBatchHeaderSize, stall()));
  if (head.size() == wire::kBatchHeaderSize) {
    // Decides only when to roll; the batch is verified when it is read.
    segment->first_timestamp = UnixMillis(load_be<std::int64_t>(head.data() + wire::kMaxTimestampAt));
  }
  co_return co_await recover_index(segment);
}

}  // namespace chronik::log
