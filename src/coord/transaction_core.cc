#include "coord/transaction_core.h"

#include <algorithm>

#include "base/check.h"
#include "coord/routing.h"
#include "coord/transaction_store.h"
#include "meta/topic_name.h"

namespace chronik::coord {

namespace {
constexpr Duration kMarkersAgain = 10ms;  // after markers that could not be written; doubles
constexpr Duration kMarkersAgainMax = 1s;
constexpr Duration kExpiryAgain = 1min;
}  // namespace

TransactionCore::TransactionCore(shard::Shard& shard, Topics& topics, TransactionPeers& peers, TransactionConfig config)
    : context_(shard.context()),
      topics_(topics),
      peers_(peers),
      config_(config),
      journal_(std::make_shared<Journal>(context_)),
      timer_changed_(context_),
      write_settled_(context_),
      skipped_records_(context_.metrics().counter("chronik_transaction_records_skipped_total",
                                                  "Records of __transaction_state that could not be understood")),
      ended_(context_.metrics().counter("chronik_transactions_total", "Transactions committed or aborted")) {}

ErrorCode TransactionCore::status(const std::string& id) {
  if (closed_) return ErrorCode::not_coordinator;
  const auto topic = topics_.find(meta::kTransactionTopic);
  if (!topic || topic->partitions <= 0) {
    want_topic();
    return ErrorCode::coordinator_not_available;
  }
  const auto at = homes_.find(offsets_partition(id, topic->partitions));
  if (at == homes_.end() || at->second.log->deleted()) return ErrorCode::not_coordinator;
  switch (at->second.state) {
    case Home::State::loading:
      return ErrorCode::coordinator_load_in_progress;
    case Home::State::active:
      return ErrorCode::none;
    case Home::State::failed:
      return ErrorCode::not_coordinator;
  }
  return ErrorCode::not_coordinator;
}

void TransactionCore::want_topic() {
  if (creating_topic_) return;
  creating_topic_ = true;
  context_.spawn("coord.create_topic", create_topic(shared_from_this()));
}

task::Task<void> TransactionCore::create_topic(std::shared_ptr<TransactionCore> core) {
  (void)co_await core->peers_.create_transactions_topic(core->config_.topic_partitions,
                                                        core->context_.after(core->config_.write_timeout));
  core->creating_topic_ = false;
}

TransactionEntryPtr TransactionCore::find(std::string_view id) {
  const auto at = entries_.find(id);
  return at == entries_.end() ? nullptr : at->second;
}

TransactionEntryPtr TransactionCore::create(const std::string& id) {
  const auto topic = topics_.find(meta::kTransactionTopic);
  if (!topic || memory_ + sizeof(TransactionEntry) + 2 * id.size() > config_.memory_bytes_max) return nullptr;
  return insert(id, offsets_partition(id, topic->partitions));
}

TransactionEntryPtr TransactionCore::insert(const std::string& id, PartitionIndex home) {
  auto entry = std::make_shared<TransactionEntry>(context_, id, home, ++last_serial_);
  CHECK(entries_.try_emplace(id, entry).second);
  by_serial_.emplace(entry->serial, entry);
  recount(*entry);
  return entry;
}

void TransactionCore::forget(TransactionEntry& entry) {
  entry.gone = true;
  entry.changed.notify_all();
  memory_ -= entry.counted;
  deadlines_.set(entry.serial, std::nullopt);
  by_serial_.erase(entry.serial);
  entries_.erase(entry.id);
}

void TransactionCore::recount(TransactionEntry& entry) {
  const std::size_t now = sizeof entry + 2 * entry.id.size() + footprint(entry.now);
  memory_ = memory_ - entry.counted + now;
  entry.counted = now;
}

bool TransactionCore::loading() const {
  return std::ranges::any_of(homes_, [](const auto& home) { return home.second.state == Home::State::loading; });
}

task::Task<ErrorCode> TransactionCore::acquire(TransactionEntryPtr entry, Deadline until) {
  while (!entry->gone && (entry->changing || entry->now.preparing())) {
    const auto woken = co_await entry->changed.wait("transaction.acquire", until);
    const bool busy = entry->changing || entry->now.preparing();
    if (woken == task::Woken::timed_out && busy && !entry->gone) co_return ErrorCode::concurrent_transactions;
  }
  if (entry->gone) co_return ErrorCode::not_coordinator;
  entry->changing = true;
  co_return ErrorCode::none;
}

void TransactionCore::release(TransactionEntry& entry) {
  entry.changing = false;
  entry.changed.notify_all();
}

task::Task<ErrorCode> TransactionCore::become(std::shared_ptr<TransactionCore> core, TransactionEntryPtr entry,
                                              Transaction next, Deadline until) {
  const auto refuse = [&](ErrorCode error) {
    release(*entry);
    return error;
  };
  const auto record = transaction_record(entry->id, next);
  if (!record) co_return refuse(ErrorCode::invalid_request);
  const auto home = core->homes_.find(entry->home);
  if (home == core->homes_.end()) co_return refuse(ErrorCode::not_coordinator);
  const log::PartitionPtr log = home->second.log;
  if (core->memory_ + footprint(next) > core->config_.memory_bytes_max) {
    co_return refuse(ErrorCode::coordinator_not_available);
  }
  const Deadline patience = std::min(until, core->context_.after(core->config_.write_timeout));
  if (co_await Journal::room(log, record->size() + kRecordOverhead, patience) != ErrorCode::none) {
    co_return refuse(ErrorCode::coordinator_not_available);
  }
  if (entry->gone) co_return refuse(ErrorCode::not_coordinator);
  auto settled = [owner = core.get(), entry, next = std::move(next)](ErrorCode result, Offset /*base*/) mutable {
    if (entry->gone) return;
    if (result == ErrorCode::none) entry->now = std::move(next);
    entry->changing = false;
    owner->follow_up(entry);
  };
  auto written = core->journal_->append(log, {*record}, std::move(settled));
  if (!written) co_return refuse(ErrorCode::coordinator_not_available);
  const ErrorCode error = co_await Journal::settled(*std::move(written), until);
  core->write_settled_.notify_all();
  if (error == ErrorCode::none) co_return error;
  co_return error == ErrorCode::request_timed_out ? ErrorCode::coordinator_not_available : ErrorCode::not_coordinator;
}

task::Task<ErrorCode> TransactionCore::completed(TransactionEntryPtr entry, Deadline until) {
  while (!entry->gone && entry->now.preparing()) {
    const auto woken = co_await entry->changed.wait("transaction.markers", until);
    if (woken == task::Woken::timed_out && entry->now.preparing()) co_return ErrorCode::concurrent_transactions;
  }
  co_return entry->gone ? ErrorCode::not_coordinator : ErrorCode::none;
}

/// When the transaction times out, or the id expires.
std::optional<Instant> TransactionCore::due(const TransactionEntry& entry) const {
  const Transaction& now = entry.now;
  const std::int64_t wall = context_.wall_now().value();
  std::int64_t left = 0;
  if (now.phase == TransactionPhase::ongoing) {
    left = std::clamp<std::int64_t>(now.timeout_ms - (wall - now.started.value()), 0, now.timeout_ms);
  } else if (now.preparing() || config_.id_expiration_ms <= 0) {
    return std::nullopt;
  } else {
    left =
        std::clamp<std::int64_t>(config_.id_expiration_ms - (wall - now.updated.value()), 0, config_.id_expiration_ms);
  }
  return context_.now() + std::chrono::milliseconds(left);
}

void TransactionCore::follow_up(const TransactionEntryPtr& entry) {
  recount(*entry);
  deadlines_.set(entry->serial, due(*entry));
  wake_timer();
  entry->changed.notify_all();
  if (!entry->now.preparing() || entry->completing) return;
  entry->completing = true;
  context_.spawn("coord.complete", complete(shared_from_this(), entry));
}

task::Task<void> TransactionCore::complete(std::shared_ptr<TransactionCore> core, TransactionEntryPtr entry) {
  Duration pause = kMarkersAgain;
  while (!core->closed_ && !entry->gone && entry->now.preparing()) {
    const Transaction now = entry->now;
    Markers markers{now.producer, now.phase == TransactionPhase::prepare_commit, 0, now.partitions};
    const auto left =
        co_await core->peers_.write_markers(std::move(markers), core->context_.after(core->config_.marker_timeout));
    if (core->closed_ || entry->gone) break;
    if (left.empty() && !entry->changing) {
      entry->changing = true;
      const Deadline until = core->context_.after(core->config_.write_timeout);
      if (co_await become(core, entry, coord::complete(entry->now, core->context_.wall_now()), until) ==
          ErrorCode::none) {
        core->ended_.add();
        break;
      }
    }
    co_await task::sleep_until(core->context_, "coord.complete", core->context_.after(pause));
    pause = std::min(pause * 2, kMarkersAgainMax);
  }
  entry->completing = false;
}

void TransactionCore::wake_timer() {
  if (closed_) return;
  if (timer_running_) return timer_changed_.notify_all();
  timer_running_ = true;
  context_.spawn("coord.transaction_timer", run_timer(shared_from_this()));
}

task::Task<void> TransactionCore::run_timer(std::shared_ptr<TransactionCore> core) {
  while (!core->closed_) {
    const auto next = core->deadlines_.next();
    if (!next) break;
    const Instant now = core->context_.now();
    if (*next > now) {
      co_await core->timer_changed_.wait("coord.transaction_timer", Deadline(*next));
      continue;
    }
    while (const auto serial = core->deadlines_.due(now)) {
      core->deadlines_.set(*serial, std::nullopt);
      core->fire(core->by_serial_.at(*serial));
    }
  }
  core->timer_running_ = false;
}

void TransactionCore::fire(const TransactionEntryPtr& entry) {
  const bool ongoing = entry->now.phase == TransactionPhase::ongoing;
  context_.spawn("coord.transaction_due",
                 ongoing ? time_out(shared_from_this(), entry) : expire(shared_from_this(), entry));
}

/// A producer that is silent for too long is shut out, and its transaction aborted.
task::Task<void> TransactionCore::time_out(std::shared_ptr<TransactionCore> core, TransactionEntryPtr entry) {
  const UnixMillis started = entry->now.started;
  const Deadline until = core->context_.after(core->config_.write_timeout);
  if (co_await acquire(entry, until) != ErrorCode::none) co_return;
  if (entry->now.phase != TransactionPhase::ongoing || entry->now.started != started) co_return release(*entry);
  (void)co_await become(core, entry, fence(entry->now, core->context_.wall_now()), until);
  if (!entry->gone && entry->now.phase == TransactionPhase::ongoing) {
    core->deadlines_.set(entry->serial, core->context_.now() + core->config_.write_timeout);
    core->wake_timer();
  }
}

/// An id that nobody has used for transactional.id.expiration.ms.
task::Task<void> TransactionCore::expire(std::shared_ptr<TransactionCore> core, TransactionEntryPtr entry) {
  const Deadline until = core->context_.after(core->config_.write_timeout);
  if (co_await acquire(entry, until) != ErrorCode::none) co_return;
  const bool old = core->context_.wall_now().value() - entry->now.updated.value() >= core->config_.id_expiration_ms;
  const auto home = core->homes_.find(entry->home);
  const auto record = transaction_tombstone(entry->id);
  if (entry->now.idle() && old && home != core->homes_.end() && record) {
    const log::PartitionPtr log = home->second.log;
    if (co_await Journal::room(log, record->size() + kRecordOverhead, until) == ErrorCode::none && !entry->gone) {
      auto settled = [owner = core.get(), entry](ErrorCode result, Offset /*base*/) {
        if (result == ErrorCode::none && !entry->gone) owner->forget(*entry);
      };
      auto written = core->journal_->append(log, {*record}, std::move(settled));
      if (written) (void)co_await Journal::settled(*std::move(written), until);
    }
  }
  if (entry->gone) co_return;
  release(*entry);
  core->deadlines_.set(entry->serial,
                       std::max(core->due(*entry).value_or(Instant{}), core->context_.now() + kExpiryAgain));
  core->wake_timer();
}

void TransactionCore::disown(PartitionIndex index) {
  if (homes_.erase(index) == 0) return;
  std::vector<TransactionEntryPtr> leaving;
  for (const auto& [serial, entry] : by_serial_) {
    if (entry->home == index) leaving.push_back(entry);
  }
  for (const TransactionEntryPtr& entry : leaving) forget(*entry);
}

task::Task<void> TransactionCore::drain(Deadline until) {
  const auto self = shared_from_this();
  while (journal_->under_way() > 0 && !closed_) {
    if (co_await write_settled_.wait("coord.drain", until) != task::Woken::notified) co_return;
  }
}

void TransactionCore::close() {
  if (closed_) return;
  closed_ = true;
  while (!homes_.empty()) disown(homes_.begin()->first);
  journal_->abandon();
  timer_changed_.close();
  write_settled_.close();
}

void TransactionCore::check_invariants() const {
  std::size_t memory = 0;
  CHECK(entries_.size() == by_serial_.size());
  for (const auto& [id, entry] : entries_) {
    CHECK(entry->id == id && !entry->gone && by_serial_.at(entry->serial) == entry);
    CHECK(homes_.contains(entry->home));
    CHECK(entry->now.preparing() || entry->now.phase == TransactionPhase::ongoing || entry->now.partitions.empty());
    memory += entry->counted;
  }
  CHECK(memory == memory_);
}

}  // namespace chronik::coord
