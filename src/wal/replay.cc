#include "wal/replay.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <optional>

#include "base/crc32c.h"
#include "task/io.h"

namespace chronik::wal {

namespace {

constexpr std::size_t kWindow = 4U << 20;

struct LogFileName {
  Generation generation;
  ShardId shard;
  std::uint64_t number = 0;
  std::string path;
  std::uint64_t bytes = 0;
};

std::optional<LogFileName> parse_name(const std::string& directory, const env::DirectoryEntry& entry) {
  unsigned long long generation = 0;
  unsigned shard = 0;
  unsigned long long number = 0;
  int used = 0;
  if (std::sscanf(entry.name.c_str(), "%16llx-%4x-%8llx.wal%n", &generation, &shard, &number, &used) != 3) return {};
  if (static_cast<std::size_t>(used) != entry.name.size()) return {};
  return LogFileName{Generation(generation), ShardId(shard), number, directory + "/" + entry.name, entry.size};
}

/// A sliding view of one file.
class Window {
 public:
  Window(task::Context& context, env::FilePtr file, std::uint64_t size, Duration stall)
      : context_(context), file_(std::move(file)), size_(size), stall_(stall) {}

  /// [at, at + length), or nothing beyond the end of the file.
  task::Task<Result<Buffer>> view(std::uint64_t at, std::size_t length) {
    if (at + length > size_) co_return Buffer{};
    if (at < begin_ || at + length > begin_ + bytes_.size()) {
      const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(std::max(length, kWindow), size_ - at));
      CO_TRY(bytes_, co_await task::read(context_, file_, at, want, context_.after(stall_)));
      begin_ = at;
      if (bytes_.size() < length) co_return Buffer{};
    }
    co_return bytes_.slice(static_cast<std::size_t>(at - begin_), length);
  }
  std::uint64_t size() const { return size_; }

 private:
  task::Context& context_;
  env::FilePtr file_;
  std::uint64_t size_;
  Duration stall_;
  std::uint64_t begin_ = 0;
  Buffer bytes_;
};

struct Group {
  GroupHeader header;
  Buffer body;
};

/// One shard's log of one generation.
class LogReader {
 public:
  LogReader(task::Context& context, LogId log_id, Duration stall, std::vector<LogFileName> files, ReplayReport& report,
            const std::function<Status(const ReplayedFrame&)>& sink)
      : context_(context), log_id_(log_id), stall_(stall), files_(std::move(files)), report_(report), sink_(sink) {}

  task::Task<Status> run() {
    std::size_t file = 0;
    std::uint64_t at = kBlock;
    CO_TRY_STATUS(co_await open(file));
    for (;;) {
      CO_TRY(auto group, co_await group_at(at));
      if (group && follows(group->header)) {
        CO_TRY_STATUS(deliver(*group));
        at += align_up(group->header.length, kBlock);
        continue;
      }
      const std::uint64_t bad_at = at;
      const std::size_t bad_file = file;
      // The next group may stand at the beginning of the next file.
      if (file + 1 < files_.size()) {
        CO_TRY_STATUS(co_await open(file + 1));
        CO_TRY(auto next, co_await group_at(kBlock));
        if (next && follows(next->header)) {
          ++file;
          at = kBlock;
          continue;
        }
      }
      co_return co_await judge(bad_file, bad_at);
    }
  }

 private:
  task::Task<Status> open(std::size_t index) {
    CO_TRY(auto file, co_await task::open(context_, files_[index].path, {.read_only = true}, deadline()));
    window_.emplace(context_, std::move(file), files_[index].bytes, stall_);
    co_return Status{};
  }

  Deadline deadline() const { return context_.after(stall_); }

  /// The group at `at` of the open file, if header and body hold and it belongs to this log.
  task::Task<Result<std::optional<Group>>> group_at(std::uint64_t at) {
    CO_TRY(auto head, co_await window_->view(at, sizeof(GroupHeader)));
    if (head.empty()) co_return std::nullopt;
    Group group;
    std::memcpy(&group.header, head.data(), sizeof group.header);
    if (!holds(group.header) || !ours(group.header)) co_return std::nullopt;
    CO_TRY(auto whole, co_await window_->view(at, group.header.length));
    if (whole.empty()) co_return std::nullopt;
    group.body = whole.slice(sizeof(GroupHeader), whole.size() - sizeof(GroupHeader));
    if (crc32c(group.body.span()) != group.header.body_crc) co_return std::nullopt;
    co_return group;
  }

  bool ours(const GroupHeader& header) const {
    return header.log_id == log_id_.value() && header.generation == files_.front().generation.value() &&
           header.shard == files_.front().shard.value() && header.length >= sizeof(GroupHeader);
  }

