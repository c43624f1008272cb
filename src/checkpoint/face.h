// What is behind Session and Store: the sessions of this process's store (local.h), or those of a server.
#pragma once

#include <chronik/checkpoint.h>

namespace chronik::checkpoint {

struct PendingCheckpoint::State {
  virtual ~State() = default;
  virtual Result<Checkpoint> wait(Duration timeout) = 0;
  virtual bool settled() const = 0;
  virtual void then(std::function<void()> callback) = 0;
};

/// Each as in Session.
class SessionFace {
 public:
  virtual ~SessionFace() = default;
  virtual const SessionId& id() const = 0;
  virtual std::uint64_t epoch() const = 0;
  virtual Session with_epoch(std::uint64_t epoch) const = 0;
  virtual Result<SessionInfo> describe() const = 0;
  virtual Result<Checkpoint> create(std::string_view payload, const CreateOptions& options) const = 0;
  virtual Result<PendingCheckpoint> create_async(std::string_view payload, const CreateOptions& options) const = 0;
  virtual Result<Session> fence() const = 0;
  virtual Result<Checkpoint> get(const CheckpointId& id) const = 0;
  virtual Result<Checkpoint> at_sequence(std::uint64_t sequence) const = 0;
  virtual Result<Checkpoint> latest(std::string_view branch) const = 0;
  virtual Result<Checkpoint> as_of(Time time) const = 0;
  virtual Result<Checkpoint> as_of_sequence(std::uint64_t sequence) const = 0;
  virtual Result<Page> list(const Query& query) const = 0;
  virtual Result<std::string> payload(const CheckpointId& id) const = 0;
  virtual Result<Restored> restore(const CheckpointId& id) const = 0;
  virtual Result<Checkpoint> rewind(const CheckpointId& id, const CreateOptions& options) const = 0;
  virtual Result<Session> fork(const CheckpointId& id, std::string_view name) const = 0;
  virtual Result<Difference> diff(const CheckpointId& first, const CheckpointId& second) const = 0;
  virtual Result<Checkpoint> tag(const CheckpointId& id, const std::vector<std::string>& add,
                                 const std::vector<std::string>& remove) const = 0;
  virtual Result<Checkpoint> annotate(const CheckpointId& id, Level level, std::string_view text) const = 0;
  virtual Result<Checkpoint> pin(const CheckpointId& id, bool pinned) const = 0;
  virtual Status remove(const CheckpointId& id) const = 0;
  virtual Result<PruneReport> prune(const Retention& retention, bool dry_run) const = 0;
  virtual Result<VerifyReport> verify(const VerifyProgress& progress) const = 0;
  virtual Result<VerifyReport> verify(const CheckpointId& id) const = 0;
  virtual Result<EventPage> events(std::uint64_t from, std::size_t limit) const = 0;
  virtual Result<EventPage> wait_events(std::uint64_t from, std::size_t limit, Duration timeout) const = 0;
  virtual Status export_to(const std::function<Status(std::string_view line)>& sink, std::uint64_t since) const = 0;
};

/// Each as in Store.
class StoreFace {
 public:
  virtual ~StoreFace() = default;
  virtual Result<Session> create_session(std::string_view name, std::string_view metadata) const = 0;
  virtual Result<Session> session(std::string_view name) const = 0;
  virtual Result<Session> session(const SessionId& id) const = 0;
  virtual Result<Session> open_session(std::string_view name) const = 0;
  virtual Result<SessionPage> list_sessions(std::string_view cursor, std::size_t limit) const = 0;
  virtual Status rename_session(std::string_view name, std::string_view to) const = 0;
  virtual Status delete_session(std::string_view name) const = 0;
  virtual Status rotate_key(std::string_view key) const = 0;
  virtual Result<TimelinePage> timeline(const Query& query) const = 0;
  virtual Result<VerifyReport> verify(const VerifyProgress& progress) const = 0;
  virtual Result<std::uint64_t> compact() const = 0;
  virtual Result<Health> health() const = 0;
  virtual Result<VerifyReport> scrub_report() const = 0;
  virtual Result<ImportReport> import_from(const std::function<Result<std::optional<std::string>>()>& lines) const = 0;
  virtual Status close() const = 0;
};

}  // namespace chronik::checkpoint
