// What the embedded store does: the goals of its design, measured. Directories under TMPDIR.
#include <benchmark/benchmark.h>

#include <filesystem>
#include <memory>
#include <string>

#include <chronik/checkpoint.h>

#include "env/real/any_thread.h"

namespace chronik::checkpoint {
namespace {

struct Directory {
  std::string path = std::filesystem::temp_directory_path() / ("chronik-" + std::to_string(env::random_word()));
  ~Directory() { std::filesystem::remove_all(path); }
};

std::string noise(std::size_t bytes, std::uint64_t seed) {
  std::string text(bytes, '\0');
  for (char& c : text) {
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    c = static_cast<char>(seed >> 56);
  }
  return text;
}

void create_in_memory(benchmark::State& state) {
  const Store store = Store::in_memory().value();
  const Session session = store.create_session("s").value();
  std::string payload = noise(1024, 1);
  for (auto _ : state) {
    ++payload[0];
    benchmark::DoNotOptimize(session.create(payload).value());
  }
}
BENCHMARK(create_in_memory)->Iterations(200'000);

Session& shared_session(bool fresh) {
  static std::unique_ptr<Directory> directory;
  static std::unique_ptr<Store> store;
  static std::unique_ptr<Session> session;
  if (fresh) {
    session.reset();  // it holds the store open
    store.reset();
    directory = std::make_unique<Directory>();
    store = std::make_unique<Store>(Store::open(directory->path).value());
    session = std::make_unique<Session>(store->create_session("s").value());
  }
  return *session;
}

void create_durably(benchmark::State& state) {
  if (state.thread_index() == 0) shared_session(true);
  std::uint64_t i = static_cast<std::uint64_t>(state.thread_index()) << 40;
  for (auto _ : state) {
    benchmark::DoNotOptimize(shared_session(false).create(noise(1024, ++i)).value());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(create_durably)->Threads(1)->Threads(32)->UseRealTime();

/// A session of so many, in a log.
Session filled(const Store& store, std::int64_t count) {
  const Session session = store.create_session("s").value();
  std::optional<PendingCheckpoint> last;
  for (std::int64_t i = 0; i < count; ++i) last = session.create_async("small " + std::to_string(i)).value();
  if (last) (void)last->wait(std::chrono::seconds(60)).value();
  return session;
}

void list_latest_100(benchmark::State& state) {
  const Directory directory;
  const Store store = Store::open(directory.path).value();
  const Session session = filled(store, state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(session.list().value());
}
BENCHMARK(list_latest_100)->Arg(100'000);

void export_all(benchmark::State& state) {
  const Directory directory;
  const Store store = Store::open(directory.path).value();
  const Session session = filled(store, state.range(0));
  for (auto _ : state) {
    std::uint64_t bytes = 0;
    const auto status = session.export_to([&](std::string_view line) -> Status {
      bytes += line.size();
      return {};
    });
    benchmark::DoNotOptimize(status);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(export_all)->Arg(100'000)->Unit(benchmark::kMillisecond);

void open_again(benchmark::State& state) {
  const Directory directory;
  {
    const Store store = Store::open(directory.path).value();
    (void)filled(store, state.range(0));
    (void)store.close();
  }
  for (auto _ : state) {
    const Store store = Store::open(directory.path).value();
    benchmark::DoNotOptimize(store.session("s").value().latest().value());
    state.PauseTiming();
    (void)store.close();
    state.ResumeTiming();
  }
}
BENCHMARK(open_again)->Arg(1'000'000)->Unit(benchmark::kMillisecond)->Iterations(3);

/// 10,000 sessions of ten checkpoints, made one session after the other or all of them in turns.
Store many_sessions(bool sqlite, bool in_turns) {
  static std::unique_ptr<Directory> directory;
  static std::optional<Store> store;
  static int what = -1;
  if (std::exchange(what, sqlite * 2 + in_turns) == sqlite * 2 + in_turns) return *store;
  store.reset();
  directory = std::make_unique<Directory>();
  std::filesystem::create_directory(directory->path);
  store.emplace(sqlite ? Store::sqlite(directory->path + "/db").value()
                       : Store::open(directory->path + "/log").value());
  std::vector<Session> sessions;
  for (int i = 0; i < 10'000; ++i) sessions.push_back(store->create_session("s" + std::to_string(i)).value());
  std::optional<PendingCheckpoint> last;
  for (std::size_t i = 0; i < sessions.size() * 10; ++i) {
    last = sessions[in_turns ? i % sessions.size() : i / 10].create_async("x").value();
  }
  (void)last->wait(std::chrono::seconds(60)).value();
  return *store;
}

void timeline_100(benchmark::State& state) {
  const Store store = many_sessions(state.range(3) != 0, state.range(2) != 0);
  Query query;
  query.newest_first = state.range(0) == 0;
  // Deep inside, as behind many pages.
  if (state.range(1) != 0) {
    const Checkpoint middle = store.session("s5000").value().at_sequence(5).value();
    query.until = middle.created_at;
    if (!query.newest_first) std::swap(query.from, query.until);
  }
  for (auto _ : state) benchmark::DoNotOptimize(store.timeline(query).value());
}
BENCHMARK(timeline_100)
    ->ArgNames({"oldest_first", "deep", "in_turns", "sqlite"})
    ->ArgsProduct({{0, 1}, {0, 1}, {0, 1}, {0, 1}})
    ->Unit(benchmark::kMillisecond)
    ->Iterations(5);

}  // namespace
}  // namespace chronik::checkpoint
