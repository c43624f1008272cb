// The conformance kit: what every backend must do, as functions over a place where a store lives. A backend's test
// makes places; register_conformance() turns each case into a test of it.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <chronik/checkpoint.h>

namespace chronik::checkpoint::kit {

/// Where one test's store lives.
class Place {
 public:
  virtual ~Place() = default;
  /// The store there; one that was open is closed first.
  virtual Store open(const Options& options) = 0;
  Store open() { return open(Options()); }
  /// Moves the store's clock.
  virtual void advance(Duration span) = 0;
  virtual Time now() = 0;
  /// Whether verification is seen as it goes; else its end is.
  virtual bool tells_progress() const { return true; }
};
using MakePlace = std::function<std::unique_ptr<Place>()>;

struct Case {
  const char* suite;
  const char* name;
  void (*run)(Place& place);
};

class CaseTest : public testing::Test {
 public:
  CaseTest(const Case& which, MakePlace make) : case_(which), make_(std::move(make)) {}
  void TestBody() override {
    const auto place = make_();
    case_.run(*place);
  }

 private:
  const Case& case_;
  MakePlace make_;
};

inline bool register_cases(const std::string& backend, const std::vector<Case>& cases, const MakePlace& make) {
  for (const Case& one : cases) {
    testing::RegisterTest((backend + one.suite).c_str(), one.name, nullptr, nullptr, __FILE__, __LINE__,
                          [&one, make]() -> testing::Test* { return new CaseTest(one, make); });
  }
  return true;
}

// What tests say often.

inline Session new_session(const Store& store, const std::string& name = "s") {
  auto session = store.create_session(name);
  EXPECT_TRUE(session) << session.error().message();
  return *std::move(session);
}

inline Checkpoint save(const Session& session, std::string_view payload, const CreateOptions& options = {}) {
  auto saved = session.create(payload, options);
  EXPECT_TRUE(saved) << saved.error().message();
  return saved.value_or(Checkpoint());
}

template <class T>
Errc code_of(const Result<T>& result) {
  return result ? Errc{} : result.error().code;
}

inline void expect_sound(const Store& store) {
  const auto report = store.verify();
  ASSERT_TRUE(report) << report.error().message();
  for (const Problem& problem : report->problems) {
    ADD_FAILURE() << problem.session << " " << problem.sequence << ": " << problem.what;
  }
}

/// Bytes that do not compress, the same for the same seed.
inline std::string noise(std::size_t bytes, std::uint64_t seed) {
  std::string text(bytes, '\0');
  for (char& c : text) {
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    c = static_cast<char>(seed >> 56);
  }
  return text;
}

}  // namespace chronik::checkpoint::kit
