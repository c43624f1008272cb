// LogEngine: the log backend's side on its loop: recovery, the write-ahead log, flushing into packs and index, reads,
// compaction. Only the loop's thread touches it; others reach it through LogShared and posts.
//
// Order on disk, always: packs and index entries, synced; then the manifest, both copies; then the write-ahead log is
// released. Nothing that the manifest does not name counts.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/chunk_cache.h"
#include "checkpoint/chunk_index.h"
#include "checkpoint/log_intake.h"
#include "checkpoint/log_keys.h"
#include "checkpoint/tables.h"
#include "task/event.h"
#include "wal/wal.h"

namespace chronik::checkpoint {

/// What the loop and the callers' threads have in common.
struct LogShared {
  LogShared(const Options& given, std::function<void()> wake)
      : options(given),
        tables(given.events_kept, nullptr),
        cache(given.cache_bytes),
        intake(std::move(wake)),
        room(std::make_shared<Room>(given.pending_bytes_max)) {}
  const Options options;
  Tables tables;
  ChunkIndex chunks;
  Keyring keys;
  ChunkCache cache;
  LogIntake intake;
  std::shared_ptr<Room> room;
};

class LogEngine {
 public:
  LogEngine(task::Context& context, std::shared_ptr<LogShared> shared, std::string directory, std::int64_t process);
  ~LogEngine();
  LogEngine(const LogEngine&) = delete;
  LogEngine& operator=(const LogEngine&) = delete;

  task::Task<Status> open();
  /// There is something in line.
  void wake() { work_.notify_all(); }
  /// Stored bytes of chunks, one after the other; not_found if one has moved.
  task::Task<Result<std::vector<std::string>>> read(std::vector<ChunkPlace> places);
  /// Bytes given back.
  task::Task<Result<std::uint64_t>> compact();
  task::Task<Result<std::vector<Problem>>> scrub();
  task::Task<Status> add_key(SessionId session);
  /// If nothing of the session is there, or in line.
  task::Task<Status> give_key_back(SessionId session);
  task::Task<Status> rotate_key(std::string key);
  /// As Backend::scrub_part.
  task::Task<Result<std::uint64_t>> scrub_part(ScrubPlace& place, std::uint64_t bytes, std::vector<Problem>& problems);
  task::Task<Status> close();
  std::uint64_t bytes_on_disk() const;
  /// Places found damaged while opening.
  std::uint64_t damaged() const { return damage_.size(); }

 private:
  struct Flight {
    LogItemPtr item;
    wal::CommitPtr commit;
    wal::GroupSequence group;
  };

  // log_recovery.cc
  task::Task<Status> take_lock();
  task::Task<Result<bool>> load_manifest();
  task::Task<Status> load_index();
  void load_blocks(const std::string& path, std::uint64_t at, const Buffer& bytes,
                   std::span<const Manifest::Block> blocks);
  task::Task<Status> replay();
  Status load_entry(const Entry& entry, const std::shared_ptr<const void>& owner);
  Status load_frame(std::uint64_t lsn, std::string_view bytes);
  Status load_content(const Entry& entry, const std::shared_ptr<const void>& owner);
  Status load_delta(std::string_view payload, LogItem& item);
  Status load_sealed(const Entry& entry, LogItem& item);
  struct Opened {
    EntryKind kind = EntryKind::delta;
    SessionKeyPtr key;
    std::string payload;
  };
  /// Nothing if its key was destroyed, not_found if it is lost.
  Result<std::optional<Opened>> unsealed(const Entry& entry);
  task::Task<Status> open_wal();
  task::Task<Status> remove_strays();

  // log_engine.cc
  task::Task<void> run_writer();
  task::Task<Status> write(LogItemPtr item);
  task::Task<void> run_completer();
  void complete(std::span<const LogItemPtr> group);
  task::Task<void> finish_erasure(LogItemPtr item, std::vector<SessionKeyPtr> keys);
  task::Task<void> fail_all(Error error, std::deque<LogItemPtr> taken);
  void fail_item(const LogItemPtr& item, const Error& error);

