// The store on the real machine, with both disk back ends. CHRONIK_KEEP names a directory to leave the files in, for
// tests/dump_with_kafka.sh.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "env/real/host.h"
#include "log/compact.h"
#include "log/segment_rig_for_test.h"

namespace chronik::log {
namespace {

struct HostRun {
  std::string directory;
  std::unique_ptr<env::Host> host;
  std::unique_ptr<task::Context> context;

  explicit HostRun(env::DiskBackend backend) {
    const char* const kept = std::getenv("CHRONIK_KEEP");
    if (kept) {
      directory = kept;
      std::filesystem::create_directories(directory);
    } else {
      directory = testing::TempDir() + "/chronik_segments_XXXXXX";
      CHECK(::mkdtemp(directory.data()) != nullptr);
    }
    auto made = env::Host::create({.loops = 1, .disk = backend});
    if (!made) return;
    host = std::move(*made);
    context = std::make_unique<task::Context>(host->env(0));
  }
  ~HostRun() {
    if (context) context->stop();
    context.reset();
    host.reset();
    std::error_code ignored;  // a late job of the pool may still make a file
    if (!std::getenv("CHRONIK_KEEP")) std::filesystem::remove_all(directory, ignored);
  }
  HostRun(const HostRun&) = delete;
  HostRun& operator=(const HostRun&) = delete;

  void run(task::Task<void> body) {
    context->spawn("test", ending(*host, std::move(body)));
    host->run();
  }

 private:
  static task::Task<void> ending(env::Host& machine, task::Task<void> body) {
    co_await std::move(body);
    machine.stop();
  }
};

// Coroutines cannot leave an ASSERT early, so each step is checked and the first failure returns.
#define CO_ASSERT(...)             \
  if (!(__VA_ARGS__)) {            \
    ADD_FAILURE() << #__VA_ARGS__; \
    co_return;                     \
  }

task::Task<void> work(HostRun& rig, std::uint64_t direct_bytes_min) {
  task::Context& context = *rig.context;
  const auto soon = [&] { return context.after(100s); };
  Source source(21);
  ModelLog model;
  SegmentOptions options;
  options.stall_deadline = 100s;  // a busy disk is no failure here
  options.segment_bytes = 300'000;
  options.direct_bytes_min = direct_bytes_min;
  auto store = std::make_unique<SegmentStore>(context, rig.directory, "topic", test_id(), options);
  store->start_empty(Offset(0));
  for (int i = 0; i < 20; ++i) {
    CO_ASSERT(co_await store->append(source.extend(model, 60)));
    CO_ASSERT(co_await store->sync());
  }
  const FilePosition position = store->position();
  // What is not recorded goes.
  ModelLog beyond = model;
  CO_ASSERT(co_await store->append(source.extend(beyond, 200)));
  store = std::make_unique<SegmentStore>(context, rig.directory, "topic", test_id(), options);
  CO_ASSERT(co_await store->recover(position));
  CO_ASSERT(store->end() == position.end);
  for (const std::size_t bytes_max : {std::size_t{1}, std::size_t{10'000}, std::size_t{1} << 20}) {
    for (Offset at(0); at < model.end();) {
      const auto run = co_await store->read(at, model.end(), bytes_max, soon());
      CO_ASSERT(run && text_of(*run) == model.read(at, model.end(), bytes_max));
      at = run->end;
    }
  }
  const auto newest = co_await store->max_timestamp(model.end(), soon());
  CO_ASSERT(newest && (*newest)->offset == model.newest(model.end())->second);
  if (std::getenv("CHRONIK_KEEP")) co_return;
  const auto third = store->segments()[2].base;
  CO_ASSERT(co_await store->remove_before(third));
  CO_ASSERT(store->start() == third);
  CO_ASSERT((co_await store->read(Offset(0), model.end(), 10, soon())).error().code == Errc::out_of_range);
  CO_ASSERT(co_await store->destroy());
  CO_ASSERT(std::filesystem::is_empty(rig.directory));
}

task::Task<void> compact(HostRun& rig) {
  task::Context& context = *rig.context;
  Source source(22);
  ModelLog model;
  SegmentOptions options;
  options.stall_deadline = 100s;  // a busy disk is no failure here
  options.segment_bytes = 100'000;
  SegmentStore store(context, rig.directory, "compacted", test_id(), options);
  store.start_empty(Offset(0));
  CO_ASSERT(co_await store.append(source.extend(model, 1000)));
  CO_ASSERT(co_await store.sync());
  store.mark_recorded(store.position());
  const auto bytes = store.bytes();
  const auto result = co_await store.compact({});
  CO_ASSERT(result && result->segments_replaced >= 5);
  CO_ASSERT(store.bytes() < bytes / 2);
  const FilePosition position = store.position();
  SegmentStore again(context, rig.directory, "compacted", test_id(), options);
  CO_ASSERT(co_await again.recover(position));
  CO_ASSERT(again.bytes() == store.bytes());
  for (Offset at(0); at < model.end();) {
    const auto run = co_await again.read(at, model.end(), 10'000, context.after(100s));
    CO_ASSERT(run && run->end > at);
    at = run->end;
  }
}

TEST(SegmentHost, compaction_leaves_files_that_open_again) {
  HostRun rig(env::DiskBackend::automatic);
  rig.run(compact(rig));
}

TEST(SegmentHost, a_pool_of_threads_keeps_what_was_recorded) {
  for (const std::uint64_t direct_bytes_min : {std::uint64_t{1}, UINT64_MAX}) {
    HostRun rig(env::DiskBackend::thread_pool);
    rig.run(work(rig, direct_bytes_min));
  }
}

TEST(SegmentHost, io_uring_keeps_what_was_recorded) {
  for (const std::uint64_t direct_bytes_min : {std::uint64_t{1}, UINT64_MAX}) {
    HostRun rig(env::DiskBackend::io_uring);
    if (!rig.host) GTEST_SKIP() << "the kernel refuses io_uring";
    rig.run(work(rig, direct_bytes_min));
  }
}

}  // namespace
}  // namespace chronik::log
