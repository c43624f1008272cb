// The one door to the outside: time, disk, sockets, entropy (law 8). Everything above takes these interfaces; env/real
// implements them on the machine, sim/ in memory under a seed.
//
// Threads. Each Env belongs to one loop (one thread). All calls are made on that thread, all callbacks arrive on it,
// never from inside the call that started the operation. Loop::post_remote is the single exception.
//
// Ownership. An operation owns what it needs (the file, the pages it writes, the block it reads into) until the kernel
// is done with it, whether or not anyone still waits: a wait that ended early leaves no dangling buffer (law 1). There
// is no cancellation of disk operations; sockets are cancelled by close().
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"

namespace chronik::env {

using Thunk = std::move_only_function<void()>;
template <class T>
using Callback = std::move_only_function<void(Result<T>)>;

/// A single-threaded event loop with one alarm; the timers of a shard live in one structure above it (task/timers.h).
class Loop {
 public:
  virtual ~Loop() = default;

  virtual Instant now() const = 0;
  virtual UnixMillis wall_now() const = 0;
  /// Runs `thunk` on a later turn of this loop. This loop's thread only.
  virtual void post(Thunk thunk) = 0;
  /// The same from any thread.
  virtual void post_remote(Thunk thunk) = 0;
  /// Installs what runs when the alarm is due; set once, before the first set_alarm.
  virtual void on_alarm(std::function<void()> handler) = 0;
  /// (Re)sets the one alarm; the past means "on the next turn". It fires once.
  virtual void set_alarm(Instant at) = 0;
};

enum class Sync : std::uint8_t {
  none,  // may stay in the page cache
  data,  // on stable storage, size included, before the callback (fdatasync semantics)
};

/// An open file. Dropping the last reference closes it (off the loop). Operations on one file may run concurrently and
/// complete in any order; a caller that needs an order awaits the first.
class File {
 public:
  virtual ~File() = default;

  /// Up to `length` bytes at `offset`, fewer only at the end of the file. EIO is storage_failed.
  virtual void read(std::uint64_t offset, std::size_t length, Callback<Buffer> done) = 0;
  /// Writes all pieces, contiguous from `offset`; Sync::data as one linked operation with the write. A short write is
  /// an error. On a direct file, offset, every piece's address and size are multiples of alignment().
  virtual void write(std::uint64_t offset, std::vector<Buffer> pieces, Sync sync, Callback<void> done) = 0;
  /// fdatasync. After a failure the state of the pages is unknown: the caller must not retry (law 7).
  virtual void sync(Callback<void> done) = 0;
  /// Reserves space for [offset, offset + length) and extends the size; disk_full if there is none.
  virtual void allocate(std::uint64_t offset, std::uint64_t length, Callback<void> done) = 0;
  virtual void truncate(std::uint64_t size, Callback<void> done) = 0;
  virtual void size(Callback<std::uint64_t> done) = 0;
  /// 1 for buffered files; the required alignment in bytes for direct I/O.
  virtual std::size_t alignment() const = 0;
};
using FilePtr = std::shared_ptr<File>;

struct OpenOptions {
  bool create = false;     // create if missing
  bool exclusive = false;  // with create: fail with already_exists
  bool read_only = false;
  bool direct = false;  // direct I/O where the file system allows it; look at File::alignment()
};

struct DirectoryEntry {
  std::string name;
  bool is_directory = false;
  std::uint64_t size = 0;  // bytes; files only
};

struct Space {
  std::uint64_t total = 0;  // bytes
  std::uint64_t free = 0;   // bytes this process may still write
};

/// The file system. Paths are relative to the process or absolute; '/' separates. Creation, rename and removal are
/// durable only after sync_directory of the parent.
class Disk {
 public:
  virtual ~Disk() = default;

  virtual void open(std::string path, OpenOptions options, Callback<FilePtr> done) = 0;
  /// Succeeds if it is there already; the parent must exist.
  virtual void make_directory(std::string path, Callback<void> done) = 0;
  /// Names without "." and "..", in no particular order; not_found if there is no such directory.
  virtual void list(std::string path, Callback<std::vector<DirectoryEntry>> done) = 0;
  virtual void rename(std::string from, std::string to, Callback<void> done) = 0;
  /// Removes a file; not_found if missing.
  virtual void remove(std::string path, Callback<void> done) = 0;
  /// Removes a directory with all it holds; success if missing.
  virtual void remove_tree(std::string path, Callback<void> done) = 0;
  virtual void sync_directory(std::string path, Callback<void> done) = 0;
  virtual void space(std::string path, Callback<Space> done) = 0;
  /// An exclusive advisory lock on a file (created if missing), held until the result is dropped or the process ends;
  /// in_use if another process holds it.
  virtual void lock(std::string path, Callback<std::shared_ptr<void>> done) = 0;
};

struct Address {
  std::string host;
  std::uint16_t port = 0;

  std::string to_string() const;  // host:port, IPv6 in brackets
  /// "HOST:PORT" or "[IPV6]:PORT".
  static Result<Address> parse(std::string_view text);
};

/// A connected byte stream. At most one read and one write in flight.
class Stream {
 public:
  virtual ~Stream() = default;

  /// 1 to `length` bytes into `into` at `at`; 0 means the peer ended its side. The block is kept until completion.
  virtual void read_some(std::shared_ptr<Block> into, std::size_t at, std::size_t length,
                         Callback<std::size_t> done) = 0;
  /// Writes every piece, in order.
  virtual void write(std::vector<Buffer> pieces, Callback<void> done) = 0;
  /// Ends both directions; what is in flight completes with closed. May be called twice.
  virtual void close() = 0;
  virtual Address peer() const = 0;
};
using StreamPtr = std::shared_ptr<Stream>;

class Network;

class Listener {
 public:
  virtual ~Listener() = default;
  /// The next connection, its operations bound to the loop of `owner`; the callback arrives on the listener's loop. One
  /// accept in flight.
  virtual void accept(Network& owner, Callback<StreamPtr> done) = 0;
  virtual void close() = 0;
  /// With the port actually bound.
  virtual Address local() const = 0;
};
using ListenerPtr = std::shared_ptr<Listener>;

class Network {
 public:
  virtual ~Network() = default;
  /// Binds and listens at once; in_use or permission_denied otherwise. Resolves names; not for the data path.
  virtual Result<ListenerPtr> listen(const Address& at) = 0;
  virtual void connect(const Address& to, Callback<StreamPtr> done) = 0;
};

class Entropy {
 public:
  virtual ~Entropy() = default;
  virtual std::uint64_t next() = 0;
};

/// What one shard sees of the world. The parts outlive every user of the Env.
struct Env {
  Loop& loop;
  Disk& disk;
  Network& network;
  Entropy& entropy;
};

}  // namespace chronik::env
