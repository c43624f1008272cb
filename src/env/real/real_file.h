// An open file of the kernel: the descriptor, and the operations that go to the pool on either disk. PoolFile does the
// rest there too; RingFile (ring.h) through io_uring.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "env/env.h"
#include "env/real/blocking_pool.h"
#include "env/real/posix_fs.h"

namespace chronik::env {

class RealFile : public File, public std::enable_shared_from_this<RealFile> {
 public:
  RealFile(Blocking blocking, OpenedFile opened, std::string path, bool read_only);
  /// Closes on the pool: close may wait for the device.
  ~RealFile() override;
  RealFile(const RealFile&) = delete;
  RealFile& operator=(const RealFile&) = delete;

  void allocate(std::uint64_t offset, std::uint64_t length, Callback<void> done) override;
  void truncate(std::uint64_t size, Callback<void> done) override;
  void size(Callback<std::uint64_t> done) override;
  std::size_t alignment() const override { return opened_.alignment; }

  int fd() const { return opened_.fd; }
  const std::string& path() const { return path_; }

  bool read_only() const { return read_only_; }
  Status refuse_read_only() const;

 protected:
  void write_on_pool(std::uint64_t offset, std::vector<Buffer> pieces, Sync sync, Callback<void> done);
  /// Ends the program if a direct write is not aligned.
  void check_alignment(std::uint64_t offset, const std::vector<Buffer>& pieces) const;

  const Blocking blocking_;

 private:
  const OpenedFile opened_;
  const std::string path_;
  const bool read_only_;
};

class PoolFile final : public RealFile {
 public:
  using RealFile::RealFile;
  void read(std::uint64_t offset, std::size_t length, Callback<Buffer> done) override;
  void write(std::uint64_t offset, std::vector<Buffer> pieces, Sync sync, Callback<void> done) override;
  void sync(Callback<void> done) override;
};

/// Where the bytes [offset, offset + length) lie in an aligned read that covers them. Direct files read such runs.
struct Window {
  std::uint64_t start = 0;  // aligned
  std::size_t length = 0;   // aligned
  std::size_t skip = 0;     // of the front
  std::size_t wanted = 0;   // after it
  std::shared_ptr<Block> block;

  Window(std::uint64_t offset, std::size_t bytes, std::size_t alignment);
  /// The wanted part of the first `got` bytes.
  Buffer take(std::size_t got);
};

}  // namespace chronik::env
