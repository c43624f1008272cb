#include "wal/log_reader.h"

#include <algorithm>
#include <cstring>

#include "base/canary.h"
#include "base/crc32c.h"
#include "task/io.h"

namespace chronik::wal {

namespace {
constexpr std::size_t kWindow = 4U << 20;
}

task::Task<Result<Buffer>> Window::view(std::uint64_t at, std::size_t length) {
  if (at > size_ || length > size_ - at) co_return Buffer{};
  if (at < begin_ || at + length > begin_ + bytes_.size()) {
    const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(std::max(length, kWindow), size_ - at));
    bytes_ = {};
    CO_TRY(bytes_, co_await task::read(context_, file_, at, want, context_.after(stall_)));
    begin_ = at;
    if (bytes_.size() < length) co_return Buffer{};
  }
  co_return bytes_.slice(static_cast<std::size_t>(at - begin_), length);
}

task::Task<Status> LogReader::run() {
  CO_TRY(bool more, co_await enter_first());
  while (more) {
    CO_TRY(auto group, co_await group_at(at_));
    if (group && follows(group->header)) {
      CO_TRY_STATUS(deliver(*group));
      at_ += align_up(group->header.length, kBlock);
      continue;
    }
    const std::size_t bad_file = index_;
    const std::uint64_t bad_at = at_;
    CO_TRY(more, co_await enter_next());
    if (!more) co_return co_await judge(bad_file, bad_at);
  }
  co_return Status{};
}

task::Task<Status> LogReader::open(std::size_t index) {
  CO_TRY(auto file, co_await task::open(context_, files_[index].path, {.read_only = true}, deadline()));
  window_.emplace(context_, std::move(file), files_[index].bytes, stall_);
  index_ = index;
  at_ = kBlock;
  co_return Status{};
}

/// The header of the open file, if it holds: what a valid header says must fit.
task::Task<Result<std::optional<FileHeader>>> LogReader::file_header() {
  CO_TRY(auto bytes, co_await window_->view(0, sizeof(FileHeader)));
  if (bytes.empty()) co_return std::nullopt;
  FileHeader header;
  std::memcpy(&header, bytes.data(), sizeof header);
  if (!holds(header)) co_return std::nullopt;
  const LogFileEntry& file = files_[index_];
  if (header.version != kFormatVersion) {
    co_return fail(Errc::unsupported, file.path + " has format version " + std::to_string(header.version));
  }
  if (header.log_id != log_id_.value()) {
    co_return fail(Errc::corrupt, file.path + " belongs to another data directory. Nothing was changed; remove it");
  }
  if (header.generation != file.name.generation.value() || header.shard != file.name.shard.value()) {
    co_return fail(Errc::corrupt, file.path + " bears the name of another file. Nothing was changed");
  }
  co_return header;
}

task::Task<Result<bool>> LogReader::holds_groups() {
  for (std::uint64_t at = kBlock; at + kBlock <= window_->size(); at += kBlock) {
    CO_TRY(const auto header, co_await header_at(at));
    if (header) co_return true;
  }
  co_return false;
}

/// Opens the oldest file that took groups; false if none did. A file whose header says that it took none may hold
/// stale groups, of the time before it was recycled.
task::Task<Result<bool>> LogReader::enter_first() {
  bool skipped = false;
  for (std::size_t i = 0; i < files_.size(); ++i) {
    CO_TRY_STATUS(co_await open(i));
    CO_TRY(const auto header, co_await file_header());
    if (header && header->number != files_[i].name.number) continue;  // was being retired: name and header in two steps
    if (header && header->first == 0) {
      skipped = true;
      continue;
    }
    if (header) {
      // Only the very first group may have left a file unused, one too small for it. Else what stood before this file
      // is gone: without syncs (modes interval and none) a power cut may do that.
      expected_ = skipped && header->first > 1 ? header->first - 1 : header->first;
      co_return true;
    }
    // The header is damaged, or the file was never finished.
    CO_TRY(const auto first, co_await header_at(kBlock));
    if (first) expected_ = first->sequence;
    CO_TRY(const bool used, co_await holds_groups());
    if (used) co_return true;
  }
  co_return false;
}

/// Opens the file in which the log goes on; false if there is none. Files that took no group may lie between.
task::Task<Result<bool>> LogReader::enter_next() {
  if (!expected_) co_return false;
  for (std::size_t i = index_ + 1; i < files_.size(); ++i) {
    CO_TRY_STATUS(co_await open(i));
    CO_TRY(const auto header, co_await file_header());
    if (header && header->number == files_[i].name.number && header->first == *expected_) co_return true;
    if (header) continue;
    CO_TRY(const auto group, co_await group_at(kBlock));
    if (group && follows(group->header)) co_return true;
  }
  co_return false;
}

