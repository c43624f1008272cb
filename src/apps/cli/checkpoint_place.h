// From the words of a command line to an open store, a session, a checkpoint; files of payloads; progress.
#pragma once

#include <cstdio>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "apps/cli/checkpoint_commands.h"
#include "checkpoint/json.h"

namespace chronik::cli {

using nlohmann::ordered_json;

/// Opens the store, runs `body`, closes it. `create`: it need not exist.
cp::Status with_store(const CheckpointRun& run, bool create, const std::function<cp::Status(const cp::Store&)>& body);

/// Of an encrypted store, from a file.
cp::Result<std::string> read_key(const std::string& file);

/// Only if it exists; the error says how to find the right one.
cp::Result<cp::Session> find_session(const cp::Store& store, const std::string& name);
cp::Result<cp::Checkpoint> find_checkpoint(const cp::Session& session, const std::string& which);
struct Found {
  cp::Session session;
  cp::Checkpoint checkpoint;
};
/// Corrupt if the store was found damaged as it was opened: a list that ends well was whole.
cp::Status check_whole(const cp::Store& store);
cp::Result<Found> find(const cp::Store& store, const Target& target);

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;
/// For reading; "-" is standard input.
cp::Result<File> open_input(const std::string& path);
/// All of it, unless there is more than that.
cp::Result<std::string> read_payload(const std::string& path, std::uint64_t bytes_max);

/// A file that appears under its name only once it is whole and on disk; "-" is standard output. A device or a pipe is
/// written as it is.
class Output {
 public:
  static cp::Result<Output> open(const std::string& path);
  Output(Output&&) = default;
  Output& operator=(Output&&) = delete;
  ~Output();
  cp::Status write(std::string_view bytes);
  cp::Status finish();

 private:
  Output(std::string path, std::string unfinished, File file)
      : path_(std::move(path)), unfinished_(std::move(unfinished)), file_(std::move(file)) {}
  std::string path_;
  std::string unfinished_;  // empty: written as it is
  File file_;
};

/// How far long work is, on standard error if that is a terminal, a few times a second.
class Progress {
 public:
  Progress(std::string what, std::uint64_t total);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void update(std::uint64_t done);

 private:
  std::string what_;
  std::uint64_t total_;  // 0: unknown
  bool shown_;
  cp::Duration next_{};
};

/// All of a checkpoint but its payload, for programs.
void print(const ordered_json& json);
/// One checkpoint after a change: JSON, or "created 7  019..." for people.
void print_changed(const CheckpointRun& run, const char* what, const cp::Checkpoint& checkpoint);
std::string joined(const std::vector<std::string>& words);

}  // namespace chronik::cli
