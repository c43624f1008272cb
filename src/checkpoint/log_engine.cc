#include "checkpoint/log_engine.h"

#include <algorithm>
#include <cstring>

#include "base/bytes.h"
#include "task/io.h"
#include "wal/replay.h"

namespace chronik::checkpoint {

namespace {
constexpr std::uint64_t kFlushBytes = 4 << 20;     // less where little may wait
constexpr std::uint64_t kLooseBytesMax = 8 << 20;  // about 15 ms of the next opening
constexpr Duration kRetry = 1s;                    // while the disk is full or descriptors are short, and only then
}  // namespace

LogEngine::LogEngine(task::Context& context, std::shared_ptr<LogShared> shared, std::string directory,
                     std::int64_t process)
    : context_(context),
      shared_(std::move(shared)),
      directory_(std::move(directory)),
      process_(process),
      keys_(context, directory_, shared_->keys, shared_->options.stall_deadline),
      flush_bytes_(std::min(kFlushBytes, shared_->options.pending_bytes_max / 4)),
      loose_bytes_max_(std::min(kLooseBytesMax, shared_->options.pending_bytes_max / 32)),
      work_(context),
      landed_(context),
      flush_(context),
      free_(context),
      scope_(context) {}

LogEngine::~LogEngine() = default;

task::Task<Status> LogEngine::open() {
  CO_TRY_STATUS(co_await take_lock());
  CO_TRY(const bool known, co_await load_manifest());
  CO_TRY_STATUS(co_await keys_.open(shared_->options.key, manifest_.log_id, known));
  for (const std::string& one : keys_.damage()) damage_.push_back({{}, 0, one});
  if (known) CO_TRY_STATUS(co_await load_index());
  CO_TRY_STATUS(co_await replay());
  for (const SessionId& id : shared_->tables.adopt_nameless()) {
    damage_.push_back({"recovered-" + to_string(id), 0, "the session's own entry is damaged: its name is lost"});
  }
  if (damage_.empty()) {
    const auto all = shared_->tables.all();
    CO_TRY_STATUS(co_await keys_.settle({all.begin(), all.end()}, std::move(destroyed_keys_met_)));
  }
  CO_TRY_STATUS(co_await open_wal());
  CO_TRY_STATUS(co_await flush());
  CO_TRY_STATUS(co_await remove_strays());
  opened_ = true;
  scope_.spawn("checkpoint.writer", run_writer());
  scope_.spawn("checkpoint.completer", run_completer());
  scope_.spawn("checkpoint.flusher", run_flusher());
  co_return Status();
}

/// Brings what is in line into the write-ahead log, in order.
task::Task<void> LogEngine::run_writer() {
  for (;;) {
    auto items = shared_->intake.take();
    if (items.empty()) {
      writing_ = false;
      landed_.notify_all();
      (void)co_await work_.wait("checkpoint.intake", context_.after(1h));
      continue;
    }
    writing_ = true;
    while (!items.empty()) {
      Status written;
      if (failure_) {
        written = std::unexpected(*failure_);
      } else {
        written = co_await write(items.front());
      }
      if (!written) {
        co_await fail_all(written.error(), std::move(items));
        break;
      }
      items.pop_front();
    }
    // One wake-up and one commit for all who come meanwhile. Much that is in line ends the wait.
    if (!flights_.empty()) {
      (void)co_await work_.wait("checkpoint.gathering", stall());
    }
  }
}

task::Task<Status> LogEngine::write(LogItemPtr item) {
  const std::size_t bytes = sizeof item->lsn + item->entries.size();
  const Status room = adopt(co_await wal_->room(bytes, blocked_ ? context_.after(Duration(0)) : stall()));
  if (!room && room.error().code == Errc::overloaded && blocked_) co_return fail(*blocked_);
  CO_TRY_STATUS(room);
  const auto at = static_cast<std::int64_t>(item->lsn);
  const wal::FrameInfo frame{wal::FrameKind::batch, {}, Offset(at), LogEndOffset(at + 1)};
  CO_TRY(const auto place, adopt(wal_->reserve(frame, bytes, nullptr)));
  store_be(place.bytes.data(), item->lsn);
  std::memcpy(place.bytes.data() + sizeof item->lsn, item->entries.data(), item->entries.size());
  flights_.push_back({item, place.commit, place.group});
  landed_.notify_all();
  co_return Status();
}

/// Learns of each group's fate, in order.
task::Task<void> LogEngine::run_completer() {
  std::vector<LogItemPtr> group;
  for (;;) {
    if (flights_.empty()) {
      (void)co_await landed_.wait("checkpoint.landing", context_.after(1h));
      continue;
    }
    const Flight first = flights_.front();
    const Status landed =
        adopt(co_await wal_->committed(first.commit, context_.after(2 * shared_->options.stall_deadline)));
    group.clear();
    for (; !flights_.empty() && flights_.front().commit == first.commit; flights_.pop_front()) {
      group.push_back(std::move(flights_.front().item));
    }
    if (landed && !failure_) {
      durable_group_ = first.group;
      complete(group);
    } else {
      // Whether it is on disk is not known: whatever comes behind it would build on sand.
      if (!failure_) failure_ = Error{Errc::storage_failed, landed.error().message()};  // then it did not land
      for (const LogItemPtr& item : group) fail_item(item, *failure_);
    }
    work_.notify_all();
    landed_.notify_all();
  }
}

void LogEngine::complete(std::span<const LogItemPtr> group) {
  std::vector<std::shared_ptr<const Delta>> deltas;
  std::vector<LogItemPtr> settled;
  deltas.reserve(group.size());
  settled.reserve(group.size());
  for (const LogItemPtr& item : group) {
    if (item->delta) deltas.push_back(item->delta);
    unflushed_bytes_ += item->entries.size();
    unflushed_.push_back(item);
    if (!item->delta || !item->delta->erase || !shared_->keys.enabled()) {
      settled.push_back(item);
      continue;
    }
    // Before anybody sees that the session is gone: the next of its id gets a key of its own.
    ++erasing_;
    scope_.spawn("checkpoint.erase", finish_erasure(item, shared_->keys.retire(item->delta->session)));
  }
  shared_->tables.apply(deltas);
  shared_->intake.settle(settled, {});
  if (unflushed_bytes_ >= flush_bytes_) flush_.notify_all();
}

/// The deletion is told once nobody can read the session any more.
task::Task<void> LogEngine::finish_erasure(LogItemPtr item, std::vector<SessionKeyPtr> keys) {
  Status destroyed = co_await keys_.destroy(std::move(keys));
  if (!destroyed) {
    destroyed = fail(destroyed.error().code,
                     "the session is deleted, but its key is still on the disk; opening the "
                     "store again destroys it: " +
                         destroyed.error().detail);
  }
  shared_->intake.settle({&item, 1}, destroyed);
  --erasing_;
  landed_.notify_all();
}

task::Task<Status> LogEngine::add_key(SessionId session) {
  if (failure_) co_return std::unexpected(*failure_);
  co_return co_await keys_.add(session);
}

task::Task<Status> LogEngine::give_key_back(SessionId session) {
  std::vector<SessionKeyPtr> keys = shared_->keys.retire(session);
  if (shared_->tables.knows(session)) {
    for (const SessionKeyPtr& key : keys) shared_->keys.add(session, key);
    co_return Status();
  }
  co_return co_await keys_.destroy(std::move(keys));
}

task::Task<Status> LogEngine::rotate_key(std::string key) {
  co_return co_await keys_.rotate(std::move(key));
}

void LogEngine::fail_item(const LogItemPtr& item, const Error& error) {
  if (item->delta) shared_->tables.drop(item->delta);
  for (const std::uint64_t number : item->chunks) shared_->chunks.drop(number);
  item->room = {};
  shared_->intake.settle({&item, 1}, std::unexpected(error));
}

/// Nothing of what is in line will be written. What is in the log already gets its own end first: later changes of the
/// same sessions build on it.
task::Task<void> LogEngine::fail_all(Error error, std::deque<LogItemPtr> taken) {
  auto rest = shared_->intake.refuse(error);
  taken.insert(taken.end(), rest.begin(), rest.end());
  while (!flights_.empty()) (void)co_await landed_.wait("checkpoint.landing", stall());
  for (const LogItemPtr& item : taken) fail_item(item, error);
  if (!failure_ && !passes(error.code)) failure_ = error;
  if (failure_ || closing_) co_return;
  shared_->intake.admit();
  flush_.notify_all();
}

task::Task<Status> LogEngine::enter(Who who) {
  if (closed_ || (closing_ && who == Who::caller)) co_return fail(Errc::closed, "the store was closed");
  while (busy_) {
    if (co_await free_.wait("checkpoint.maintenance", context_.after(shared_->options.timeout)) ==
        task::Woken::timed_out) {
      co_return fail(Errc::timed_out, "a flush or compaction still runs");
    }
  }
  if (failure_) co_return std::unexpected(*failure_);
  busy_ = true;
  co_return Status();
}

void LogEngine::leave() {
  busy_ = false;
  free_.notify_all();
}

task::Task<void> LogEngine::run_flusher() {
  for (;;) {
    if (unflushed_bytes_ < flush_bytes_ || failure_) {
      (void)co_await flush_.wait("checkpoint.flush", context_.after(1h));
      continue;
    }
    if (!co_await enter(Who::engine)) {
      if (closed_) co_return;
      continue;
    }
    const Status flushed = co_await flush();
    leave();
    if (flushed) continue;
    if (!passes(flushed.error().code)) {
      if (!failure_) failure_ = flushed.error();
      wal_->fail({chronik::Errc::storage_failed, flushed.error().detail});
    } else {
      // Whoever would wait for room hears why there is none.
      blocked_ = flushed.error();
      shared_->room->refuse(flushed.error());
      co_await task::sleep_until(context_, "checkpoint.flush.retry", context_.after(kRetry));
    }
  }
}

task::Task<Status> LogEngine::close() {
  if (closing_) co_return Status();
  closing_ = true;
  auto late = shared_->intake.refuse({Errc::closed, "the store was closed"});
  if (!opened_) co_return Status();
  // What was in line before is still written: first what the writer has, then the rest.
  while (!failure_ && writing_) {
    if (co_await landed_.wait("checkpoint.close", stall()) == task::Woken::timed_out) break;
  }
  while (!failure_ && !writing_ && !late.empty()) {
    const LogItemPtr item = late.front();
    late.pop_front();
    const Status written = co_await write(item);
    if (!written) fail_item(item, written.error());
  }
  while (!failure_ && !flights_.empty()) {
    if (co_await landed_.wait("checkpoint.close", stall()) == task::Woken::timed_out) break;
  }
  for (const LogItemPtr& item : late) fail_item(item, {Errc::closed, "the store was closed"});
  while (erasing_ > 0) {
    if (co_await landed_.wait("checkpoint.close", stall()) == task::Woken::timed_out) break;
  }
  co_await keys_.close();
  CO_TRY_STATUS(co_await enter(Who::engine));
  Status flushed = co_await flush();
  if (flushed && unflushed_.empty()) {
    // It only makes the next opening quicker: a full disk does without.
    const Status packed = co_await pack_index();
    if (!packed && !passes(packed.error().code)) flushed = packed;
  }
  if (flushed) CO_TRY_STATUS(adopt(co_await wal_->close(stall())));
  if (flushed && unflushed_.empty()) {
    // All of it lives in packs and index: the next open need not read it.
    CO_TRY(auto entries, adopt(co_await task::list(context_, path("wal"), stall())));
    std::vector<std::string> names;
    for (const auto& entry : entries) names.push_back(path("wal") + "/" + entry.name);
    std::sort(names.begin(), names.end());
    CO_TRY_STATUS(adopt(co_await wal::remove_replayed(context_, path("wal"), names, shared_->options.stall_deadline)));
  }
  leave();
  closed_ = true;
  lock_.reset();
  co_return flushed;
}

std::uint64_t LogEngine::bytes_on_disk() const {
  std::uint64_t bytes = 0;
  for (const auto& block : manifest_.blocks) bytes += block.bytes;
  for (const auto& pack : manifest_.packs) bytes += pack.bytes;
  return bytes;
}

struct LogEngine::Reads {
  struct Run {
    std::size_t first = 0;  // of the places
    std::size_t last = 0;
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
  };
  explicit Reads(task::Context& context) : done(context) {}
  std::vector<ChunkPlace> places;
  std::vector<Run> runs;
  std::vector<std::string> bytes;  // of each place
  std::size_t next = 0;            // run that nobody reads yet
  std::size_t readers = 0;
  Status status;
  task::Event done;
};

/// Neighbours in one read, what lies between them included; several reads at a time.
task::Task<Result<std::vector<std::string>>> LogEngine::read(std::vector<ChunkPlace> places) {
  constexpr std::size_t kRunMax = 1 << 20;
  constexpr std::size_t kReadersMax = 8;
  const auto reads = std::make_shared<Reads>(context_);
  reads->bytes.resize(places.size());
  for (std::size_t first = 0; first < places.size();) {
    std::size_t last = first;
    const std::uint64_t begin = places[first].offset;
    std::uint64_t end = begin + places[first].stored;
    while (last + 1 < places.size() && places[last + 1].pack == places[first].pack && places[last + 1].offset >= end &&
           places[last + 1].offset - end <= 4096 &&
           places[last + 1].offset + places[last + 1].stored - begin <= kRunMax) {
      ++last;
      end = places[last].offset + places[last].stored;
    }
    reads->runs.push_back({first, last, begin, end});
    first = last + 1;
  }
  reads->places = std::move(places);
  reads->readers = std::min(kReadersMax, reads->runs.size());
  for (std::size_t i = 1; i < reads->readers; ++i) scope_.spawn("checkpoint.read", read_runs(reads));
  if (reads->readers > 0) co_await read_runs(reads);
  while (reads->readers > 0) (void)co_await reads->done.wait("checkpoint.read", stall());
  if (!reads->status) co_return std::unexpected(reads->status.error());
  co_return std::move(reads->bytes);
}

task::Task<void> LogEngine::read_runs(std::shared_ptr<Reads> reads) {
  while (reads->status && reads->next < reads->runs.size()) {
    const Reads::Run run = reads->runs[reads->next++];
    const auto found = co_await read_at(pack_name(reads->places[run.first].pack), run.begin, run.end - run.begin);
    if (!found) {
      reads->status = std::unexpected(found.error());
      break;
    }
    for (std::size_t i = run.first; i <= run.last; ++i) {
      reads->bytes[i] = found->substr(reads->places[i].offset - run.begin, reads->places[i].stored);
    }
  }
  --reads->readers;
  reads->done.notify_all();
}

task::Task<Result<std::string>> LogEngine::read_at(std::string name, std::uint64_t offset, std::size_t bytes) {
  CO_TRY(const env::FilePtr from, co_await file(name, false));
  CO_TRY(const Buffer found, adopt(co_await task::read(context_, from, offset, bytes, stall())));
  if (found.size() != bytes) {
    co_return fail(Errc::corrupt, path(name) + " ends at byte " + std::to_string(offset + found.size()));
  }
  co_return std::string(as_text(found.span()));
}

}  // namespace chronik::checkpoint
