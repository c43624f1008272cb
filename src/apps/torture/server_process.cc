#include "apps/torture/server_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "base/check.h"

extern char** environ;

namespace chronik::torture {

ServerProcess::ServerProcess(std::string program, std::string directory)
    : program_(std::move(program)), directory_(std::move(directory)) {}

ServerProcess::~ServerProcess() {
  if (pid_ > 0) {
    kill();
    ::waitpid(pid_, nullptr, 0);
  }
  if (output_ >= 0) ::close(output_);
}

Status ServerProcess::start(std::size_t shards) {
  CHECK(pid_ < 0);
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return fail(error_from_errno(errno, "pipe"));
  std::vector<std::string> words = {
      program_,      "--data-dir", directory_ + "/data",  "--listen", fmt::format("127.0.0.1:{}", port_), "--admin",
      "127.0.0.1:0", "--shards",   std::to_string(shards)};
  // Small, so that files wrap and everything happens within a minute.
  for (const char* const setting :
       {"wal.max.bytes=16777216", "wal.file.bytes=1048576", "group.initial.rebalance.delay.ms=100",
        "offsets.topic.num.partitions=4", "auto.create.topics.enable=false", "log.retention.check.interval.ms=2000",
        "log.cleaner.backoff.ms=1000", "offsets.retention.check.interval.ms=3000"}) {
    words.emplace_back("--set");
    words.emplace_back(setting);
  }
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  const std::string log = directory_ + "/server.log";
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  const int code = ::posix_spawn(&pid_, program_.c_str(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  if (output_ >= 0) ::close(output_);
  output_ = ends[0];
  said_.clear();
  ready_ = false;
  if (code != 0) {
    pid_ = -1;
    return fail(error_from_errno(code, "cannot start " + program_));
  }
  return {};
}

void ServerProcess::kill() {
  if (pid_ > 0) ::kill(pid_, SIGKILL);
}
void ServerProcess::pause() {
  if (pid_ > 0) ::kill(pid_, SIGSTOP);
}
void ServerProcess::resume() {
  if (pid_ > 0) ::kill(pid_, SIGCONT);
}

bool ServerProcess::ready() {
  char chunk[512];
  ssize_t n = 0;
  while (!ready_ && output_ >= 0 && (n = ::read(output_, chunk, sizeof chunk)) > 0) {
    said_.append(chunk, static_cast<std::size_t>(n));
  }
  // "ready kafka=127.0.0.1:PORT admin=..."
  const auto at = said_.find("kafka=127.0.0.1:");
  if (!ready_ && at != std::string::npos && said_.find('\n', at) != std::string::npos) {
    port_ = static_cast<std::uint16_t>(std::strtoul(said_.c_str() + at + 16, nullptr, 10));
    ready_ = true;
  }
  return ready_;
}

bool ServerProcess::ended() {
  if (pid_ > 0 && ::waitpid(pid_, nullptr, WNOHANG) == pid_) {
    pid_ = -1;
    ready_ = false;
  }
  return pid_ < 0;
}

}  // namespace chronik::torture
