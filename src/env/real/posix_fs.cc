#include "env/real/posix_fs.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "env/real/direct_io.h"

namespace chronik::env {

namespace {

std::unexpected<Error> refuse(const std::string& path, int number = errno) {
  return fail(error_from_errno(number, path));
}

Status status(int result, const std::string& path) {
  return result == 0 ? Status{} : Status(refuse(path));
}

/// An open directory, for its scope.
class Directory {
 public:
  explicit Directory(const std::string& path) : handle_(::opendir(path.c_str())) {}
  ~Directory() {
    if (handle_ != nullptr) ::closedir(handle_);
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  DIR* get() const { return handle_; }

 private:
  DIR* handle_;
};

}  // namespace

Result<OpenedFile> open_file(const std::string& path, const OpenOptions& options) {
  int flags = O_CLOEXEC | (options.read_only ? O_RDONLY : O_RDWR);
  if (options.create) flags |= O_CREAT;
  if (options.create && options.exclusive) flags |= O_EXCL;
  const int fd = ::open(path.c_str(), flags, 0644);
  if (fd < 0) return refuse(path);
  struct stat info{};
  if (::fstat(fd, &info) == 0 && S_ISDIR(info.st_mode)) {  // a read-only open of a directory succeeds
    ::close(fd);
    return refuse(path, EISDIR);
  }
  return OpenedFile{fd, options.direct ? make_direct(fd) : 1};
}

void close_file(int fd) {
  ::close(fd);
}

Result<std::size_t> read_all(int fd, std::byte* into, std::size_t length, std::uint64_t offset,
                             const std::string& path) {
  std::size_t done = 0;
  while (done < length) {
    const ssize_t n = ::pread(fd, into + done, length - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    // A direct read at an odd place comes after a short one: the end of the file.
    if (n < 0 && errno == EINVAL && done > 0) break;
    if (n < 0) return refuse(path);
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  return done;
}

std::vector<iovec> parts_of(const std::vector<Buffer>& pieces) {
  std::vector<iovec> parts;
  parts.reserve(pieces.size());
  for (const Buffer& piece : pieces) {
    // The kernel only reads from it.
    if (!piece.empty()) parts.push_back({const_cast<std::byte*>(piece.data()), piece.size()});
  }
  return parts;
}

void drop_front(std::vector<iovec>& parts, std::size_t bytes) {
  auto first = parts.begin();
  while (first != parts.end() && first->iov_len <= bytes) bytes -= (first++)->iov_len;
  parts.erase(parts.begin(), first);
  if (bytes == 0) return;
  parts.front().iov_base = static_cast<std::byte*>(parts.front().iov_base) + bytes;
  parts.front().iov_len -= bytes;
}

Status write_all(int fd, std::vector<iovec> parts, std::uint64_t offset, const std::string& path) {
  bool started = false;
  while (!parts.empty()) {
    const int count = static_cast<int>(std::min<std::size_t>(parts.size(), IOV_MAX));
    const ssize_t n = ::pwritev(fd, parts.data(), count, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    // A direct write cut short at an odd place cannot go on; nor can one that makes no progress.
    if ((n < 0 && errno == EINVAL && started) || n == 0) return fail(Errc::storage_failed, path + ": short write");
    if (n < 0) return refuse(path);
    started = true;
    offset += static_cast<std::uint64_t>(n);
    drop_front(parts, static_cast<std::size_t>(n));
  }
  return {};
}

Status sync_failed(int number, const std::string& path) {
  Error error = error_from_errno(number, path);
  if (error.code == Errc::overloaded) error.code = Errc::storage_failed;
  return fail(std::move(error));
}

Status sync_file(int fd, const std::string& path) {
  return ::fdatasync(fd) == 0 ? Status{} : sync_failed(errno, path);
}

Status allocate_file(int fd, std::uint64_t offset, std::uint64_t length, const std::string& path) {
  // posix_fallocate writes zeros where the file system knows no better.
  int result = EINTR;
  while (result == EINTR) {
    result = ::posix_fallocate(fd, static_cast<off_t>(offset), static_cast<off_t>(length));
  }
  return result == 0 ? Status{} : Status(refuse(path, result));
}

Status truncate_file(int fd, std::uint64_t size, const std::string& path) {
  return status(::ftruncate(fd, static_cast<off_t>(size)), path);
}

Result<std::uint64_t> file_size(int fd, const std::string& path) {
  struct stat info{};
  if (::fstat(fd, &info) != 0) return refuse(path);
  return static_cast<std::uint64_t>(info.st_size);
}

Status make_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0755) == 0) return {};
  struct stat info{};
  if (errno == EEXIST && ::stat(path.c_str(), &info) == 0) {
    return S_ISDIR(info.st_mode) ? Status{} : Status(refuse(path, EEXIST));
  }
  return refuse(path);
}

Result<std::vector<DirectoryEntry>> list_directory(const std::string& path) {
  const Directory directory(path);
  if (directory.get() == nullptr) return refuse(path);
  std::vector<DirectoryEntry> entries;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(directory.get());
    if (entry == nullptr && errno != 0) return refuse(path);
    if (entry == nullptr) return entries;
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    struct stat info{};
    if (::fstatat(::dirfd(directory.get()), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) continue;  // removed meanwhile
      return refuse(path + "/" + name);
    }
    const bool is_directory = S_ISDIR(info.st_mode);
    entries.push_back({name, is_directory, is_directory ? 0 : static_cast<std::uint64_t>(info.st_size)});
  }
}

Status rename_entry(const std::string& from, const std::string& to) {
  return status(::rename(from.c_str(), to.c_str()), from + " to " + to);
}

Status remove_file(const std::string& path) {
  return status(::unlink(path.c_str()), path);
}

Status remove_tree(const std::string& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);  // removes symbolic links, does not follow them
  if (!error || error.value() == ENOENT) return {};
  return refuse(path, error.value());
}

Status sync_directory(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return refuse(path);
  const Status result = ::fsync(fd) == 0 ? Status{} : sync_failed(errno, path);
  ::close(fd);
  return result;
}

Result<Space> space_at(const std::string& path) {
  struct statvfs info{};
  if (::statvfs(path.c_str(), &info) != 0) return refuse(path);
  return Space{info.f_blocks * info.f_frsize, info.f_bavail * info.f_frsize};
}

Result<int> lock_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return refuse(path);
  int result = 0;
  do {
    result = ::flock(fd, LOCK_EX | LOCK_NB);
  } while (result != 0 && errno == EINTR);
  if (result == 0) return fd;
  const int number = errno;
  ::close(fd);
  if (number == EWOULDBLOCK) return fail(Errc::in_use, path + " is locked by another process");
  return refuse(path, number);
}

void unlock_file(int fd) {
  ::flock(fd, LOCK_UN);
}

}  // namespace chronik::env
