#include "coord/regular_expression.h"

#include <re2/re2.h>

namespace chronik::coord {

namespace {
constexpr std::int64_t kMemoryMax = std::int64_t{1} << 20;  // of one compiled expression

re2::RE2::Options options() {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kMemoryMax);
  return options;
}
}  // namespace

std::optional<std::string> problem_of(const std::string& expression) {
  const re2::RE2 compiled(expression, options());
  return compiled.ok() ? std::nullopt : std::optional(compiled.error());
}

RegularExpressions::RegularExpressions(std::vector<std::string> expressions) : texts_(std::move(expressions)) {
  for (const std::string& text : texts_) compiled_.push_back(std::make_unique<re2::RE2>(text, options()));
}

RegularExpressions::~RegularExpressions() = default;

bool RegularExpressions::matches(std::size_t index, std::string_view name) const {
  const re2::RE2& expression = *compiled_[index];
  return expression.ok() && re2::RE2::FullMatch(re2::StringPiece(name.data(), name.size()), expression);
}

}  // namespace chronik::coord
