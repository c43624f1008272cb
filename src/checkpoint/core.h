// Core: what a store and its sessions share. The semantics live above it, in local.h, once for all backends: fencing,
// expected parents, idempotency, sequences, retention.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "checkpoint/backend.h"
#include "checkpoint/scrub.h"
#include "checkpoint/watchers.h"

namespace chronik::checkpoint {

class Core : public std::enable_shared_from_this<Core> {
 public:
  Core(std::shared_ptr<Surroundings> world, Options options, std::unique_ptr<Backend> backend)
      : world_(std::move(world)), options_(options), backend_(std::move(backend)), scrubber_(options) {}
  ~Core();
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  Backend& backend() { return *backend_; }
  Surroundings& world() { return *world_; }
  const Options& options() const { return options_; }
  Duration timeout(const std::optional<Duration>& given = {}) const { return given.value_or(options_.timeout); }

  /// Starts a change; when it is durable, those who wait for events look again.
  PendingPtr start(const SessionId& session, Decide decide);
  /// The same, to its end.
  Status run(const SessionId& session, Decide decide, Duration timeout);

  /// Set at the next change of this session (nil: of any), and when the store is closed.
  std::shared_ptr<Latch> watch(const SessionId& session = {}) { return watchers_->watch(session); }
  /// A change that becomes durable tells by itself; this is for one that failed while somebody may wait for it.
  void tell_watchers(const SessionId& session) { watchers_->tell(session); }

  /// How many sessions are waited for, or were not long ago.
  std::size_t watched_sessions() { return watchers_->sessions(); }

  /// Ends what waits and what runs by itself, then the backend.
  Status close();
  bool closed() const { return closed_.load(); }

  Scrubber& scrubber() { return scrubber_; }
  /// Once, if the options ask for it: whoever has the first handle calls it.
  void begin_scrubbing() { scrubber_.begin(world_, *this); }

 private:
  const std::shared_ptr<Surroundings> world_;
  const Options options_;
  const std::shared_ptr<Watchers> watchers_ = std::make_shared<Watchers>();
  std::atomic<bool> closed_{false};
  const std::unique_ptr<Backend> backend_;  // it goes before what it tells
  Scrubber scrubber_;
};

/// Refuses a writer that another one has replaced. `epoch` 0: never fenced.
Status check_epoch(const Head& head, std::uint64_t epoch);

/// An event behind `head`; `ahead` events of the same change come before it.
Event make_event(Core& core, const Head& head, EventKind kind, std::uint64_t sequence, std::uint64_t count = 1);

/// What is asked of an append, checked, in the form it is stored.
struct Draft {
  Checkpoint checkpoint;  // without what the decision adds
  StagedPtr payload;
  std::optional<CheckpointId> expected_parent;
  std::optional<CheckpointId> branch_from;
  std::uint64_t epoch = 0;
};
Result<Draft> make_draft(const CreateOptions& options);
/// Appends it to the session: the change, with the finished checkpoint in it. Empty if its idempotency key is known;
/// the checkpoint of that time is then in `known`.
Result<Change> decide_append(Core& core, const View& view, const Draft& draft, std::optional<Checkpoint>& known);

Status check_tags(const std::vector<std::string>& tags);
/// Sorted, each once.
void tidy(std::vector<std::string>& tags);

/// The payload of a checkpoint, held against its hash.
Result<std::string> verified_payload(Core& core, const SessionId& session, const Checkpoint& checkpoint,
                                     Reading how = Reading::remembered);

}  // namespace chronik::checkpoint
