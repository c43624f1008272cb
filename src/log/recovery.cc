#include "log/recovery.h"

#include <algorithm>
#include <set>

#include "log/segment_names.h"
#include "task/io.h"

namespace chronik::log {

namespace {
constexpr std::size_t kRecordBytesMax = 1U << 30;
constexpr std::string_view kRecordPrefix = "checkpoint-";

std::string partition_directory(const std::string& topic, const TopicPartition& id) {
  return topic + "-" + std::to_string(id.partition.value());
}

bool is_record(const std::string& name) {
  return name.starts_with(kRecordPrefix) && !name.ends_with(".tmp");
}
}  // namespace

task::Task<Result<Recovered>> recover_directory(task::Context& context, std::string directory, wal::LogId log_id,
                                                wal::Generation generation, bool first_start, Duration stall) {
  Recovered recovered;
  std::map<TopicPartition, wal::Generation> newest;
  CO_TRY(auto entries, co_await task::list(context, directory, context.after(stall)));
  for (const auto& entry : entries) {
    if (entry.is_directory || !is_record(entry.name)) continue;
    const std::string path = directory + "/" + entry.name;
    CO_TRY(auto bytes, co_await task::read_whole(context, path, kRecordBytesMax, context.after(stall)));
    auto record = decode_checkpoint(bytes.span());
    if (!record) co_return fail(record.error().code, path + ": " + record.error().detail);
    if (record->generation >= generation) {
      co_return fail(Errc::corrupt, path + " is of generation " + std::to_string(record->generation.value()) +
                                        ", but the metadata log says this is generation " +
                                        std::to_string(generation.value()) +
                                        ": was the metadata restored from a backup?");
    }
    recovered.checkpoint_files.push_back(path);
    for (auto& partition : record->partitions) {
      auto& seen = newest[partition.id];
      if (seen > record->generation) continue;
      seen = record->generation;
      recovered.partitions[partition.id].record = std::move(partition);
    }
  }
  if (!first_start && recovered.checkpoint_files.empty()) {
    co_return fail(Errc::corrupt, directory +
                                      ": no checkpoint record, although the metadata knows of earlier starts; "
                                      "restore checkpoint-* from where it went");
  }
  auto sink = [&](const wal::ReplayedFrame& frame) -> Status {
    recovered.partitions[frame.info.partition].frames.push_back(frame);
    return {};
  };
  CO_TRY(recovered.report, co_await wal::replay(context, directory + "/wal", log_id, stall, sink));
  co_return recovered;
}

namespace {

/// Named as a partition's directory, and nothing else inside: only such a one may be removed.
task::Task<Result<bool>> is_ours(task::Context& context, std::string path, std::string name, Duration stall) {
  if (!is_partition_directory_name(name)) co_return false;
  CO_TRY(const auto entries, co_await task::list(context, std::move(path), context.after(stall)));
  co_return std::ranges::all_of(entries, [](const env::DirectoryEntry& entry) {
    return !entry.is_directory && is_partition_file_name(entry.name);
  });
}

}  // namespace

task::Task<Status> consolidate(task::Context& context, std::string directory, wal::Generation generation,
                               Recovered& recovered, std::function<bool(const TopicPartition&)> known, Duration stall) {
  CheckpointRecord record;
  // Below the generation of the shards' own records, which will replace these entries one by one.
  record.generation = wal::Generation(generation.value() - 1);
  std::set<std::string> vouched;
  for (const auto& [id, partition] : recovered.partitions) {
    if (!partition.record || !known(id)) continue;
    record.partitions.push_back(*partition.record);
    if (partition.record->files) vouched.insert(partition_directory(partition.record->topic, id));
  }
  const std::string name = std::string(kRecordPrefix) + "base";
  CO_TRY_STATUS(co_await task::write_file_atomically(context, directory, name, encode(record), context.after(stall)));
  for (const std::string& path : recovered.checkpoint_files) {
    if (path == directory + "/" + name) continue;
    CO_TRY_STATUS(co_await task::remove(context, path, context.after(stall)));
  }
  CO_TRY(auto entries, co_await task::list(context, directory, context.after(stall)));
  for (const auto& entry : entries) {
    if (!entry.is_directory || vouched.contains(entry.name)) continue;
    CO_TRY(const bool ours, co_await is_ours(context, directory + "/" + entry.name, entry.name, stall));
    if (!ours) continue;
    // What a directory without a record holds was never released from the write-ahead log: it will be written again.
    CO_TRY_STATUS(co_await task::remove_tree(context, directory + "/" + entry.name, context.after(stall)));
  }
  co_return co_await task::sync_directory(context, directory, context.after(stall));
}

}  // namespace chronik::log
