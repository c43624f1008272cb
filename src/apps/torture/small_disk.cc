#include "apps/torture/small_disk.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>

namespace chronik::torture {

namespace {
std::string ballast(const std::string& directory) {
  return directory + "/ballast";
}
}  // namespace

Result<std::unique_ptr<SmallDisk>> SmallDisk::mount(const std::string& directory, std::uint64_t bytes) {
  const std::string options = fmt::format("size={}", bytes);
  if (::mount("chronik-torture", directory.c_str(), "tmpfs", 0, options.c_str()) != 0) {
    return fail(error_from_errno(errno, "mounting a small file system"));
  }
  return std::unique_ptr<SmallDisk>(new SmallDisk(directory));
}

SmallDisk::~SmallDisk() {
  ::umount2(directory_.c_str(), MNT_DETACH);
}

Status SmallDisk::fill(std::uint64_t bytes_left) {
  struct statvfs state{};
  if (::statvfs(directory_.c_str(), &state) != 0) return fail(error_from_errno(errno, directory_));
  const std::uint64_t room = state.f_bavail * state.f_frsize;
  if (room <= bytes_left) return {};
  const int file = ::open(ballast(directory_).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0) return fail(error_from_errno(errno, "ballast"));
  // The server takes room too, meanwhile.
  const int code = ::posix_fallocate(file, 0, static_cast<off_t>(room - bytes_left));
  ::close(file);
  if (code != 0 && code != ENOSPC) return fail(error_from_errno(code, "ballast"));
  return {};
}

void SmallDisk::make_room() {
  ::unlink(ballast(directory_).c_str());
}

}  // namespace chronik::torture
