// For tests: one face over a real Host (loops on threads of their own) and a simulated world, on which a test waits
// without knowing which it is.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "env/env.h"
#include "env/real/host.h"
#include "sim/sim_env.h"

namespace chronik::env {

class Rig {
 public:
  virtual ~Rig() = default;
  virtual Env& env(std::size_t loop = 0) = 0;
  /// A directory of this test's own.
  virtual const std::string& directory() const = 0;
  /// The name under which env(0) can be reached.
  virtual std::string host() const = 0;
  /// Runs `start` on the loop; returns when it has called what it is given. False if that took too long.
  virtual bool run(std::size_t loop, std::function<void(Thunk finished)> start) = 0;

  /// The result of one operation.
  template <class T, class Start>
  Result<T> wait_on(std::size_t loop, Start start) {
    auto result = std::make_shared<std::optional<Result<T>>>();
    const bool done = run(loop, [&start, result](Thunk finished) {
      auto inside = std::make_shared<bool>(true);
      start(Callback<T>([result, inside, finished = std::move(finished)](Result<T> r) mutable {
        EXPECT_FALSE(*inside) << "called from inside the call that started it";
        result->emplace(std::move(r));
        finished();
      }));
      *inside = false;
    });
    if (!done) return fail(Errc::timed_out, "the test waited too long");
    return std::move(**result);
  }
  template <class T, class Start>
  Result<T> wait(Start start) {
    return wait_on<T>(0, std::move(start));
  }
};

class RealRig final : public Rig {
 public:
  explicit RealRig(DiskBackend backend, std::size_t loops = 2, std::string base = testing::TempDir())
      : host_(Host::create({loops, backend}).value()) {
    std::packaged_task<void()> task([host = host_.get()] { host->run(); });
    returned_ = task.get_future();
    // Not joined: with an operation frozen in the kernel the thread ends only after the thaw.
    std::thread(std::move(task)).detach();
    directory_ = base + "/chronik_env_XXXXXX";
    if (::mkdtemp(directory_.data()) == nullptr) std::abort();
  }
  ~RealRig() override {
    host_->stop();
    EXPECT_EQ(returned_.wait_for(std::chrono::seconds(60)), std::future_status::ready) << "run() did not return";
    host_.reset();
    std::error_code ignored;  // a late job of the pool may still make a file
    std::filesystem::remove_all(directory_, ignored);
  }
  RealRig(const RealRig&) = delete;
  RealRig& operator=(const RealRig&) = delete;

  Env& env(std::size_t loop) override { return host_->env(loop); }
  const std::string& directory() const override { return directory_; }
  std::string host() const override { return "127.0.0.1"; }
  bool run(std::size_t loop, std::function<void(Thunk finished)> start) override {
    auto done = std::make_shared<std::promise<void>>();
    auto future = done->get_future();
    env(loop).loop.post_remote(
        [start = std::move(start), done = std::move(done)] { start([done] { done->set_value(); }); });
    return future.wait_for(std::chrono::seconds(500)) == std::future_status::ready;
  }
  Host& real() { return *host_; }

 private:
  std::unique_ptr<Host> host_;
  std::future<void> returned_;
  std::string directory_;
};

class SimRig final : public Rig {
 public:
  explicit SimRig(std::uint64_t seed) : world_(sim::World::create(seed)), machine_(world_->machine("m")) {
    wait<void>([&](auto done) { machine_.env().disk.make_directory(directory_, std::move(done)); }).value();
  }
  Env& env(std::size_t loop) override { return machine_.env(loop); }
  const std::string& directory() const override { return directory_; }
  std::string host() const override { return "m"; }
  bool run(std::size_t loop, std::function<void(Thunk finished)> start) override {
    bool done = false;
    machine_.env(loop).loop.post_remote([&] { start([&done] { done = true; }); });
    return world_->run_until([&] { return done; }, 100s);
  }

 private:
  std::unique_ptr<sim::World> world_;
  sim::Machine& machine_;
  std::string directory_ = "test";
};

enum class RigKind { pool, ring, sim };

inline std::string rig_name(const testing::TestParamInfo<RigKind>& info) {
  return info.param == RigKind::pool ? "thread_pool" : info.param == RigKind::ring ? "io_uring" : "simulated";
}

/// Null if this kernel has no io_uring.
inline std::unique_ptr<Rig> make_rig(RigKind kind) {
  if (kind == RigKind::sim) return std::make_unique<SimRig>(20260101);
  if (kind == RigKind::pool) return std::make_unique<RealRig>(DiskBackend::thread_pool);
  if (!Host::create({1, DiskBackend::io_uring})) return nullptr;
  return std::make_unique<RealRig>(DiskBackend::io_uring);
}

inline Buffer aligned(ByteSpan bytes, std::size_t alignment) {
  auto block = Block::allocate(std::max<std::size_t>(bytes.size(), 1), std::max<std::size_t>(alignment, 16));
  std::memcpy(block->data(), bytes.data(), bytes.size());
  const ByteSpan view(block->data(), bytes.size());
  return {std::move(block), view};
}

}  // namespace chronik::env
