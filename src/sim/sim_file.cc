// The operations of SimFile and SimDisk: how long each takes and what it does to the image when it completes.
#include "sim/sim_file.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/check.h"
#include "sim/world.h"

namespace chronik::sim {

namespace {

constexpr Duration kReadMin = 50us, kReadMax = 150us;
constexpr Duration kWriteMin = 20us, kWriteMax = 100us;
constexpr Duration kSyncMin = 200us, kSyncMax = 1000us;
constexpr Duration kMetadataMin = 20us, kMetadataMax = 200us;

MachineDisk& disk_of(SimLoop& loop) {
  return loop.process().machine().disk();
}

std::unexpected<Error> refuse(int number, const std::string& path) {
  return fail(error_from_errno(number, path));
}

/// Whether the process may have one descriptor more.
Status one_more_file(SimLoop& loop, const std::string& path) {
  if (loop.process().open_files < disk_of(loop).faults().max_open_files) return {};
  return refuse(EMFILE, path);
}

/// A process that is dead has lost the lock already; somebody else may hold it.
struct Lock {
  Lock(NodePtr locked, std::shared_ptr<Process> holder) : node(std::move(locked)), process(std::move(holder)) {}
  ~Lock() {
    if (process->alive()) node->locked = false;
  }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
  NodePtr node;
  std::shared_ptr<Process> process;
};

}  // namespace

template <class T, class Perform>
void submit(SimLoop& loop, Duration low, Duration high, env::Callback<T> done, Perform perform) {
  loop.check_thread();
  auto operation = std::make_unique<OperationOf<T, Perform>>(std::move(perform), std::move(done));
  if (!loop.process().alive()) return loop.process().bury([dead = std::move(operation)] {});
  disk_of(loop).submit(loop, low, high, std::move(operation));
}

SimFile::SimFile(SimLoop& loop, NodePtr node, std::string path, const env::OpenOptions& options)
    : process_(loop.process().shared_from_this()),
      loop_(loop),
      node_(std::move(node)),
      path_(std::move(path)),
      read_only_(options.read_only),
      direct_(options.direct) {
  ++node_->opens;
  ++process_->open_files;
}

SimFile::~SimFile() {
  if (!process_->alive()) return;
  --process_->open_files;
  --node_->opens;
  node_->release_if_unused();
}

MachineDisk& SimFile::disk() const {
  return disk_of(loop_);
}

std::unexpected<Error> SimFile::error(int number) const {
  return refuse(number, path_);
}

void SimFile::read(std::uint64_t offset, std::size_t length, env::Callback<Buffer> done) {
  submit<Buffer>(loop_, kReadMin, kReadMax, std::move(done),
                 [self = shared_from_this(), offset, length]() -> Result<Buffer> {
                   if (self->disk().faults().fail_reads) return self->error(EIO);
                   return self->node_->file.read(offset, length);
                 });
}

/// True if this write vanishes. A misdirected one gets another offset, inside the file.
bool SimFile::takes_damage(std::uint64_t& offset, std::size_t length) {
  DiskFaults& faults = disk().faults();
  if (faults.damage == WriteDamage::none || length == 0 || !path_.contains(faults.damage_path)) return false;
  const WriteDamage damage = std::exchange(faults.damage, WriteDamage::none);
  if (damage == WriteDamage::lost) return true;
  const std::uint64_t blocks = node_->file.size() / kDirectAlignment;
  const std::uint64_t off =
      (offset / kDirectAlignment + 1 + disk().chance().below(8)) % std::max<std::uint64_t>(blocks, 1);
  offset = off * kDirectAlignment + offset % kDirectAlignment;
  return false;
}

Status SimFile::apply_write(std::uint64_t offset, const std::vector<Buffer>& pieces) {
  if (read_only_) return error(EACCES);
  disk().note(path_);
  std::size_t whole = 0;
  for (const Buffer& piece : pieces) whole += piece.size();
  if (takes_damage(offset, whole)) return {};
  const bool failing = disk().faults().fail_writes;
  for (const Buffer& piece : pieces) {
    // A failed write may have left a part behind.
    std::size_t length = piece.size();
    if (failing) length = disk().chance().chance(1, 2) ? disk().chance().below(length + 1) : 0;
    const std::size_t written = node_->file.write(offset, piece.span().first(length), disk().pages_max());
    if (failing) return error(EIO);
    if (written < length) return error(ENOSPC);
    offset += length;
  }
  return failing ? Status(error(EIO)) : Status{};
}

Status SimFile::apply_sync(const FileImage::Snapshot& snapshot) {
  if (disk().faults().fail_syncs) {
    node_->file.fail_sync(snapshot, disk().chance());
    return error(EIO);
  }
  // Caught by a power cut, a synced write may survive, vanish or tear like any other.
  if (!disk().crashing() || disk().chance().chance(1, 4)) node_->file.end_sync(snapshot);
  return {};
}

void SimFile::write(std::uint64_t offset, std::vector<Buffer> pieces, env::Sync sync, env::Callback<void> done) {
  if (direct_) {
    CHECK(offset % kDirectAlignment == 0);
    for (const Buffer& piece : pieces) {
      CHECK(piece.size() % kDirectAlignment == 0);
      CHECK(reinterpret_cast<std::uintptr_t>(piece.data()) % kDirectAlignment == 0);
    }
  }
  const bool synced = sync == env::Sync::data;
  submit<void>(loop_, synced ? kWriteMin + kSyncMin : kWriteMin, synced ? kWriteMax + kSyncMax : kWriteMax,
               std::move(done), [self = shared_from_this(), offset, pieces = std::move(pieces), synced]() -> Status {
                 TRY_STATUS(self->apply_write(offset, pieces));
                 return synced ? self->apply_sync(*self->node_->file.begin_sync()) : Status{};
               });
}

void SimFile::sync(env::Callback<void> done) {
  submit<void>(loop_, kSyncMin, kSyncMax, std::move(done),
               [self = shared_from_this(), snapshot = node_->file.begin_sync()]() -> Status {
                 return self->apply_sync(*snapshot);
               });
}

void SimFile::allocate(std::uint64_t offset, std::uint64_t length, env::Callback<void> done) {
  submit<void>(loop_, kWriteMin, kWriteMax, std::move(done), [self = shared_from_this(), offset, length]() -> Status {
    if (self->read_only_) return self->error(EACCES);
    if (self->disk().faults().fail_writes) return self->error(EIO);
    if (!self->node_->file.allocate(offset, length, self->disk().pages_max())) return self->error(ENOSPC);
    return {};
  });
}

void SimFile::truncate(std::uint64_t size, env::Callback<void> done) {
  submit<void>(loop_, kMetadataMin, kMetadataMax, std::move(done), [self = shared_from_this(), size]() -> Status {
    if (self->read_only_) return self->error(EACCES);
    if (self->disk().faults().fail_writes) return self->error(EIO);
    self->node_->file.truncate(size);
    return {};
  });
}

void SimFile::size(env::Callback<std::uint64_t> done) {
  submit<std::uint64_t>(loop_, kMetadataMin, kMetadataMax, std::move(done),
                        [self = shared_from_this()]() -> Result<std::uint64_t> { return self->node_->file.size(); });
}

void SimDisk::open(std::string path, env::OpenOptions options, env::Callback<env::FilePtr> done) {
  submit<env::FilePtr>(loop_, kMetadataMin, kMetadataMax, std::move(done),
                       [&loop = loop_, path = std::move(path), options]() -> Result<env::FilePtr> {
                         TRY_STATUS(one_more_file(loop, path));
                         disk_of(loop).note(path);
                         TRY(NodePtr node, disk_of(loop).image().open(path, options));
                         return std::make_shared<SimFile>(loop, std::move(node), path, options);
                       });
}

void SimDisk::make_directory(std::string path, env::Callback<void> done) {
  submit<void>(loop_, kMetadataMin, kMetadataMax, std::move(done),
               [&loop = loop_, path = std::move(path)] { return disk_of(loop).image().make_directory(path); });
}

void SimDisk::list(std::string path, env::Callback<std::vector<env::DirectoryEntry>> done) {
  submit<std::vector<env::DirectoryEntry>>(
      loop_, kMetadataMin, kMetadataMax, std::move(done),
      [&loop = loop_, path = std::move(path)]() -> Result<std::vector<env::DirectoryEntry>> {
        TRY_STATUS(one_more_file(loop, path));
        return disk_of(loop).image().list(path);
      });
}

void SimDisk::rename(std::string from, std::string to, env::Callback<void> done) {
  submit<void>(loop_, kMetadataMin, kMetadataMax, std::move(done),
               [&loop = loop_, from = std::move(from), to = std::move(to)] {
                 disk_of(loop).note(to);
                 return disk_of(loop).image().rename(from, to);
               });
}

void SimDisk::remove(std::string path, env::Callback<void> done) {
  submit<void>(loop_, kMetadataMin, kMetadataMax, std::move(done), [&loop = loop_, path = std::move(path)] {
    disk_of(loop).note(path);
    return disk_of(loop).image().remove(path);
  });
}

void SimDisk::remove_tree(std::string path, env::Callback<void> done) {
  submit<void>(loop_, kMetadataMin, kMetadataMax, std::move(done),
               [&loop = loop_, path = std::move(path)] { return disk_of(loop).image().remove_tree(path); });
}

void SimDisk::sync_directory(std::string path, env::Callback<void> done) {
  const std::uint64_t until = disk_of(loop_).image().changes();
  submit<void>(loop_, kSyncMin, kSyncMax, std::move(done), [&loop = loop_, path = std::move(path), until]() -> Status {
    TRY_STATUS(one_more_file(loop, path));
    if (disk_of(loop).faults().fail_syncs) return refuse(EIO, path);
    return disk_of(loop).image().sync_directory(path, until);
  });
}

void SimDisk::space(std::string path, env::Callback<env::Space> done) {
  submit<env::Space>(loop_, kMetadataMin, kMetadataMax, std::move(done),
                     [&loop = loop_, path = std::move(path)]() -> Result<env::Space> {
                       MachineDisk& disk = disk_of(loop);
                       const auto found = disk.image().find(path);
                       if (!found) return fail(found.error());
                       const std::uint64_t used = disk.image().pages_used() * kPageBytes;
                       const std::uint64_t total = disk.faults().capacity;
                       return env::Space{total, total > used ? total - used : 0};
                     });
}

void SimDisk::lock(std::string path, env::Callback<std::shared_ptr<void>> done) {
  submit<std::shared_ptr<void>>(loop_, kMetadataMin, kMetadataMax, std::move(done),
                                [&loop = loop_, path = std::move(path)]() -> Result<std::shared_ptr<void>> {
                                  TRY(NodePtr node, disk_of(loop).image().open(path, {.create = true}));
                                  if (node->locked) return fail(Errc::in_use, path);
                                  node->locked = true;
                                  return std::make_shared<Lock>(std::move(node), loop.process().shared_from_this());
                                });
}

}  // namespace chronik::sim
