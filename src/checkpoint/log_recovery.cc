// Opening: the lock, the manifest, the index, what the write-ahead log has beyond them. What is damaged is told and
// kept; what the manifest does not name is removed.
#include <algorithm>
#include <charconv>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "checkpoint/codec.h"
#include "checkpoint/log_engine.h"
#include "checkpoint/sealed.h"
#include "task/io.h"
#include "wal/replay.h"

namespace chronik::checkpoint {

namespace {
constexpr std::size_t kManifestBytesMax = 256 << 20;
constexpr std::size_t kOwnerBytesMax = 64;
constexpr std::size_t kReadBytes = 4 << 20;
constexpr std::size_t kPlaceBytes = 60;  // of an entry that says where a chunk is, at least

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
  const auto& blocks = manifest_.blocks;
  std::uint64_t index_bytes = 0;
  for (const auto& block : blocks) index_bytes += block.bytes;
  shared_->chunks.reserve(std::min(manifest_.next_chunk, index_bytes / kPlaceBytes));
  for (std::size_t first = 0; first < blocks.size();) {
    std::size_t end = first;
    std::uint64_t length = 0;
    while (end < blocks.size() && (end == first || length + blocks[end].bytes <= kReadBytes)) {
      length += blocks[end++].bytes;
    }
    CO_TRY(const Buffer bytes, adopt(co_await task::read(context_, from, at, length, stall())));
    if (bytes.size() != length) {
      damage_.push_back({{}, 0, path(name) + ": ends at byte " + std::to_string(at + bytes.size())});
    }
    load_blocks(path(name), at, bytes, std::span(blocks).subspan(first, end - first));
    at += length;
    first = end;
  }
  co_return Status();
}

/// Blocks read together. In one that does not have its checksum, entry by entry is looked at.
void LogEngine::load_blocks(const std::string& path, std::uint64_t at, const Buffer& bytes,
                            std::span<const Manifest::Block> blocks) {
  std::vector<Entry> entries;
  std::vector<Damage> damage;
  std::size_t begin = 0;
  for (const auto& block : blocks) {
    const auto here = as_text(bytes.span()).substr(std::min(begin, bytes.size()), block.bytes);
    const bool sound = here.size() == block.bytes && crc32c(as_bytes(here)) == block.crc;
    const std::size_t before = damage.size();
    const auto found = read_entries(here, damage, sound);
    entries.insert(entries.end(), found.begin(), found.end());
    if (!sound && damage.size() == before) damage.push_back({0, "the block does not have its checksum"});
    for (std::size_t i = before; i < damage.size(); ++i) damage[i].at += begin;
    begin += block.bytes;
  }
  // Packed rows stay where they were read, unless most of that is something else.
  std::uint64_t packed = 0;
  for (const Entry& entry : entries) packed += entry.kind == EntryKind::rows ? entry.payload.size() : 0;
  std::shared_ptr<const void> owner;
  if (packed >= bytes.size() / 2) owner = std::make_shared<const Buffer>(bytes);
  for (const Entry& entry : entries) {
    if (auto loaded = load_entry(entry, owner); !loaded) {
      const auto place = static_cast<std::uint64_t>(as_bytes(entry.payload).data() - bytes.data());
      damage.push_back({place, loaded.error().detail});
    }
  }
  for (const Damage& one : damage) {
    damage_.push_back({{}, 0, path + ": byte " + std::to_string(at + one.at) + ": " + one.what});
  }
}

/// Of the index. `owner` of its bytes, if they may be kept.
Status LogEngine::load_entry(const Entry& entry, const std::shared_ptr<const void>& owner) {
  switch (entry.kind) {
    case EntryKind::sealed: {
      EntryKind kind{};
      TRY(auto payload, unsealed(entry, kind));
      if (!payload) return {};
      const auto opened = std::make_shared<const std::string>(*std::move(payload));
      return load_entry({kind, entry.lsn, *opened}, opened);
    }
    case EntryKind::chunk: {
      TRY(const ChunkPlace place, decode_place(entry.payload));
      shared_->chunks.set(place, nullptr);
      return {};
    }
    case EntryKind::delta: {
      TRY(Delta delta, decode_delta(entry.payload));
      loose_bytes_ += kEntryHeader + entry.payload.size();
      shared_->tables.load(std::move(delta));
      return {};
    }
    case EntryKind::rows: {
      TRY(auto rows, decode_rows(entry.payload));
      auto& [session, block] = rows;
      block.owner = owner;
      if (!owner) {
        const auto copy = std::make_shared<const std::string>(block.packed);
        block.packed = *copy;
        block.owner = copy;
      }
      return shared_->tables.load(session, std::move(block));
    }
  }
  return fail(Errc::corrupt, "an entry of an unknown kind");
}

Result<std::optional<std::string>> LogEngine::unsealed(const Entry& entry, EntryKind& kind) {
  TRY(const SealedEntry sealed, decode_sealed(entry.payload));
  kind = sealed.kind;
  const SessionKeyPtr key = shared_->keys.numbered(sealed.key);
  if (!key && shared_->keys.destroyed(sealed.key)) {
    destroyed_keys_met_.insert(sealed.key);
    return std::nullopt;
  }
  if (!key) return fail(Errc::corrupt, "the key of an entry is lost");
  TRY(std::string payload, open_entry(*key, sealed));
  return payload;
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
    } else if (entry.kind == EntryKind::delta || entry.kind == EntryKind::sealed) {
      std::string_view payload = entry.payload;
      std::optional<std::string> opened;
      if (entry.kind == EntryKind::sealed) {
        EntryKind kind{};
        TRY(opened, unsealed(entry, kind));
        if (!opened) continue;
        if (kind != EntryKind::delta) return fail(Errc::corrupt, "packed rows in the write-ahead log");
        payload = *opened;
      }
      TRY(Delta delta, decode_delta(payload));
      item->delta = std::make_shared<const Delta>(delta);
      shared_->tables.load(std::move(delta));
    } else {
      return fail(Errc::corrupt, "packed rows in the write-ahead log");
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
