// Flushing: what the write-ahead log holds goes to packs and index, then the manifest names it, then the log is
// released.
#include "base/bytes.h"
#include "base/crc32c.h"
#include "checkpoint/log_engine.h"
#include "checkpoint/row_gatherer.h"
#include "checkpoint/sealed.h"
#include "task/io.h"
#include "wal/replay.h"

namespace chronik::checkpoint {

namespace {
constexpr std::uint64_t kPackBytes = 16 << 20;
constexpr std::size_t kRunBytes = 1 << 20;
}  // namespace

task::Task<Result<env::FilePtr>> LogEngine::file(std::string name, bool create) {
  const auto known = files_.find(name);
  if (known != files_.end()) co_return known->second;
  auto opened = adopt(co_await task::open(context_, path(name), {.create = create}, stall()));
  if (!opened) co_return fail(opened.error());
  files_[name] = *opened;
  co_return *opened;
}

task::Task<Status> LogEngine::sync_file(std::string name) {
  CO_TRY(const env::FilePtr to, co_await file(name, true));
  co_return adopt(co_await task::sync(context_, to, stall()));
}

task::Task<Status> LogEngine::write_run(std::string run, std::vector<ChunkPlace>& places, std::size_t first) {
  if (manifest_.packs.empty() || manifest_.packs.back().bytes >= kPackBytes) {
    if (!manifest_.packs.empty()) CO_TRY_STATUS(co_await sync_file(pack_name(manifest_.packs.back().number)));
    manifest_.packs.push_back({manifest_.next_file++, 0});
  }
  Manifest::Pack& pack = manifest_.packs.back();
  const std::uint32_t number = pack.number;
  std::uint64_t at = pack.bytes;
  CO_TRY(const env::FilePtr to, co_await file(pack_name(number), true));
  std::vector<Buffer> pieces{Buffer::copy_of(as_bytes(run))};
  CO_TRY_STATUS(adopt(co_await task::write(context_, to, at, std::move(pieces), env::Sync::none, stall())));
  for (; first < places.size(); ++first) {
    places[first].pack = number;
    places[first].offset = at + kChunkHeader;
    at += kChunkHeader + places[first].stored;
  }
  manifest_.packs.back().bytes = at;
  co_return Status();
}

task::Task<Status> LogEngine::write_block(std::string& entries) {
  if (entries.empty()) co_return Status();
  if (manifest_.index == 0) manifest_.index = manifest_.next_file++;
  std::uint64_t at = 0;
  for (const auto& block : manifest_.blocks) at += block.bytes;
  CO_TRY(const env::FilePtr to, co_await file(index_name(manifest_.index), true));
  std::vector<Buffer> pieces{Buffer::copy_of(as_bytes(entries))};
  CO_TRY_STATUS(adopt(co_await task::write(context_, to, at, std::move(pieces), env::Sync::none, stall())));
  manifest_.blocks.push_back({static_cast<std::uint32_t>(entries.size()), crc32c(as_bytes(entries))});
  entries.clear();
  co_return Status();
}

task::Task<Status> LogEngine::add_entry(std::string& entries, EntryKind kind, std::uint64_t lsn, std::string payload) {
  append_entry(entries, {kind, lsn, payload});
  if (entries.size() >= kBlockBytes) CO_TRY_STATUS(co_await write_block(entries));
  co_return Status();
}

task::Task<Status> LogEngine::add_owned_entry(std::string& entries, SessionKeyPtr key, EntryKind kind,
                                              std::uint64_t lsn, std::string payload) {
  if (kind == EntryKind::delta) loose_bytes_ += kEntryHeader + payload.size();
  if (shared_->keys.enabled()) {
    // Left out in silence only what was deleted: without a key it would be lost.
    if (!key) co_return fail(Errc::storage_failed, "a session has no key");
    if (shared_->keys.destroyed(key->number())) co_return Status();
    const auto nonce = random_bytes<kNonceBytes>([this] { return context_.env().entropy.next(); });
    payload = seal_entry(*key, nonce, kind, payload);
    kind = EntryKind::sealed;
  }
  co_return co_await add_entry(entries, kind, lsn, std::move(payload));
}

/// Two copies, one after the other: at every moment one of them is whole.
task::Task<Status> LogEngine::write_manifest() {
  ++manifest_.version;
  manifest_.format = kFormat;
  const std::string bytes = encode(manifest_);
  for (const char* name : {"manifest-a", "manifest-b"}) {
    CO_TRY_STATUS(adopt(
        co_await task::write_file_atomically(context_, directory_, name, Buffer::copy_of(as_bytes(bytes)), stall())));
  }
  co_return Status();
}

void LogEngine::restore(Manifest before) {
  before.version = manifest_.version;      // a copy may be out there
  before.next_file = manifest_.next_file;  // and files of these numbers
  manifest_ = std::move(before);
}

/// Flushes what there is now. On failure the manifest in memory goes back to what the disk has.
task::Task<Status> LogEngine::flush() {
  const std::size_t count = unflushed_.size();
  if (count > 0) {
    const Manifest before = manifest_;
    const Status flushed = co_await flush_first(count);
    if (!flushed) {
      restore(before);
      co_return flushed;
    }
  }
  if (!replayed_.empty()) {
    CO_TRY_STATUS(
        adopt(co_await wal::remove_replayed(context_, path("wal"), replayed_, shared_->options.stall_deadline)));
    replayed_.clear();
  }
  blocked_.reset();
  shared_->room->admit();
  co_return Status();
}

task::Task<Status> LogEngine::flush_first(std::size_t count) {
  const wal::GroupSequence group = durable_group_;
  std::vector<ChunkPlace> places;
  std::string run;
  std::size_t first = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const LogItemPtr item = unflushed_[i];
    for (const std::uint64_t number : item->chunks) {
      const auto chunk = shared_->chunks.get(number);
      if (!chunk || !chunk->memory) continue;
      run += chunk_header(chunk->place);
      run += *chunk->memory;
      places.push_back(chunk->place);
      if (run.size() < kRunBytes) continue;
      CO_TRY_STATUS(co_await write_run(std::move(run), places, first));
      run.clear();
      first = places.size();
    }
  }
  if (!run.empty()) CO_TRY_STATUS(co_await write_run(std::move(run), places, first));
  CO_TRY_STATUS(co_await write_places(places));
  CO_TRY_STATUS(co_await write_changes(count));
  if (!manifest_.packs.empty()) CO_TRY_STATUS(co_await sync_file(pack_name(manifest_.packs.back().number)));
  if (manifest_.index != 0) CO_TRY_STATUS(co_await sync_file(index_name(manifest_.index)));
  CO_TRY_STATUS(adopt(co_await task::sync_directory(context_, directory_, stall())));
  manifest_.lsn = unflushed_[count - 1]->lsn;
  manifest_.next_chunk = shared_->chunks.next_number();
  CO_TRY_STATUS(co_await write_manifest());
  for (const ChunkPlace& place : places) shared_->chunks.moved(place);
  for (std::size_t i = 0; i < count; ++i) {
    unflushed_bytes_ -= unflushed_.front()->entries.size();
    unflushed_.pop_front();
  }
  if (wal_ && group.value() > 0) CO_TRY_STATUS(adopt(co_await wal_->release(group)));
  co_return Status();
}

