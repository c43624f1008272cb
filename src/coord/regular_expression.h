// Regular expressions of subscriptions, in RE2's syntax as Kafka 4 has it: linear in time, whatever a client sends.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace re2 {
class RE2;
}

namespace chronik::coord {

/// What is wrong with an expression; unset if nothing is.
std::optional<std::string> problem_of(const std::string& expression);

/// Several expressions, each to match a whole name. Those that do not compile match nothing.
class RegularExpressions {
 public:
  explicit RegularExpressions(std::vector<std::string> expressions);
  ~RegularExpressions();
  RegularExpressions(const RegularExpressions&) = delete;
  RegularExpressions& operator=(const RegularExpressions&) = delete;

  const std::vector<std::string>& texts() const { return texts_; }
  bool matches(std::size_t index, std::string_view name) const;

 private:
  std::vector<std::string> texts_;
  std::vector<std::unique_ptr<re2::RE2>> compiled_;
};

}  // namespace chronik::coord
