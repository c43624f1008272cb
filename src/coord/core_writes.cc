// Writes to __consumer_offsets: group metadata, commits, tombstones.
#include <algorithm>
#include <iterator>

#include "base/check.h"
#include "coord/core.h"
#include "coord/write_errors.h"

namespace chronik::coord {

namespace {
constexpr std::size_t kTombstonesPerBatch = 1000;
}

/// What a group wants written. Its outcome comes back as stored(), at once if nothing can be written.
void Core::write(Entry& entry, const Store& store) {
  rebalances_.add();
  auto record = group_record(entry.group.id(), store.value);
  std::expected<Journal::WritePtr, ErrorCode> written = std::unexpected(ErrorCode::not_leader_or_follower);
  const auto at = owned_.find(entry.home);
  if (!record) {
    written = std::unexpected(ErrorCode::message_too_large);
  } else if (at != owned_.end()) {
    written = journal_->append(at->second.log, {*std::move(record)}, nullptr);
  }
  if (!written) {
    update(entry, entry.group.stored(store.id, group_error(written.error()), clock()));
    return;
  }
  ++entry.writes;
  context_.spawn("coord.store", watch(shared_from_this(), entry.group.id(), entry.serial, store.id, *written));
}

task::Task<void> Core::watch(std::shared_ptr<Core> core, std::string group, std::uint64_t serial, StoreId store,
                             Journal::WritePtr write) {
  const Deadline until = core->context_.after(core->config_.offset_commit_timeout);
  const ErrorCode result = co_await Journal::settled(std::move(write), until);
  Entry* const entry = core->find(group, serial);
  if (entry == nullptr) co_return;
  --entry->writes;
  core->write_settled_.notify_all();
  const ErrorCode error = result == ErrorCode::none ? ErrorCode::none : group_error(result);
  core->update(*entry, entry->group.stored(store, error, core->clock()));
}

std::expected<Journal::WritePtr, ErrorCode> Core::commit(Entry& entry, std::vector<NewOffset> offsets) {
  std::vector<Record> records;
  records.reserve(offsets.size());
  for (const NewOffset& item : offsets) {
    auto record = offset_record(entry.group.id(), item.topic, item.partition, item.offset);
    if (!record) return std::unexpected(ErrorCode::invalid_commit_offset_size);
    records.push_back(*std::move(record));
  }
  auto durable = [this, group = entry.group.id(), serial = entry.serial, offsets = std::move(offsets)](
                     ErrorCode result, Offset base) mutable {
    Entry* const owner = find(group, serial);
    if (owner == nullptr) return;
    --owner->writes;
    if (result == ErrorCode::none) {
      for (std::size_t i = 0; i < offsets.size(); ++i) {
        offsets[i].offset.position = base.plus(static_cast<std::int64_t>(i));
        owner->offsets.put(offsets[i].topic, offsets[i].partition, std::move(offsets[i].offset));
      }
    }
    write_settled_.notify_all();
    update(*owner, {});
  };
  const auto log = log_of(entry.group.id());
  if (!log) return std::unexpected(ErrorCode::not_coordinator);
  auto written = journal_->append(log, records, std::move(durable));
  if (!written) return std::unexpected(commit_error(written.error()));
  ++entry.writes;
  return *written;
}

std::expected<Journal::WritePtr, ErrorCode> Core::append_tombstones(Entry& entry, const OffsetNames& names,
                                                                    std::size_t begin, std::size_t end,
                                                                    bool with_group) {
  const std::string& id = entry.group.id();
  std::vector<Record> records;
  for (std::size_t i = begin; i < end; ++i) {
    auto record = offset_tombstone(id, names[i].first, names[i].second);
    CHECK(record.has_value());  // the offset itself was written under this key
    records.push_back(*std::move(record));
  }
  if (with_group) {
    auto record = group_tombstone(id);
    if (!record) return std::unexpected(ErrorCode::invalid_group_id);
    records.push_back(*std::move(record));
    if (entry.consumer) {
      auto tombstones = entry.consumer->tombstones();
      if (!tombstones) return std::unexpected(ErrorCode::invalid_group_id);
      std::ranges::move(*tombstones, std::back_inserter(records));
    }
  }
  const auto from = names.begin() + static_cast<std::ptrdiff_t>(begin);
  const auto to = names.begin() + static_cast<std::ptrdiff_t>(end);
  auto durable = [this, group = id, serial = entry.serial, gone = OffsetNames(from, to), with_group](ErrorCode result,
                                                                                                     Offset base) {
    Entry* const owner = find(group, serial);
    if (owner == nullptr) return;
    --owner->writes;
    write_settled_.notify_all();
    if (result == ErrorCode::none) {
      for (std::size_t i = 0; i < gone.size(); ++i) {
        owner->offsets.erase(gone[i].first, gone[i].second, base.plus(static_cast<std::int64_t>(i)));
      }
      if (with_group) return forget(*owner);
    } else if (with_group) {
      owner->group.cancel_deletion();
    }
    update(*owner, {});
  };
  const auto log = log_of(id);
  if (!log) return std::unexpected(ErrorCode::not_leader_or_follower);
  auto written = journal_->append(log, records, std::move(durable));
  if (written) ++entry.writes;
  return written;
}

task::Task<ErrorCode> Core::erase(std::shared_ptr<Core> core, std::string group, OffsetNames names, bool with_group,
                                  Deadline until) {
  Entry* const first = core->find(group);
  if (first == nullptr) co_return ErrorCode::group_id_not_found;
  const std::uint64_t serial = first->serial;
  Journal::WritePtr last;
  ErrorCode error = ErrorCode::none;
  std::size_t done = 0;
  do {
    const std::size_t end = std::min(done + kTombstonesPerBatch, names.size());
    const bool ends = with_group && end == names.size();
    std::size_t bytes = kRecordOverhead + group.size();
    for (std::size_t i = done; i < end; ++i) bytes += kRecordOverhead + group.size() + names[i].first.size();
    const auto log = core->log_of(group);
    error = log ? co_await Journal::room(log, bytes, until) : ErrorCode::not_leader_or_follower;
    Entry* const entry = core->find(group, serial);
    if (entry == nullptr) co_return ErrorCode::not_coordinator;
    if (error == ErrorCode::none) {
      auto written = core->append_tombstones(*entry, names, done, end, ends);
      if (written) last = *written;
      if (!written) error = written.error();
    }
    if (error != ErrorCode::none) {
      if (with_group) entry->group.cancel_deletion();
      co_return group_error(error);
    }
    done = end;
  } while (done < names.size());
  error = co_await Journal::settled(last, until);
  co_return error == ErrorCode::none ? error : group_error(error);
}

std::expected<Journal::WritePtr, ErrorCode> Core::start_deletion(const std::string& group) {
  Entry* const entry = find(group);
  if (entry == nullptr) return std::unexpected(ErrorCode::group_id_not_found);
  if (entry->group.state() == GroupState::dead) return std::unexpected(ErrorCode::coordinator_not_available);
  if (entry->has_members()) return std::unexpected(ErrorCode::non_empty_group);
  entry->group.begin_deletion();
  auto outcome = std::make_shared<Journal::Write>(context_, Offset(-1));
  context_.spawn("coord.delete", run_deletion(shared_from_this(), group, entry->serial, outcome));
  return outcome;
}

task::Task<void> Core::run_deletion(std::shared_ptr<Core> core, std::string group, std::uint64_t serial,
                                    Journal::WritePtr outcome) {
  const Deadline until = core->context_.after(core->config_.offset_commit_timeout);
  outcome->result = co_await delete_group(core, std::move(group), serial, until);
  outcome->done.notify_all();
}

task::Task<ErrorCode> Core::delete_group(std::shared_ptr<Core> core, std::string group, std::uint64_t serial,
                                         Deadline until) {
  Entry* entry = core->find(group, serial);
  // What is on its way was accepted before: it must stand before the tombstones, and be covered by them.
  while (entry != nullptr && entry->writes > 0) {
    const auto woken = co_await core->write_settled_.wait("coord.delete", until);
    entry = core->find(group, serial);
    if (entry != nullptr && entry->writes > 0 && woken == task::Woken::timed_out) {
      entry->group.cancel_deletion();
      co_return ErrorCode::coordinator_not_available;
    }
  }
  if (entry == nullptr) co_return ErrorCode::not_coordinator;
  OffsetNames names;
  for (const auto& [topic, partitions] : entry->offsets.topics()) {
    for (const auto& [partition, offset] : partitions) names.emplace_back(topic, partition);
  }
  co_return co_await erase(core, group, std::move(names), true, until);
}

}  // namespace chronik::coord
