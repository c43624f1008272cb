// What the rig does that needs no template.
#include "log/test_rig.h"
#include "task/io.h"

namespace chronik::log {

task::Task<Status> LogRig::open_directory(std::uint64_t generation) {
  CO_TRY_STATUS(co_await task::make_directory(*context, "data", in(10s)));
  CO_TRY_STATUS(co_await task::make_directory(*context, "data/wal", in(10s)));
  CO_TRY_STATUS(co_await task::sync_directory(*context, "data", in(10s)));
  CO_TRY_STATUS(co_await task::sync_directory(*context, ".", in(10s)));
  const wal::Generation now(generation);
  const bool first = generation == 1;
  CO_TRY(auto recovered, co_await recover_directory(*context, "data", wal_options.log_id, now, first, 10s));
  const std::int32_t count = partitions_;
  const auto known = [count](const TopicPartition& id) { return id.partition.value() < count; };
  CO_TRY_STATUS(co_await consolidate(*context, "data", now, recovered, known, 10s));
  ShardLogOptions options;
  options.directory = "data";
  options.files_max = files_max;
  options.flush_parallel = flush_parallel;
  options.wal = wal_options;
  options.wal.directory = "data/wal";
  options.wal.generation = now;
  CO_TRY(log, co_await ShardLog::open(*context, options));
  for (std::int32_t i = 0; i < partitions_; ++i) {
    const TopicPartition id = test_partition(i);
    const PartitionSpec spec{"t", id, LeaderEpoch(0), config_};
    const auto past = recovered.partitions.find(id);
    if (past == recovered.partitions.end()) {
      log->create(spec);
    } else {
      auto made = co_await log->create_recovered(spec, std::move(past->second));
      if (!made) co_return std::unexpected(std::move(made).error());
    }
  }
  co_return Status{};
}

}  // namespace chronik::log
