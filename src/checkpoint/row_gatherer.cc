#include "checkpoint/row_gatherer.h"

#include <algorithm>

#include "checkpoint/codec.h"
#include "checkpoint/row_block.h"

namespace chronik::checkpoint {

namespace {
bool only_adds(const Delta& delta) {
  return !delta.puts.empty() && delta.updates.empty() && delta.deletes.empty() && !delta.erase;
}
}  // namespace

std::vector<RowGatherer::Made> RowGatherer::add(std::uint64_t lsn, std::shared_ptr<const Delta> delta) {
  std::vector<Made> made;
  const bool adds = only_adds(*delta);
  if (adds && rows_[delta->session] >= RowBlock::kRowsMax) {
    runs_[delta->session].push_back({lsn, std::move(delta)});
    return made;
  }
  if (const auto run = runs_.find(delta->session); run != runs_.end()) {
    release(std::move(run->second), made);
    runs_.erase(run);
  }
  made.push_back({delta->session, EntryKind::delta, lsn, encode(*delta)});
  return made;
}

std::vector<RowGatherer::Made> RowGatherer::finish() {
  std::vector<Made> made;
  for (auto& [session, run] : runs_) release(std::move(run), made);
  runs_.clear();
  return made;
}

/// Full blocks of rows, one change without them for all they came with, and what is left as it is.
void RowGatherer::release(std::vector<Change> run, std::vector<Made>& into) const {
  std::size_t cut = 0;  // changes whose rows are packed
  std::size_t rows = 0;
  for (std::size_t i = 0; i < run.size(); ++i) {
    rows += run[i].delta->puts.size();
    if (rows < RowBlock::kRowsMax) continue;
    cut = i + 1;
    rows = 0;
  }
  if (cut > 0) {
    const std::uint64_t lsn = run[cut - 1].lsn;
    Delta rest;
    rest.session = run[0].delta->session;
    LooseRows block;
    const auto pack = [&] {
      into.push_back({rest.session, EntryKind::rows, lsn, encode_rows(rest.session, pack_rows(block))});
      block = {};
    };
    for (std::size_t i = 0; i < cut; ++i) {
      const Delta& delta = *run[i].delta;
      if (delta.row) rest.row = delta.row;
      rest.head.merge(delta.head);
      rest.events.insert(rest.events.end(), delta.events.begin(), delta.events.end());
      for (const Row& row : delta.puts) {
        if (RowBlock::full(block)) pack();
        block.add(row.sequence, row.record, row.locator);
      }
    }
    pack();
    const std::size_t dropped = rest.events.size() - std::min(rest.events.size(), events_kept_);
    rest.events.erase(rest.events.begin(), rest.events.begin() + static_cast<std::ptrdiff_t>(dropped));
    into.push_back({rest.session, EntryKind::delta, lsn, encode(rest)});
  }
  for (std::size_t i = cut; i < run.size(); ++i) {
    into.push_back({run[i].delta->session, EntryKind::delta, run[i].lsn, encode(*run[i].delta)});
  }
}

}  // namespace chronik::checkpoint
