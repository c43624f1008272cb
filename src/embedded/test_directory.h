// For tests: a directory of their own on the real disk, gone afterwards.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "env/real/any_thread.h"

namespace chronik::embedded {

class TestDirectory {
 public:
  TestDirectory() : path_(testing::TempDir() + "chronik-" + std::to_string(env::random_word())) {
    std::filesystem::create_directory(path_);
  }
  TestDirectory(const TestDirectory&) = delete;
  TestDirectory& operator=(const TestDirectory&) = delete;
  ~TestDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string path(const std::string& name = {}) const { return name.empty() ? path_ : path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace chronik::embedded
