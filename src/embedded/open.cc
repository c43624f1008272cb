// How a program opens a store on the machine it runs on: the factories of include/chronik/checkpoint.h.
#include "embedded/open.h"
#include "checkpoint/core.h"
#include "checkpoint/log_backend.h"
#include "checkpoint/memory_backend.h"
#include "checkpoint/sqlite_backend.h"
#include "embedded/loop_thread.h"
#include "embedded/machine.h"

namespace chronik::checkpoint {

Result<Store> Store::in_memory(const Options& options) {
  return Store(std::make_shared<Core>(std::make_shared<embedded::Machine>(), options, make_memory_backend(options)));
}

Result<Store> Store::sqlite(const std::string& path, const Options& options) {
  auto machine = std::make_shared<embedded::Machine>();
  TRY(auto backend, open_sqlite_backend(path, options, machine));
  return Store(std::make_shared<Core>(std::move(machine), options, std::move(backend)));
}

Result<Store> Store::open(const std::string& directory, const Options& options) {
  TRY(auto core, embedded::open_log(directory, options));
  return Store(std::move(core));
}

}  // namespace chronik::checkpoint

namespace chronik::embedded {

checkpoint::Result<std::shared_ptr<checkpoint::Core>> open_log(const std::string& directory,
                                                               const checkpoint::Options& options) {
  auto machine = std::make_shared<Machine>();
  TRY(auto loop, LoopThread::start());
  TRY(auto backend, checkpoint::open_log_backend(directory, options, machine, std::move(loop)));
  return std::make_shared<checkpoint::Core>(std::move(machine), options, std::move(backend));
}

}  // namespace chronik::embedded
