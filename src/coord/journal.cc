#include "coord/journal.h"

#include "log/rejection.h"

namespace chronik::coord {

using wire::ErrorCode;

namespace {
// The log fails its commits itself when the disk stalls; until then there is nothing to do but wait on.
constexpr Duration kWaitOn = 1h;
}  // namespace

task::Task<ErrorCode> Journal::room(log::PartitionPtr partition, std::size_t bytes, Deadline until) {
  if (partition->failure()) co_return log::to_kafka(partition->failure()->code);
  const Status status = co_await partition->wal().room(bytes + kBatchOverhead, until);
  co_return status ? ErrorCode::none : log::room_rejection(status.error()).code;
}

std::expected<Journal::WritePtr, ErrorCode> Journal::append(const log::PartitionPtr& partition,
                                                            const std::vector<Record>& records, Settled settled) {
  if (abandoned_) return std::unexpected(ErrorCode::not_leader_or_follower);
  const auto batch = make_batch(records, context_.wall_now());
  if (!batch) return std::unexpected(ErrorCode::message_too_large);
  return append_batch(partition, *batch, log::kNoPass, std::move(settled));
}

std::expected<Journal::WritePtr, ErrorCode> Journal::append_batch(const log::PartitionPtr& partition,
                                                                  const Buffer& batch, log::TransactionPass pass,
                                                                  Settled settled) {
  if (abandoned_) return std::unexpected(ErrorCode::not_leader_or_follower);
  auto appended = partition->append_internal(batch.span(), log::Origin::coordinator, pass);
  if (!appended) return std::unexpected(appended.error().code);
  return enqueue(partition, *std::move(appended), std::move(settled));
}

std::expected<Journal::WritePtr, ErrorCode> Journal::append_marker(const log::PartitionPtr& partition,
                                                                   ProducerId producer, ProducerEpoch epoch,
                                                                   bool commits, std::int32_t coordinator_epoch,
                                                                   Settled settled) {
  if (abandoned_) return std::unexpected(ErrorCode::not_leader_or_follower);
  auto appended = partition->append_marker(producer, epoch, commits, coordinator_epoch);
  if (!appended) return std::unexpected(appended.error().code);
  return enqueue(partition, *std::move(appended), std::move(settled));
}

Journal::WritePtr Journal::enqueue(const log::PartitionPtr& partition, log::Appended appended, Settled settled) {
  auto write = std::make_shared<Write>(context_, appended.base);
  queue_.push_back({partition, std::move(appended.commit), write, std::move(settled)});
  if (!running_) {
    running_ = true;
    context_.spawn("coord.journal", run(shared_from_this()));
  }
  return write;
}

task::Task<void> Journal::run(std::shared_ptr<Journal> self) {
  while (!self->queue_.empty()) {
    const wal::CommitPtr commit = self->queue_.front().commit;
    if (commit && !commit->status) {
      const log::PartitionPtr partition = self->queue_.front().partition;
      (void)co_await partition->wal().committed(commit, self->context_.after(kWaitOn));
      if (self->queue_.empty()) break;  // abandoned
      if (!commit->status) continue;
    }
    Item item = std::move(self->queue_.front());
    self->queue_.pop_front();
    const bool durable = !commit || *commit->status;
    settle(std::move(item), durable ? ErrorCode::none : log::to_kafka(commit->status->error().code));
  }
  self->running_ = false;
}

void Journal::settle(Item item, ErrorCode result) {
  item.write->result = result;
  if (item.settled) item.settled(result, item.write->base);
  item.write->done.notify_all();
}

task::Task<ErrorCode> Journal::settled(WritePtr write, Deadline until) {
  while (!write->result) {
    if (co_await write->done.wait("coord.write", until) == task::Woken::timed_out && !write->result) {
      co_return ErrorCode::request_timed_out;
    }
  }
  co_return *write->result;
}

void Journal::abandon() {
  abandoned_ = true;
  auto queue = std::move(queue_);
  queue_.clear();
  for (Item& item : queue) {
    item.settled = nullptr;
    settle(std::move(item), ErrorCode::not_leader_or_follower);
  }
}

}  // namespace chronik::coord
