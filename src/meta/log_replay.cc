#include "meta/log_replay.h"

#include <fmt/format.h>

#include <algorithm>

#include "task/io.h"

namespace chronik::meta {

namespace {

constexpr std::size_t kSnapshotBytesMax = 1U << 30;
constexpr std::size_t kLogFileBytesMax = 1U << 30;

struct LogFile {
  std::uint64_t number = 0;
  std::string path;
  std::uint64_t first_sequence = 0;
  std::uint32_t previous_crc = 0;
};

std::unexpected<Error> corrupt_at(const std::string& path, std::size_t at, const std::string& what) {
  return fail(Errc::corrupt,
              fmt::format("{} at byte {}: {}. Nothing was changed; restore the file from a copy", path, at, what));
}

bool blank(ByteSpan bytes) {
  return std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0}; });
}

class Replayer {
 public:
  Replayer(task::Context& context, std::string directory, Duration stall, StateMachine& machine)
      : context_(context), directory_(std::move(directory)), stall_(stall), machine_(machine) {}

  task::Task<Result<LogReplay>> run() {
    CO_TRY_STATUS(co_await load_snapshot());
    CO_TRY_STATUS(co_await find_files());
    CO_TRY_STATUS(skip_covered());
    for (std::size_t i = 0; i < files_.size(); ++i) {
      const LogFile* const next = i + 1 < files_.size() ? &files_[i + 1] : nullptr;
      CO_TRY_STATUS(co_await read_file(files_[i], next));
    }
    if (replayed_.position.index > Index(0)) machine_.batch_applied();
    co_return std::move(replayed_);
  }

 private:
  Deadline deadline() const { return context_.after(stall_); }

  task::Task<Status> load_snapshot() {
    const std::string path = directory_ + "/" + std::string(kSnapshotName);
    auto file = co_await task::read_whole(context_, path, kSnapshotBytesMax, deadline());
    if (!file && file.error().code == Errc::not_found) co_return Status{};
    if (!file) co_return std::unexpected(std::move(file).error());
    const auto snapshot = decode_snapshot(file->span());
    if (!snapshot) co_return corrupt_at(path, 0, "the metadata snapshot is damaged");
    auto restored = machine_.restore(snapshot->state);
    if (!restored) co_return corrupt_at(path, sizeof(SnapshotHeader), restored.error().detail);
    snapshot_ = replayed_.position = snapshot->position;
    co_return Status{};
  }

  task::Task<Result<Buffer>> read_log(const std::string& path) {
    return task::read_whole(context_, path, kLogFileBytesMax, deadline());
  }

  /// Files with a good header, by number. One without was being created when the process ended, unless groups stand
  /// behind the header.
  task::Task<Status> find_files() {
    CO_TRY(auto entries, co_await task::list(context_, directory_, deadline()));
    for (const env::DirectoryEntry& entry : entries) {
      const auto number = parse_log_file_name(entry.name);
      if (!number) continue;
      LogFile file{*number, directory_ + "/" + entry.name};
      replayed_.highest_number = std::max(replayed_.highest_number, *number);
      replayed_.files.push_back(file.path);
      CO_TRY(auto handle, co_await task::open(context_, file.path, {.read_only = true}, deadline()));
      CO_TRY(const Buffer block, co_await task::read(context_, handle, 0, kLogBlock, deadline()));
      if (const auto header = decode_file_header(block.span()); header && header->number.get() == *number) {
        file.first_sequence = header->first_sequence.get();
        file.previous_crc = header->previous_crc.get();
        files_.push_back(std::move(file));
        continue;
      }
      CO_TRY(const Buffer all, co_await read_log(file.path));
      for (std::size_t at = kLogBlock; at < all.size(); at += kLogBlock) {
        if (!decode_group(all.span().subspan(at))) continue;
        co_return corrupt_at(file.path, 0, "the file's header is damaged, and commands stand behind it");
      }
    }
    std::ranges::sort(files_, {}, &LogFile::number);
    std::ranges::sort(replayed_.files);
    co_return Status{};
  }

