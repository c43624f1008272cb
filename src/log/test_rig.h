// For tests: one machine of the simulated world with one shard's logs on it, and a model of what was acknowledged.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "log/recovery.h"
#include "log/shard_log.h"
#include "sim/sim_env.h"
#include "wire/record_batch_builder.h"
#include "wire/record_reader.h"

namespace chronik::log {

inline TopicPartition test_partition(std::int32_t index) {
  TopicId topic;
  topic.bytes[3] = 5;
  return {topic, PartitionIndex(index)};
}

/// A batch of `values`, as a producer would send it.
inline Buffer make_batch(const std::vector<std::string>& values, ProducerId producer = wire::kNoProducerId,
                         std::int32_t sequence = wire::kNoSequence, std::int64_t timestamp = 1'700'000'000'000) {
  wire::BatchOptions options;
  options.producer_id = producer;
  options.producer_epoch = producer == wire::kNoProducerId ? wire::kNoProducerEpoch : ProducerEpoch(0);
  options.base_sequence = sequence;
  wire::RecordBatchBuilder builder(options);
  for (const std::string& value : values) builder.add(UnixMillis(timestamp), std::nullopt, as_bytes(value));
  return builder.build().value();
}

class LogRig {
 public:
  explicit LogRig(std::uint64_t seed) : world(sim::World::create(seed)), machine(world->machine("m")) {
    context = std::make_unique<task::Context>(machine.env());
    wal_options.log_id = wal::LogId(7);
    wal_options.first_file_bytes = 256U << 10;
    wal_options.file_bytes = 256U << 10;
    wal_options.bytes_max = 2U << 20;
  }
  ~LogRig() { drop(); }
  LogRig(const LogRig&) = delete;
  LogRig& operator=(const LogRig&) = delete;

  template <class T>
  T run(task::Task<T> task, Duration limit = 120s) {
    auto result = start(std::move(task));
    EXPECT_TRUE(world->run_until([&] { return result->has_value(); }, limit)) << "did not end in time";
    return std::move(**result);
  }
  template <class T>
  std::shared_ptr<std::optional<T>> start(task::Task<T> task) {
    auto result = std::make_shared<std::optional<T>>();
    context->spawn("test", store(std::move(task), result));
    return result;
  }
  Deadline in(Duration span) { return context->after(span); }

  /// Opens the directory under the next generation, with whatever it holds, and these partitions.
  Status open(std::int32_t partitions, const LogConfig& config = {}) {
    partitions_ = partitions;
    config_ = config;
    return run(open_directory(++generation_));
  }
  /// Power cut, then a fresh process that has not opened the directory yet.
  void crash() {
    drop_objects();
    machine.crash();
    renew();
  }
  PartitionPtr partition(std::int32_t index) { return log->find(test_partition(index)); }

  /// Appends and waits for the disk.
  std::expected<Appended, Rejection> produce(std::int32_t index, const std::vector<std::string>& values,
                                             ProducerId producer = wire::kNoProducerId,
                                             std::int32_t sequence = wire::kNoSequence) {
    auto appended = partition(index)->append_internal(make_batch(values, producer, sequence).span());
    if (appended && appended->commit) {
      const Status status = run(log->wal().committed(appended->commit, in(30s)));
      if (!status) return std::unexpected(Rejection{ErrorCode::kafka_storage_error, status.error().message()});
    }
    return appended;
  }
  /// Every record from `from` to the high watermark, by offset.
  Result<std::map<std::int64_t, std::string>> read_all(std::int32_t index, std::size_t bytes_max = 4096) {
    std::map<std::int64_t, std::string> records;
    Offset from(partition(index)->log_start().value());
    while (from.value() < partition(index)->high_watermark().value()) {
      TRY(const Run got, run(partition(index)->read(from, bytes_max, in(30s))));
      if (got.bytes == 0) return fail(Errc::corrupt, "a read below the high watermark found nothing");
      for (const Buffer& piece : got.pieces) TRY_STATUS(collect(piece, records));
      from = got.end;
    }
    return records;
  }

  std::unique_ptr<sim::World> world;
  sim::Machine& machine;
  std::unique_ptr<task::Context> context;
  std::unique_ptr<ShardLog> log;
  wal::Options wal_options;
  std::size_t files_max = 256;
  std::size_t flush_parallel = 16;

 private:
  template <class T>
  static task::Task<void> store(task::Task<T> task, std::shared_ptr<std::optional<T>> into) {
    into->emplace(co_await std::move(task));
  }
  static Status collect(const Buffer& piece, std::map<std::int64_t, std::string>& records) {
    wire::BatchSplitter splitter(piece.span());
    for (;;) {
      TRY(const auto batch, splitter.next());
      if (!batch) return {};
      TRY(auto reader, wire::RecordReader::open(batch->bytes, 1U << 30));
      wire::RecordView record;
      for (;;) {
        TRY(const bool more, reader.next(record));
        if (!more) break;
        records[record.offset.value()] = std::string(as_text(record.value.value_or(ByteSpan{})));
      }
    }
  }
  task::Task<Status> open_directory(std::uint64_t generation);
  void drop_objects() {
    if (log) log->check_invariants();
    context->stop();
    log.reset();
  }
  void drop() { drop_objects(); }
  void renew() { context = std::make_unique<task::Context>(machine.env()); }

  std::uint64_t generation_ = 0;
  std::int32_t partitions_ = 1;
  LogConfig config_;
};

}  // namespace chronik::log
