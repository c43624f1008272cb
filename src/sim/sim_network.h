// Sockets of the world: ordered bytes with delays, a window that a slow reader fills, close and reset. Host names are
// machine names; localhost and its numbers are the machine itself. What travels belongs to the world, so that the peer
// of a dead process learns of it.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "env/env.h"
#include "sim/process.h"

namespace chronik::sim {

/// One end of a connection. A process has lost it when `open` is false.
struct Side {
  std::shared_ptr<Process> process;
  SimLoop* loop = nullptr;
  env::Address peer;

  bool open = true;    // not closed here
  bool ended = false;  // the peer closed; what came before it can be read
  bool reset = false;  // the peer is gone; reads end with an error, too

  std::deque<Buffer> inbox;
  std::size_t unread = 0;  // bytes sent from here that the peer's application has not taken
  Instant last_arrival;    // at the peer: keeps the order

  // The read and the write in flight; `reader` and `writer` keep the stream.
  env::Callback<std::size_t> read_done;
  std::shared_ptr<Block> into;
  std::size_t into_at = 0;
  std::size_t into_length = 0;
  env::StreamPtr reader;
  env::Callback<void> write_done;
  std::deque<Buffer> unsent;
  env::StreamPtr writer;
};

struct Connection : std::enable_shared_from_this<Connection> {
  Connection(WorldImpl& owner, std::uint64_t number) : world(owner), id(number) {}

  WorldImpl& world;
  const std::uint64_t id;
  Side sides[2];

  /// In Process::connections. A machine may talk to itself: the two ends need two numbers.
  std::uint64_t key(int side) const { return id * 2 + static_cast<std::uint64_t>(side); }
  void start_read(int side, env::StreamPtr stream, std::shared_ptr<Block> into, std::size_t at, std::size_t length,
                  env::Callback<std::size_t> done);
  void start_write(int side, env::StreamPtr stream, std::vector<Buffer> pieces, env::Callback<void> done);
  void close(int side);
  /// The process of this side died: buries its callbacks, resets or ends the peer.
  void kill(int side);
  /// Somebody in between resets it, at both ends.
  void cut();

 private:
  bool local() const;
  Duration delay() const;
  Instant next_arrival(int to);
  void travel(int to, void (Connection::*arrival)(int));
  void push(int side);
  void send(int side, Buffer bytes);
  void arrive(int side, const Buffer& bytes);
  void arrive_end(int side);
  void arrive_reset(int side);
  void wake(int side);
  void finish_read(int side);
  void finish_write(int side);
  void forget_if_done(int side);
};

struct ListenerState {
  SimLoop* loop = nullptr;
  env::Address local;
  bool open = true;
  std::deque<std::shared_ptr<Connection>> backlog;
  env::Callback<env::StreamPtr> accept_done;
  SimLoop* owner = nullptr;  // of the connection accepted next
  env::ListenerPtr self;     // while an accept is in flight
};

class MachineImpl;

class SimNetwork final : public env::Network {
 public:
  explicit SimNetwork(SimLoop& loop) : loop_(loop) {}
  Result<env::ListenerPtr> listen(const env::Address& at) override;
  void connect(const env::Address& to, env::Callback<env::StreamPtr> done) override;
  SimLoop& loop() { return loop_; }

 private:
  SimLoop& loop_;
};

/// When something that leaves `from` now arrives at `to`, faults considered. `delay`: without them.
Instant arrival_time(WorldImpl& world, MachineImpl& from, MachineImpl& to, Duration delay);

/// The part of Process::kill that concerns sockets.
void kill_network(Process& process);

}  // namespace chronik::sim
