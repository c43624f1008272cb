// Arbitrary bytes as write-ahead log files: replay ends, in bounded memory, with frames or a named error.
//
// The first byte says how many of the files follow (1 to 4), two bytes for each say its length in blocks and which
// headers to make valid: without help the checksums would stop every input at the door.
#include <algorithm>
#include <cstring>
#include <optional>

#include "base/crc32c.h"
#include "sim/sim_env.h"
#include "task/io.h"
#include "wal/replay.h"

namespace chronik::wal {
namespace {

constexpr LogId kLog{77};

/// Checksums and identities over whatever stands at the beginning of the blocks marked in `which`.
void make_valid(std::vector<std::byte>& file, std::uint64_t number, std::uint8_t which) {
  if (which & 1) {
    FileHeader header;
    std::memcpy(&header, file.data(), sizeof header);
    header.magic = kFileMagic;
    header.version = kFormatVersion;
    header.log_id = kLog.value();
    header.generation = 1;
    header.shard = 0;
    header.number = number;
    header.first &= 7;
    seal(header);
    std::memcpy(file.data(), &header, sizeof header);
  }
  std::uint32_t previous = 0;
  for (std::size_t at = kBlock; at + kBlock <= file.size(); at += kBlock) {
    if (!(which >> (1 + (at / kBlock - 1) % 7) & 1)) continue;
    GroupHeader header;
    std::memcpy(&header, file.data() + at, sizeof header);
    header.magic = kGroupMagic;
    header.log_id = kLog.value();
    header.generation = 1;
    header.shard = 0;
    header.sequence &= 15;
    header.durable &= 15;
    if (header.frames & 1) header.previous_crc = previous;
    header.frames = header.frames >> 1 & 7;
    header.length = static_cast<std::uint32_t>(std::min<std::size_t>(header.length % (2 * kBlock), file.size() - at));
    header.length = std::max<std::uint32_t>(header.length, sizeof header);
    header.body_crc = crc32c(ByteSpan(file).subspan(at + sizeof header, header.length - sizeof header));
    seal(header);
    previous = header.crc;
    std::memcpy(file.data() + at, &header, sizeof header);
  }
}

task::Task<void> write_and_replay(task::Context& context, std::vector<std::vector<std::byte>> files, bool& done) {
  std::uint64_t number = 0;
  std::uint64_t total = 0;
  for (auto& bytes : files) {
    const std::string name = "w/" + file_name(Generation(1), ShardId(0), ++number);
    auto file = co_await task::open(context, name, {.create = true}, context.after(1s));
    if (!bytes.empty()) {
      (void)co_await task::write(context, *file, 0, {Buffer::copy_of(bytes)}, env::Sync::data, context.after(1s));
    }
    total += bytes.size();
  }
  std::uint64_t seen = 0;
  auto sink = [&](const ReplayedFrame& frame) -> Status {
    seen += sizeof(FrameHeader) + frame.payload.size();
    return {};
  };
  const auto report = co_await replay(context, "w", kLog, 1s, sink);
  CHECK(seen <= total);
  CHECK(!report || report->bytes <= total);
  CHECK(report || !report.error().detail.empty());
  done = true;
}

void run(ByteSpan input) {
  if (input.empty()) return;
  const std::size_t count = 1 + std::to_integer<std::size_t>(input[0]) % 4;
  input = input.subspan(1);
  std::vector<std::vector<std::byte>> files;
  for (std::size_t i = 0; i < count && input.size() >= 2; ++i) {
    const std::size_t blocks = std::to_integer<std::size_t>(input[0]) % 9;
    const auto which = std::to_integer<std::uint8_t>(input[1]);
    input = input.subspan(2);
    // Each block takes up to 200 bytes of the input, the rest of it repeats the last: inputs stay small.
    std::vector<std::byte> file(blocks * kBlock);
    for (std::size_t b = 0; b < blocks; ++b) {
      const std::size_t take = std::min<std::size_t>(input.size(), 200);
      std::memcpy(file.data() + b * kBlock, input.data(), take);
      input = input.subspan(take);
    }
    if (blocks > 0) make_valid(file, i + 1, which);
    files.push_back(std::move(file));
  }
  auto world = sim::World::create(1);
  task::Context context(world->machine("m").env());
  bool made = false, done = false;
  const auto make = [](task::Context& c, bool& ended) -> task::Task<void> {
    (void)co_await task::make_directory(c, "w", c.after(1s));
    ended = true;
  };
  context.spawn("fuzz", make(context, made));
  CHECK(world->run_until([&] { return made; }, 10s));
  context.spawn("fuzz", write_and_replay(context, std::move(files), done));
  CHECK(world->run_until([&] { return done; }, 60s));
  context.stop();
}

}  // namespace
}  // namespace chronik::wal

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  chronik::wal::run(std::as_bytes(std::span(data, size)));
  return 0;
}
