#include "env/real/real_disk.h"

#include <utility>

#include "env/real/posix_fs.h"
#include "env/real/real_file.h"
#include "env/real/ring.h"

namespace chronik::env {

namespace {

/// Unlocks at once, closes on the pool.
class FileLock {
 public:
  FileLock(std::shared_ptr<BlockingPool> pool, int fd) : pool_(std::move(pool)), fd_(fd) {}
  ~FileLock() {
    unlock_file(fd_);
    pool_->run([fd = fd_] { close_file(fd); });
  }
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  const std::shared_ptr<BlockingPool> pool_;
  const int fd_;
};

}  // namespace

void RealDisk::open(std::string path, OpenOptions options, Callback<FilePtr> done) {
  run_blocking<FilePtr>(
      blocking_,
      [blocking = blocking_, ring = ring_, path = std::move(path), options]() -> Result<FilePtr> {
        TRY(const OpenedFile opened, open_file(path, options));
        if (ring != nullptr) return std::make_shared<RingFile>(*ring, blocking, opened, path, options.read_only);
        return std::make_shared<PoolFile>(blocking, opened, path, options.read_only);
      },
      std::move(done));
}

void RealDisk::make_directory(std::string path, Callback<void> done) {
  run_blocking<void>(blocking_, [path = std::move(path)] { return env::make_directory(path); }, std::move(done));
}

void RealDisk::list(std::string path, Callback<std::vector<DirectoryEntry>> done) {
  run_blocking<std::vector<DirectoryEntry>>(
      blocking_, [path = std::move(path)] { return list_directory(path); }, std::move(done));
}

void RealDisk::rename(std::string from, std::string to, Callback<void> done) {
  run_blocking<void>(
      blocking_, [from = std::move(from), to = std::move(to)] { return rename_entry(from, to); }, std::move(done));
}

void RealDisk::remove(std::string path, Callback<void> done) {
  run_blocking<void>(blocking_, [path = std::move(path)] { return remove_file(path); }, std::move(done));
}

void RealDisk::remove_tree(std::string path, Callback<void> done) {
  run_blocking<void>(blocking_, [path = std::move(path)] { return env::remove_tree(path); }, std::move(done));
}

void RealDisk::sync_directory(std::string path, Callback<void> done) {
  run_blocking<void>(blocking_, [path = std::move(path)] { return env::sync_directory(path); }, std::move(done));
}

void RealDisk::space(std::string path, Callback<Space> done) {
  run_blocking<Space>(blocking_, [path = std::move(path)] { return space_at(path); }, std::move(done));
}

void RealDisk::lock(std::string path, Callback<std::shared_ptr<void>> done) {
  run_blocking<std::shared_ptr<void>>(
      blocking_,
      [pool = blocking_.pool, path = std::move(path)]() -> Result<std::shared_ptr<void>> {
        TRY(const int fd, lock_file(path));
        return std::make_shared<FileLock>(pool, fd);
      },
      std::move(done));
}

}  // namespace chronik::env
