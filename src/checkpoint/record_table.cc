#include "checkpoint/record_table.h"

#include <algorithm>

#include "base/check.h"
#include "checkpoint/codec.h"

namespace chronik::checkpoint {

CheckpointId RecordTable::first_id(const Block& block) {
  return block.loose ? decode_front(block.loose->record(block.loose->slots.front())).id : block.packed->first_id;
}

Time RecordTable::last_time(const Block& block) {
  return block.loose ? decode_front(block.loose->record(block.loose->slots.back())).created_at
                     : block.packed->last_time;
}

/// What has its checksum and yet does not unpack is lost, and its rows say so.
LooseRows RecordTable::unpacked(const RowBlock& block) {
  if (auto rows = unpack_rows(block)) return *std::move(rows);
  LooseRows lost;
  for (std::uint32_t i = 0; i + 1 < block.rows; ++i) lost.add(block.first + i, {}, {});
  lost.add(block.last, {}, {});
  return lost;
}

const LooseRows& RecordTable::rows_of(const Block& block) const {
  if (block.loose) return *block.loose;
  if (opened_ != block.packed.get()) {
    opened_ = nullptr;
    opened_rows_ = unpacked(*block.packed);
    opened_ = block.packed.get();
  }
  return opened_rows_;
}

LooseRows& RecordTable::loosen(Block& block) {
  if (block.loose) return *block.loose;
  (void)rows_of(block);
  block.loose = std::make_unique<LooseRows>(std::move(opened_rows_));
  opened_ = nullptr;
  bytes_ += block.loose->bytes.size() - block.packed->packed.size();
  block.packed.reset();
  return *block.loose;
}

/// The block that holds `sequence` if any does: the last that begins at or below it, else the first.
std::size_t RecordTable::block_for(std::uint64_t sequence) const {
  const auto behind = std::ranges::upper_bound(blocks_, sequence, {}, first_of);
  return behind == blocks_.begin() ? 0 : static_cast<std::size_t>(behind - blocks_.begin()) - 1;
}

void RecordTable::remove_block(std::size_t number) {
  if (opened_ == blocks_[number].packed.get()) opened_ = nullptr;
  blocks_.erase(blocks_.begin() + static_cast<std::ptrdiff_t>(number));
}

/// Replaces the bytes of one slot; those behind it move.
void RecordTable::rewrite(LooseRows& rows, std::size_t index, std::string_view record, std::string_view locator) {
  Slot& slot = rows.slots[index];
  const std::size_t before = slot.record + slot.locator;
  const std::size_t after = record.size() + locator.size();
  std::string bytes;
  bytes.reserve(after);
  bytes.append(record).append(locator);
  rows.bytes.replace(slot.at, before, bytes);
  slot.record = static_cast<std::uint32_t>(record.size());
  slot.locator = static_cast<std::uint32_t>(locator.size());
  for (std::size_t i = index + 1; i < rows.slots.size(); ++i) {
    rows.slots[i].at = static_cast<std::uint32_t>(rows.slots[i].at + after - before);
  }
  bytes_ += after - before;
}

void RecordTable::put(std::uint64_t sequence, std::string_view record, std::string_view locator) {
  CHECK(record.size() >= kRecordFront);
  if (blocks_.empty() || sequence > last()) {
    if (blocks_.empty() || blocks_.back().packed || RowBlock::full(*blocks_.back().loose)) {
      if (!blocks_.empty() && blocks_.back().loose) {
        blocks_.back().loose->bytes.shrink_to_fit();
        blocks_.back().loose->slots.shrink_to_fit();
      }
      blocks_.push_back({std::make_unique<LooseRows>(), nullptr});
    }
    blocks_.back().loose->add(sequence, record, locator);
    ++size_;
    bytes_ += record.size() + locator.size();
    return;
  }
  LooseRows& rows = loosen(blocks_[block_for(sequence)]);
  const auto at = std::ranges::lower_bound(rows.slots, sequence, {}, &Slot::sequence);
  const auto index = static_cast<std::size_t>(at - rows.slots.begin());
  if (at != rows.slots.end() && at->sequence == sequence) {
    const std::string kept(locator.empty() ? rows.locator(*at) : locator);
    return rewrite(rows, index, record, kept);
  }
  // Among older ones: only a replay that sees a deleted row again comes here.
  const std::uint32_t place = at == rows.slots.end() ? static_cast<std::uint32_t>(rows.bytes.size()) : at->at;
  rows.slots.insert(at, Slot{sequence, place, 0, 0});
  ++size_;
  rewrite(rows, index, record, locator);
}

bool RecordTable::erase(std::uint64_t sequence) {
  if (blocks_.empty()) return false;
  const std::size_t number = block_for(sequence);
  Block& block = blocks_[number];
  const LooseRows& seen = rows_of(block);
  const auto found = std::ranges::lower_bound(seen.slots, sequence, {}, &Slot::sequence);
  if (found == seen.slots.end() || found->sequence != sequence) return false;
  const auto index = found - seen.slots.begin();
  LooseRows& rows = loosen(block);
  const std::size_t bytes =
      rows.slots[static_cast<std::size_t>(index)].record + rows.slots[static_cast<std::size_t>(index)].locator;
  rows.slots.erase(rows.slots.begin() + index);
  rows.unused += bytes;
  bytes_ -= bytes;
  --size_;
  if (rows.slots.empty()) {
    remove_block(number);
  } else if (rows.unused > rows.bytes.size() / 2) {
    LooseRows kept;
    kept.bytes.reserve(rows.bytes.size() - rows.unused);
    for (const Slot& slot : rows.slots) kept.add(slot.sequence, rows.record(slot), rows.locator(slot));
    rows = std::move(kept);
  }
  return true;
}

void RecordTable::append(RowBlock block) {
  CHECK(blocks_.empty() || block.first > last());
  size_ += block.rows;
  bytes_ += block.packed.size();
  blocks_.push_back({nullptr, std::make_unique<RowBlock>(std::move(block))});
}

const RowBlock* RecordTable::block_at(std::uint64_t sequence) const {
  if (blocks_.empty()) return nullptr;
  const Block& block = blocks_[block_for(sequence)];
  return block.packed && block.packed->first == sequence ? block.packed.get() : nullptr;
}

void RecordTable::erase_block(std::uint64_t sequence) {
  const RowBlock* block = block_at(sequence);
  CHECK(block != nullptr);
  size_ -= block->rows;
  bytes_ -= block->packed.size();
  remove_block(block_for(sequence));
}

std::optional<RecordTable::View> RecordTable::at_or_above(std::uint64_t sequence) const {
  if (blocks_.empty() || sequence > last()) return std::nullopt;
  std::size_t number = block_for(sequence);
  if (last_of(blocks_[number]) < sequence) ++number;
  const LooseRows& rows = rows_of(blocks_[number]);
  return view(rows, *std::ranges::lower_bound(rows.slots, sequence, {}, &Slot::sequence));
}

std::optional<RecordTable::View> RecordTable::at_or_below(std::uint64_t sequence) const {
  if (blocks_.empty() || sequence < first_of(blocks_.front())) return std::nullopt;
  const LooseRows& rows = rows_of(blocks_[block_for(sequence)]);
  return view(rows, *std::prev(std::ranges::upper_bound(rows.slots, sequence, {}, &Slot::sequence)));
}

std::optional<RecordTable::View> RecordTable::find(std::uint64_t sequence) const {
  const auto found = at_or_above(sequence);
  return found && found->sequence == sequence ? found : std::nullopt;
}

std::optional<RecordTable::View> RecordTable::find(const CheckpointId& id) const {
  const auto behind = std::ranges::upper_bound(blocks_, id, {}, first_id);
  if (behind == blocks_.begin()) return std::nullopt;
  const LooseRows& rows = rows_of(*std::prev(behind));
  const auto id_of = [&](const Slot& slot) { return decode_front(rows.record(slot)).id; };
  const auto at = std::ranges::lower_bound(rows.slots, id, {}, id_of);
  if (at == rows.slots.end() || id_of(*at) != id) return std::nullopt;
  return view(rows, *at);
}

std::optional<RecordTable::View> RecordTable::first_from(Time time) const {
  // The first block whose last row is late enough has it.
  const auto block = std::ranges::lower_bound(blocks_, time, {}, last_time);
  if (block == blocks_.end()) return std::nullopt;
  const LooseRows& rows = rows_of(*block);
  const auto time_of = [&](const Slot& slot) { return decode_front(rows.record(slot)).created_at; };
  const auto at = std::ranges::lower_bound(rows.slots, time, {}, time_of);
  return view(rows, at == rows.slots.end() ? rows.slots.back() : *at);
}

void RecordTable::for_each(std::uint64_t first, std::uint64_t last, const std::function<void(const View&)>& use) const {
  if (blocks_.empty()) return;
  for (std::size_t number = block_for(first); number < blocks_.size(); ++number) {
    if (first_of(blocks_[number]) > last) return;
    const LooseRows& rows = rows_of(blocks_[number]);
    for (const Slot& slot : rows.slots) {
      if (slot.sequence >= first && slot.sequence <= last) use(view(rows, slot));
    }
  }
}

std::optional<RowBlock> RecordTable::packed_from(std::uint64_t sequence) const {
  if (blocks_.empty() || sequence > last()) return std::nullopt;
  std::size_t number = block_for(sequence);
  if (last_of(blocks_[number]) < sequence) ++number;
  if (blocks_[number].packed && blocks_[number].packed->first >= sequence) return *blocks_[number].packed;
  // Neighbours that retention has thinned out share a block.
  LooseRows rows;
  for (; number < blocks_.size(); ++number) {
    const Block& block = blocks_[number];
    if (!rows.slots.empty() && block.packed) break;
    const LooseRows& from = rows_of(block);
    for (const Slot& slot : from.slots) {
      if (slot.sequence < sequence) continue;
      if (RowBlock::full(rows)) return pack_rows(rows);
      rows.add(slot.sequence, from.record(slot), from.locator(slot));
    }
  }
  return pack_rows(rows);
}

}  // namespace chronik::checkpoint
