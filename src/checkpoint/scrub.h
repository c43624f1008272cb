// Scrubber: the store verifies itself in the background, pass after pass, no faster than it may read. One thread at a
// time makes steps; any thread asks for the outcome, under a lock held for a copy of it.
//
// Closing a store waits for nothing here. Whoever lets go of the last handle closes it and waits for the step in
// flight, under a second lock that is held through each step: a closed backend ends what a step reads. Then no thread
// is in the store any more, and it can be opened again.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "checkpoint/backend.h"
#include "checkpoint/latch.h"
#include "checkpoint/surroundings.h"

namespace chronik::checkpoint {

class Core;

struct ScrubPass {
  std::vector<Outline> sessions;  // as it began: what is written later waits for the next, or no pass might end
  std::size_t session = 0;        // the one it is at
  std::uint64_t sequence = 0;     // from here on
  ScrubPlace structure;           // of the backend
  int tries = 0;                  // of its part, so far in vain
  VerifyReport found;
};

class Scrubber {
 public:
  explicit Scrubber(const Options& options);
  ~Scrubber() { let_go(); }
  Scrubber(const Scrubber&) = delete;
  Scrubber& operator=(const Scrubber&) = delete;

  /// Runs steps until the core lets go; the second call does nothing.
  void begin(const std::shared_ptr<Surroundings>& world, Core& core);
  bool begun() const { return begun_.load(); }
  void stop() { stopped_->set(); }
  /// Stops, and waits for a step in flight. Not for a step to call.
  void let_go();
  /// How long to wait before the first step.
  Duration first_wait() const;
  /// The next piece of a pass, or the first of a new one; how long to wait before the next step.
  Duration step(Core& core);

  /// Adds the outcome to what the backend says.
  void tell(Health& health) const;
  VerifyReport report() const;

 private:
  /// False: the pass is over. Adds what it read.
  bool advance(Core& core, std::uint64_t& bytes);
  bool check_next(Core& core, std::uint64_t& bytes);
  bool check_structure(Core& core, std::uint64_t& bytes);
  void add(Problem problem);
  void finish(Core& core);

  /// What the thread has of the store; its lock is held through each step.
  struct Subject {
    std::mutex mutex;
    Core* core = nullptr;
  };

  const Duration every_;
  const std::uint64_t rate_;  // bytes per second
  const std::shared_ptr<Latch> stopped_ = std::make_shared<Latch>();
  const std::shared_ptr<Subject> subject_ = std::make_shared<Subject>();
  std::atomic<bool> begun_{false};
  std::optional<ScrubPass> pass_;  // whoever makes steps

  mutable std::mutex mutex_;
  std::uint64_t passes_ = 0;
  Time ended_{};
  VerifyReport last_;
};

}  // namespace chronik::checkpoint
