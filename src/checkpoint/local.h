// The sessions of a store in this process, over a backend. What the operations mean is decided here, once for all
// backends: session_read.cc, session_write.cc, retention.cc, verify.cc, transfer.cc, timeline.cc, store.cc.
#pragma once

#include "checkpoint/core.h"
#include "checkpoint/face.h"

namespace chronik::checkpoint {

class LocalSession final : public SessionFace {
 public:
  LocalSession(std::shared_ptr<Core> core, SessionId id, std::uint64_t epoch)
      : core_(std::move(core)), id_(id), epoch_(epoch) {}
  const SessionId& id() const override { return id_; }
  std::uint64_t epoch() const override { return epoch_; }
  Session with_epoch(std::uint64_t epoch) const override;
  Result<SessionInfo> describe() const override;
  Result<Checkpoint> create(std::string_view payload, const CreateOptions& options) const override;
  Result<PendingCheckpoint> create_async(std::string_view payload, const CreateOptions& options) const override;
  Result<Session> fence() const override;
  Result<Checkpoint> get(const CheckpointId& id) const override;
  Result<Checkpoint> at_sequence(std::uint64_t sequence) const override;
  Result<Checkpoint> latest(std::string_view branch) const override;
  Result<Checkpoint> as_of(Time time) const override;
  Result<Checkpoint> as_of_sequence(std::uint64_t sequence) const override;
  Result<Page> list(const Query& query) const override;
  Result<std::string> payload(const CheckpointId& id) const override;
  Result<Restored> restore(const CheckpointId& id) const override;
  Result<Checkpoint> rewind(const CheckpointId& id, const CreateOptions& options) const override;
  Result<Session> fork(const CheckpointId& id, std::string_view name) const override;
  Result<Difference> diff(const CheckpointId& first, const CheckpointId& second) const override;
  Result<Checkpoint> tag(const CheckpointId& id, const std::vector<std::string>& add,
                         const std::vector<std::string>& remove) const override;
  Result<Checkpoint> annotate(const CheckpointId& id, Level level, std::string_view text) const override;
  Result<Checkpoint> pin(const CheckpointId& id, bool pinned) const override;
  Status remove(const CheckpointId& id) const override;
  Result<PruneReport> prune(const Retention& retention, bool dry_run) const override;
  Result<VerifyReport> verify(const VerifyProgress& progress) const override;
  Result<VerifyReport> verify(const CheckpointId& id) const override;
  Result<EventPage> events(std::uint64_t from, std::size_t limit) const override;
  Result<EventPage> wait_events(std::uint64_t from, std::size_t limit, Duration timeout) const override;
  Status export_to(const std::function<Status(std::string_view line)>& sink, std::uint64_t since) const override;

 private:
  std::shared_ptr<Core> core_;
  SessionId id_;
  std::uint64_t epoch_;  // 0: not fenced
};

inline Session make_session(std::shared_ptr<Core> core, const SessionId& id, std::uint64_t epoch = 0) {
  return Session(std::make_shared<const LocalSession>(std::move(core), id, epoch));
}

class LocalStore final : public StoreFace {
 public:
  explicit LocalStore(std::shared_ptr<Core> core) : core_(std::move(core)) { core_->begin_scrubbing(); }
  Result<Session> create_session(std::string_view name, std::string_view metadata) const override;
  Result<Session> session(std::string_view name) const override;
  Result<Session> session(const SessionId& id) const override;
  Result<Session> open_session(std::string_view name) const override;
  Result<SessionPage> list_sessions(std::string_view cursor, std::size_t limit) const override;
  Status rename_session(std::string_view name, std::string_view to) const override;
  Status delete_session(std::string_view name) const override;
  Status rotate_key(std::string_view key) const override;
  Result<TimelinePage> timeline(const Query& query) const override;
  Result<VerifyReport> verify(const VerifyProgress& progress) const override;
  Result<std::uint64_t> compact() const override;
  Result<Health> health() const override;
  Result<VerifyReport> scrub_report() const override;
  Result<ImportReport> import_from(const std::function<Result<std::optional<std::string>>()>& lines) const override;
  Status close() const override;

 private:
  std::shared_ptr<Core> core_;
};

}  // namespace chronik::checkpoint
