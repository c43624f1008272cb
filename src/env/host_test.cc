// The real Host: loops, alarms, signals, back ends, and its end while a disk is frozen.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <limits>
#include <set>

#include "env/test_rig.h"

namespace chronik::env {
namespace {

TEST(Host, thunks_posted_from_many_threads_all_run_on_their_loop) {
  RealRig rig(DiskBackend::thread_pool, 3);
  std::atomic<int> runs = 0;
  std::set<std::thread::id> ids[3];
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 3000; ++i) {
        const auto loop = static_cast<std::size_t>(i % 3);
        rig.env(loop).loop.post_remote([&, loop] {
          ids[loop].insert(std::this_thread::get_id());
          ++runs;
        });
      }
    });
  }
  for (auto& thread : threads) thread.join();
  for (std::size_t loop = 0; loop < 3; ++loop) {
    rig.run(loop, [&](Thunk finished) { rig.env(loop).loop.post(std::move(finished)); });
    EXPECT_EQ(ids[loop].size(), 1U);
  }
  EXPECT_EQ(runs, 12'000);
}

TEST(Host, the_alarm_fires_once_when_due_however_often_it_was_moved) {
  RealRig rig(DiskBackend::thread_pool, 1);
  Loop& loop = rig.env(0).loop;
  int fired = 0;
  Instant at{}, start{};
  ASSERT_TRUE(rig.run(0, [&](Thunk finished) {
    start = loop.now();
    auto end = std::make_shared<Thunk>(std::move(finished));
    loop.on_alarm([&, end] {
      ++fired;
      at = loop.now();
      loop.post([end] { (*end)(); });
    });
    loop.set_alarm(start + 10s);
    loop.set_alarm(start + 5ms);
    loop.set_alarm(start + 30ms);
  }));
  EXPECT_EQ(fired, 1);
  EXPECT_GE(at - start, 30ms);
  ASSERT_TRUE(rig.run(0, [&](Thunk finished) {
    auto end = std::make_shared<Thunk>(std::move(finished));
    loop.on_alarm([&, end] { (*end)(); });
    loop.set_alarm(start);  // the past: on a later turn
  }));
}

TEST(Host, an_idle_host_does_not_wake_up) {
  RealRig rig(DiskBackend::automatic, 2);
  rig.run(0, [&](Thunk finished) { rig.env(0).loop.post(std::move(finished)); });
  // Of the whole process, and the machine may be busy: a loop that polls does so each time.
  long fewest = std::numeric_limits<long>::max();
  for (int i = 0; i < 10 && fewest >= 20; ++i) {
    rusage before{}, after{};
    ::getrusage(RUSAGE_SELF, &before);
    rig.run(0, [&](Thunk finished) {
      auto end = std::make_shared<Thunk>(std::move(finished));
      rig.env(0).loop.on_alarm([end] { (*end)(); });
      rig.env(0).loop.set_alarm(rig.env(0).loop.now() + 300ms);
    });
    ::getrusage(RUSAGE_SELF, &after);
    fewest = std::min(fewest, after.ru_nvcsw - before.ru_nvcsw);
  }
  EXPECT_LT(fewest, 20);
}

/// From the page cache io_uring would copy all of it before the call that submits returns.
TEST(Host, a_large_read_from_memory_does_not_hold_the_loop) {
  constexpr std::size_t kBytes = 64U << 20;
  for (const DiskBackend backend : {DiskBackend::automatic, DiskBackend::thread_pool}) {
    RealRig rig(backend, 1);
    Env& env = rig.env(0);
    const FilePtr file =
        rig.wait<FilePtr>([&](auto done) { env.disk.open(rig.directory() + "/f", {.create = true}, std::move(done)); })
            .value();
    ASSERT_TRUE(rig.wait<void>([&](auto done) {
      file->write(0, {Buffer::copy_of(as_bytes(std::string(kBytes, 'x')))}, Sync::none, std::move(done));
    }));
    // Turns of the loop between asking and the answer. A busy machine may give the loop none: not each time.
    int most = 0;
    for (int i = 0; i < 20 && most < 20; ++i) {
      int turns = 0;
      bool over = false;
      std::function<void()> turn = [&] {
        ++turns;
        if (!over) env.loop.post(turn);
      };
      rig.run(0, [&](Thunk finished) {
        file->read(0, kBytes, [&, end = std::make_shared<Thunk>(std::move(finished))](auto read) {
          EXPECT_EQ(read.value().size(), kBytes);
          over = true;
          env.loop.post([end] { (*end)(); });
        });
        env.loop.post(turn);
      });
      most = std::max(most, turns);
    }
    EXPECT_GE(most, 20);
  }
}

