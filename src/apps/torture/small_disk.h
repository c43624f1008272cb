// A small file system that the program mounts over a directory, to fill it and to make room again. As root only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"

namespace chronik::torture {

class SmallDisk {
 public:
  static Result<std::unique_ptr<SmallDisk>> mount(const std::string& directory, std::uint64_t bytes);
  ~SmallDisk();
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  /// Takes the room there is, but for so many bytes.
  Status fill(std::uint64_t bytes_left);
  void make_room();

 private:
  explicit SmallDisk(std::string directory) : directory_(std::move(directory)) {}
  const std::string directory_;
};

}  // namespace chronik::torture
