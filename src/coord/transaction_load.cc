// Loading: the transactional ids of a partition of __transaction_state, a piece at a time, when this shard comes to own
// it. What was prepared is completed then.
#include "coord/transaction_core.h"
#include "coord/transaction_store.h"
#include "wire/record_batch.h"
#include "wire/record_reader.h"

namespace chronik::coord {

namespace {
constexpr Duration kReadDeadline = 30s;  // of one piece
constexpr Duration kReadAgain = 1s;      // after a piece that took longer
constexpr std::size_t kDecompressedMax = std::size_t{64} << 20;
}  // namespace

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
  const bool complete = co_await read_all(core, index, term);
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

/// False if the partition cannot be read or is no longer ours.
task::Task<bool> TransactionCore::read_all(std::shared_ptr<TransactionCore> core, PartitionIndex index,
                                           std::uint64_t term) {
  const Home* home = core->home(index, term);
  if (home == nullptr) co_return false;
  const log::PartitionPtr log = home->log;
  Offset at(log->log_start().value());
  while (at.value() < log->high_watermark().value()) {
    auto run = co_await log->read(at, core->config_.load_bytes, core->context_.after(kReadDeadline));
    if (core->home(index, term) == nullptr) co_return false;
    if (!run) {
      if (run.error().code != Errc::timed_out && run.error().code != Errc::overloaded) co_return false;
      co_await task::sleep_until(core->context_, "coord.load", core->context_.after(kReadAgain));
      if (core->home(index, term) == nullptr) co_return false;
      continue;
    }
    if (run->bytes == 0) break;
    for (const Buffer& piece : run->pieces) {
      if (!core->apply(index, piece)) co_return false;
    }
    at = run->end;
    // Others get their turn between pieces.
    co_await task::sleep_until(core->context_, "coord.load", core->context_.after(0s));
    if (core->home(index, term) == nullptr) co_return false;
  }
  co_return true;
}

Status TransactionCore::apply(PartitionIndex index, const Buffer& batches) {
  wire::BatchSplitter splitter(batches.span());
  for (;;) {
    TRY(const auto batch, splitter.next());
    if (!batch) return {};
    if (batch->header.is_control()) continue;
    TRY(auto reader, wire::RecordReader::open(batch->bytes, kDecompressedMax));
    wire::RecordView record;
    for (;;) {
      TRY(const bool more, reader.next(record));
      if (!more) break;
      if (!record.key) {
        skipped_records_.add();
        continue;
      }
      apply_record(index, Buffer::copy_of(*record.key),
                   record.value ? std::optional(Buffer::copy_of(*record.value)) : std::nullopt);
    }
  }
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
