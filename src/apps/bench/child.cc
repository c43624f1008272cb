// See child.h.
#include "apps/bench/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "apps/bench/clock.h"

extern char** environ;

namespace chronik::bench {

Result<Child> Child::start(const std::vector<std::string>& command, bool watched) {
  int ends[2] = {-1, -1};
  if (watched && pipe2(ends, O_CLOEXEC) != 0) return fail(error_from_errno(errno, "pipe"));
  std::vector<char*> arguments;
  for (const auto& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (watched) {
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  } else {
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  }
  pid_t pid = -1;
  const int code = posix_spawnp(&pid, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (watched) ::close(ends[1]);
  if (code != 0) {
    if (watched) ::close(ends[0]);
    return fail(error_from_errno(code, "cannot start " + command[0]));
  }
  return Child(pid, ends[0]);
}

Child::Child(Child&& other) noexcept : pid_(other.pid_), output_(other.output_), buffered_(std::move(other.buffered_)) {
  other.pid_ = -1;
  other.output_ = -1;
}

Child::~Child() {
  if (output_ >= 0) ::close(output_);
  if (pid_ < 0 || ended()) return;
  ::kill(pid_, SIGTERM);
  const auto deadline = now_ns() + 10'000'000'000;
  while (!ended()) {
    if (now_ns() > deadline) ::kill(pid_, SIGKILL);
    sleep_until_ns(now_ns() + 5'000'000);
  }
}

bool Child::ended() {
  if (pid_ < 0) return true;
  if (waitpid(pid_, nullptr, WNOHANG) != pid_) return false;
  pid_ = -1;
  return true;
}

Result<std::string> Child::read_line(std::int64_t deadline_ns) {
  for (;;) {
    if (const auto end = buffered_.find('\n'); end != std::string::npos) {
      auto line = buffered_.substr(0, end);
      buffered_.erase(0, end + 1);
      return line;
    }
    pollfd waiting{output_, POLLIN, 0};
    const auto left_ms = (deadline_ns - now_ns()) / 1'000'000;
    if (left_ms < 0) return fail(Errc::timed_out, "the command did not say that it is ready");
    const int ready = ::poll(&waiting, 1, static_cast<int>(left_ms) + 1);
    if (ready <= 0) continue;
    char chunk[4096];
    const auto n = ::read(output_, chunk, sizeof chunk);
    if (n == 0) return fail(Errc::closed, "the command ended, or closed its output, before it was ready");
    if (n > 0) buffered_.append(chunk, static_cast<std::size_t>(n));
  }
}

}  // namespace chronik::bench
