// Connection of sim_network.h: bytes under way, windows, ends and resets.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "sim/sim_network.h"
#include "sim/world.h"

namespace chronik::sim {

namespace {
constexpr std::size_t kWindowBytes = 256 * 1024;
}

bool Connection::local() const {
  return &sides[0].process->machine() == &sides[1].process->machine();
}

Duration Connection::delay() const {
  return local() ? world.delay(5us, 30us) : world.delay(20us, 200us);
}

/// Of what leaves for side `to` now, behind all that left before it.
Instant Connection::next_arrival(int to) {
  Side& from = sides[1 - to];
  const Instant at = arrival_time(world, from.process->machine(), sides[to].process->machine(), delay());
  from.last_arrival = std::max(from.last_arrival, at);
  return from.last_arrival;
}

/// Something without bytes, behind all bytes sent before it.
void Connection::travel(int to, void (Connection::*arrival)(int)) {
  world.events().add(next_arrival(to), 0, nullptr, EventKind::network,
                     [self = shared_from_this(), to, arrival] { (self.get()->*arrival)(to); });
}

void Connection::start_read(int side, env::StreamPtr stream, std::shared_ptr<Block> into, std::size_t at,
                            std::size_t length, env::Callback<std::size_t> done) {
  Side& s = sides[side];
  CHECK(!s.read_done);
  CHECK(length > 0 && at + length <= into->capacity());
  s.process->connections[key(side)] = {shared_from_this(), side};
  s.reader = std::move(stream);
  s.into = std::move(into);
  s.into_at = at;
  s.into_length = length;
  s.read_done = std::move(done);
  if (!s.open || s.ended || s.reset || !s.inbox.empty()) wake(side);
}

void Connection::start_write(int side, env::StreamPtr stream, std::vector<Buffer> pieces, env::Callback<void> done) {
  Side& s = sides[side];
  CHECK(!s.write_done);
  s.process->connections[key(side)] = {shared_from_this(), side};
  s.writer = std::move(stream);
  s.unsent.assign(std::make_move_iterator(pieces.begin()), std::make_move_iterator(pieces.end()));
  s.write_done = std::move(done);
  push(side);
}

/// Sends what the window lets through; wakes the writer when nothing is left or nothing more can be sent. The bytes are
/// copied, as by a kernel: the sender's memory and its accounting must not depend on the peer.
void Connection::push(int side) {
  Side& s = sides[side];
  if (!s.open || s.ended || s.reset) return wake(side);
  std::size_t waiting = 0;
  for (const Buffer& piece : s.unsent) waiting += piece.size();
  const std::size_t length = std::min(waiting, kWindowBytes - s.unread);
  auto block = Block::allocate(std::max<std::size_t>(length, 1));
  for (std::size_t done = 0; !s.unsent.empty() && (done < length || s.unsent.front().empty());) {
    Buffer& front = s.unsent.front();
    const std::size_t part = std::min(front.size(), length - done);
    if (part > 0) std::memcpy(block->data() + done, front.data(), part);
    done += part;
    if (part == front.size()) {
      s.unsent.pop_front();
    } else {
      front = front.slice(part, front.size() - part);
    }
  }
  s.unread += length;
  const Buffer bytes(block, ByteSpan(block->data(), length));
  // Segments end where they like.
  const std::size_t cut = length > 1 && world.chance().chance(1, 4) ? 1 + world.chance().below(length - 1) : length;
  send(side, bytes.slice(0, cut));
  send(side, bytes.slice(cut, length - cut));
  if (s.unsent.empty()) wake(side);
}

void Connection::send(int side, Buffer bytes) {
  if (bytes.empty()) return;
  world.events().add(next_arrival(1 - side), 0, nullptr, EventKind::network,
                     [self = shared_from_this(), side, bytes = std::move(bytes)] { self->arrive(1 - side, bytes); });
}

void Connection::arrive(int side, const Buffer& bytes) {
  Side& s = sides[side];
  if (!s.open) return travel(1 - side, &Connection::arrive_reset);
  s.inbox.push_back(bytes);
  wake(side);
}

void Connection::arrive_end(int side) {
  sides[side].ended = true;
  wake(side);
}

void Connection::arrive_reset(int side) {
  sides[side].reset = true;
  wake(side);
}

/// Looks at both waits of a side on a turn of its loop.
void Connection::wake(int side) {
  Side& s = sides[side];
  if (!s.read_done && !s.write_done) return;
  s.process->deliver_now(*s.loop, EventKind::network, [self = shared_from_this(), side] {
    self->finish_read(side);
    self->finish_write(side);
    self->forget_if_done(side);
  });
}

/// The process knows a connection until it is closed here and the callbacks of both waits have run: its death must find
/// what it has to bury.
void Connection::forget_if_done(int side) {
  Side& s = sides[side];
  if (!s.open && !s.read_done && !s.write_done && s.process->alive()) s.process->connections.erase(key(side));
}

void Connection::finish_read(int side) {
  Side& s = sides[side];
  if (!s.read_done) return;
  Result<std::size_t> result = std::size_t{0};
  if (!s.open) {
    result = fail(Errc::closed, "read from a closed stream");
  } else if (!s.inbox.empty()) {
    std::size_t taken = 0;
    while (!s.inbox.empty() && taken < s.into_length) {
      Buffer& front = s.inbox.front();
      const std::size_t part = std::min(front.size(), s.into_length - taken);
      std::memcpy(s.into->data() + s.into_at + taken, front.data(), part);
      taken += part;
      if (part == front.size()) {
        s.inbox.pop_front();
      } else {
        front = front.slice(part, front.size() - part);
      }
    }
    result = taken;
    Side& peer = sides[1 - side];
    const bool was_full = peer.unread >= kWindowBytes;
    peer.unread -= taken;
    if (was_full) {
      world.events().add(world.now() + delay(), 0, nullptr, EventKind::network, [self = shared_from_this(), side] {
        if (self->sides[1 - side].write_done) self->push(1 - side);
      });
    }
  } else if (s.reset) {
    result = fail(Errc::unreachable, "the peer reset the connection");
  } else if (!s.ended) {
    return;
  }
  s.into = nullptr;
  const auto stream = std::move(s.reader);
  auto done = std::exchange(s.read_done, nullptr);
  done(std::move(result));
}

void Connection::finish_write(int side) {
  Side& s = sides[side];
  if (!s.write_done) return;
  Status result;
  if (!s.open) {
    result = fail(Errc::closed, "write to a closed stream");
  } else if (s.reset || s.ended) {
    result = fail(Errc::unreachable, "the peer closed the connection");
  } else if (!s.unsent.empty()) {
    return;
  }
  s.unsent.clear();
  const auto stream = std::move(s.writer);
  auto done = std::exchange(s.write_done, nullptr);
  done(std::move(result));
}

void Connection::close(int side) {
  Side& s = sides[side];
  if (!s.open) return;
  s.open = false;
  forget_if_done(side);
  // Bytes that nobody will read make it a reset, as TCP does.
  travel(1 - side, s.inbox.empty() ? &Connection::arrive_end : &Connection::arrive_reset);
  s.inbox.clear();
  wake(side);
}

void Connection::cut() {
  travel(0, &Connection::arrive_reset);
  travel(1, &Connection::arrive_reset);
}

void Connection::kill(int side) {
  Side& s = sides[side];
  if (std::exchange(s.open, false)) {
    travel(1 - side, world.chance().chance(1, 2) ? &Connection::arrive_end : &Connection::arrive_reset);
  }
  s.inbox.clear();
  world.bury([read = std::exchange(s.read_done, nullptr), reader = std::move(s.reader),
              write = std::exchange(s.write_done, nullptr), writer = std::move(s.writer)] {});
}

}  // namespace chronik::sim
