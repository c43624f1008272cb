// The blocking calls on files and directories, as Results. Called on pool threads.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "env/env.h"

namespace chronik::env {

struct OpenedFile {
  int fd = -1;
  std::size_t alignment = 1;  // bytes; more than 1: direct I/O
};

Result<OpenedFile> open_file(const std::string& path, const OpenOptions& options);
void close_file(int fd);
Result<std::size_t> read_all(int fd, std::byte* into, std::size_t length, std::uint64_t offset,
                             const std::string& path);
/// Writes everything or fails; consumes `parts`.
Status write_all(int fd, std::vector<iovec> parts, std::uint64_t offset, const std::string& path);
/// What a failed sync is: never overloaded, since the state of the pages is unknown (law 7).
Status sync_failed(int number, const std::string& path);
Status sync_file(int fd, const std::string& path);
Status allocate_file(int fd, std::uint64_t offset, std::uint64_t length, const std::string& path);
Status truncate_file(int fd, std::uint64_t size, const std::string& path);
Result<std::uint64_t> file_size(int fd, const std::string& path);

Status make_directory(const std::string& path);
Result<std::vector<DirectoryEntry>> list_directory(const std::string& path);
Status rename_entry(const std::string& from, const std::string& to);
Status remove_file(const std::string& path);
Status remove_tree(const std::string& path);
Status sync_directory(const std::string& path);
Result<Space> space_at(const std::string& path);
/// The descriptor that holds the lock.
Result<int> lock_file(const std::string& path);
void unlock_file(int fd);

/// The pieces without the empty ones, as the kernel takes them.
std::vector<iovec> parts_of(const std::vector<Buffer>& pieces);
/// Takes `bytes` off the front.
void drop_front(std::vector<iovec>& parts, std::size_t bytes);

}  // namespace chronik::env
