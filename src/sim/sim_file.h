// An open file of a simulated process; once the process is dead its operations go nowhere.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "env/env.h"
#include "sim/disk_image.h"
#include "sim/process.h"
#include "sim/sim_disk.h"

namespace chronik::sim {

inline constexpr std::size_t kDirectAlignment = 4096;

/// An operation made of what it does to the image and whom it tells.
template <class T, class Perform>
class OperationOf final : public Operation {
 public:
  OperationOf(Perform perform, env::Callback<T> done) : perform_(std::move(perform)), done_(std::move(done)) {}
  void perform() override { (void)(*perform_)(); }
  void complete() override {
    Result<T> result = (*perform_)();
    perform_.reset();  // buffers are released before the caller hears, as on the real disks
    done_(std::move(result));
  }

 private:
  std::optional<Perform> perform_;
  env::Callback<T> done_;
};

/// Submits to the disk of the loop's machine; buries the callback if the process is dead.
template <class T, class Perform>
void submit(SimLoop& loop, Duration low, Duration high, env::Callback<T> done, Perform perform);

class SimFile final : public env::File, public std::enable_shared_from_this<SimFile> {
 public:
  SimFile(SimLoop& loop, NodePtr node, std::string path, const env::OpenOptions& options);
  ~SimFile() override;
  SimFile(const SimFile&) = delete;
  SimFile& operator=(const SimFile&) = delete;

  void read(std::uint64_t offset, std::size_t length, env::Callback<Buffer> done) override;
  void write(std::uint64_t offset, std::vector<Buffer> pieces, env::Sync sync, env::Callback<void> done) override;
  void sync(env::Callback<void> done) override;
  void allocate(std::uint64_t offset, std::uint64_t length, env::Callback<void> done) override;
  void truncate(std::uint64_t size, env::Callback<void> done) override;
  void size(env::Callback<std::uint64_t> done) override;
  std::size_t alignment() const override { return direct_ ? kDirectAlignment : 1; }

 private:
  MachineDisk& disk() const;
  bool takes_damage(std::uint64_t& offset, std::size_t length);
  Status apply_write(std::uint64_t offset, const std::vector<Buffer>& pieces);
  Status apply_sync(const FileImage::Snapshot& snapshot);
  std::unexpected<Error> error(int number) const;

  const std::shared_ptr<Process> process_;  // keeps loop_
  SimLoop& loop_;
  const NodePtr node_;
  const std::string path_;
  const bool read_only_;
  const bool direct_;
};

}  // namespace chronik::sim
