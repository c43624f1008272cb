// A scratch file for the disk baselines: zeroed in advance, so that writing it changes no metadata; removed at the end.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "apps/bench/options.h"
#include "base/result.h"

namespace chronik::bench {

inline constexpr std::size_t kBlockBytes = 4096;

class ScratchFile {
 public:
  /// `bytes` of zeros on disk (0: empty, it grows). `size` is that of one write; writes wrap around at the end. With
  /// O_DIRECT writes are rounded up to whole blocks.
  static Result<ScratchFile> create(const std::string& path, std::size_t bytes, std::size_t size, SyncMethod method);
  ScratchFile(ScratchFile&& other) noexcept;
  ScratchFile& operator=(ScratchFile&&) = delete;
  ~ScratchFile();

  /// Writes the next `size` bytes and makes them durable by the method.
  Status write_durably();
  std::size_t bytes_per_write() const { return size_; }

 private:
  struct Free {
    void operator()(char* memory) const { std::free(memory); }
  };
  ScratchFile() = default;

  std::string path_;
  int fd_ = -1;
  SyncMethod method_ = SyncMethod::fdatasync;
  std::size_t capacity_ = 0;
  std::size_t size_ = 0;
  std::size_t position_ = 0;
  std::unique_ptr<char, Free> data_;
};

}  // namespace chronik::bench
