#include "checkpoint/record_table.h"

#include <algorithm>

#include "base/check.h"
#include "checkpoint/codec.h"

namespace chronik::checkpoint {

RecordTable::View RecordTable::view(const Block& block, const Slot& slot) {
  const std::string_view all = block.bytes;
  return {slot.sequence, all.substr(slot.at, slot.record), all.substr(slot.at + slot.record, slot.locator)};
}

/// The block that holds `sequence` if any does: the last that begins at or below it, else the first.
std::size_t RecordTable::block_for(std::uint64_t sequence) const {
  const auto behind =
      std::ranges::upper_bound(blocks_, sequence, {}, [](const Block& b) { return b.slots[0].sequence; });
  return behind == blocks_.begin() ? 0 : static_cast<std::size_t>(behind - blocks_.begin()) - 1;
}

/// Replaces the bytes of one slot; those behind it move.
void RecordTable::rewrite(Block& block, std::size_t index, std::string_view record, std::string_view locator) {
  Slot& slot = block.slots[index];
  const std::size_t before = slot.record + slot.locator;
  const std::size_t after = record.size() + locator.size();
  std::string bytes;
  bytes.reserve(after);
  bytes.append(record).append(locator);
  block.bytes.replace(slot.at, before, bytes);
  slot.record = static_cast<std::uint32_t>(record.size());
  slot.locator = static_cast<std::uint32_t>(locator.size());
  for (std::size_t i = index + 1; i < block.slots.size(); ++i) {
    block.slots[i].at = static_cast<std::uint32_t>(block.slots[i].at + after - before);
  }
  bytes_ += after - before;
}

void RecordTable::put(std::uint64_t sequence, std::string_view record, std::string_view locator) {
  CHECK(record.size() >= kRecordFront);
  const std::size_t bytes = record.size() + locator.size();
  if (blocks_.empty() || sequence > blocks_.back().slots.back().sequence) {
    if (blocks_.empty() || blocks_.back().slots.size() >= kRowsMax || blocks_.back().bytes.size() >= kBytesMax) {
      if (!blocks_.empty()) {
        blocks_.back().bytes.shrink_to_fit();
        blocks_.back().slots.shrink_to_fit();
      }
      blocks_.emplace_back();
    }
    Block& last = blocks_.back();
    last.slots.push_back({sequence, static_cast<std::uint32_t>(last.bytes.size()),
                          static_cast<std::uint32_t>(record.size()), static_cast<std::uint32_t>(locator.size())});
    last.bytes.append(record).append(locator);
    ++size_;
    bytes_ += bytes;
    return;
  }
  Block& block = blocks_[block_for(sequence)];
  const auto at = std::ranges::lower_bound(block.slots, sequence, {}, &Slot::sequence);
  const auto index = static_cast<std::size_t>(at - block.slots.begin());
  if (at != block.slots.end() && at->sequence == sequence) {
    const std::string kept(locator.empty() ? view(block, *at).locator : locator);
    return rewrite(block, index, record, kept);
  }
  // Among older ones: only a replay that sees a deleted row again comes here.
  const std::uint32_t place = at == block.slots.end() ? static_cast<std::uint32_t>(block.bytes.size()) : at->at;
  block.slots.insert(at, Slot{sequence, place, 0, 0});
  ++size_;
  rewrite(block, index, record, locator);
}

bool RecordTable::erase(std::uint64_t sequence) {
  if (blocks_.empty()) return false;
  const std::size_t number = block_for(sequence);
  Block& block = blocks_[number];
  const auto at = std::ranges::lower_bound(block.slots, sequence, {}, &Slot::sequence);
  if (at == block.slots.end() || at->sequence != sequence) return false;
  rewrite(block, static_cast<std::size_t>(at - block.slots.begin()), {}, {});
  block.slots.erase(at);
  --size_;
  if (block.slots.empty()) blocks_.erase(blocks_.begin() + static_cast<std::ptrdiff_t>(number));
  return true;
}

std::optional<RecordTable::View> RecordTable::at_or_above(std::uint64_t sequence) const {
  if (blocks_.empty()) return std::nullopt;
  std::size_t number = block_for(sequence);
  const Block* block = &blocks_[number];
  auto at = std::ranges::lower_bound(block->slots, sequence, {}, &Slot::sequence);
  if (at == block->slots.end()) {
    if (++number == blocks_.size()) return std::nullopt;
    block = &blocks_[number];
    at = block->slots.begin();
  }
  return view(*block, *at);
}

std::optional<RecordTable::View> RecordTable::at_or_below(std::uint64_t sequence) const {
  if (blocks_.empty()) return std::nullopt;
  const Block& block = blocks_[block_for(sequence)];
  const auto behind = std::ranges::upper_bound(block.slots, sequence, {}, &Slot::sequence);
  if (behind == block.slots.begin()) return std::nullopt;  // only in the first block
  return view(block, *std::prev(behind));
}

std::optional<RecordTable::View> RecordTable::find(std::uint64_t sequence) const {
  const auto found = at_or_above(sequence);
  return found && found->sequence == sequence ? found : std::nullopt;
}

std::optional<RecordTable::View> RecordTable::find(const CheckpointId& id) const {
  const auto first_id = [](const Block& block) { return decode_front(view(block, block.slots[0]).record).id; };
  const auto behind = std::ranges::upper_bound(blocks_, id, {}, first_id);
  if (behind == blocks_.begin()) return std::nullopt;
  const Block& block = *std::prev(behind);
  const auto id_of = [&](const Slot& slot) { return decode_front(view(block, slot).record).id; };
  const auto at = std::ranges::lower_bound(block.slots, id, {}, id_of);
  if (at == block.slots.end() || id_of(*at) != id) return std::nullopt;
  return view(block, *at);
}

std::optional<RecordTable::View> RecordTable::first_from(Time time) const {
  // The first block whose last row is late enough has it.
  const auto time_of = [](const Block& block, const Slot& slot) {
    return decode_front(view(block, slot).record).created_at;
  };
  const auto block =
      std::ranges::lower_bound(blocks_, time, {}, [&](const Block& b) { return time_of(b, b.slots.back()); });
  if (block == blocks_.end()) return std::nullopt;
  const auto at = std::ranges::lower_bound(block->slots, time, {}, [&](const Slot& s) { return time_of(*block, s); });
  return view(*block, *at);
}

}  // namespace chronik::checkpoint