task::Task<Status> LogEngine::write_places(const std::vector<ChunkPlace>& places) {
  std::string entries;
  for (const ChunkPlace& place : places) {
    CO_TRY_STATUS(co_await add_entry(entries, EntryKind::chunk, 0, encode_place(place)));
  }
  co_return co_await write_block(entries);
}

task::Task<Status> LogEngine::write_changes(std::size_t count) {
  RowGatherer gatherer(shared_->options.events_kept);
  for (std::size_t i = 0; i < count; ++i) {
    if (unflushed_[i]->delta) gatherer.count(*unflushed_[i]->delta);
  }
  std::string entries;
  for (std::size_t i = 0; i < count; ++i) {
    const LogItemPtr item = unflushed_[i];
    if (!item->unread.empty()) CO_TRY_STATUS(co_await add_entry(entries, EntryKind::sealed, item->lsn, item->unread));
    if (!item->delta) continue;
    for (auto& entry : gatherer.add(item->lsn, item->delta, item->key)) {
      CO_TRY_STATUS(
          co_await add_owned_entry(entries, std::move(entry.key), entry.kind, entry.lsn, std::move(entry.payload)));
    }
  }
  for (auto& entry : gatherer.finish()) {
    CO_TRY_STATUS(
        co_await add_owned_entry(entries, std::move(entry.key), entry.kind, entry.lsn, std::move(entry.payload)));
  }
  co_return co_await write_block(entries);
}

}  // namespace chronik::checkpoint
