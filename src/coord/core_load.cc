// Loading: the groups of a partition of __consumer_offsets are rebuilt from its records, a piece at a time, when this
// shard comes to own it.
#include "base/check.h"
#include "coord/core.h"
#include "coord/replay.h"
#include "wire/records/versioned.h"

namespace chronik::coord {

class Core::Loader final : public ReplayTarget {
 public:
  Loader(std::shared_ptr<Core> core, PartitionIndex home, std::uint64_t term)
      : core_(std::move(core)), home_(home), term_(term) {}

  bool wanted() const override { return core_->owned(home_, term_) != nullptr; }
  void record(const wire::RecordBatchHeader& batch, const Buffer& key, const std::optional<Buffer>& value,
              Offset position) override {
    if (batch.is_transactional()) return core_->apply_pending(home_, batch.producer_id, key, value, position);
    core_->apply_record(home_, key, value, position);
  }
  void marker(ProducerId producer, bool commits) override { core_->decide(home_, producer, commits); }
  void keyless() override { core_->skipped_records_.add(); }

 private:
  const std::shared_ptr<Core> core_;
  const PartitionIndex home_;
  const std::uint64_t term_;
};

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
  const OwnedPartition* const before = core->owned(index, term);
  if (before == nullptr) co_return;
  Loader loader(core, index, term);
  const bool complete = co_await replay(core->context_, before->log, core->config_.load_bytes, loader);
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