  // log_flush.cc
  task::Task<void> run_flusher();
  task::Task<Status> flush();
  task::Task<Status> flush_first(std::size_t count);
  /// Appends a run of chunks (with headers) to the newest pack; `places` learn their pack and offset.
  task::Task<Status> write_run(std::string run, std::vector<ChunkPlace>& places, std::size_t first);
  /// Chunks and changes of the first `count` that are unflushed.
  task::Task<Status> write_places(const std::vector<ChunkPlace>& places);
  task::Task<Status> write_changes(std::size_t count);
  /// Appends an entry; `entries` goes to the index when it is a block.
  task::Task<Status> add_entry(std::string& entries, EntryKind kind, std::uint64_t lsn, std::string payload);
  /// The same for what a session owns: sealed, or left out if its key is gone.
  task::Task<Status> add_owned_entry(std::string& entries, SessionKeyPtr key, EntryKind kind, std::uint64_t lsn,
                                     std::string payload);
  task::Task<Status> write_block(std::string& entries);
  task::Task<Status> write_manifest();
  task::Task<Result<env::FilePtr>> file(std::string name, bool create);
  task::Task<Status> sync_file(std::string name);

  // log_compact.cc
  task::Task<Result<std::uint64_t>> compact_now();
  task::Task<Result<std::vector<ChunkPlace>>> move_chunks(std::vector<std::uint32_t> from);
  task::Task<Status> rewrite_index(std::vector<ChunkPlace> moved);
  task::Task<Status> pack_index();
  void restore(Manifest before);
  struct Reads;
  task::Task<void> read_runs(std::shared_ptr<Reads> reads);
  task::Task<Result<std::string>> read_at(std::string name, std::uint64_t offset, std::size_t bytes);
  task::Task<std::uint64_t> check_packs(ScrubPlace& place, std::uint64_t bytes, std::vector<Problem>& problems);
  task::Task<std::uint64_t> check_index(ScrubPlace& place, std::uint64_t bytes, std::vector<Problem>& problems);
  task::Task<void> check_chunk(ChunkPlace place, std::vector<Problem>& problems);
  /// Alone with the files, until leave(). Callers are refused from the beginning of close() on.
  enum class Who : std::uint8_t { caller, engine };
  task::Task<Status> enter(Who who = Who::caller);
  void leave();

  Deadline stall() const { return context_.after(shared_->options.stall_deadline); }
  std::string path(const std::string& name) const { return directory_ + "/" + name; }

  task::Context& context_;
  const std::shared_ptr<LogShared> shared_;
  const std::string directory_;
  const std::int64_t process_;
  std::shared_ptr<void> lock_;
  LogKeys keys_;
  std::set<std::uint64_t> destroyed_keys_met_;  // while opening
  std::unique_ptr<wal::Wal> wal_;
  Manifest manifest_;
  std::map<std::string, env::FilePtr> files_;  // packs and index that are open
  std::vector<std::string> replayed_;          // files of earlier generations, once flushed to be removed
  std::vector<Problem> damage_;                // found while opening
  std::deque<Flight> flights_;                 // written or being written, in order
  std::deque<LogItemPtr> unflushed_;           // durable in the write-ahead log only
  std::uint64_t unflushed_bytes_ = 0;
  std::uint64_t loose_bytes_ = 0;  // of the index: rows that are not packed
  wal::GroupSequence durable_group_;
  std::optional<Error> failure_;  // sticky
  const std::uint64_t flush_bytes_;
  const std::uint64_t loose_bytes_max_;
  bool opened_ = false;
  bool closing_ = false;
  bool closed_ = false;  // someone else may have the directory
  bool busy_ = false;    // a flush or a compaction runs
  bool writing_ = false;
  std::size_t erasing_ = 0;  // sessions whose keys are being destroyed
  task::Event work_;
  task::Event landed_;  // a flight to complete, or the last one is done
  task::Event flush_;
  std::optional<Error> blocked_;  // why the last flush failed, if that passes; the next is on its way
  task::Event free_;              // not busy any more
  task::Scope scope_;
};

inline std::string pack_name(std::uint32_t number) {
  return "pack-" + std::to_string(number);
}
inline std::string index_name(std::uint32_t number) {
  return "index-" + std::to_string(number);
}

}  // namespace chronik::checkpoint
