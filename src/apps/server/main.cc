// chronik-server: puts the rooms together on the real machine.
#include <malloc.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "admin/admin.h"
#include "admin/checkpoints/api.h"
#include "apps/server/broker_source.h"
#include "apps/server/options.h"
#include "embedded/machine.h"
#include "embedded/open.h"
#include "env/real/host.h"
#include "env/real/limits.h"

namespace chronik {
namespace {

constexpr Duration kStopDeadline = 7s;  // of the promised ten
constexpr Duration kCloseDeadline = 2s;
constexpr int kExitUsage = 2;

env::DiskBackend backend(meta::DiskBackendChoice choice) {
  switch (choice) {
    case meta::DiskBackendChoice::io_uring:
      return env::DiskBackend::io_uring;
    case meta::DiskBackendChoice::threads:
      return env::DiskBackend::thread_pool;
    case meta::DiskBackendChoice::automatic:
      break;
  }
  return env::DiskBackend::automatic;
}

struct Process {
  env::Host& host;
  server::Broker& broker;
  admin::AdminServer& admin;
  admin::CheckpointApi& checkpoints;
  env::Address admin_address;
  int exit_code = 0;
  bool started = false;
  bool stopping = false;
};

task::Task<Status> start_all(Process& process) {
  CO_TRY_STATUS(co_await process.broker.start());
  co_return process.admin.start(process.admin_address);
}

task::Task<void> start(Process& process) {
  const Status status = co_await start_all(process);
  if (!status) {
    std::fprintf(stderr, "chronik-server: %s\n", status.error().detail.c_str());
    const Errc code = status.error().code;
    const bool usage = code == Errc::in_use || code == Errc::permission_denied || code == Errc::invalid_argument ||
                       code == Errc::not_found;
    process.exit_code = usage ? kExitUsage : 1;
    process.host.stop();
    co_return;
  }
  process.started = true;
  std::printf("ready kafka=%s admin=%s\n", process.broker.listening().to_string().c_str(),
              process.admin.listening().to_string().c_str());
  std::fflush(stdout);
}

/// The admin face answers until the end, so that health can say why a stop takes its time.
task::Task<void> stop(Process& process, task::Context& context) {
  const Status status = co_await process.broker.stop(context.after(kStopDeadline));
  if (!status) spdlog::warn("stopped, but not cleanly: {}", status.error().message());
  co_await process.checkpoints.close(context.after(kCloseDeadline));
  process.admin.stop();
  process.host.stop();
}

int run(const ServerOptions& options) {
  auto host = env::Host::create({options.shards, backend(options.broker.config.disk_backend)});
  if (!host) {
    std::fprintf(stderr, "chronik-server: %s\n", host.error().message().c_str());
    return kExitUsage;
  }
  std::vector<env::Env*> envs;
  for (std::size_t i = 0; i < (*host)->size(); ++i) envs.push_back(&(*host)->env(i));
  shard::ShardSet shards(envs);
  server::Broker broker(shards, options.broker);
  task::Context& first = shards.at(0).context();
  BrokerSource source(broker);
  const auto machine = std::make_shared<embedded::Machine>();
  checkpoint::Options of_store;
  of_store.key = options.checkpoint_key;
  of_store.scrub_every = std::chrono::milliseconds(options.broker.config.checkpoints_scrub_interval_ms);
  admin::CheckpointApi checkpoints(first, machine,
                                   [directory = options.broker.data_directory + "/checkpoints", of_store] {
                                     return embedded::open_log(directory, of_store);
                                   });
  admin::AdminServer admin(first, source, &checkpoints);
  Process process{**host, broker, admin, checkpoints, options.admin};
  (*host)->on_stop_signal([&] {
    if (std::exchange(process.stopping, true)) return;
    if (!process.started) {
      (*host)->stop();
      return;
    }
    first.spawn("process.stop", stop(process, first));
  });
  first.spawn("process.start", start(process));
  (*host)->run();
  // Coroutines first: they refer to everything else.
  shards.stop();
  return process.exit_code;
}

}  // namespace
}  // namespace chronik

int main(int argc, char** argv) {
  // Arenas of a megabyte come and go with every group: keep them in the heap instead of mapping and faulting them in
  // anew.
  mallopt(M_MMAP_THRESHOLD, 64 << 20);
  mallopt(M_TRIM_THRESHOLD, 64 << 20);
  std::signal(SIGPIPE, SIG_IGN);
  spdlog::set_default_logger(spdlog::stderr_color_mt("chronik"));
  int exit_code = 0;
  auto options = chronik::parse_options(argc, argv, exit_code);
  if (!options) {
    if (exit_code != 0) std::fprintf(stderr, "chronik-server: %s\n", options.error().detail.c_str());
    return exit_code;
  }
  options->broker.descriptors = chronik::env::raise_descriptor_limit();
  return chronik::run(*options);
}
