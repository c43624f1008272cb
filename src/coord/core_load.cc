// Loading: the groups of a partition of __consumer_offsets are rebuilt from its records, a piece at a time, when this
// shard comes to own it.
#include "base/check.h"
#include "coord/core.h"
#include "log/compact_transactions.h"
#include "wire/record_batch.h"
#include "wire/record_reader.h"
#include "wire/records/versioned.h"

namespace chronik::coord {

namespace {
constexpr Duration kReadDeadline = 30s;  // of one piece
constexpr Duration kReadAgain = 1s;      // after a piece that took longer
constexpr std::size_t kDecompressedMax = std::size_t{64} << 20;
}  // namespace

void Core::own(PartitionIndex index, log::PartitionPtr partition) {
  if (closed_) return;
  disown(index);
  owned_[index] = {.log = std::move(partition), .term = ++last_term_, .state = OwnedPartition::State::loading};
  context_.spawn("coord.load", load(shared_from_this(), index, last_term_));
}

OwnedPartition* Core::owned(PartitionIndex index, std::uint64_t term) {
  const auto at = owned_.find(index);
  return at != owned_.end() && at->second.term == term ? &at->second : nullptr;
}

task::Task<void> Core::load(std::shared_ptr<Core> core, PartitionIndex index, std::uint64_t term) {
  const bool complete = co_await read_all(core, index, term);
  OwnedPartition* const partition = core->owned(index, term);
  if (partition == nullptr) co_return;
  if (!complete) {
    // Half a state would hand out old offsets as the newest: serve nothing.
    partition->state = OwnedPartition::State::failed;
    co_return;
  }
  partition->state = OwnedPartition::State::active;
  core->loaded(index);
}

/// False if the partition cannot be read or is no longer ours.
task::Task<bool> Core::read_all(std::shared_ptr<Core> core, PartitionIndex index, std::uint64_t term) {
  const OwnedPartition* partition = core->owned(index, term);
  if (partition == nullptr) co_return false;
  const log::PartitionPtr log = partition->log;
  Offset at(log->log_start().value());
  while (at.value() < log->high_watermark().value()) {
    auto run = co_await log->read(at, core->config_.load_bytes, core->context_.after(kReadDeadline));
    if (core->owned(index, term) == nullptr) co_return false;
    if (!run) {
      if (run.error().code == Errc::out_of_range && at.value() < log->log_start().value()) {
        at = Offset(log->log_start().value());
        continue;
      }
      if (run.error().code != Errc::timed_out && run.error().code != Errc::overloaded) co_return false;
      co_await task::sleep_until(core->context_, "coord.load", core->context_.after(kReadAgain));
      if (core->owned(index, term) == nullptr) co_return false;
      continue;
    }
    if (run->bytes == 0) break;
    for (const Buffer& piece : run->pieces) {
      if (!core->apply(index, piece)) co_return false;
    }
    at = run->end;
    // Others get their turn between pieces.
    co_await task::sleep_until(core->context_, "coord.load", core->context_.after(0s));
    if (core->owned(index, term) == nullptr) co_return false;
  }
  co_return true;
}

Status Core::apply(PartitionIndex home, const Buffer& batches) {
  wire::BatchSplitter splitter(batches.span());
  for (;;) {
    TRY(const auto batch, splitter.next());
    if (!batch) return {};
    if (batch->header.is_control()) {
      TRY(const auto commits, log::marker_of(batch->bytes));
      if (commits) decide(home, batch->header.producer_id, *commits);
      continue;
    }
    TRY(auto reader, wire::RecordReader::open(batch->bytes, kDecompressedMax));
    wire::RecordView record;
    for (;;) {
      TRY(const bool more, reader.next(record));
      if (!more) break;
      if (!record.key) {
        skipped_records_.add();
        continue;
      }
      const Buffer key = Buffer::copy_of(*record.key);
      const auto value = record.value ? std::optional(Buffer::copy_of(*record.value)) : std::nullopt;
      if (batch->header.is_transactional()) {
        apply_pending(home, batch->header.producer_id, key, value, record.offset);
      } else {
        apply_record(home, key, value, record.offset);
      }
    }
  }
}

/// A record that is not understood is counted and passed over: newer brokers may have left kinds that we do not know.
void Core::apply_record(PartitionIndex home, const Buffer& key, const std::optional<Buffer>& value, Offset position) {
  const auto what = wire::decode_group_key(key);
  if (!what) return skipped_records_.add();

  if (const auto* name = std::get_if<wire::OffsetCommitKey>(&*what)) {
    Entry* entry = find(name->group);
    if (!value) {
      if (entry != nullptr) entry->offsets.erase(name->topic, name->partition, position);
      if (entry != nullptr) recount(*entry);
      return;
    }
    const auto stored = wire::decode_versioned<wire::OffsetCommitValue>(*value);
    if (!stored) return skipped_records_.add();
    if (entry == nullptr) entry = &insert(name->group, home);
    entry->offsets.put(name->topic, name->partition, committed_offset(*stored, position));
    return recount(*entry);
  }

  if (!std::holds_alternative<wire::GroupMetadataKey>(*what)) return apply_consumer_record(home, *what, value);
  const std::string& id = std::get<wire::GroupMetadataKey>(*what).group;
  Entry* entry = find(id);
  if (!value) {
    if (entry != nullptr) entry->group = Group(id, config_, clock());
    if (entry != nullptr) recount(*entry);
    return;
  }
  const auto stored = wire::decode_versioned<wire::GroupMetadataValue>(*value);
  if (!stored) return skipped_records_.add();
  if (entry == nullptr) entry = &insert(id, home);
  entry->group.restore(*stored);
  recount(*entry);
}

/// A record that counts only once its transaction is committed: offsets alone are written so.
void Core::apply_pending(PartitionIndex home, ProducerId producer, const Buffer& key,
                         const std::optional<Buffer>& value, Offset position) {
  const auto what = wire::decode_group_key(key);
  const auto* const name = what ? std::get_if<wire::OffsetCommitKey>(&*what) : nullptr;
  if (name == nullptr || !value) return skipped_records_.add();
  const auto stored = wire::decode_versioned<wire::OffsetCommitValue>(*value);
  if (!stored) return skipped_records_.add();
  Entry* entry = find(name->group);
  if (entry == nullptr) entry = &insert(name->group, home);
  hold_back(*entry, producer, {name->topic, name->partition, committed_offset(*stored, position)});
  recount(*entry);
}

void Core::apply_consumer_record(PartitionIndex home, const wire::GroupKey& key, const std::optional<Buffer>& value) {
  const std::string id = std::visit(
      [](const auto& named) {
        if constexpr (requires { named.group_id; }) {
          return named.group_id;
        } else {
          return named.group;
        }
      },
      key);
  Entry* entry = find(id);
  if (!value && (entry == nullptr || !entry->consumer)) return;
  if (entry == nullptr) entry = &insert(id, home);
  if (!entry->consumer) entry->consumer = std::make_unique<ConsumerGroup>(id, config_);
  const auto ended = entry->consumer->replay(key, value);
  if (!ended) skipped_records_.add();
  if (ended && *ended) entry->consumer.reset();
  recount(*entry);
}

/// Sessions begin now: members that are still there have their session time-out to say so.
void Core::loaded(PartitionIndex index) {
  std::vector<std::uint64_t> serials;
  for (const auto& [serial, entry] : by_serial_) {
    if (entry->home == index) serials.push_back(serial);
  }
  for (const std::uint64_t serial : serials) {
    Entry& entry = *by_serial_.at(serial);
    if (entry.consumer) entry.consumer->start_sessions(clock());
    update(entry, entry.group.start_sessions(clock()));
  }
  // Topics may have been deleted while nobody was there to see it.
  if (!serials.empty()) request_sweep();
}

}  // namespace chronik::coord
