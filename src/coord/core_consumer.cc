// What the coordinator does for groups of the new consumer protocol: writes what changed in them, ends the sessions of
// silent members, looks up regular expressions.
#include <algorithm>
#include <iterator>

#include "base/check.h"
#include "coord/core.h"
#include "coord/regular_expression.h"
#include "coord/write_errors.h"

namespace chronik::coord {

namespace {
constexpr Duration kExpireAgain = 1s;  // when there was no room to write that members are gone
constexpr std::size_t kNamesPerTurn = 256;
}  // namespace

std::optional<Instant> Entry::earliest_deadline() const {
  auto earliest = group.earliest_deadline();
  if (!consumer || expiring) return earliest;
  if (const auto due = consumer->earliest_deadline()) {
    const Instant at = std::max(*due, expire_again);
    if (!earliest || at < *earliest) earliest = at;
  }
  return earliest;
}

void Core::become_consumer(Entry& entry, std::vector<Record>& records) {
  CHECK(!entry.consumer);
  const std::string id = entry.group.id();
  if (!entry.group.vacant()) {
    auto tombstone = group_tombstone(id);
    CHECK(tombstone.has_value());  // the group was written under this key
    records.push_back(*std::move(tombstone));
  }
  auto consumer = std::make_unique<ConsumerGroup>(id, config_);
  CHECK(!entry.has_members() || consumer->adopt(entry.group, topics_, clock()));
  // Who waits in the group as it was joins what it becomes.
  Update gone = entry.group.abandon(ErrorCode::rebalance_in_progress, clock());
  answer(gone);
  entry.group = Group(id, config_, clock());
  entry.consumer = std::move(consumer);
}

void Core::become_classic(Entry& entry, std::vector<Record>& records) {
  CHECK(entry.consumer && entry.consumer->empty());
  auto tombstones = entry.consumer->tombstones();
  CHECK(tombstones.has_value());
  std::ranges::move(*tombstones, std::back_inserter(records));
  entry.consumer.reset();
}

void Core::downgrade(Entry& entry, std::vector<Record>& records) {
  const bool allowed = config_.consumer_migration == MigrationPolicy::downgrade ||
                       config_.consumer_migration == MigrationPolicy::bidirectional;
  if (!allowed || !entry.consumer) return;
  const auto value = entry.consumer->as_classic(topics_, clock());
  if (!value || value->members.size() > static_cast<std::size_t>(std::max(config_.group_max_size, 0))) return;
  auto changes = entry.consumer->take_records();
  auto tombstones = entry.consumer->tombstones();
  auto record = group_record(entry.group.id(), *value);
  CHECK(changes && tombstones && record);  // all of it was written under these keys
  std::ranges::move(*changes, std::back_inserter(records));
  std::ranges::move(*tombstones, std::back_inserter(records));
  records.push_back(*std::move(record));
  entry.consumer.reset();
  entry.group.restore(*value);
  Update started = entry.group.start_sessions(clock());
  answer(started);
  Update rebalance = entry.group.rebalance(clock());
  answer(rebalance);
}

ErrorCode Core::store(Entry& entry, std::vector<Record> records) {
  if (entry.consumer) {
    auto changes = entry.consumer->take_records();
    if (!changes) {
      reload(entry.home);
      return ErrorCode::unknown_server_error;
    }
    std::ranges::move(*changes, std::back_inserter(records));
  }
  if (records.empty()) return ErrorCode::none;
  auto settled = [this, group = entry.group.id(), serial = entry.serial](ErrorCode result, Offset) {
    Entry* const owner = find(group, serial);
    if (owner == nullptr) return;
    --owner->writes;
    write_settled_.notify_all();
    if (result != ErrorCode::none) return reload(owner->home);
    update(*owner, {});
  };
  std::expected<Journal::WritePtr, ErrorCode> written = std::unexpected(ErrorCode::not_leader_or_follower);
  if (const auto at = owned_.find(entry.home); at != owned_.end()) {
    written = journal_->append(at->second.log, records, std::move(settled));
  }
  if (!written) {
    reload(entry.home);
    return group_error(written.error());
  }
  ++entry.writes;
  entry.last_write = *std::move(written);
  return ErrorCode::none;
}

/// The log alone is right now.
void Core::reload(PartitionIndex home) {
  const auto at = owned_.find(home);
  if (at == owned_.end()) return;
  own(home, log::PartitionPtr(at->second.log));
}

task::Task<ErrorCode> Core::durable(Journal::WritePtr last_write, Deadline until) {
  if (!last_write) co_return ErrorCode::none;
  const ErrorCode result = co_await Journal::settled(std::move(last_write), until);
  co_return result == ErrorCode::none ? result : group_error(result);
}

void Core::start_expiry(Entry& entry) {
  if (entry.expiring) return;
  entry.expiring = true;
  context_.spawn("coord.expire", expire_consumer(shared_from_this(), entry.group.id(), entry.serial));
}

task::Task<void> Core::expire_consumer(std::shared_ptr<Core> core, std::string group, std::uint64_t serial) {
  const Entry* const first = core->find(group, serial);
  const auto log = core->log_of(group);
  if (first == nullptr || log == nullptr) co_return;
  const Deadline until = core->context_.after(core->config_.offset_commit_timeout);
  const ErrorCode room = co_await Journal::room(log, first->footprint(), until);
  Entry* const entry = core->find(group, serial);
  if (entry == nullptr) co_return;
  entry->expiring = false;
  if (room != ErrorCode::none) {
    entry->expire_again = core->context_.now() + kExpireAgain;
  } else if (entry->consumer && entry->group.state() != GroupState::dead) {
    entry->consumer->expire(core->topics_, core->clock());
    std::vector<Record> records;
    core->downgrade(*entry, records);
    if (core->store(*entry, std::move(records)) != ErrorCode::none) co_return;
  }
  core->update(*entry, {});
}

void Core::resolve_regexes(Entry& entry) {
  if (resolving_.contains(entry.serial)) return;
  auto regexes = entry.consumer->to_resolve(topics_, clock());
  if (regexes.empty()) return;
  resolving_.insert(entry.serial);
  context_.spawn("coord.regex", resolve(shared_from_this(), entry.group.id(), entry.serial, std::move(regexes)));
}

/// All names are walked, with a pause after every few hundred: nobody waits for long behind this.
task::Task<ConsumerGroup::Resolved> Core::look_up(std::shared_ptr<Core> core, std::vector<std::string> texts) {
  const RegularExpressions regexes(std::move(texts));
  ConsumerGroup::Resolved found;
  for (const std::string& text : regexes.texts()) found[text];
  std::string last;
  for (;;) {
    const auto names = core->topics_.names(last, kNamesPerTurn);
    for (const std::string& name : names) {
      for (std::size_t i = 0; i < regexes.texts().size(); ++i) {
        if (regexes.matches(i, name)) found[regexes.texts()[i]].insert(name);
      }
    }
    if (names.size() < kNamesPerTurn) co_return found;
    last = names.back();
    co_await task::sleep_until(core->context_, "coord.regex", core->context_.after(0s));
  }
}

task::Task<void> Core::resolve(std::shared_ptr<Core> core, std::string group, std::uint64_t serial,
                               std::vector<std::string> regexes) {
  // What changes while the names are walked is seen by the next look.
  const std::int64_t version = core->topics_.version();
  const auto found = co_await look_up(core, std::move(regexes));
  std::size_t bytes = kRecordOverhead;
  for (const auto& [regex, names] : found) {
    bytes += kRecordOverhead + regex.size() + group.size();
    for (const std::string& name : names) bytes += name.size() + sizeof(std::int32_t);
  }
  const auto log = core->log_of(group);
  const Deadline until = core->context_.after(core->config_.offset_commit_timeout);
  const bool room = log != nullptr && co_await Journal::room(log, bytes, until) == ErrorCode::none;
  core->resolving_.erase(serial);
  Entry* const entry = core->find(group, serial);
  if (entry == nullptr || !entry->consumer || !room || !core->has_memory(bytes)) co_return;
  if (entry->group.state() == GroupState::dead) co_return;
  entry->consumer->resolved(found, version, core->topics_, core->clock());
  if (core->store(*entry, {}) == ErrorCode::none) core->update(*entry, {});
}

}  // namespace chronik::coord
