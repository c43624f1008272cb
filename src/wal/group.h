// A group under construction: frames behind a header, in an arena that outlives the group as the tail of its
// partitions.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "wal/counters.h"
#include "wal/wal.h"

namespace chronik::wal {

struct Wal::Group {
  std::shared_ptr<Block> arena;
  std::size_t begin = 0;                     // in the arena, on a block boundary
  std::size_t length = sizeof(GroupHeader);  // bytes so far
  std::uint32_t frames = 0;
  GroupSequence sequence;
  CommitPtr commit;
  std::vector<std::pair<std::shared_ptr<FrameOwner>, LogEndOffset>> owners;

  std::size_t padded() const { return align_up(length, kBlock); }
};

struct Wal::Counters : WalCounters {
  using WalCounters::WalCounters;
};

}  // namespace chronik::wal
