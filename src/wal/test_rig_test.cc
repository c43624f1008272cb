// The test rig's own code; not a test.
#include "wal/test_rig.h"

#include <algorithm>

#include "base/prng.h"
#include "task/io.h"

namespace chronik::wal {

std::string payload_of(std::uint64_t number, std::size_t bytes) {
  Prng prng(number);
  std::string text(bytes, '\0');
  for (char& c : text) c = static_cast<char>(prng.next());
  return text;
}

void Rig::restart() {
  crash_objects();
  context = std::make_unique<task::Context>(machine.env());
  (void)run(task::make_directory(*context, "wal", in(1s)));
  (void)run(task::sync_directory(*context, "", in(1s)));
}

void Rig::crash() {
  machine.crash();
  restart();
}

void Rig::crash_objects() {
  if (wal && !wal->failure()) wal->check_invariants();
  if (context) context->stop();
  wal.reset();
  context.reset();
}

Status Rig::open(const Options& options) {
  auto opened = run(Wal::open(*context, options));
  if (!opened) return fail(opened.error());
  wal = *std::move(opened);
  return {};
}

Result<Replayed> Rig::replay(LogId id) {
  Replayed replayed;
  auto sink = [&](const ReplayedFrame& frame) -> Status {
    replayed.frames.emplace_back(frame.info, std::string(as_text(frame.payload.span())));
    return {};
  };
  auto report = run(wal::replay(*context, "wal", id, 10s, sink));
  if (!report) return fail(report.error());
  replayed.report = *std::move(report);
  return replayed;
}

Result<Reservation> Rig::reserve(std::uint64_t number, std::size_t bytes, std::int32_t partition,
                                 std::shared_ptr<FrameOwner> owner) {
  const auto at = static_cast<std::int64_t>(number);
  const FrameInfo info{FrameKind::batch, partition_of(partition), Offset(at), LogEndOffset(at + 1)};
  auto place = wal->reserve(info, bytes, std::move(owner));
  if (place) {
    const std::string payload = payload_of(number, bytes);
    std::ranges::copy(as_bytes(payload), place->bytes.begin());
  }
  return place;
}

Status Rig::append(std::uint64_t number, std::size_t bytes, std::int32_t partition) {
  TRY(auto place, reserve(number, bytes, partition));
  return run(wal->committed(place.commit, in(30s)));
}

std::vector<std::string> Rig::files() {
  std::vector<std::string> names;
  const auto entries = run(task::list(*context, "wal", in(1s)));
  for (const auto& entry : entries.value()) names.push_back(entry.name);
  std::ranges::sort(names);
  return names;
}

std::uint64_t Rig::size_of(const std::string& name) {
  return read(name).size();
}

std::string Rig::read(const std::string& name) {
  const auto bytes = run(task::read_whole(*context, "wal/" + name, 1U << 30, in(10s)));
  return std::string(as_text(bytes.value().span()));
}

double Rig::metric(const std::string& name) {
  for (const auto& sample : context->metrics().snapshot()) {
    if (sample.name == name) return sample.value;
  }
  return -1;
}

}  // namespace chronik::wal
