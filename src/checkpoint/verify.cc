// Verification: hashes of records, their chain, payloads, and what the backend knows of itself.
#include "checkpoint/local.h"

namespace chronik::checkpoint {

namespace {

constexpr std::size_t kReportedMax = 1000;

class Verifier {
 public:
  Verifier(Core& core, SessionId session, std::string name, VerifyReport& report)
      : core_(core), session_(session), name_(std::move(name)), report_(report) {}

  void problem(std::uint64_t sequence, std::string what) {
    ++report_.problem_count;
    if (report_.problems.size() < kReportedMax) report_.problems.push_back({name_, sequence, std::move(what)});
  }

  void check(const Checkpoint& c) {
    ++report_.checkpoints;
    if (chain_hash(c) != c.hash) problem(c.sequence, "the record does not have its hash");
    if (!c.parent.is_nil()) {
      // A parent may be gone, or in the session this one was forked from.
      const auto parent = core_.backend().get(session_, c.parent);
      if (parent && parent->hash != c.parent_hash)
        problem(c.sequence, "the parent does not have the hash of the chain");
    }
    const auto payload = verified_payload(core_, session_, c, Reading::anew);
    if (payload) {
      report_.bytes += payload->size();
    } else if (payload.error().code != Errc::not_found || core_.backend().get(session_, c.sequence)) {
      problem(c.sequence, payload.error().message());
    }
  }

  Status check_all(const VerifyProgress& progress) {
    return core_.backend().scan(session_, 0, false, [&](std::uint64_t sequence, const Result<Checkpoint>& c) {
      if (!c) {
        ++report_.checkpoints;
        problem(sequence, c.error().message());
      } else {
        if (c->sequence != sequence) problem(sequence, "the record is of sequence " + std::to_string(c->sequence));
        check(*c);
      }
      if (progress) progress(report_);
      return true;
    });
  }

 private:
  Core& core_;
  SessionId session_;
  std::string name_;
  VerifyReport& report_;
};

}  // namespace

Result<VerifyReport> LocalSession::verify(const VerifyProgress& progress) const {
  TRY(const SessionInfo info, describe());
  VerifyReport report;
  TRY_STATUS(Verifier(*core_, id_, info.name, report).check_all(progress));
  return report;
}

Result<VerifyReport> LocalSession::verify(const CheckpointId& id) const {
  TRY(const SessionInfo info, describe());
  VerifyReport report;
  TRY(const Checkpoint checkpoint, get(id));
  Verifier(*core_, id_, info.name, report).check(checkpoint);
  return report;
}

Result<VerifyReport> LocalStore::verify(const VerifyProgress& progress) const {
  VerifyReport report;
  std::string cursor;
  do {
    TRY(const SessionPage page, list_sessions(cursor, 1000));
    for (const SessionInfo& info : page.sessions) {
      const Status status = Verifier(*core_, info.id, info.name, report).check_all(progress);
      if (!status && status.error().code != Errc::not_found) return std::unexpected(status.error());
    }
    cursor = page.next;
  } while (!cursor.empty());
  const auto add = [&](Problem problem) {
    ++report.problem_count;
    if (report.problems.size() < kReportedMax) report.problems.push_back(std::move(problem));
  };
  TRY_STATUS(core_->backend().scrub(add, core_->timeout()));
  return report;
}

}  // namespace chronik::checkpoint
