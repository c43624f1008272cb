// What must hold between any two turns of the shard; tests and the simulator look often.
#include "wal/group.h"
#include "wal/wal.h"

namespace chronik::wal {

void Wal::check_invariants() const {
  // Groups: sequences without a gap, from what is written to what is reserved.
  GroupSequence next = written_.plus(1);
  std::uint64_t pending = 0;
  const auto check_group = [&](const Group& group) {
    CHECK(group.sequence == next || failure_);
    next = group.sequence.plus(1);
    pending += group.padded();
    CHECK(group.begin % kBlock == 0 && group.length >= sizeof(GroupHeader));
    CHECK(group.begin + group.padded() <= group.arena->capacity());
    CHECK((group.frames == 0) == (group.length == sizeof(GroupHeader)));
    CHECK(group.owners.size() <= group.frames);
    CHECK(group.commit && !group.commit->status);
  };
  for (const Group& group : flight_) check_group(group);
  for (const Group& group : sealed_) check_group(group);
  if (open_) check_group(*open_);
  CHECK(next == reserved_.plus(1) || failure_);
  CHECK(pending == pending_);
  CHECK(flight_.empty() || writing_ || failure_);
  CHECK(synced_ <= written_ && written_ == durable_ && durable_ <= reserved_);
  CHECK(options_.sync != SyncMode::group || synced_ == written_);

  // Room: whatever happens next, all that is reserved has its place.
  const std::uint64_t here = current_.bytes - current_.used;
  const std::uint64_t there = next_ ? next_->bytes - kBlock : 0;
  CHECK(pending_ <= here || pending_ <= there || failure_);

  // Files: in the order of their numbers, each within its length, none beyond the cap.
  CHECK(current_.used % kBlock == 0 && kBlock <= current_.used && current_.used <= current_.bytes);
  CHECK((current_.used == kBlock) == (current_.last == GroupSequence{}));
  CHECK(current_.last <= written_);
  std::uint64_t number = 0;
  GroupSequence last;
  for (const LogFile& file : complete_) {
    CHECK(file.number > number && file.file);
    CHECK(file.last > last || file.last == GroupSequence{});
    number = file.number;
    last = std::max(last, file.last);
  }
  CHECK(current_.number > number && current_.file);
  number = current_.number;
  if (next_) {
    CHECK(next_->number > number && next_->used == kBlock && next_->file);
    number = next_->number;
  }
  for (const LogFile& file : free_) {
    CHECK(file.number > number && file.used == kBlock && file.bytes == options_.file_bytes && file.file);
    number = file.number;
  }
  CHECK(number <= files_created_);
  CHECK(bytes_held() <= options_.bytes_max);
  CHECK(options_.sync == SyncMode::interval || unsynced_.empty());
}

}  // namespace chronik::wal
