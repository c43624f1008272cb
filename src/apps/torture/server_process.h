// A chronik-server that we start, stop in its tracks and kill, always by the process id that we were given.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace chronik::torture {

class ServerProcess {
 public:
  /// Data in `directory`/data, what it says in `directory`/server.log. Listens on the loop-back interface only.
  ServerProcess(std::string program, std::string directory);
  /// Kills it.
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  /// Not running. The port is chosen by the first start and kept.
  Status start(std::size_t shards);
  /// SIGKILL; ended() is true soon.
  void kill();
  void pause();
  void resume();
  /// Reads what it printed; true once it has said that it is ready.
  bool ready();
  /// It runs no more.
  bool ended();
  std::uint16_t port() const { return port_; }

 private:
  const std::string program_;
  const std::string directory_;
  pid_t pid_ = -1;
  int output_ = -1;
  std::string said_;
  std::uint16_t port_ = 0;
  bool ready_ = false;
};

}  // namespace chronik::torture
