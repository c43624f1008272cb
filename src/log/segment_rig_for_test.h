// Shared by the tests of segments and compaction: a simulated machine with one shard, batches, and a model of a log.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "log/segment_cache.h"
#include "log/segment_store.h"
#include "sim/sim_env.h"
#include "task/io.h"
#include "wire/record_batch_builder.h"

namespace chronik::log {

inline constexpr Duration kPatience = std::chrono::hours(1);

inline TopicPartition test_id(std::uint8_t seed = 7) {
  TopicPartition id{{}, PartitionIndex(0)};
  id.topic.bytes.fill(seed);
  return id;
}

/// One shard of a simulated machine.
class Rig {
 public:
  explicit Rig(std::uint64_t seed = 1) : world(sim::World::create(seed)), machine(world->machine("m")) { boot(); }
  ~Rig() { context->stop(); }

  void boot() {
    context = std::make_unique<task::Context>(machine.env());
    cache = std::make_shared<SegmentCache>();
  }
  /// The process dies; a new one starts on what is left. Stores must be gone or be dropped by `forget`.
  template <class Forget>
  void crash(Forget forget) {
    context->stop();
    machine.crash();
    forget();
    context.reset();
    boot();
  }

  template <class T>
  T run(task::Task<T> body) {
    auto result = std::make_shared<std::optional<T>>();
    context->spawn("test", store(std::move(body), result));
    CHECK(world->run_until([&] { return result->has_value(); }, kPatience));
    return std::move(**result);
  }
  Deadline soon() const { return context->after(30s); }

  std::unique_ptr<SegmentStore> store_for(const SegmentOptions& options, const TopicPartition& id = test_id(),
                                          std::string topic = "t") {
    return std::make_unique<SegmentStore>(*context, root, std::move(topic), id, options, cache);
  }
  /// Creates the log directory, durably.
  void make_root() {
    ASSERT_TRUE(run(task::make_directory(*context, root, soon())));
    ASSERT_TRUE(run(task::sync_directory(*context, "/", soon())));
  }
  /// Syncs, and says that a checkpoint record names what is synced, as the flusher does.
  Status record(SegmentStore& store) {
    const Status synced = run(store.sync());
    if (synced) store.mark_recorded(store.position());
    return synced;
  }
  std::vector<env::DirectoryEntry> list(const std::string& path) {
    auto entries = run(task::list(*context, path, soon()));
    return entries ? *entries : std::vector<env::DirectoryEntry>();
  }
  std::string file(const std::string& path) {
    auto bytes = run(task::read_whole(*context, path, 1U << 30, soon()));
    return bytes ? std::string(as_text(bytes->span())) : "(" + bytes.error().message() + ")";
  }

  std::unique_ptr<sim::World> world;
  sim::Machine& machine;
  std::string root = "/data";
  std::unique_ptr<task::Context> context;
  std::shared_ptr<SegmentCache> cache;

 private:
  template <class T>
  static task::Task<void> store(task::Task<T> body, std::shared_ptr<std::optional<T>> result) {
    result->emplace(co_await std::move(body));
  }
};

struct TestRecord {
  std::int64_t timestamp = 0;
  std::string key;
  std::optional<std::string> value;
};

/// One batch of these records, stamped.
inline BatchRef make_batch(Offset base, const std::vector<TestRecord>& records, LeaderEpoch epoch = LeaderEpoch(0),
                           wire::Codec codec = wire::Codec::none) {
  wire::BatchOptions options;
  options.codec = codec;
  options.base_offset = base;
  options.leader_epoch = epoch;
  wire::RecordBatchBuilder builder(options);
  for (const TestRecord& record : records) {
    std::optional<ByteSpan> value;
    if (record.value) value = as_bytes(*record.value);
    builder.add(UnixMillis(record.timestamp), as_bytes(record.key), value);
  }
  const Buffer bytes = builder.build().value();
  const auto header = wire::parse_batch_header(bytes.span()).value();
  return {bytes, base, header.last_offset(), header.max_timestamp, epoch};
}

inline std::string text_of(const BatchRef& batch) {
  return std::string(as_text(batch.bytes.span()));
}
inline std::string text_of(const Run& run) {
  std::string text;
  for (const Buffer& piece : run.pieces) text += as_text(piece.span());
  return text;
}

/// What a log should hold: the naive version.
struct ModelLog {
  struct Entry {
    BatchRef batch;
    std::vector<TestRecord> records;
  };
  std::vector<Entry> entries;

