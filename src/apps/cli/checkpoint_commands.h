// What each `chronik checkpoint` command does; checkpoint.cc gives them their options. Like the others they print to
// standard output and give an error for one line on standard error.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <chronik/checkpoint.h>

#include "apps/cli/session.h"
#include "checkpoint/result.h"

namespace CLI {
class App;
}

namespace chronik::cli {

namespace cp = chronik::checkpoint;

/// Which store, and how.
struct Place {
  std::string directory;  // of a log
  std::string sqlite;     // or this file
  std::string server;     // or this address
  std::string payload_max = "64MiB";
  std::string key_file;  // of an encrypted directory
};

/// What concerns every command of one run.
struct CheckpointRun {
  const Common& common;
  const Place& place;
};

/// One checkpoint: `which` is an id, a sequence, "latest", "branch:NAME", "tag:NAME" or "@milliseconds".
struct Target {
  std::string session;
  std::string which;
};

struct CheckpointCreate {
  std::string session;
  std::string file = "-";
  cp::CreateOptions options;
  std::string expected_parent;  // a checkpoint, or "none"
  std::string branch_from;
};
struct CheckpointRewind {
  Target target;
  cp::CreateOptions options;
};
struct CheckpointTags {
  Target target;
  std::vector<std::string> add;
  std::vector<std::string> remove;
};
struct CheckpointAnnotate {
  Target target;
  std::string text;
  std::string level = "info";
};
cp::Status checkpoint_create(const CheckpointRun& run, const CheckpointCreate& options);
cp::Status checkpoint_rewind(const CheckpointRun& run, const CheckpointRewind& options);
cp::Status checkpoint_fork(const CheckpointRun& run, const Target& target, const std::string& name);
cp::Status checkpoint_tag(const CheckpointRun& run, const CheckpointTags& options);
cp::Status checkpoint_annotate(const CheckpointRun& run, const CheckpointAnnotate& options);
cp::Status checkpoint_pin(const CheckpointRun& run, const Target& target, bool pinned);
cp::Status checkpoint_delete(const CheckpointRun& run, const Target& target, bool whole_session);

struct CheckpointList {
  std::string session;
  cp::Query query;
  std::uint64_t limit = 20;  // 0: all
  std::string trigger;
  std::string from;
  std::string until;
  std::vector<std::string> metadata;  // key=JSON
};
struct CheckpointRestore {
  Target target;
  std::string output = "-";
};
struct CheckpointWatch {
  std::string session;
  std::uint64_t from = 1;
  std::uint64_t count = 0;  // 0: no end
  bool exit_at_end = false;
};
cp::Status checkpoint_sessions(const CheckpointRun& run);
cp::Status checkpoint_list(const CheckpointRun& run, const CheckpointList& options);
/// Of all sessions; the options name none.
cp::Status checkpoint_timeline(const CheckpointRun& run, const CheckpointList& options);
cp::Status checkpoint_show(const CheckpointRun& run, const Target& target);
cp::Status checkpoint_diff(const CheckpointRun& run, const Target& target, const std::string& second);
cp::Status checkpoint_restore(const CheckpointRun& run, const CheckpointRestore& options);
cp::Status checkpoint_watch(const CheckpointRun& run, const CheckpointWatch& options);

struct CheckpointPrune {
  std::string session;
  std::optional<std::uint64_t> keep_last;
  std::string keep_within;
  cp::Retention retention;             // hourly, daily, weekly, tagged
  std::vector<std::string> keep_best;  // KEY[:COUNT[:lowest]]
  std::string expire_after;
  std::string bytes_max;
  bool dry_run = false;
};
struct CheckpointExport {
  std::string session;
  std::string output = "-";
  std::uint64_t since = 0;
};
cp::Status checkpoint_prune(const CheckpointRun& run, const CheckpointPrune& options);
cp::Status checkpoint_verify(const CheckpointRun& run, const std::string& session);
cp::Status checkpoint_health(const CheckpointRun& run);
cp::Status checkpoint_export(const CheckpointRun& run, const CheckpointExport& options);
cp::Status checkpoint_import(const CheckpointRun& run, const std::string& file);
cp::Status checkpoint_rotate_key(const CheckpointRun& run, const std::string& new_key_file);

/// The options of all of them; the one that is asked for is put into `chosen`.
void add_checkpoint(CLI::App& app, const Common& common, std::function<Status()>& chosen);

}  // namespace chronik::cli
