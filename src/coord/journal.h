// Journal: writes of one coordinator to the partitions of __consumer_offsets on its shard. All share the shard's
// write-ahead log, so they become durable in the order in which they were appended; whoever appended is told in that
// order too, whether or not a request still waits (law 6: a commit that outlived its request still takes effect).
//
// One coroutine, which lives only while something is under way. One shard.
#pragma once

#include <deque>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "coord/group_store.h"
#include "log/partition.h"
#include "task/context.h"
#include "task/event.h"
#include "wire/errors.h"

namespace chronik::coord {

class Journal : public std::enable_shared_from_this<Journal> {
 public:
  /// One batch on its way to the disk. Positions are base, base + 1, ... in the order of its records.
  struct Write {
    Write(task::Context& context, Offset at) : done(context), base(at) {}
    task::Event done;
    Offset base;
    std::optional<wire::ErrorCode> result;  // none: durable
  };
  using WritePtr = std::shared_ptr<Write>;
  using Settled = std::move_only_function<void(wire::ErrorCode result, Offset base)>;

  explicit Journal(task::Context& context) : context_(context) {}

  /// Waits for room for a batch of that size. The log's error, or none. Append before the next suspension.
  static task::Task<wire::ErrorCode> room(log::PartitionPtr partition, std::size_t bytes, Deadline until);
  /// The log's error if nothing was appended, and `settled` is not called then.
  std::expected<WritePtr, wire::ErrorCode> append(const log::PartitionPtr& partition,
                                                  const std::vector<Record>& records, Settled settled);
  /// The same for a finished batch; `pass` as of Partition::append, for one that is part of a transaction.
  std::expected<WritePtr, wire::ErrorCode> append_batch(const log::PartitionPtr& partition, const Buffer& batch,
                                                        log::TransactionPass pass, Settled settled);
  /// The marker that ends a transaction, in order with everything else that is written here.
  std::expected<WritePtr, wire::ErrorCode> append_marker(const log::PartitionPtr& partition, ProducerId producer,
                                                         ProducerEpoch epoch, bool commits,
                                                         std::int32_t coordinator_epoch, Settled settled);
  /// Waits for the outcome; REQUEST_TIMED_OUT leaves it open.
  static task::Task<wire::ErrorCode> settled(WritePtr write, Deadline until);

  std::size_t under_way() const { return queue_.size(); }
  /// Nobody is told any more; those who wait get NOT_LEADER_OR_FOLLOWER.
  void abandon();

 private:
  struct Item {
    log::PartitionPtr partition;
    wal::CommitPtr commit;
    WritePtr write;
    Settled settled;
  };
  WritePtr enqueue(const log::PartitionPtr& partition, log::Appended appended, Settled settled);
  static task::Task<void> run(std::shared_ptr<Journal> self);
  static void settle(Item item, wire::ErrorCode result);

  task::Context& context_;
  std::deque<Item> queue_;
  bool running_ = false;
  bool abandoned_ = false;
};

}  // namespace chronik::coord