TEST(Host, a_stop_signal_reaches_the_handler_on_loop_0) {
  auto host = Host::create({2, DiskBackend::automatic}).value();
  int seen = 0;
  host->on_stop_signal([&] {
    if (++seen == 2) return host->stop();
    ::kill(::getpid(), SIGINT);
  });
  host->env(0).loop.post([] { ::kill(::getpid(), SIGTERM); });
  host->run();
  EXPECT_EQ(seen, 2);
}

TEST(Host, entropy_differs) {
  RealRig rig(DiskBackend::thread_pool, 2);
  std::set<std::uint64_t> seen;
  for (std::size_t loop = 0; loop < 2; ++loop) {
    rig.run(loop, [&](Thunk finished) {
      for (int i = 0; i < 100; ++i) seen.insert(rig.env(loop).entropy.next());
      rig.env(loop).loop.post(std::move(finished));
    });
  }
  EXPECT_EQ(seen.size(), 200U);
}

/// As a coroutine frame does: calls into its env while it is destroyed.
struct Frame {
  Frame(Env& e, StreamPtr s, FilePtr f) : env(e), stream(std::move(s)), file(std::move(f)) {}
  ~Frame() {
    if (stream) stream->close();
    if (file) file->sync([](Status) {});
    env.loop.post([] {});
    env.disk.remove("nothing", [](Status) {});
  }
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;
  Env& env;
  StreamPtr stream;
  FilePtr file;
};

TEST(Host, stopping_destroys_what_waits_without_calling_it) {
  for (const DiskBackend backend : {DiskBackend::thread_pool, DiskBackend::automatic}) {
    RealRig rig(backend);
    Env& env = rig.env(0);
    const FilePtr file =
        rig.wait<FilePtr>([&](auto done) { env.disk.open(rig.directory() + "/f", {.create = true}, std::move(done)); })
            .value();
    ListenerPtr listener;
    rig.run(0, [&](Thunk finished) {
      listener = env.network.listen({"127.0.0.1", 0}).value();
      env.loop.post(std::move(finished));
    });
    auto accepted = std::make_shared<StreamPtr>();
    const StreamPtr client =
        rig.wait<StreamPtr>([&](auto done) {
             listener->accept(env.network, [accepted](auto s) { *accepted = s.value_or(nullptr); });
             env.network.connect(listener->local(), std::move(done));
           })
            .value();
    rig.run(0, [&](Thunk finished) {
      auto frame = std::make_shared<Frame>(env, client, file);
      for (std::uint64_t i = 0; i < 100; ++i) {
        file->write(i * 4096, {Buffer::copy_of(as_bytes("x"))}, Sync::data, [frame](Status) {});
      }
      // Callbacks that hold what they wait for must not keep it for ever.
      client->read_some(Block::allocate(10), 0, 10, [frame](auto) {});
      client->write({Buffer::copy_of(as_bytes(std::string(32 << 20, 'x')))}, [frame](auto) {});
      listener->accept(rig.env(1).network, [frame, listener](auto) {});
      env.disk.list(rig.directory(), [frame](auto) {});
      finished();
      rig.real().stop();
    });
  }
}

int shell(const std::string& command) {
  return std::system(("{ " + command + "; } >/dev/null 2>&1").c_str());
}

/// An ext4 file system in a file, which can be frozen. Root only.
class FrozenDisk : public testing::TestWithParam<RigKind> {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root: mounts and freezes a file system";
    base_ = testing::TempDir() + "/chronik_frozen_XXXXXX";
    ASSERT_NE(::mkdtemp(base_.data()), nullptr);
    mount_ = base_ + "/mount";
    const bool mounted = shell("truncate -s 32M " + base_ + "/image && mkfs.ext4 -q -F " + base_ + "/image && mkdir " +
                               mount_ + " && mount -o loop " + base_ + "/image " + mount_) == 0;
    if (!mounted) {
      shell("rm -rf " + base_);
      base_.clear();
      GTEST_SKIP() << "cannot mount a loop device here";
    }
  }
  void TearDown() override {
    if (base_.empty()) return;
    freeze(false);
    // Threads that were stuck close their files a moment after the thaw.
    shell("umount " + mount_ + " || umount -l " + mount_);
    shell("rm -rf " + base_);
  }
  /// With a guard that thaws if the test cannot: a frozen process cannot even be killed.
  void freeze(bool on) {
    if (on) {
      shell("setsid sh -c 'sleep 300; fsfreeze -u " + mount_ + "' & echo $! > " + base_ + "/guard");
    } else {
      shell("kill -- -$(cat " + base_ + "/guard)");
    }
    const int fd = ::open(mount_.c_str(), O_RDONLY | O_CLOEXEC);
    if (::ioctl(fd, on ? FIFREEZE : FITHAW, 0) == 0) frozen_ = on;
    ::close(fd);
  }

  std::string base_, mount_;
  bool frozen_ = false;
};

