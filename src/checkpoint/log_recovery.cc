// Opening: the lock, the manifest, the index, what the write-ahead log has beyond them. What is damaged is told and
// kept; what the manifest does not name is removed.
#include <algorithm>
#include <charconv>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "checkpoint/codec.h"
#include "checkpoint/log_engine.h"
#include "task/io.h"
#include "wal/replay.h"

namespace chronik::checkpoint {

namespace {
constexpr std::size_t kManifestBytesMax = 256 << 20;
constexpr std::size_t kOwnerBytesMax = 64;

std::string parent_of(const std::string& directory) {
  const std::size_t slash = directory.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : directory.substr(0, slash);
}
}  // namespace

task::Task<Status> LogEngine::take_lock() {
  CO_TRY_STATUS(adopt(co_await task::make_directory(context_, directory_, stall())));
  auto locked = co_await task::await_operation<std::shared_ptr<void>>(
      context_, "checkpoint.lock", stall(), [this](auto done) { context_.disk().lock(path("lock"), std::move(done)); });
  if (!locked) {
    if (locked.error().code != chronik::Errc::in_use) co_return fail(translate(locked.error()));
    std::string owner = "another process";
    if (const auto text = co_await task::read_whole(context_, path("owner"), kOwnerBytesMax, stall())) {
      owner = "process " + std::string(as_text(text->span()));
    }
    co_return fail(Errc::in_use, directory_ + " is open in " + owner +
                                     "; several processes can share an SQLite file, or a chronik-server");
  }
  lock_ = *std::move(locked);
  const std::string process = std::to_string(process_);
  CO_TRY_STATUS(adopt(co_await task::write_file_atomically(context_, directory_, "owner",
                                                           Buffer::copy_of(as_bytes(process)), stall())));
  CO_TRY_STATUS(adopt(co_await task::make_directory(context_, path("wal"), stall())));
  CO_TRY_STATUS(adopt(co_await task::sync_directory(context_, directory_, stall())));
  co_return adopt(co_await task::sync_directory(context_, parent_of(directory_), stall()));
}

/// False: a new store.
task::Task<Result<bool>> LogEngine::load_manifest() {
  bool found = false;
  std::optional<Error> bad;
  for (const char* name : {"manifest-a", "manifest-b"}) {
    const auto bytes = adopt(co_await task::read_whole(context_, path(name), kManifestBytesMax, stall()));
    if (!bytes && bytes.error().code == Errc::not_found) continue;
    if (!bytes) co_return fail(bytes.error());
    auto manifest = decode_manifest(as_text(bytes->span()));
    if (!manifest) {
      bad = Error{manifest.error().code, path(name) + ": " + manifest.error().detail};
      damage_.push_back({{}, 0, bad->detail});
      continue;
    }
    if (!found || manifest->version > manifest_.version) manifest_ = *std::move(manifest);
    found = true;
  }
  if (found) co_return true;
  if (bad) co_return fail(*bad);
  // Data without a manifest is a store that lost it, not a new one.
  CO_TRY(const auto entries, adopt(co_await task::list(context_, directory_, stall())));
  for (const auto& entry : entries) {
    if (entry.name.starts_with("pack-") || entry.name.starts_with("index-")) {
      co_return fail(Errc::corrupt, path(entry.name) + " is there, but no manifest");
    }
  }
  CO_TRY(const auto logs, adopt(co_await task::list(context_, path("wal"), stall())));
  if (!logs.empty()) co_return fail(Errc::corrupt, path("wal/" + logs[0].name) + " is there, but no manifest");
  manifest_.log_id = context_.env().entropy.next();
  co_return false;
}

task::Task<Status> LogEngine::load_index() {
  shared_->chunks.set_next_number(manifest_.next_chunk);
  if (manifest_.index == 0) co_return Status();
  const std::string name = index_name(manifest_.index);
  CO_TRY(const env::FilePtr from, co_await file(name, false));
  std::uint64_t at = 0;
  for (const auto& block : manifest_.blocks) {
    CO_TRY(const Buffer bytes, adopt(co_await task::read(context_, from, at, block.bytes, stall())));
    if (bytes.size() != block.bytes) {
      damage_.push_back({{}, 0, path(name) + ": ends at byte " + std::to_string(at + bytes.size())});
    }
    if (crc32c(bytes.span()) != block.crc || bytes.size() != block.bytes) {
      load_block(path(name), at, as_text(bytes.span()));
    } else {
      std::vector<Damage> none;
      for (const Entry& entry : read_entries(as_text(bytes.span()), none)) {
        if (auto loaded = load_entry(entry); !loaded)
          damage_.push_back({{}, 0, path(name) + ": " + loaded.error().detail});
      }
    }
    at += block.bytes;
  }
  co_return Status();
}

/// A block that does not have its checksum: entry by entry.
void LogEngine::load_block(const std::string& path, std::uint64_t at, std::string_view bytes) {
  std::vector<Damage> damage;
  for (const Entry& entry : read_entries(bytes, damage)) {
    if (auto loaded = load_entry(entry); !loaded) damage.push_back({0, loaded.error().detail});
  }
  if (damage.empty()) damage.push_back({0, "the block does not have its checksum"});
  for (const Damage& one : damage)
    damage_.push_back({{}, 0, path + ": byte " + std::to_string(at + one.at) + ": " + one.what});
}

/// Of the index.
Status LogEngine::load_entry(const Entry& entry) {
  if (entry.kind == EntryKind::chunk) {
    TRY(const ChunkPlace place, decode_place(entry.payload));
    shared_->chunks.set(place, nullptr);
    return {};
  }
  TRY(Delta delta, decode_delta(entry.payload));
  shared_->tables.load(std::move(delta));
  return {};
}

task::Task<Status> LogEngine::replay() {
  const auto sink = [this](const wal::ReplayedFrame& frame) -> chronik::Status {
    const std::string_view bytes = as_text(frame.payload.span());
    if (bytes.size() < sizeof(std::uint64_t)) return chronik::fail(chronik::Errc::corrupt, "a frame without a number");
    const auto lsn = load_be<std::uint64_t>(frame.payload.data());
    if (lsn <= manifest_.lsn) return {};
    if (auto loaded = load_frame(lsn, bytes.substr(sizeof lsn)); !loaded) {
      return chronik::fail(chronik::Errc::corrupt, loaded.error().detail);
    }
    return {};
  };
  auto report = adopt(
      co_await wal::replay(context_, path("wal"), wal::LogId(manifest_.log_id), shared_->options.stall_deadline, sink));
  if (!report) co_return fail(report.error());
  replayed_ = report->files;
  manifest_.generation = std::max(manifest_.generation, report->newest.value());
  const std::uint64_t last = unflushed_.empty() ? manifest_.lsn : unflushed_.back()->lsn;
  shared_->intake.set_next_lsn(last + 1);
  co_return Status();
}

Status LogEngine::load_frame(std::uint64_t lsn, std::string_view bytes) {
  auto item = std::make_shared<LogItem>();
  item->lsn = lsn;
  item->entries = bytes;
  std::vector<Damage> damage;
  for (const Entry& entry : read_entries(item->entries, damage)) {
    if (entry.kind == EntryKind::chunk) {
      TRY(const ChunkBytes chunk, decode_chunk(entry.payload));
      const ChunkPlace place{
          chunk.number, chunk.hash, chunk.raw, static_cast<std::uint32_t>(chunk.packed.size()), 0, 0};
      shared_->chunks.set(place, std::make_shared<const std::string>(chunk.packed));
      item->chunks.push_back(chunk.number);
    } else {
      TRY(Delta delta, decode_delta(entry.payload));
      shared_->tables.load(std::move(delta));
    }
  }
  if (!damage.empty()) return fail(Errc::corrupt, damage.front().what);
  unflushed_bytes_ += item->entries.size();
  unflushed_.push_back(std::move(item));
  return {};
}

task::Task<Status> LogEngine::open_wal() {
  ++manifest_.generation;
  CO_TRY_STATUS(co_await write_manifest());
  wal::Options options;
  options.directory = path("wal");
  options.log_id = wal::LogId(manifest_.log_id);
  options.generation = wal::Generation(manifest_.generation);
  options.first_file_bytes = 1 << 20;
  options.file_bytes = 18 << 20;  // room for the largest entry
  options.bytes_max = 128 << 20;
  options.stall_deadline = shared_->options.stall_deadline;
  CO_TRY(wal_, adopt(co_await wal::Wal::open(context_, options)));
  co_return Status();
}

task::Task<Status> LogEngine::remove_strays() {
  CO_TRY(const auto entries, adopt(co_await task::list(context_, directory_, stall())));
  for (const auto& entry : entries) {
    const bool index = entry.name.starts_with("index-");
    if (!index && !entry.name.starts_with("pack-")) continue;
    const bool named = index ? entry.name == index_name(manifest_.index)
                             : std::ranges::any_of(manifest_.packs, [&](const Manifest::Pack& pack) {
                                 return entry.name == pack_name(pack.number);
                               });
    if (!named) CO_TRY_STATUS(adopt(co_await task::remove(context_, path(entry.name), stall())));
  }
  co_return Status();
}

}  // namespace chronik::checkpoint
