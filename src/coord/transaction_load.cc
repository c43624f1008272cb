// Loading: the transactional ids of a partition of __transaction_state, a piece at a time, when this shard comes to own
// it. What was prepared is completed then.
#include "coord/replay.h"
#include "coord/transaction_core.h"
#include "coord/transaction_store.h"

namespace chronik::coord {

class TransactionCore::Loader final : public ReplayTarget {
 public:
  Loader(std::shared_ptr<TransactionCore> core, PartitionIndex index, std::uint64_t term)
      : core_(std::move(core)), index_(index), term_(term) {}

  bool wanted() const override { return core_->home(index_, term_) != nullptr; }
  void record(const wire::RecordBatchHeader&, const Buffer& key, const std::optional<Buffer>& value, Offset) override {
    core_->apply_record(index_, key, value);
  }
  void marker(ProducerId, bool) override {}
  void keyless() override { core_->skipped_records_.add(); }

 private:
  const std::shared_ptr<TransactionCore> core_;
  const PartitionIndex index_;
  const std::uint64_t term_;
};

void TransactionCore::own(PartitionIndex index, log::PartitionPtr partition) {
  if (closed_) return;
  disown(index);
  homes_[index] = {.log = std::move(partition), .term = ++last_term_, .state = Home::State::loading};
  context_.spawn("coord.load", load(shared_from_this(), index, last_term_));
}

TransactionCore::Home* TransactionCore::home(PartitionIndex index, std::uint64_t term) {
  const auto at = homes_.find(index);
  return at != homes_.end() && at->second.term == term ? &at->second : nullptr;
}

task::Task<void> TransactionCore::load(std::shared_ptr<TransactionCore> core, PartitionIndex index,
                                       std::uint64_t term) {
  const Home* const before = core->home(index, term);
  if (before == nullptr) co_return;
  Loader loader(core, index, term);
  const bool complete = co_await replay(core->context_, before->log, core->config_.load_bytes, loader);
  Home* const home = core->home(index, term);
  if (home == nullptr) co_return;
  // Half a state would take an old epoch for the newest: serve nothing.
  home->state = complete ? Home::State::active : Home::State::failed;
  if (!complete) co_return;
  std::vector<TransactionEntryPtr> loaded;
  for (const auto& [serial, entry] : core->by_serial_) {
    if (entry->home == index) loaded.push_back(entry);
  }
  for (const TransactionEntryPtr& entry : loaded) core->follow_up(entry);
}

/// A record that is not understood is counted and passed over: newer brokers may have left kinds that we do not know.
void TransactionCore::apply_record(PartitionIndex index, const Buffer& key, const std::optional<Buffer>& value) {
  const auto id = decode_transaction_key(key);
  if (!id) return skipped_records_.add();
  TransactionEntryPtr entry = find(*id);
  if (!value) {
    if (entry) forget(*entry);
    return;
  }
  const auto state = decode_transaction(*value);
  if (!state) return skipped_records_.add();
  if (!entry) entry = insert(*id, index);
  entry->now = *state;
  recount(*entry);
}

}  // namespace chronik::coord
