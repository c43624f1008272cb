// See raw_file.h.
#include "apps/bench/raw_file.h"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace chronik::bench {
namespace {

constexpr std::size_t kZeroingBytes = 1 << 20;

Status fill_with_zeros(int fd, std::size_t bytes, const std::string& path) {
  const std::vector<char> zeros(std::min(bytes, kZeroingBytes));
  for (std::size_t done = 0; done < bytes;) {
    const auto n = ::pwrite(fd, zeros.data(), std::min(zeros.size(), bytes - done), static_cast<off_t>(done));
    if (n < 0) return fail(error_from_errno(errno, "writing " + path));
    done += static_cast<std::size_t>(n);
  }
  if (::fsync(fd) != 0) return fail(error_from_errno(errno, "syncing " + path));
  return {};
}

}  // namespace

Result<ScratchFile> ScratchFile::create(const std::string& path, std::size_t bytes, std::size_t size,
                                        SyncMethod method) {
  ScratchFile file;
  file.fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file.fd_ < 0) return fail(error_from_errno(errno, "creating " + path));
  file.path_ = path;
  TRY_STATUS(fill_with_zeros(file.fd_, bytes, path));
  const bool direct = method != SyncMethod::fdatasync;
  if (direct && ::fcntl(file.fd_, F_SETFL, O_DIRECT) != 0) {
    return fail(Errc::unsupported, "no direct I/O here: " + path);
  }
  file.method_ = method;
  file.capacity_ = bytes;
  file.size_ = direct ? (size + kBlockBytes - 1) / kBlockBytes * kBlockBytes : size;
  const auto allocated = (file.size_ + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
  file.data_.reset(static_cast<char*>(std::aligned_alloc(kBlockBytes, allocated)));
  std::memset(file.data_.get(), 'x', allocated);
  return file;
}

ScratchFile::ScratchFile(ScratchFile&& other) noexcept
    : path_(std::move(other.path_)),
      fd_(other.fd_),
      method_(other.method_),
      capacity_(other.capacity_),
      size_(other.size_),
      position_(other.position_),
      data_(std::move(other.data_)) {
  other.fd_ = -1;
}

ScratchFile::~ScratchFile() {
  if (fd_ < 0) return;
  ::close(fd_);
  ::unlink(path_.c_str());
}

Status ScratchFile::write_durably() {
  if (capacity_ > 0 && position_ + size_ > capacity_) position_ = 0;
  const iovec piece{data_.get(), size_};
  const int flags = method_ == SyncMethod::dsync ? RWF_DSYNC : 0;
  const auto n = ::pwritev2(fd_, &piece, 1, static_cast<off_t>(position_), flags);
  if (n < 0) return fail(error_from_errno(errno, "writing " + path_));
  if (static_cast<std::size_t>(n) != size_) return fail(Errc::disk_full, "short write to " + path_);
  if (method_ != SyncMethod::dsync && ::fdatasync(fd_) != 0) return fail(error_from_errno(errno, "syncing " + path_));
  position_ += size_;
  return {};
}

}  // namespace chronik::bench
