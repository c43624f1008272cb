// Compaction: chunks that nobody refers to go, packs that are mostly dead are rewritten, the index is written anew. And
// scrubbing: every chunk, every block of the index, both manifests, read and checked.
#include <algorithm>
#include <unordered_set>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "checkpoint/codec.h"
#include "checkpoint/log_engine.h"
#include "checkpoint/sealed.h"
#include "task/io.h"

namespace chronik::checkpoint {

namespace {

constexpr std::size_t kRunBytes = 1 << 20;
constexpr std::size_t kManifestBytesMax = 256 << 20;
constexpr std::uint64_t kScrubBytes = 8 << 20;  // between two chances for a flush
constexpr std::uint64_t kScrubIndex = 1ULL << 63;

/// What all rows refer to, those in line included.
std::unordered_set<std::uint64_t> live_chunks(const Tables& tables) {
  std::unordered_set<std::uint64_t> live;
  for (const SessionId& session : tables.all()) {
    tables.for_each_locator(session, [&](std::string_view locator) {
      if (const auto decoded = decode_locator(locator)) live.insert(decoded->numbers.begin(), decoded->numbers.end());
    });
  }
  return live;
}

}  // namespace

task::Task<Result<std::uint64_t>> LogEngine::compact() {
  CO_TRY_STATUS(co_await enter());
  auto result = co_await flush();
  if (!result) {
    leave();
    co_return fail(result.error());
  }
  auto freed = co_await compact_now();
  leave();
  co_return freed;
}

task::Task<Result<std::uint64_t>> LogEngine::compact_now() {
  if (!damage_.empty()) co_return 0;  // a new index would lack what is damaged, and nobody would ask for it any more
  const std::uint64_t bytes_before = bytes_on_disk();
  shared_->chunks.begin_marking();
  (void)shared_->chunks.sweep(live_chunks(shared_->tables));
  std::map<std::uint32_t, std::uint64_t> live_bytes;
  const std::vector<ChunkPlace> kept = shared_->chunks.in_packs();
  for (const ChunkPlace& place : kept) live_bytes[place.pack] += kChunkHeader + place.stored;
  std::vector<std::uint32_t> poor;
  for (const auto& pack : manifest_.packs) {
    if (live_bytes[pack.number] < pack.bytes - pack.bytes / 4) poor.push_back(pack.number);
  }
  std::uint64_t index_bytes = 0;
  for (const auto& block : manifest_.blocks) index_bytes += block.bytes;
  const std::uint64_t needed = shared_->tables.bytes() + kept.size() * 80;
  if (poor.empty() && index_bytes < 2 * needed + kBlockBytes) co_return 0;

  const Manifest before = manifest_;
  auto moved = co_await move_chunks(poor);
  Status written;
  if (moved) {
    written = co_await rewrite_index(*moved);
  } else {
    written = fail(moved.error());
  }
  if (!written) {
    restore(before);
    co_return fail(written.error());
  }
  for (const ChunkPlace& place : *moved) shared_->chunks.moved(place);
  files_.erase(index_name(before.index));
  for (const std::uint32_t pack : poor) files_.erase(pack_name(pack));
  CO_TRY_STATUS(co_await remove_strays());
  CO_TRY_STATUS(adopt(co_await task::sync_directory(context_, directory_, stall())));
  const std::uint64_t now = bytes_on_disk();
  co_return bytes_before > now ? bytes_before - now : 0;
}

/// Copies what lives in these packs behind the others, and takes them out of the manifest.
task::Task<Result<std::vector<ChunkPlace>>> LogEngine::move_chunks(std::vector<std::uint32_t> from) {
  std::vector<ChunkPlace> moved;
  if (from.empty()) co_return moved;
  std::erase_if(manifest_.packs,
                [&](const Manifest::Pack& pack) { return std::ranges::binary_search(from, pack.number); });
  manifest_.packs.push_back({manifest_.next_file++, 0});
  std::string run;
  std::size_t first = 0;
  for (const ChunkPlace& place : shared_->chunks.in_packs()) {
    if (!std::ranges::binary_search(from, place.pack)) continue;
    const auto bytes = co_await read_at(pack_name(place.pack), place.offset, place.stored);
    if (!bytes) co_return fail(bytes.error());
    run += chunk_header(place);
    run += *bytes;  // as it is: what is damaged stays so, and is found by its hash
    moved.push_back(place);
    if (run.size() < kRunBytes) continue;
    CO_TRY_STATUS(co_await write_run(std::move(run), moved, first));
    run.clear();
    first = moved.size();
  }
  if (!run.empty()) CO_TRY_STATUS(co_await write_run(std::move(run), moved, first));
  CO_TRY_STATUS(co_await sync_file(pack_name(manifest_.packs.back().number)));
  co_return moved;
}

/// All sessions and chunks as they are. Changes that come meanwhile are in the write-ahead log and come again.
task::Task<Status> LogEngine::rewrite_index(std::vector<ChunkPlace> moved) {
  manifest_.index = 0;
  manifest_.blocks.clear();
  loose_bytes_ = 0;
  std::vector<ChunkPlace> places = shared_->chunks.in_packs();
  for (ChunkPlace& place : places) {
    const auto now = std::ranges::lower_bound(moved, place.number, {}, &ChunkPlace::number);
    if (now != moved.end() && now->number == place.number) place = *now;
  }
  CO_TRY_STATUS(co_await write_places(places));
  std::string entries;
  for (const SessionId& session : shared_->tables.all()) {
    Delta delta;
    if (!shared_->tables.snapshot(session, delta)) continue;  // not visible yet, or gone
    const SessionKeyPtr key = shared_->keys.of_session(session);
    CO_TRY_STATUS(co_await add_owned_entry(entries, key, EntryKind::delta, manifest_.lsn, encode(delta)));
    std::uint64_t from = 0;
    while (const auto rows = shared_->tables.packed_from(session, from)) {
      CO_TRY_STATUS(
          co_await add_owned_entry(entries, key, EntryKind::rows, manifest_.lsn, encode_rows(session, *rows)));
      from = rows->last + 1;
    }
  }
  CO_TRY_STATUS(co_await write_block(entries));
  if (manifest_.index != 0) CO_TRY_STATUS(co_await sync_file(index_name(manifest_.index)));
  CO_TRY_STATUS(adopt(co_await task::sync_directory(context_, directory_, stall())));
  co_return co_await write_manifest();
}

/// Packs the index when much of it is not, so that the next opening is quick. What it costs was written before.
task::Task<Status> LogEngine::pack_index() {
  std::uint64_t index_bytes = 0;
  for (const auto& block : manifest_.blocks) index_bytes += block.bytes;
  if (!damage_.empty() || loose_bytes_ < loose_bytes_max_ || loose_bytes_ < index_bytes / 4) co_return Status();
  const Manifest before = manifest_;
  const std::uint64_t loose = loose_bytes_;
  if (const Status written = co_await rewrite_index({}); !written) {
    restore(before);
    loose_bytes_ = loose;
    co_return written;
  }
  files_.erase(index_name(before.index));
  CO_TRY_STATUS(co_await remove_strays());
  co_return adopt(co_await task::sync_directory(context_, directory_, stall()));
}

task::Task<Result<std::vector<Problem>>> LogEngine::scrub() {
  std::vector<Problem> problems;
  for (ScrubPlace place; !place.over;) {
    CO_TRY_STATUS(co_await scrub_part(place, kScrubBytes, problems));
  }
  co_return problems;
}

/// Chunks by number, from 1; then, marked, the blocks of the index; at last the manifests. Between two parts others
/// flush and compact: what they move is checked where it is then.
task::Task<Result<std::uint64_t>> LogEngine::scrub_part(ScrubPlace& place, std::uint64_t bytes,
                                                        std::vector<Problem>& problems) {
  CO_TRY_STATUS(co_await enter());
  if (place.next == 0) {
    problems.insert(problems.end(), damage_.begin(), damage_.end());
    for (const std::string& one : co_await keys_.check()) {
      if (std::ranges::find(damage_, one, &Problem::what) == damage_.end()) problems.push_back({{}, 0, one});
    }
    place = {1, shared_->chunks.next_number(), false};
  }
  std::uint64_t read = 0;
  if (place.next < kScrubIndex) {
    read = co_await check_packs(place, bytes, problems);
  } else {
    read = co_await check_index(place, bytes, problems);
  }
  leave();
  if (closing_) co_return fail(Errc::closed, "the store was closed");  // which ended the part
  co_return read;
}

task::Task<std::uint64_t> LogEngine::check_packs(ScrubPlace& place, std::uint64_t bytes,
                                                 std::vector<Problem>& problems) {
  std::uint64_t read = 0;
  for (const ChunkPlace& chunk : shared_->chunks.in_packs_from(place.next, place.end, bytes)) {
    if (closing_) break;
    co_await check_chunk(chunk, problems);
    read += kChunkHeader + chunk.stored;
  }
  if (place.next >= place.end) place = {kScrubIndex, manifest_.blocks.size(), false};
  co_return read;
}

task::Task<void> LogEngine::check_chunk(ChunkPlace place, std::vector<Problem>& problems) {
  const std::string name = pack_name(place.pack);
  const std::string where = path(name) + ": byte " + std::to_string(place.offset - kChunkHeader) + ": ";
  const auto bytes = co_await read_at(name, place.offset - kChunkHeader, kChunkHeader + place.stored);
  if (!bytes) {
    problems.push_back({{}, 0, where + bytes.error().message()});
    co_return;
  }
  if (bytes->substr(0, kChunkHeader) != chunk_header(place)) problems.push_back({{}, 0, where + "header of a chunk"});
  const auto raw = open_chunk(shared_->keys, place, std::string_view(*bytes).substr(kChunkHeader));
  const bool gone = !raw && raw.error().code == Errc::not_found;  // with its session
  if (!raw && !gone) problems.push_back({{}, 0, where + "a chunk does not have its hash"});
}

task::Task<std::uint64_t> LogEngine::check_index(ScrubPlace& place, std::uint64_t bytes,
                                                 std::vector<Problem>& problems) {
  const std::string name = index_name(manifest_.index);
  const std::size_t end = std::min<std::size_t>(place.end, manifest_.blocks.size());
  std::uint64_t read = 0;
  std::uint64_t at = 0;
  for (std::size_t i = 0; i < end; at += manifest_.blocks[i++].bytes) {
    if (kScrubIndex + i < place.next) continue;
    if (read >= bytes || closing_) {
      place.next = kScrubIndex + i;
      co_return read;
    }
    const auto found = co_await read_at(name, at, manifest_.blocks[i].bytes);
    read += manifest_.blocks[i].bytes;
    if (!found || crc32c(as_bytes(*found)) != manifest_.blocks[i].crc) {
      problems.push_back({{}, 0, path(name) + ": byte " + std::to_string(at) + ": a block does not have its checksum"});
    }
  }
  for (const char* manifest : {"manifest-a", "manifest-b"}) {
    const auto found = co_await task::read_whole(context_, path(manifest), kManifestBytesMax, stall());
    if (!found || !decode_manifest(as_text(found->span())))
      problems.push_back({{}, 0, path(manifest) + " does not hold"});
  }
  place.over = true;
  co_return read;
}

}  // namespace chronik::checkpoint
