// Verifier: checks checkpoints of one session against their hashes, for verification on demand and in the background.
#pragma once

#include <string>
#include <utility>

#include "checkpoint/core.h"

namespace chronik::checkpoint {

inline constexpr std::size_t kProblemsMax = 1000;  // in a report; more are counted

inline void add_problem(VerifyReport& report, Problem problem, std::size_t most) {
  ++report.problem_count;
  if (report.problems.size() < most) report.problems.push_back(std::move(problem));
}

class Verifier {
 public:
  /// What is found goes into `report`, under `name`.
  Verifier(Core& core, SessionId session, std::string name, VerifyReport& report)
      : core_(core), session_(session), name_(std::move(name)), report_(report) {}

  void check(const Checkpoint& checkpoint);
  /// What a scan found there.
  void check(std::uint64_t sequence, const Result<Checkpoint>& found);
  Status check_all(const VerifyProgress& progress);

 private:
  void problem(std::uint64_t sequence, std::string what);

  Core& core_;
  SessionId session_;
  std::string name_;
  VerifyReport& report_;
};

}  // namespace chronik::checkpoint