TEST_P(FrozenDisk, operations_outlive_the_wait_others_go_on_and_stop_returns) {
  if (GetParam() == RigKind::ring && !Host::create({1, DiskBackend::io_uring})) GTEST_SKIP() << "no io_uring here";
  auto rig =
      std::make_unique<RealRig>(GetParam() == RigKind::ring ? DiskBackend::io_uring : DiskBackend::thread_pool, 1);
  Env& env = rig->env(0);
  std::vector<FilePtr> files;
  for (int i = 0; i < 20; ++i) {
    files.push_back(rig->wait<FilePtr>([&](auto done) {
                         env.disk.open(mount_ + "/f" + std::to_string(i), {.create = true, .direct = i % 2 == 0},
                                       std::move(done));
                       })
                        .value());
  }
  freeze(true);
  ASSERT_TRUE(frozen_);
  auto completed = std::make_shared<std::atomic<int>>(0);
  std::weak_ptr<Block> memory;
  // More than the pool's core threads and the kernel's usual workers, so that those must not count.
  rig->run(0, [&](Thunk finished) {
    for (const FilePtr& file : files) {
      auto block = Block::allocate(4096, 4096);
      memory = block;
      const ByteSpan bytes(block->data(), 4096);
      file->write(0, {Buffer(std::move(block), bytes)}, Sync::data, [completed](Status) { ++*completed; });
    }
    env.loop.post(std::move(finished));
  });
  // The other file system goes on, within seconds even if every core thread is stuck.
  const auto other =
      rig->wait<FilePtr>([&](auto done) { env.disk.open(rig->directory() + "/g", {.create = true}, std::move(done)); });
  ASSERT_TRUE(other);
  EXPECT_TRUE(rig->wait<void>(
      [&](auto done) { (*other)->write(0, {Buffer::copy_of(as_bytes("x"))}, Sync::data, std::move(done)); }));
  EXPECT_EQ(*completed, 0);
  EXPECT_FALSE(memory.expired());

  const auto begin = std::chrono::steady_clock::now();
  rig.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(100));  // the guard comes later
  EXPECT_EQ(*completed, 0);
  EXPECT_FALSE(memory.expired());  // still the kernel's
}

INSTANTIATE_TEST_SUITE_P(Every, FrozenDisk, testing::Values(RigKind::pool, RigKind::ring), rig_name);

/// A tmpfs of 1 MiB: full, and no direct I/O before Linux 6.6.
TEST(SmallDisk, full_is_named_and_recoverable) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root: mounts a file system";
  std::string base = testing::TempDir() + "/chronik_small_XXXXXX";
  ASSERT_NE(::mkdtemp(base.data()), nullptr);
  if (shell("mount -t tmpfs -o size=1m none " + base) != 0) {
    shell("rmdir " + base);
    GTEST_SKIP() << "cannot mount here";
  }
  for (const DiskBackend backend : {DiskBackend::thread_pool, DiskBackend::automatic}) {
    RealRig rig(backend, 1, base);
    Disk& disk = rig.env(0).disk;
    const std::string path = rig.directory() + "/f";
    const FilePtr file =
        rig.wait<FilePtr>([&](auto done) { disk.open(path, {.create = true, .direct = true}, std::move(done)); })
            .value();
    const std::size_t unit = std::max<std::size_t>(file->alignment(), 4096);
    const Buffer megabytes = aligned(as_bytes(std::string(2 << 20, 'x')), unit);
    EXPECT_EQ(rig.wait<void>([&](auto done) { file->write(0, {megabytes}, Sync::data, std::move(done)); }).error().code,
              Errc::disk_full);
    EXPECT_EQ(rig.wait<void>([&](auto done) { file->allocate(0, 2 << 20, std::move(done)); }).error().code,
              Errc::disk_full);
    ASSERT_TRUE(rig.wait<void>([&](auto done) { file->truncate(0, std::move(done)); }));
    EXPECT_TRUE(
        rig.wait<void>([&](auto done) { file->write(0, {megabytes.slice(0, unit)}, Sync::data, std::move(done)); }));
  }
  shell("umount " + base + " && rmdir " + base);
}

}  // namespace
}  // namespace chronik::env
