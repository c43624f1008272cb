#include "env/real/host.h"

#include <algorithm>
#include <array>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <future>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "base/check.h"
#include "env/real/any_thread.h"
#include "env/real/blocking_pool.h"
#include "env/real/real_disk.h"
#include "env/real/real_loop.h"
#include "env/real/real_network.h"
#include "env/real/ring.h"

namespace chronik::env {

namespace {

// How long the end of the Host waits for operations in flight before it leaves their memory to the kernel.
constexpr Duration kDrainGrace = 500ms;

class RealEntropy final : public Entropy {
 public:
  std::uint64_t next() override {
    if (left_ == 0) refill();
    return words_[--left_];
  }

 private:
  void refill() {
    random_words(words_);
    left_ = words_.size();
  }

  std::array<std::uint64_t, 32> words_{};
  std::size_t left_ = 0;
};

/// A loop with everything on it.
struct Shard {
  Shard(const std::shared_ptr<BlockingPool>& pool, std::unique_ptr<RealLoop> on, std::unique_ptr<Ring> disk_ring)
      : loop(std::move(on)),
        ring(std::move(disk_ring)),
        disk(Blocking{pool, loop->gate()}, ring.get()),
        network(*loop, Blocking{pool, loop->gate()}),
        env{*loop, disk, network, entropy} {}

  std::unique_ptr<RealLoop> loop;
  std::unique_ptr<Ring> ring;  // null: the pool does it
  RealDisk disk;
  RealNetwork network;
  RealEntropy entropy;
  Env env;
};

class HostImpl final : public Host {
 public:
  static Result<std::unique_ptr<Host>> create(const HostOptions& options);
  ~HostImpl() override;

  std::size_t size() const override { return shards_.size(); }
  Env& env(std::size_t loop) override { return shards_.at(loop)->env; }
  DiskBackend disk_backend() const override { return backend_; }
  void on_stop_signal(std::function<void()> handler) override;
  void run() override;
  void stop() override;

 private:
  void wait_for_signal();

  std::shared_ptr<BlockingPool> pool_ = std::make_shared<BlockingPool>();
  DiskBackend backend_ = DiskBackend::thread_pool;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::optional<asio::signal_set> signals_;
  std::function<void()> on_signal_;
};

Result<std::unique_ptr<Host>> HostImpl::create(const HostOptions& options) {
  CHECK(options.loops > 0);
  auto host = std::make_unique<HostImpl>();
  bool use_ring = options.disk != DiskBackend::thread_pool;
  for (std::size_t i = 0; i < options.loops; ++i) {
    auto loop = std::make_unique<RealLoop>();
    std::unique_ptr<Ring> ring;
    if (use_ring) {
      auto made = Ring::create(*loop, Blocking{host->pool_, loop->gate()});
      if (!made && options.disk == DiskBackend::io_uring) return fail(std::move(made).error());
      // All loops or none: one back end to reason about.
      if (!made && i > 0) return create({options.loops, DiskBackend::thread_pool});
      use_ring = made.has_value();
      if (made) ring = *std::move(made);
    }
    host->shards_.push_back(std::make_unique<Shard>(host->pool_, std::move(loop), std::move(ring)));
  }
  host->backend_ = use_ring ? DiskBackend::io_uring : DiskBackend::thread_pool;
  return host;
}

/// First nothing comes in any more, then what waits is destroyed (its destructors may still call any loop), then the
/// loops go.
HostImpl::~HostImpl() {
  const Instant end = shards_.empty() ? Instant{} : shards_.front()->loop->now() + kDrainGrace;
  signals_.reset();
  for (const auto& shard : shards_) {
    if (shard->ring) shard->ring->drain(end);  // again, for a Host that never ran
  }
  pool_->stop(kDrainGrace);
  for (const auto& shard : shards_) shard->loop->gate()->close();
  for (const auto& shard : shards_) shard->loop->shutdown();
  for (const auto& shard : shards_) {
    if (shard->ring) shard->ring->drop();
  }
}

void HostImpl::on_stop_signal(std::function<void()> handler) {
  on_signal_ = std::move(handler);
  signals_.emplace(shards_.front()->loop->io(), SIGTERM, SIGINT);
  wait_for_signal();
}

void HostImpl::wait_for_signal() {
  signals_->async_wait([this](const boost::system::error_code& error, int) {
    if (error) return;
    on_signal_();
    wait_for_signal();
  });
}

/// True if the kernel holds nothing that this thread started.
bool run_shard(Shard& shard) {
  shard.loop->run();
  return !shard.ring || shard.ring->drain(shard.loop->now() + kDrainGrace);
}

void HostImpl::run() {
  std::vector<std::thread> threads;
  std::vector<std::future<bool>> clean;
  for (std::size_t i = 1; i < shards_.size(); ++i) {
    std::packaged_task<bool()> task([shard = shards_[i].get()] { return run_shard(*shard); });
    clean.push_back(task.get_future());
    threads.emplace_back(std::move(task));
  }
  run_shard(*shards_.front());
  for (std::size_t i = 0; i < threads.size(); ++i) {
    // A thread whose operations are frozen in the kernel does not end before they do: it touches nothing any more.
    if (clean[i].get()) {
      threads[i].join();
    } else {
      threads[i].detach();
    }
  }
}

void HostImpl::stop() {
  for (const auto& shard : shards_) shard->loop->stop();
}

}  // namespace

Result<std::unique_ptr<Host>> Host::create(const HostOptions& options) {
  return HostImpl::create(options);
}

}  // namespace chronik::env
