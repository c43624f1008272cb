// Rows for people: columns aligned, numbers to the right.
#pragma once

#include <string>
#include <vector>

namespace chronik::cli {

class Table {
 public:
  explicit Table(std::vector<std::string> header) : rows_{std::move(header)} {}

  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace chronik::cli
