// The command line and configuration file of chronik-server.
#pragma once

#include <optional>
#include <string>

#include "server/broker.h"

namespace chronik {

struct ServerOptions {
  server::BrokerOptions broker;
  env::Address admin;
  std::size_t shards = 1;
  std::string checkpoint_key;  // checkpoint::Options::key
};

/// Parses; on --help, --version or a mistake prints one line (or the help) and gives the exit code: 0 or 2.
Result<ServerOptions> parse_options(int argc, char** argv, int& exit_code);

}  // namespace chronik
