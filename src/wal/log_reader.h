// LogReader: one shard's log of one generation, read to its end and judged there. See replay.h.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "task/context.h"
#include "wal/format.h"
#include "wal/replay.h"

namespace chronik::wal {

struct LogFileEntry {
  FileName name;
  std::string path;
  std::uint64_t bytes = 0;
};

/// A sliding view of one file.
class Window {
 public:
  Window(task::Context& context, env::FilePtr file, std::uint64_t size, Duration stall)
      : context_(context), file_(std::move(file)), size_(size), stall_(stall) {}

  /// [at, at + length), or nothing beyond the end of the file.
  task::Task<Result<Buffer>> view(std::uint64_t at, std::size_t length);
  std::uint64_t size() const { return size_; }

 private:
  task::Context& context_;
  env::FilePtr file_;
  std::uint64_t size_;
  Duration stall_;
  std::uint64_t begin_ = 0;
  Buffer bytes_;
};

class LogReader {
 public:
  using Sink = std::function<Status(const ReplayedFrame&)>;

  /// `files`: all of one generation and shard, by number, at least one.
  LogReader(task::Context& context, LogId log_id, Duration stall, std::vector<LogFileEntry> files, ReplayReport& report,
            const Sink& sink)
      : context_(context), log_id_(log_id), stall_(stall), files_(std::move(files)), report_(report), sink_(sink) {}

  task::Task<Status> run();

 private:
  struct Group {
    GroupHeader header;
    Buffer body;
  };

  task::Task<Status> open(std::size_t index);
  task::Task<Result<bool>> enter_first();
  task::Task<Result<bool>> enter_next();
  task::Task<Result<bool>> holds_groups();
  task::Task<Result<std::optional<FileHeader>>> file_header();
  task::Task<Result<std::optional<GroupHeader>>> header_at(std::uint64_t at);
  task::Task<Result<std::optional<Group>>> group_at(std::uint64_t at);
  bool follows(const GroupHeader& header) const;
  Status deliver(const Group& group);
  std::unexpected<Error> malformed(const Group& group) const;
  task::Task<Status> judge(std::size_t index, std::uint64_t at);
  std::unexpected<Error> damaged(const std::string& place, const GroupHeader& witness, std::size_t in) const;
  Deadline deadline() const { return context_.after(stall_); }

  task::Context& context_;
  LogId log_id_;
  Duration stall_;
  std::vector<LogFileEntry> files_;
  ReplayReport& report_;
  const Sink& sink_;
  std::optional<Window> window_;  // of file index_
  std::size_t index_ = 0;
  std::uint64_t at_ = kBlock;
  std::optional<std::uint64_t> expected_;  // sequence of the next group, once known
  std::optional<std::uint32_t> previous_crc_;
};

}  // namespace chronik::wal
