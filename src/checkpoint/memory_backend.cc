#include "checkpoint/memory_backend.h"

#include <mutex>

#include "base/bytes.h"
#include "base/check.h"
#include "checkpoint/tables.h"

namespace chronik::checkpoint {

namespace {

/// Payloads by number, each as long as a row or a stage names it.
class Payloads final : public Tables::Payloads {
 public:
  using Bytes = std::shared_ptr<const std::string>;

  std::string add(std::string_view payload) {
    auto bytes = std::make_shared<const std::string>(payload);
    const std::lock_guard lock(mutex_);
    stored_ += bytes->size();
    kept_.emplace(++newest_, Kept{std::move(bytes), 1});
    return locator(newest_);
  }
  void added(std::string_view locator) override {
    const std::lock_guard lock(mutex_);
    ++kept_.at(number(locator)).users;
  }
  void removed(std::string_view locator) override {
    Bytes bytes;  // freed behind the lock
    const std::lock_guard lock(mutex_);
    const auto at = kept_.find(number(locator));
    if (--at->second.users > 0) return;
    bytes = std::move(at->second.bytes);
    stored_ -= bytes->size();
    kept_.erase(at);
  }
  Bytes get(std::string_view locator) const {
    const std::lock_guard lock(mutex_);
    return kept_.at(number(locator)).bytes;
  }
  std::uint64_t stored() const {
    const std::lock_guard lock(mutex_);
    return stored_;
  }

 private:
  struct Kept {
    Bytes bytes;
    std::uint64_t users = 0;
  };
  static std::string locator(std::uint64_t number) {
    std::string text(sizeof number, '\0');
    std::memcpy(text.data(), &number, sizeof number);
    return text;
  }
  static std::uint64_t number(std::string_view locator) {
    std::uint64_t number = 0;
    CHECK(locator.size() == sizeof number);
    std::memcpy(&number, locator.data(), sizeof number);
    return number;
  }

  mutable std::mutex mutex_;  // held for the map only
  std::unordered_map<std::uint64_t, Kept> kept_;
  std::uint64_t newest_ = 0;
  std::uint64_t stored_ = 0;
};

class StagedInMemory final : public Staged {
 public:
  /// Takes over one use of it.
  StagedInMemory(std::shared_ptr<Payloads> payloads, std::string locator)
      : payloads_(std::move(payloads)), locator_(std::move(locator)) {}
  StagedInMemory(const StagedInMemory&) = delete;
  StagedInMemory& operator=(const StagedInMemory&) = delete;
  ~StagedInMemory() override { payloads_->removed(locator_); }
  const std::string& locator() const override { return locator_; }

 private:
  std::shared_ptr<Payloads> payloads_;
  std::string locator_;
};

class MemoryBackend final : public Backend {
 public:
  explicit MemoryBackend(const Options& options) : tables_(options.events_kept, payloads_.get()) {}

  Status prepare(const SessionId&, Duration) override { return {}; }
  void abandon(const SessionId&) override {}
  Status rotate_key(std::string_view, Duration) override { return not_encrypted(); }
  Result<StagedPtr> stage(const SessionId&, std::string_view payload, Duration) override {
    return std::make_shared<StagedInMemory>(payloads_, payloads_->add(payload));
  }
  Result<StagedPtr> stage_again(const SessionId& session, std::uint64_t sequence, const SessionId&, Duration) override {
    std::string locator;
    TRY_STATUS(tables_.with_locator(session, sequence, [&](std::string_view found) {
      payloads_->added(found);
      locator = found;
    }));
    return std::make_shared<StagedInMemory>(payloads_, std::move(locator));
  }
  void transact(const SessionId& session, Decide decide, PendingPtr pending) override {
    if (closed_.load()) return pending->settle(fail(Errc::closed, "the store was closed"));
    std::shared_ptr<const Delta> behind;
    const auto enqueue = [](const std::shared_ptr<const Delta>&) -> Result<Tables::Line> {
      return Tables::Line::applied;
    };
    auto proposed = tables_.propose(session, decide, enqueue, &behind);
    pending->settle(proposed ? Status() : fail(std::move(proposed).error()));
  }

  Result<SessionId> find_session(std::string_view name) override { return tables_.find_session(name); }
  Result<SessionInfo> describe(const SessionId& session) override { return tables_.describe(session); }
  Result<std::vector<SessionInfo>> sessions(std::string_view after, std::size_t limit) override {
    return tables_.sessions(after, limit);
  }
  Result<std::vector<Outline>> outlines() override { return tables_.outlines(); }
  Result<Checkpoint> get(const SessionId& session, std::uint64_t sequence) override {
    return tables_.get(session, sequence);
  }
  Result<Checkpoint> get(const SessionId& session, const CheckpointId& id) override { return tables_.get(session, id); }
  Status scan(const SessionId& session, std::uint64_t from, bool descending, const Visit& visit) override {
    return tables_.scan(session, from, descending, visit);
  }
  Result<std::uint64_t> first_from(const SessionId& session, Time time) override {
    return tables_.first_from(session, time);
  }
  Result<std::string> payload(const SessionId& session, std::uint64_t sequence, Reading, Duration) override {
    Payloads::Bytes bytes;
    TRY_STATUS(
        tables_.with_locator(session, sequence, [&](std::string_view locator) { bytes = payloads_->get(locator); }));
    return *bytes;
  }
  Result<std::vector<Event>> events(const SessionId& session, std::uint64_t from, std::size_t limit) override {
    return tables_.events(session, from, limit);
  }
  Result<std::uint64_t> compact(Duration) override { return 0; }
  Status scrub(const std::function<void(Problem)>&, Duration) override { return {}; }
  Result<Health> health() override {
    return Health{tables_.session_count(), tables_.checkpoints(), tables_.payload_bytes(), payloads_->stored(), 0};
  }
  Status close(Duration) override {
    closed_.store(true);
    return {};
  }

 private:
  std::shared_ptr<Payloads> payloads_ = std::make_shared<Payloads>();
  Tables tables_;
  std::atomic<bool> closed_{false};
};

}  // namespace

std::unique_ptr<Backend> make_memory_backend(const Options& options) {
  return std::make_unique<MemoryBackend>(options);
}

}  // namespace chronik::checkpoint
