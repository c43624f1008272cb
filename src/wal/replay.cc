#include "wal/replay.h"

#include <algorithm>
#include <tuple>

#include "task/io.h"
#include "wal/log_reader.h"

namespace chronik::wal {

namespace {

/// What a killed process wrote may be in the page cache only: before anybody sees a frame of it, it must be on disk.
task::Task<Status> make_durable(task::Context& context, std::vector<LogFileEntry> files, Duration stall) {
  for (const LogFileEntry& entry : files) {
    CO_TRY(auto file, co_await task::open(context, entry.path, {.read_only = true}, context.after(stall)));
    CO_TRY_STATUS(co_await task::sync(context, file, context.after(stall)));
  }
  co_return Status{};
}

}  // namespace

task::Task<Result<ReplayReport>> replay(task::Context& context, std::string directory, LogId log_id, Duration stall,
                                        std::function<Status(const ReplayedFrame&)> sink) {
  CO_TRY(auto entries, co_await task::list(context, directory, context.after(stall)));
  std::vector<LogFileEntry> files;
  for (const auto& entry : entries) {
    const auto name = parse_file_name(entry.name);
    if (name && !entry.is_directory) files.push_back({*name, directory + "/" + entry.name, entry.size});
  }
  std::ranges::sort(files, [](const LogFileEntry& a, const LogFileEntry& b) {
    return std::tie(a.name.generation, a.name.shard, a.name.number) <
           std::tie(b.name.generation, b.name.shard, b.name.number);
  });
  CO_TRY_STATUS(co_await task::sync_directory(context, directory, context.after(stall)));
  CO_TRY_STATUS(co_await make_durable(context, files, stall));
  ReplayReport report;
  for (std::size_t i = 0; i < files.size();) {
    std::vector<LogFileEntry> one;
    const FileName log = files[i].name;
    while (i < files.size() && files[i].name.generation == log.generation && files[i].name.shard == log.shard) {
      report.files.push_back(files[i].path);
      one.push_back(std::move(files[i++]));
    }
    report.newest = std::max(report.newest, log.generation);
    LogReader reader(context, log_id, stall, std::move(one), report, sink);
    CO_TRY_STATUS(co_await reader.run());
  }
  co_return report;
}

task::Task<Status> remove_replayed(task::Context& context, std::string directory, std::vector<std::string> files,
                                   Duration stall) {
  for (const std::string& file : files) {
    const Status removed = co_await task::remove(context, file, context.after(stall));
    if (!removed && removed.error().code != Errc::not_found) co_return removed;
    CO_TRY_STATUS(co_await task::sync_directory(context, directory, context.after(stall)));
  }
  co_return Status{};
}

}  // namespace chronik::wal
