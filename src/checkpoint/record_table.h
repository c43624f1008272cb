// RecordTable: the rows of one session by sequence, packed into blocks of bytes: little memory per row, quick to load,
// decoded only when read. Not thread-safe: its session's lock guards it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/model.h"

namespace chronik::checkpoint {

class RecordTable {
 public:
  /// Puts a row, or takes the place of the one with its sequence. An empty locator keeps that one's.
  void put(std::uint64_t sequence, std::string_view record, std::string_view locator);
  bool erase(std::uint64_t sequence);

  /// Views end with the next change.
  struct View {
    std::uint64_t sequence = 0;
    std::string_view record;
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

  std::size_t size() const { return size_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  static constexpr std::size_t kRowsMax = 64;
  static constexpr std::size_t kBytesMax = 64 * 1024;
  struct Slot {
    std::uint64_t sequence = 0;
    std::uint32_t at = 0;
    std::uint32_t record = 0;   // bytes
    std::uint32_t locator = 0;  // bytes, behind the record
  };
  struct Block {
    std::vector<Slot> slots;  // never empty
    std::string bytes;
  };

  static View view(const Block& block, const Slot& slot);
  std::size_t block_for(std::uint64_t sequence) const;
  void rewrite(Block& block, std::size_t index, std::string_view record, std::string_view locator);

  std::vector<Block> blocks_;
  std::size_t size_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace chronik::checkpoint
