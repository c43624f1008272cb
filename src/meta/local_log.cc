#include "meta/local_log.h"

#include <deque>

#include "base/recoverable.h"
#include "meta/log_writer.h"
#include "task/event.h"
#include "task/io.h"

namespace chronik::meta {

namespace {

constexpr std::uint64_t kSnapshotRetryBytes = 1U << 20;  // of log, after a snapshot that found the disk full

/// One command on its way; shared by whoever proposed it and the flush, since either may end first.
struct Pending {
  Pending(task::Context& context, Command command_, Buffer bytes_)
      : command(std::move(command_)), bytes(std::move(bytes_)), settled(context) {}
  Command command;
  Buffer bytes;
  task::Event settled;
  std::optional<Result<Outcome>> result;
  bool abandoned = false;  // its deadline passed before it was written: it never will be

  void settle(Result<Outcome> how) {
    result.emplace(std::move(how));
    settled.notify_all();
  }
};
using PendingPtr = std::shared_ptr<Pending>;

}  // namespace

class LocalLog::Core {
 public:
  Core(task::Context& context, std::string directory, std::shared_ptr<StateMachine> machine, LocalLogOptions options)
      : context_(context),
        options_(options),
        machine_(std::move(machine)),
        writer_(context, std::move(directory), options.stall),
        space_(context) {}

  task::Task<Status> open() {
    CO_TRY_STATUS(co_await writer_.make_directory());
    CO_TRY(replayed_, co_await replay_log(context_, writer_.directory(), options_.stall, *machine_));
    writer_.resume(replayed_);
    snapshot_at_ = options_.bytes_max;
    co_return Status{};
  }

  static task::Task<Result<Outcome>> propose(std::shared_ptr<Core> self, Command command, Deadline until) {
    CO_TRY(Buffer bytes, encode(command));
    while (self->queue_.size() >= self->options_.queue_max && !self->failure_) {
      if (co_await self->space_.wait("meta.log.queue", until) == task::Woken::timed_out) {
        co_return fail(Errc::overloaded, "meta.log.queue");
      }
    }
    if (self->failure_) co_return fail(*self->failure_);
    auto pending = std::make_shared<Pending>(self->context_, std::move(command), std::move(bytes));
    self->queue_.push_back(pending);
    if (!self->flushing_) {
      self->flushing_ = true;
      self->context_.spawn("meta.log.flush", flush(self));
    }
    while (!pending->result) {
      const auto woken = co_await pending->settled.wait("meta.log.commit", until);
      if (woken != task::Woken::timed_out || pending->result) continue;
      pending->abandoned = true;
      co_return fail(Errc::timed_out, "metadata command");
    }
    co_return std::move(*pending->result);
  }

  Status health() const { return failure_ ? Status(fail(*failure_)) : Status{}; }
  const LogReplay& replayed() const { return replayed_; }

 private:
  /// Writes group after group until nothing waits. One at a time.
  static task::Task<void> flush(std::shared_ptr<Core> self) {
    while (!self->failure_) {
      auto group = self->take_group();
      if (!group.empty()) co_await self->commit(std::move(group));
      if (!self->failure_ && self->snapshot_due()) co_await self->take_snapshot();
      if (!self->queue_.empty() || self->failure_) continue;
      // Idle: rot of the last group must not pass for a torn one.
      if (auto sealed = co_await self->writer_.seal(); !sealed) self->note(sealed.error());
      if (self->queue_.empty()) break;
    }
    self->flushing_ = false;
    if (!self->failure_) co_return;
    for (const PendingPtr& pending : std::exchange(self->queue_, {})) pending->settle(fail(*self->failure_));
    self->space_.notify_all();
  }

  std::vector<PendingPtr> take_group() {
    std::vector<PendingPtr> group;
    std::size_t bytes = 0;
    while (!queue_.empty()) {
      const PendingPtr& next = queue_.front();
      if (!next->abandoned) {
        if (!group.empty() && bytes + next->bytes.size() > options_.group_bytes_max) break;
        bytes += next->bytes.size();
        group.push_back(next);
      }
      queue_.pop_front();
    }
    space_.notify_all();
    return group;
  }

  task::Task<void> commit(std::vector<PendingPtr> group) {
    std::vector<Buffer> commands;
    for (const PendingPtr& pending : group) commands.push_back(pending->bytes);
    const std::uint64_t first = writer_.position().index.value() + 1;
    Status written;
    if (writer_.unproven()) written = co_await writer_.snapshot(machine_->snapshot());
    if (written) written = co_await writer_.append(commands);
    if (!written) {
      note(written.error());
      for (const PendingPtr& pending : group) pending->settle(fail(failure_ ? *failure_ : written.error()));
      co_return;
    }
    std::vector<Outcome> outcomes;
    for (std::size_t i = 0; i < group.size(); ++i) {
      outcomes.push_back(machine_->apply(Index(first + i), group[i]->command));
    }
    machine_->batch_applied();
    for (std::size_t i = 0; i < group.size(); ++i) group[i]->settle(std::move(outcomes[i]));
  }

  bool snapshot_due() const { return writer_.bytes_since_snapshot() >= snapshot_at_ && !writer_.unproven(); }

  task::Task<void> take_snapshot() {
    auto taken = co_await writer_.snapshot(machine_->snapshot());
    if (taken) {
      snapshot_at_ = options_.bytes_max;
      co_return;
    }
    note(taken.error());
    snapshot_at_ = writer_.bytes_since_snapshot() + kSnapshotRetryBytes;  // the log goes on without it
  }

  /// Remembers an error that ends the log for good.
  void note(const Error& error) {
    if (is_recoverable(error.code) || failure_) return;
    failure_ = Error{Errc::storage_failed, "metadata log " + writer_.directory() + ": " + error.message()};
  }

  task::Context& context_;
  LocalLogOptions options_;
  std::shared_ptr<StateMachine> machine_;
  LogWriter writer_;
  LogReplay replayed_;
  std::deque<PendingPtr> queue_;
  task::Event space_;
  std::optional<Error> failure_;
  std::uint64_t snapshot_at_ = 0;
  bool flushing_ = false;
};

LocalLog::LocalLog(std::shared_ptr<Core> core) : core_(std::move(core)) {}
LocalLog::~LocalLog() = default;

task::Task<Result<std::unique_ptr<LocalLog>>> LocalLog::open(task::Context& context, std::string directory,
                                                             std::shared_ptr<StateMachine> machine,
                                                             LocalLogOptions options) {
  auto core = std::make_shared<Core>(context, std::move(directory), std::move(machine), options);
  CO_TRY_STATUS(co_await core->open());
  co_return std::unique_ptr<LocalLog>(new LocalLog(std::move(core)));
}

task::Task<Result<Outcome>> LocalLog::propose(Command command, Deadline until) {
  return Core::propose(core_, std::move(command), until);
}

Status LocalLog::health() const {
  return core_->health();
}

const LogReplay& LocalLog::replayed() const {
  return core_->replayed();
}

}  // namespace chronik::meta
