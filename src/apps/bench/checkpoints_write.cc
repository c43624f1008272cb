// `checkpoints create`: many threads, each waiting for the disk with each checkpoint. `checkpoints steps`: a large
// state that changes a little.
#include <sys/resource.h>

#include <cstring>
#include <thread>
#include <vector>

#include "apps/bench/checkpoints.h"
#include "apps/bench/clock.h"
#include "apps/bench/histogram.h"
#include "base/prng.h"

namespace chronik::bench {

using checkpoint::Session;
using checkpoint::Store;

namespace {

/// Incompressible.
std::string noise(std::size_t bytes, Prng& prng) {
  std::string text(bytes, '\0');
  for (std::size_t at = 0; at < bytes; at += sizeof(std::uint64_t)) {
    const std::uint64_t word = prng.next();
    std::memcpy(text.data() + at, &word, std::min(sizeof word, bytes - at));
  }
  return text;
}

std::int64_t switches() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_nvcsw + usage.ru_nivcsw;
}

struct Writer {
  std::uint64_t made = 0;
  Histogram latency;
  Status status;
};

/// No payload like any other: nothing is shared.
void write(const Session& session, std::uint64_t count, std::size_t size, std::uint64_t seed, Writer& writer) {
  Prng prng(seed);
  std::string payload = noise(size, prng);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t word = prng.next();
    std::memcpy(payload.data(), &word, std::min(sizeof word, payload.size()));
    const auto start = now_ns();
    const auto made = session.create(payload);
    if (!made) {
      writer.status = fail(Errc::storage_failed, made.error().message());
      return;
    }
    writer.latency.record(now_ns() - start);
    ++writer.made;
  }
}

/// Threads that wait for what does not come, until the store is closed.
class Followers {
 public:
  explicit Followers(const Store& store) : store_(store) {}
  Followers(const Followers&) = delete;
  Followers& operator=(const Followers&) = delete;
  ~Followers() { (void)store_.close(); }
  Status begin(int count) {
    for (int i = 0; i < count; ++i) {
      TRY(const Session session, adopt(store_.create_session("followed " + std::to_string(i))));
      threads_.emplace_back([session] { (void)session.wait_events(1'000'000, 1, std::chrono::hours(1)); });
    }
    return {};
  }

 private:
  const Store& store_;
  std::vector<std::jthread> threads_;
};

Status check_count(const Session& session, std::uint64_t count) {
  TRY(const auto info, adopt(session.describe()));
  if (info.checkpoints == count && info.last_sequence == count) return {};
  return fail(Errc::corrupt, std::to_string(info.checkpoints) + " checkpoints, not " + std::to_string(count));
}

}  // namespace

Result<Json> checkpoints_create(const CheckpointOptions& options) {
  TRY(const Store store, open_store(options));
  TRY(const Session session, adopt(store.create_session("bench")));
  Followers followers(store);
  TRY_STATUS(followers.begin(options.followers));
  std::vector<Writer> writers(static_cast<std::size_t>(options.threads));
  const std::uint64_t each = options.count / writers.size();
  const std::uint64_t count = each * writers.size();
  const double cpu = cpu_seconds();
  const std::int64_t switched = switches();
  const auto start = now_ns();
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < writers.size(); ++i) {
      threads.emplace_back([&, i] { write(session, each, options.size, options.seed + i, writers[i]); });
    }
  }
  const double seconds = static_cast<double>(now_ns() - start) / 1e9;
  const double cpu_us = (cpu_seconds() - cpu) * 1e6 / static_cast<double>(count);
  const double switches_each = static_cast<double>(switches() - switched) / static_cast<double>(count);
  Snapshot latency;
  for (const Writer& writer : writers) {
    TRY_STATUS(writer.status);
    latency += writer.latency.snapshot();
  }
  TRY_STATUS(check_count(session, count));
  TRY_STATUS(adopt(store.close()));
  if (options.backend != "memory") {
    TRY(const Store again, open_store(options));
    TRY(const Session found, adopt(again.session("bench")));
    TRY_STATUS(check_count(found, count));
    TRY_STATUS(page_through(found, count));
  }
  return Json{{"checkpoints", count},
              {"threads", options.threads},
              {"followers", options.followers},
              {"seconds", seconds},
              {"per_s", static_cast<double>(count) / seconds},
              {"us_each", seconds * 1e6 / static_cast<double>(count)},
              {"cpu_us_each", cpu_us},
              {"switches_each", switches_each},
              {"p50_us", static_cast<double>(latency.quantile(0.5)) / 1e3},
              {"p99_us", static_cast<double>(latency.quantile(0.99)) / 1e3}};
}

/// A state of 400,000 bytes that grows by 100 each step and has 1,000 replaced.
Result<Json> checkpoints_steps(const CheckpointOptions& options) {
  constexpr std::size_t kState = 400'000;
  constexpr std::size_t kChange = 1'000;
  constexpr std::size_t kGrowth = 100;
  Prng prng(options.seed);
  std::string state = noise(kState, prng);
  std::uint64_t given = 0;
  std::vector<std::pair<checkpoint::CheckpointId, std::string>> kept;  // some, to hold against what comes back
  std::uint64_t open_bytes = 0;
  std::int64_t took_ns = 0;
  {
    TRY(const Store store, open_store(options));
    TRY(const Session session, adopt(store.create_session("bench")));
    for (std::uint64_t step = 0; step < options.count; ++step) {
      state.replace(prng.below(state.size() - kChange), kChange, noise(kChange, prng));
      state += noise(kGrowth, prng);
      given += state.size();
      const auto start = now_ns();
      TRY(const auto made, adopt(session.create(state)));
      took_ns += now_ns() - start;
      if (step % 100 == 0 || step + 1 == options.count) kept.emplace_back(made.id, state);
    }
    open_bytes = bytes_in(options.dir);
    TRY_STATUS(adopt(store.close()));
  }
  const std::uint64_t stored = bytes_in(options.dir);
  TRY(const Store store, open_store(options));
  TRY(const Session session, adopt(store.session("bench")));
  TRY_STATUS(check_count(session, options.count));
  for (const auto& [id, wanted] : kept) {
    TRY(const auto found, adopt(session.payload(id)));
    if (found != wanted) return fail(Errc::corrupt, "a payload came back as another");
  }
  return Json{{"checkpoints", options.count},
              {"given_bytes", given},
              {"disk_bytes_open", open_bytes},
              {"disk_bytes", stored},
              {"seconds", static_cast<double>(took_ns) / 1e9}};
}

}  // namespace chronik::bench
