#include "checkpoint/scrub.h"

#include <algorithm>

#include "checkpoint/verifier.h"

namespace chronik::checkpoint {

namespace {

constexpr Duration kFirstWaitMax = std::chrono::hours(1);  // a program that is often restarted gets its passes, too
constexpr Duration kStructureTimeout = std::chrono::minutes(10);
constexpr std::uint64_t kStepBytesMax = 256 << 10;
constexpr std::uint64_t kPartBytes = 256 << 10;
constexpr std::uint64_t kRecordBytes = 512;  // what a checkpoint costs besides its payload
constexpr std::size_t kKeptMax = 100;
constexpr int kTriesMax = 20;

}  // namespace

Scrubber::Scrubber(const Options& options)
    : every_(options.scrub_every), rate_(std::max<std::uint64_t>(options.scrub_bytes_per_second, 1)) {}

Duration Scrubber::first_wait() const {
  return std::min(every_, kFirstWaitMax);
}

void Scrubber::begin(const std::shared_ptr<Surroundings>& world, Core& core) {
  if (every_ <= Duration(0) || begun_.exchange(true)) return;
  {
    const std::lock_guard lock(subject_->mutex);
    subject_->core = &core;
  }
  world->run([world, subject = subject_, stopped = stopped_, wait = first_wait()]() mutable {
    while (!world->wait(*stopped, wait)) {
      const std::lock_guard lock(subject->mutex);
      if (subject->core == nullptr) return;
      wait = subject->core->scrubber().step(*subject->core);
    }
  });
}

void Scrubber::let_go() {
  stop();
  const std::lock_guard lock(subject_->mutex);
  subject_->core = nullptr;
}

Duration Scrubber::step(Core& core) {
  const Instant begun = core.world().monotonic_now();
  const std::uint64_t most = std::clamp<std::uint64_t>(rate_ / 16, 1, kStepBytesMax);
  for (std::uint64_t bytes = 0; !stopped_->is_set();) {
    if (!advance(core, bytes)) {
      finish(core);
      return every_;
    }
    if (bytes < most) continue;
    const Duration due = std::chrono::seconds(bytes / rate_) + Duration((bytes % rate_) * 1'000'000'000 / rate_);
    return std::max(due - (core.world().monotonic_now() - begun), Duration(0));
  }
  return Duration(0);
}

bool Scrubber::advance(Core& core, std::uint64_t& bytes) {
  if (!pass_) {
    pass_.emplace();
    auto sessions = core.backend().outlines();
    if (sessions) {
      pass_->sessions = *std::move(sessions);
    } else {
      add({{}, 0, "the sessions cannot be listed, so none was checked: " + sessions.error().message()});
    }
  }
  if (pass_->session < pass_->sessions.size()) return check_next(core, bytes);
  return check_structure(core, bytes);
}

/// One checkpoint, or the end of a session.
bool Scrubber::check_next(Core& core, std::uint64_t& bytes) {
  const Outline& session = pass_->sessions[pass_->session];
  std::optional<std::pair<std::uint64_t, Result<Checkpoint>>> next;
  const auto first = [&](std::uint64_t sequence, const Result<Checkpoint>& found) {
    if (sequence <= session.last_sequence) next.emplace(sequence, found);
    return false;
  };
  const Status scanned = core.backend().scan(session.id, pass_->sequence, false, first);
  bytes += kRecordBytes;
  if (!scanned && scanned.error().code != Errc::not_found) {
    add({session.name, 0,
         "not checked from sequence " + std::to_string(pass_->sequence) + " on: " + scanned.error().message()});
  }
  if (!scanned || !next) {
    ++pass_->session;
    pass_->sequence = 0;
    return true;
  }
  const auto& [sequence, found] = *next;
  VerifyReport one;
  Verifier(core, session.id, session.name, one).check(sequence, found);
  bytes += one.bytes;
  if (!one.ok()) {
    // Others delete, and move what they compact: it counts as it is now.
    const auto again = core.backend().get(session.id, sequence);
    one = {};
    if (again || again.error().code != Errc::not_found) {
      Verifier(core, session.id, session.name, one).check(sequence, again);
      bytes += one.bytes;
    }
  }
  pass_->found.checkpoints += one.checkpoints;
  pass_->found.bytes += one.bytes;
  for (Problem& problem : one.problems) add(std::move(problem));
  pass_->sequence = sequence + 1;
  return true;
}

/// What no checkpoint shows.
bool Scrubber::check_structure(Core& core, std::uint64_t& bytes) {
  const auto report = [&](Problem problem) { add(std::move(problem)); };
  const auto read =
      core.backend().scrub_part(pass_->structure, kPartBytes, report, std::max(core.timeout(), kStructureTimeout));
  // A compaction may take its time; a part that was not begun can be tried again.
  const bool busy = !read && read.error().code == Errc::timed_out && !pass_->structure.over;
  if (busy && ++pass_->tries < kTriesMax) return true;
  if (!read) {
    add({{}, 0, "the store's own structures were not all checked: " + read.error().message()});
    return false;
  }
  pass_->tries = 0;
  bytes += *read;
  return !pass_->structure.over;
}

void Scrubber::add(Problem problem) {
  add_problem(pass_->found, std::move(problem), kKeptMax);
}

void Scrubber::finish(Core& core) {
  VerifyReport found = std::move(pass_->found);
  pass_.reset();
  if (stopped_->is_set()) return;  // what a store that is being closed says proves nothing
  const std::lock_guard lock(mutex_);
  ++passes_;
  ended_ = core.world().now();
  last_ = std::move(found);
}

void Scrubber::tell(Health& health) const {
  const std::lock_guard lock(mutex_);
  health.scrubs = passes_;
  health.scrub_problems = last_.problem_count;
  health.scrubbed_at = ended_;
}

VerifyReport Scrubber::report() const {
  const std::lock_guard lock(mutex_);
  return last_;
}

}  // namespace chronik::checkpoint
