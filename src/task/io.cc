#include "task/io.h"

namespace chronik::task {

Task<Result<env::FilePtr>> open(Context& context, std::string path, env::OpenOptions options, Deadline until) {
  Operation<env::FilePtr> operation(context, "disk.open", until);
  context.disk().open(std::move(path), options, operation.callback());
  co_return co_await operation;
}

Task<Result<Buffer>> read(Context& context, env::FilePtr file, std::uint64_t offset, std::size_t length,
                          Deadline until) {
  Operation<Buffer> operation(context, "disk.read", until);
  file->read(offset, length, operation.callback());
  co_return co_await operation;
}

Task<Result<Buffer>> read_whole(Context& context, std::string path, std::size_t bytes_max, Deadline until) {
  CO_TRY(auto file, co_await open(context, path, {.read_only = true}, until));
  CO_TRY(const auto length, co_await size(context, file, until));
  if (length > bytes_max) co_return fail(Errc::invalid_argument, path + ": " + std::to_string(length) + " bytes");
  co_return co_await read(context, file, 0, length, until);
}

Task<Status> write(Context& context, env::FilePtr file, std::uint64_t offset, std::vector<Buffer> pieces,
                   env::Sync sync, Deadline until) {
  Operation<void> operation(context, "disk.write", until);
  file->write(offset, std::move(pieces), sync, operation.callback());
  co_return co_await operation;
}

Task<Status> sync(Context& context, env::FilePtr file, Deadline until) {
  Operation<void> operation(context, "disk.sync", until);
  file->sync(operation.callback());
  co_return co_await operation;
}

Task<Status> allocate(Context& context, env::FilePtr file, std::uint64_t offset, std::uint64_t length, Deadline until) {
  Operation<void> operation(context, "disk.allocate", until);
  file->allocate(offset, length, operation.callback());
  co_return co_await operation;
}

Task<Status> truncate(Context& context, env::FilePtr file, std::uint64_t size, Deadline until) {
  Operation<void> operation(context, "disk.truncate", until);
  file->truncate(size, operation.callback());
  co_return co_await operation;
}

Task<Result<std::uint64_t>> size(Context& context, env::FilePtr file, Deadline until) {
  Operation<std::uint64_t> operation(context, "disk.size", until);
  file->size(operation.callback());
  co_return co_await operation;
}

Task<Status> make_directory(Context& context, std::string path, Deadline until) {
  Operation<void> operation(context, "disk.make_directory", until);
  context.disk().make_directory(std::move(path), operation.callback());
  co_return co_await operation;
}

Task<Result<std::vector<env::DirectoryEntry>>> list(Context& context, std::string path, Deadline until) {
  Operation<std::vector<env::DirectoryEntry>> operation(context, "disk.list", until);
  context.disk().list(std::move(path), operation.callback());
  co_return co_await operation;
}

Task<Status> rename(Context& context, std::string from, std::string to, Deadline until) {
  Operation<void> operation(context, "disk.rename", until);
  context.disk().rename(std::move(from), std::move(to), operation.callback());
  co_return co_await operation;
}

Task<Status> remove(Context& context, std::string path, Deadline until) {
  Operation<void> operation(context, "disk.remove", until);
  context.disk().remove(std::move(path), operation.callback());
  co_return co_await operation;
}

Task<Status> remove_tree(Context& context, std::string path, Deadline until) {
  Operation<void> operation(context, "disk.remove_tree", until);
  context.disk().remove_tree(std::move(path), operation.callback());
  co_return co_await operation;
}

Task<Status> sync_directory(Context& context, std::string path, Deadline until) {
  Operation<void> operation(context, "disk.sync_directory", until);
  context.disk().sync_directory(std::move(path), operation.callback());
  co_return co_await operation;
}

Task<Result<env::Space>> space(Context& context, std::string path, Deadline until) {
  Operation<env::Space> operation(context, "disk.space", until);
  context.disk().space(std::move(path), operation.callback());
  co_return co_await operation;
}

Task<Status> write_file_atomically(Context& context, std::string directory, std::string name, Buffer content,
                                   Deadline until) {
  const std::string target = directory + "/" + name;
  const std::string temporary = target + ".tmp";
  {
    // A leftover is removed, never written again: a write of it that timed out may still be on its way (law 1).
    const auto removed = co_await remove(context, temporary, until);
    if (!removed && removed.error().code != Errc::not_found) co_return fail(removed.error());
    CO_TRY(auto file, co_await open(context, temporary, {.create = true, .exclusive = true}, until));
    CO_TRY_STATUS(co_await write(context, file, 0, {std::move(content)}, env::Sync::data, until));
  }
  CO_TRY_STATUS(co_await rename(context, temporary, target, until));
  co_return co_await sync_directory(context, directory, until);
}

Task<Result<env::StreamPtr>> connect(Context& context, env::Address to, Deadline until) {
  Operation<env::StreamPtr> operation(context, "socket.connect", until);
  context.network().connect(to, operation.callback());
  co_return co_await operation;
}

Task<Result<std::size_t>> read_some(Context& context, env::StreamPtr stream, std::shared_ptr<Block> into,
                                    std::size_t at, std::size_t length, Deadline until) {
  Operation<std::size_t> operation(context, "socket.read", until);
  stream->read_some(std::move(into), at, length, operation.callback());
  auto result = co_await operation;
  if (!result && result.error().code == Errc::timed_out) stream->close();
  co_return result;
}

Task<Status> write(Context& context, env::StreamPtr stream, std::vector<Buffer> pieces, Deadline until) {
  Operation<void> operation(context, "socket.write", until);
  stream->write(std::move(pieces), operation.callback());
  auto result = co_await operation;
  if (!result && result.error().code == Errc::timed_out) stream->close();
  co_return result;
}

}  // namespace chronik::task
