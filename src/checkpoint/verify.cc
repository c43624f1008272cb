// Verification: hashes of records, their chain, payloads, and what the backend knows of itself.
#include "checkpoint/local.h"
#include "checkpoint/verifier.h"

namespace chronik::checkpoint {

void Verifier::problem(std::uint64_t sequence, std::string what) {
  add_problem(report_, {name_, sequence, std::move(what)}, kProblemsMax);
}

void Verifier::check(const Checkpoint& c) {
  ++report_.checkpoints;
  if (chain_hash(c) != c.hash) problem(c.sequence, "the record does not have its hash");
  if (!c.parent.is_nil()) {
    // A parent may be gone, or in the session this one was forked from.
    const auto parent = core_.backend().get(session_, c.parent);
    if (parent && parent->hash != c.parent_hash) problem(c.sequence, "the parent does not have the hash of the chain");
  }
  const auto payload = verified_payload(core_, session_, c, Reading::anew);
  if (payload) {
    report_.bytes += payload->size();
  } else if (payload.error().code != Errc::not_found || core_.backend().get(session_, c.sequence)) {
    problem(c.sequence, payload.error().message());
  }
}

void Verifier::check(std::uint64_t sequence, const Result<Checkpoint>& c) {
  if (!c) {
    ++report_.checkpoints;
    return problem(sequence, c.error().message());
  }
  if (c->sequence != sequence) problem(sequence, "the record is of sequence " + std::to_string(c->sequence));
  check(*c);
}

Status Verifier::check_all(const VerifyProgress& progress) {
  return core_.backend().scan(session_, 0, false, [&](std::uint64_t sequence, const Result<Checkpoint>& c) {
    check(sequence, c);
    if (progress) progress(report_);
    return true;
  });
}

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
  const auto add = [&](Problem problem) { add_problem(report, std::move(problem), kProblemsMax); };
  TRY_STATUS(core_->backend().scrub(add, core_->timeout()));
  return report;
}

}  // namespace chronik::checkpoint
