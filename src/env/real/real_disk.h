// The kernel's file systems. Directory operations block on the pool; files are RingFile or PoolFile. Included only
// inside env/real.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "env/env.h"
#include "env/real/blocking_pool.h"

namespace chronik::env {

class Ring;

class RealDisk final : public Disk {
 public:
  /// Without a ring everything goes to the pool.
  RealDisk(Blocking blocking, Ring* ring) : blocking_(std::move(blocking)), ring_(ring) {}

  void open(std::string path, OpenOptions options, Callback<FilePtr> done) override;
  void make_directory(std::string path, Callback<void> done) override;
  void list(std::string path, Callback<std::vector<DirectoryEntry>> done) override;
  void rename(std::string from, std::string to, Callback<void> done) override;
  void remove(std::string path, Callback<void> done) override;
  void remove_tree(std::string path, Callback<void> done) override;
  void sync_directory(std::string path, Callback<void> done) override;
  void space(std::string path, Callback<Space> done) override;
  void lock(std::string path, Callback<std::shared_ptr<void>> done) override;

 private:
  const Blocking blocking_;
  Ring* const ring_;
};

}  // namespace chronik::env
