// env's operations as coroutines: each takes the shard's Context, the name of the wait and a deadline.
#pragma once

#include <string>
#include <vector>

#include "env/env.h"
#include "task/operation.h"

namespace chronik::task {

Task<Result<env::FilePtr>> open(Context& context, std::string path, env::OpenOptions options, Deadline until);
Task<Result<Buffer>> read(Context& context, env::FilePtr file, std::uint64_t offset, std::size_t length,
                          Deadline until);
/// The whole file, at most `bytes_max`; invalid_argument if longer.
Task<Result<Buffer>> read_whole(Context& context, std::string path, std::size_t bytes_max, Deadline until);
Task<Status> write(Context& context, env::FilePtr file, std::uint64_t offset, std::vector<Buffer> pieces,
                   env::Sync sync, Deadline until);
Task<Status> sync(Context& context, env::FilePtr file, Deadline until);
Task<Status> allocate(Context& context, env::FilePtr file, std::uint64_t offset, std::uint64_t length, Deadline until);
Task<Status> truncate(Context& context, env::FilePtr file, std::uint64_t size, Deadline until);
Task<Result<std::uint64_t>> size(Context& context, env::FilePtr file, Deadline until);

Task<Status> make_directory(Context& context, std::string path, Deadline until);
Task<Result<std::vector<env::DirectoryEntry>>> list(Context& context, std::string path, Deadline until);
Task<Status> rename(Context& context, std::string from, std::string to, Deadline until);
Task<Status> remove(Context& context, std::string path, Deadline until);
Task<Status> remove_tree(Context& context, std::string path, Deadline until);
Task<Status> sync_directory(Context& context, std::string path, Deadline until);
Task<Result<env::Space>> space(Context& context, std::string path, Deadline until);

/// Replaces `directory`/`name` atomically and durably: a temporary file, synced, renamed, directory synced.
Task<Status> write_file_atomically(Context& context, std::string directory, std::string name, Buffer content,
                                   Deadline until);

Task<Result<env::StreamPtr>> connect(Context& context, env::Address to, Deadline until);
/// Bytes read; 0 at the end. On timed_out the stream is closed: its position is unknown.
Task<Result<std::size_t>> read_some(Context& context, env::StreamPtr stream, std::shared_ptr<Block> into,
                                    std::size_t at, std::size_t length, Deadline until);
/// On timed_out the stream is closed.
Task<Status> write(Context& context, env::StreamPtr stream, std::vector<Buffer> pieces, Deadline until);

}  // namespace chronik::task
