// The real machine: N single-threaded loops on Boost.Asio, disk on io_uring or on a pool of blocking threads, kernel
// sockets, signals. Only apps/ and tests create one.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "env/env.h"

namespace chronik::env {

enum class DiskBackend : std::uint8_t {
  automatic,    // io_uring where the kernel allows it, else the pool
  io_uring,     // fail if refused
  thread_pool,  // blocking calls on a few threads
};

struct HostOptions {
  std::size_t loops = 1;
  DiskBackend disk = DiskBackend::automatic;
};

class Host {
 public:
  /// unsupported if io_uring was demanded and the kernel refuses it.
  static Result<std::unique_ptr<Host>> create(const HostOptions& options);
  virtual ~Host() = default;

  virtual std::size_t size() const = 0;
  virtual Env& env(std::size_t loop) = 0;
  /// What the disk runs on, after `automatic` was decided.
  virtual DiskBackend disk_backend() const = 0;

  /// Calls `handler` on loop 0 for each SIGTERM or SIGINT. Before run().
  virtual void on_stop_signal(std::function<void()> handler) = 0;
  /// Runs loop 0 on the calling thread and the others on threads of their own, until stop().
  virtual void run() = 0;
  /// Ends run(); any thread. Operations in flight are abandoned: disk operations the kernel still holds keep their
  /// memory.
  virtual void stop() = 0;
};

}  // namespace chronik::env