  /// The first group that we meet may have any sequence: files before it were released.
  bool follows(const GroupHeader& header) const {
    if (!last_) return true;
    return header.sequence == last_->sequence + 1 && header.previous_crc == last_->crc;
  }

  Status deliver(const Group& group) {
    std::size_t at = 0;
    for (std::uint32_t i = 0; i < group.header.frames; ++i) {
      FrameHeader frame;
      if (at + sizeof frame > group.body.size()) return malformed(group);
      std::memcpy(&frame, group.body.data() + at, sizeof frame);
      if (frame_bytes(frame.payload_bytes) > group.body.size() - at) return malformed(group);
      ReplayedFrame replayed;
      replayed.info.kind = static_cast<FrameKind>(frame.kind);
      std::memcpy(replayed.info.partition.topic.bytes.data(), frame.topic, sizeof frame.topic);
      replayed.info.partition.partition = PartitionIndex(frame.partition);
      replayed.info.base = Offset(frame.base_offset);
      replayed.info.end = LogEndOffset(frame.end_offset);
      replayed.payload = group.body.slice(at + sizeof frame, frame.payload_bytes);
      TRY_STATUS(sink_(replayed));
      at += frame_bytes(frame.payload_bytes);
      ++report_.frames;
    }
    last_ = group.header;
    ++report_.groups;
    report_.bytes += group.header.length;
    return {};
  }

  Status malformed(const Group& group) const {
    return fail(Errc::corrupt, "write-ahead log group " + std::to_string(group.header.sequence) + " in " +
                                   files_.front().path + " has a valid checksum but malformed frames");
  }

  /// The group at `at` of file `index` does not hold. Is there a later one that says it was durable?
  task::Task<Status> judge(std::size_t index, std::uint64_t at) {
    const std::string place = files_[index].path + " at byte " + std::to_string(at);
    bool something = false;
    for (std::size_t i = index; i < files_.size(); ++i) {
      CO_TRY_STATUS(co_await open(i));
      for (std::uint64_t block = i == index ? at : kBlock; block + kBlock <= window_->size(); block += kBlock) {
        CO_TRY(auto head, co_await window_->view(block, sizeof(GroupHeader)));
        if (head.empty()) break;
        GroupHeader header;
        std::memcpy(&header, head.data(), sizeof header);
        const bool blank = header.magic == 0 && header.length == 0;
        if (i == index && block == at && !blank) something = true;
        if (!holds(header) || !ours(header)) continue;
        if (last_ && header.sequence <= last_->sequence) continue;  // stale: the file was recycled
        const std::uint64_t lost = last_ ? last_->sequence + 1 : header.sequence - 1;
        if (header.sequence > lost && header.durable >= lost) {
          co_return fail(
              Errc::corrupt,
              "write-ahead log group " + std::to_string(lost) + " was acknowledged and is damaged: " + place +
                  "; group " + std::to_string(header.sequence) + " in " + files_[i].path +
                  " follows it. Nothing was changed; restore the file, or move it away to give up its records");
        }
      }
    }
    if (something) ++report_.torn_groups;
    co_return Status{};
  }

  task::Context& context_;
  LogId log_id_;
  Duration stall_;
  std::vector<LogFileName> files_;
  ReplayReport& report_;
  const std::function<Status(const ReplayedFrame&)>& sink_;
  std::optional<Window> window_;
  std::optional<GroupHeader> last_;
};

}  // namespace

task::Task<Result<ReplayReport>> replay(task::Context& context, std::string directory, LogId log_id, Duration stall,
                                        std::function<Status(const ReplayedFrame&)> sink) {
  CO_TRY(auto entries, co_await task::list(context, directory, context.after(stall)));
  std::vector<LogFileName> files;
  for (const auto& entry : entries) {
    if (auto name = parse_name(directory, entry)) files.push_back(*std::move(name));
  }
  std::ranges::sort(files, [](const LogFileName& a, const LogFileName& b) {
    return std::tie(a.generation, a.shard, a.number) < std::tie(b.generation, b.shard, b.number);
  });
  ReplayReport report;
  for (std::size_t i = 0; i < files.size();) {
    std::vector<LogFileName> one;
    while (i < files.size() &&
           (one.empty() || (files[i].generation == one.front().generation && files[i].shard == one.front().shard))) {
      report.files.push_back(files[i].path);
      report.newest = std::max(report.newest, files[i].generation);
      one.push_back(std::move(files[i++]));
    }
    LogReader reader(context, log_id, stall, std::move(one), report, sink);
    CO_TRY_STATUS(co_await reader.run());
  }
  co_return report;
}

}  // namespace chronik::wal