  /// Forgets files that the snapshot contains, and checks that the rest begins where it must.
  Status skip_covered() {
    while (files_.size() > 1 && files_[1].first_sequence <= snapshot_.sequence + 1) files_.erase(files_.begin());
    if (files_.empty()) return {};
    const LogFile& first = files_.front();
    if (first.first_sequence > snapshot_.sequence + 1) {
      return fail(Errc::corrupt, fmt::format("{} begins with group {}, but what is before it ends at group {}: a file "
                                             "is missing in {}",
                                             first.path, first.first_sequence, snapshot_.sequence, directory_));
    }
    const bool continues = first.first_sequence == snapshot_.sequence + 1;
    reading_ = continues ? snapshot_ : LogPosition{first.first_sequence - 1, first.previous_crc, Index(0)};
    return {};
  }

  /// Groups of `file` until it ends, or until `next` says that its own begin.
  task::Task<Status> read_file(const LogFile& file, const LogFile* next) {
    if (file.first_sequence != reading_.sequence + 1 || file.previous_crc != reading_.crc) {
      co_return corrupt_at(file.path, 0, "the file does not continue the one before it");
    }
    CO_TRY(const Buffer all, co_await read_log(file.path));
    std::size_t at = kLogBlock;
    first_bad_ = all.size();
    while (at < all.size()) {
      if (next && next->first_sequence <= reading_.sequence + 1) break;
      const auto group = decode_group(all.span().subspan(at));
      if (group && accepts(*group)) {
        CO_TRY_STATUS(deliver(file, at, *group));
        at += group->bytes;
        continue;
      }
      if (group && group->seal() && group->header.sequence.get() == reading_.sequence) {
        at += group->bytes;
        continue;
      }
      CO_TRY(const std::size_t further, judge(file, all.span(), at));
      at = further;
    }
    if (next && next->first_sequence > reading_.sequence + 1) {
      co_return corrupt_at(file.path, std::min(at, first_bad_),
                           fmt::format("group {} was acknowledged and is damaged or missing; {} follows it",
                                       reading_.sequence + 1, next->path));
    }
    co_return Status{};
  }

  bool accepts(const LogGroup& group) const {
    // Before the snapshot's end the index is not known; afterwards it must continue.
    LogPosition expected = reading_;
    if (expected.index == Index(0)) expected.index = Index(group.header.first_index.get() - 1);
    return group.follows(expected);
  }

  /// What stands at `at` does not hold. Where reading goes on: at the group that follows, if only a seal was lost; at
  /// the end, if the last group is torn.
  Result<std::size_t> judge(const LogFile& file, ByteSpan all, std::size_t at) {
    first_bad_ = at;
    for (std::size_t block = at; block < all.size(); block += kLogBlock) {
      const auto group = decode_group(all.subspan(block));
      if (!group) continue;
      if (accepts(*group)) return block;
      if (group->header.sequence.get() <= reading_.sequence) continue;
      return corrupt_at(file.path, at,
                        fmt::format("group {} was acknowledged and is damaged; group {} follows it at byte {}",
                                    reading_.sequence + 1, group->header.sequence.get(), block));
    }
    if (!blank(all.subspan(at))) replayed_.torn = true;
    return all.size();
  }

  Status deliver(const LogFile& file, std::size_t at, const LogGroup& group) {
    const std::uint64_t first = group.header.first_index.get();
    reading_ = {group.header.sequence.get(), group.header.crc.get(), Index(first + group.commands.size() - 1)};
    if (reading_.sequence == snapshot_.sequence && reading_ != snapshot_) {
      return corrupt_at(file.path, at, "the group is not the one that the snapshot ends with");
    }
    if (reading_.sequence <= snapshot_.sequence) return {};
    for (std::size_t i = 0; i < group.commands.size(); ++i) {
      auto command = decode_command(group.commands[i]);
      if (!command) return corrupt_at(file.path, at, command.error().detail);
      (void)machine_.apply(Index(first + i), *command);
    }
    replayed_.position = reading_;
    replayed_.bytes += group.bytes;
    return {};
  }

  task::Context& context_;
  std::string directory_;
  Duration stall_;
  StateMachine& machine_;
  LogPosition snapshot_;
  LogPosition reading_;  // the last group seen, applied or not
  std::vector<LogFile> files_;
  LogReplay replayed_;
  std::size_t first_bad_ = 0;  // byte of the current file where reading had to be judged
};

}  // namespace

task::Task<Result<LogReplay>> replay_log(task::Context& context, std::string directory, Duration stall,
                                         StateMachine& machine) {
  Replayer replayer(context, std::move(directory), stall, machine);
  co_return co_await replayer.run();
}

}  // namespace chronik::meta