/// The group header at `at` of the open file, if it holds and is of this log. It may be stale.
task::Task<Result<std::optional<GroupHeader>>> LogReader::header_at(std::uint64_t at) {
  CO_TRY(auto bytes, co_await window_->view(at, sizeof(GroupHeader)));
  if (bytes.empty()) co_return std::nullopt;
  GroupHeader header;
  std::memcpy(&header, bytes.data(), sizeof header);
  const FileName& name = files_.front().name;
  const bool ours = holds(header) && header.log_id == log_id_.value() && header.length >= sizeof(GroupHeader) &&
                    header.generation == name.generation.value() && header.shard == name.shard.value();
  if (!ours) co_return std::nullopt;
  co_return header;
}

/// The same with its body, if that holds too.
task::Task<Result<std::optional<LogReader::Group>>> LogReader::group_at(std::uint64_t at) {
  CO_TRY(const auto header, co_await header_at(at));
  if (!header) co_return std::nullopt;
  CO_TRY(auto whole, co_await window_->view(at, header->length));
  if (whole.empty()) co_return std::nullopt;
  Group group{*header, whole.slice(sizeof(GroupHeader), whole.size() - sizeof(GroupHeader))};
  if (crc32c(group.body.span()) != header->body_crc) co_return std::nullopt;
  co_return group;
}

bool LogReader::follows(const GroupHeader& header) const {
  if (canary(Canary::stale_group_accepted) && expected_ && header.sequence != *expected_) return true;
  return expected_ == header.sequence && (!previous_crc_ || header.previous_crc == *previous_crc_);
}

Status LogReader::deliver(const Group& group) {
  std::size_t at = 0;
  for (std::uint32_t i = 0; i < group.header.frames; ++i) {
    FrameHeader frame;
    if (sizeof frame > group.body.size() - at) return malformed(group);
    std::memcpy(&frame, group.body.data() + at, sizeof frame);
    if (frame_bytes(frame.payload_bytes) > group.body.size() - at) return malformed(group);
    const auto kind = static_cast<FrameKind>(frame.kind);
    if (kind != FrameKind::batch && kind != FrameKind::log_start) return malformed(group);
    ReplayedFrame replayed;
    replayed.info.kind = kind;
    std::memcpy(replayed.info.partition.topic.bytes.data(), frame.topic, sizeof frame.topic);
    replayed.info.partition.partition = PartitionIndex(frame.partition);
    replayed.info.base = Offset(frame.base_offset);
    replayed.info.end = LogEndOffset(frame.end_offset);
    replayed.payload = group.body.slice(at + sizeof frame, frame.payload_bytes);
    TRY_STATUS(sink_(replayed));
    at += frame_bytes(frame.payload_bytes);
    ++report_.frames;
  }
  if (at != group.body.size()) return malformed(group);
  expected_ = group.header.sequence + 1;
  previous_crc_ = group.header.crc;
  ++report_.groups;
  report_.bytes += group.header.length;
  return {};
}

std::unexpected<Error> LogReader::malformed(const Group& group) const {
  return fail(Errc::corrupt, files_[index_].path + ": write-ahead log group " + std::to_string(group.header.sequence) +
                                 " has a valid checksum but frames that this version cannot read");
}

/// The log does not go on at `at` of file `index`. Was what should stand there acknowledged? Whatever group header is
/// found behind it bears witness; stale ones are older than what is expected and vouch for still older ones.
task::Task<Status> LogReader::judge(std::size_t index, std::uint64_t at) {
  const std::string place = files_[index].path + " at byte " + std::to_string(at);
  bool torn = false;
  for (std::size_t i = index; i < files_.size(); ++i) {
    CO_TRY_STATUS(co_await open(i));
    for (std::uint64_t block = i == index ? at : kBlock; block + kBlock <= window_->size(); block += kBlock) {
      CO_TRY(const auto header, co_await header_at(block));
      if (i == index && block == at && !header) {
        // Half of a header, perhaps.
        CO_TRY(const auto bytes, co_await window_->view(block, sizeof kGroupMagic));
        torn = std::memcmp(bytes.data(), &kGroupMagic, sizeof kGroupMagic) == 0;
      }
      if (!header || header->sequence <= 1) {
        torn = torn || header;
        continue;
      }
      // Nothing was readable so far: at least the one before this stood here.
      if (!expected_) expected_ = header->sequence - 1;
      if (header->sequence < *expected_) continue;
      torn = true;
      if (canary(Canary::corruption_called_torn)) continue;
      const bool witness = header->durable >= *expected_ || canary(Canary::torn_tail_called_corrupt);
      if (witness) co_return damaged(place, *header, i);
    }
  }
  if (torn) ++report_.torn_groups;
  co_return Status{};
}

std::unexpected<Error> LogReader::damaged(const std::string& place, const GroupHeader& witness, std::size_t in) const {
  return fail(Errc::corrupt, "write-ahead log group " + std::to_string(*expected_) +
                                 " was acknowledged and is damaged or missing: " + place + "; group " +
                                 std::to_string(witness.sequence) + " in " + files_[in].path +
                                 " says so. Nothing was changed; restore the file, or give up its records by moving it "
                                 "and all older files of this generation and shard away");
}

}  // namespace chronik::wal
