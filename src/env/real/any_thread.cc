#include "env/real/any_thread.h"

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>

#include "base/check.h"
#include "env/real/blocking_pool.h"

namespace chronik::env {

UnixMillis wall_clock_now() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return UnixMillis(std::chrono::duration_cast<std::chrono::milliseconds>(since).count());
}

Instant monotonic_clock_now() {
  return Instant{std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count()};
}

void random_words(std::span<std::uint64_t> words) {
  auto* at = reinterpret_cast<char*>(words.data());
  std::size_t missing = words.size_bytes();
  while (missing > 0) {
    const ssize_t n = ::getrandom(at, missing, 0);
    CHECK(n > 0 || errno == EINTR);
    if (n <= 0) continue;
    at += n;
    missing -= static_cast<std::size_t>(n);
  }
}

std::uint64_t random_word() {
  thread_local std::array<std::uint64_t, 32> words;
  thread_local std::size_t left = 0;
  if (left == 0) {
    random_words(words);
    left = words.size();
  }
  return words[--left];
}

Result<std::string> read_now(const std::string& path, std::size_t bytes_max) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return std::unexpected(error_from_errno(errno, path));
  std::string text(bytes_max, '\0');
  const ssize_t n = ::read(file, text.data(), text.size());
  const int code = errno;
  ::close(file);
  if (n < 0) return std::unexpected(error_from_errno(code, path));
  text.resize(static_cast<std::size_t>(n));
  return text;
}

std::int64_t process_id() {
  return ::getpid();
}

struct Workers::Pool {
  std::shared_ptr<BlockingPool> pool = std::make_shared<BlockingPool>();
};

Workers::Workers() : pool_(std::make_unique<Pool>()) {}

Workers::~Workers() {
  constexpr Duration kGrace = 500ms;
  pool_->pool->stop(kGrace);
}

void Workers::run(std::move_only_function<void()> job) {
  pool_->pool->run(std::move(job));
}

}  // namespace chronik::env