  Offset end(Offset empty = Offset(0)) const { return entries.empty() ? empty : entries.back().batch.last.plus(1); }
  const Entry* holding(Offset offset) const {
    for (const Entry& entry : entries) {
      if (entry.batch.last >= offset) return &entry;
    }
    return nullptr;
  }
  /// The bytes that a read must give.
  std::string read(Offset from, Offset limit, std::size_t bytes_max) const {
    std::string text;
    for (const Entry& entry : entries) {
      if (entry.batch.last < from) continue;
      if (entry.batch.last >= limit) break;
      if (!text.empty() && text.size() + entry.batch.bytes.size() > bytes_max) break;
      text += text_of(entry.batch);
      if (text.size() >= bytes_max) break;
    }
    return text;
  }
  std::optional<std::pair<std::int64_t, Offset>> find(std::int64_t timestamp, Offset limit) const {
    for (const Entry& entry : entries) {
      for (std::size_t i = 0; i < entry.records.size(); ++i) {
        const Offset offset = entry.batch.base.plus(static_cast<std::int64_t>(i));
        if (offset < limit && entry.records[i].timestamp >= timestamp) return {{entry.records[i].timestamp, offset}};
      }
    }
    return std::nullopt;
  }
  std::optional<std::pair<std::int64_t, Offset>> newest(Offset limit) const {
    std::optional<std::pair<std::int64_t, Offset>> best;
    for (const Entry& entry : entries) {
      if (entry.batch.last >= limit) break;
      for (std::size_t i = 0; i < entry.records.size(); ++i) {
        const Offset offset = entry.batch.base.plus(static_cast<std::int64_t>(i));
        if (!best || entry.records[i].timestamp > best->first) best = {{entry.records[i].timestamp, offset}};
      }
    }
    return best;
  }
};

/// Batches of random size with timestamps that mostly grow.
class Source {
 public:
  explicit Source(std::uint64_t seed, bool same_time = false) : chance_(seed), same_time_(same_time) {}

  ModelLog::Entry next(Offset base, std::size_t value_max = 300) {
    if (chance_.chance(1, 20)) epoch_ = LeaderEpoch(epoch_.value() + 1);
    std::vector<TestRecord> records(1 + chance_.below(5));
    for (TestRecord& record : records) {
      if (!same_time_ && chance_.chance(1, 2)) now_ += static_cast<std::int64_t>(chance_.below(1000));
      record.timestamp =
          !same_time_ && chance_.chance(1, 8) ? now_ - static_cast<std::int64_t>(chance_.below(5000)) : now_;
      record.key = std::to_string(chance_.below(50));
      record.value = std::string(chance_.below(value_max), static_cast<char>('a' + chance_.below(26)));
    }
    return {make_batch(base, records, epoch_), records};
  }
  std::vector<BatchRef> extend(ModelLog& model, std::size_t count, Offset empty = Offset(0)) {
    std::vector<BatchRef> batches;
    for (std::size_t i = 0; i < count; ++i) {
      model.entries.push_back(next(model.end(empty)));
      batches.push_back(model.entries.back().batch);
    }
    return batches;
  }
  Prng& chance() { return chance_; }

 private:
  Prng chance_;
  bool same_time_;
  LeaderEpoch epoch_{3};
  std::int64_t now_ = 1'700'000'000'000;
};

inline SegmentOptions small_options() {
  return {.segment_bytes = 8192, .index_interval_bytes = 512, .index_bytes_max = 1U << 20, .index_lag_entries = 1};
}

}  // namespace chronik::log
