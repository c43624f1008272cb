// chronik-torture: see torture.h.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <random>

#include "apps/torture/torture.h"

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  chronik::torture::Options options;
  options.seed = std::random_device{}();
  options.server = (std::filesystem::canonical("/proc/self/exe").parent_path() / "chronik-server").string();
  double minutes = 1;
  std::string parent = ".";
  bool keep = false;
  CLI::App app("Tortures a real chronik-server on this machine's disk: kills, pauses, other shard counts, a full disk.",
               "chronik-torture");
  app.add_option("--seed", options.seed, "settles clients and faults (default: chosen at random, and printed)");
  app.add_option("--minutes", minutes, "under faults")->capture_default_str()->check(CLI::Range(0.05, 100000.0));
  app.add_option("--server", options.server, "the program")->capture_default_str();
  app.add_option("--dir", parent, "where to make the directory for its data: a file system on the disk to be tried")
      ->capture_default_str();
  app.add_flag("--small-disk", options.small_disk,
               "data on a small file system that is filled now and then (root; a tmpfs, so no disk)");
  app.add_flag("--keep", keep, "leave the data behind");
  app.add_flag("--quiet", options.quiet, "no progress line");
  CLI11_PARSE(app, argc, argv);
  options.length = chronik::Duration(static_cast<std::int64_t>(minutes * 60e9));
  options.directory = parent + "/chronik-torture-XXXXXX";
  if (::mkdtemp(options.directory.data()) == nullptr) {
    fmt::print(stderr, "chronik-torture: cannot make a directory in {}\n", parent);
    return 2;
  }
  const int code = chronik::torture::run(options);
  if (keep || code == 1) {
    fmt::print("data and server.log are in {}\n", options.directory);
  } else {
    std::filesystem::remove_all(options.directory);
  }
  return code;
}
