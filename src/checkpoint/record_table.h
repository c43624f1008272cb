// RecordTable: the rows of one session by sequence, in blocks of bytes: little memory per row, decoded only when read.
// Blocks that were loaded stay packed (row_block.h) until something in them changes; the one last read is kept
// unpacked. Not thread-safe, not even for reading: its session's lock guards it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/row_block.h"

namespace chronik::checkpoint {

class RecordTable {
 public:
  /// Puts a row, or takes the place of the one with its sequence. An empty locator keeps that one's.
  void put(std::uint64_t sequence, std::string_view record, std::string_view locator);
  bool erase(std::uint64_t sequence);
  /// Rows behind all others.
  void append(RowBlock block);
  /// The packed block that begins at `sequence`, if there is one: what it says of its rows.
  const RowBlock* block_at(std::uint64_t sequence) const;
  /// Takes it away whole.
  void erase_block(std::uint64_t sequence);

  /// Views end with the next call.
  struct View {
    std::uint64_t sequence = 0;
    std::string_view record;  // empty: lost
    std::string_view locator;
  };
  std::optional<View> find(std::uint64_t sequence) const;
  /// Ids ascend with sequences.
  std::optional<View> find(const CheckpointId& id) const;
  /// The first at or above `sequence`; the last at or below it.
  std::optional<View> at_or_above(std::uint64_t sequence) const;
  std::optional<View> at_or_below(std::uint64_t sequence) const;
  /// The first created at `time` or later. Times do not descend.
  std::optional<View> first_from(Time time) const;
  /// In order, of the sequences [first, last].
  void for_each(std::uint64_t first, std::uint64_t last, const std::function<void(const View&)>& use) const;
  /// Rows from the first at or above `sequence` on, packed: as many as a block holds.
  std::optional<RowBlock> packed_from(std::uint64_t sequence) const;

  std::size_t size() const { return size_; }
  /// The highest sequence; 0: empty.
  std::uint64_t last() const { return blocks_.empty() ? 0 : last_of(blocks_.back()); }
  /// Of rows, packed where they are.
  std::uint64_t bytes() const { return bytes_; }

 private:
  /// Either of the two.
  struct Block {
    std::unique_ptr<LooseRows> loose;  // never empty
    std::unique_ptr<RowBlock> packed;
  };
  using Slot = LooseRows::Slot;

  static std::uint64_t first_of(const Block& block) {
    return block.loose ? block.loose->slots.front().sequence : block.packed->first;
  }
  static std::uint64_t last_of(const Block& block) {
    return block.loose ? block.loose->slots.back().sequence : block.packed->last;
  }
  static CheckpointId first_id(const Block& block);
  static Time last_time(const Block& block);
  static View view(const LooseRows& rows, const Slot& slot) {
    return {slot.sequence, rows.record(slot), rows.locator(slot)};
  }
  static LooseRows unpacked(const RowBlock& block);
  const LooseRows& rows_of(const Block& block) const;
  LooseRows& loosen(Block& block);
  std::size_t block_for(std::uint64_t sequence) const;
  void remove_block(std::size_t number);
  void rewrite(LooseRows& rows, std::size_t index, std::string_view record, std::string_view locator);

  std::vector<Block> blocks_;
  std::size_t size_ = 0;
  std::uint64_t bytes_ = 0;
  // The packed block last read, and its rows.
  mutable const RowBlock* opened_ = nullptr;
  mutable LooseRows opened_rows_;
};

}  // namespace chronik::checkpoint
