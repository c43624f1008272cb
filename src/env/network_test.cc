// Streams and listeners, the same on kernel sockets and in the simulated world; then what only kernel sockets can show.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <optional>

#include "env/test_rig.h"

namespace chronik::env {
namespace {

struct Connected {
  ListenerPtr listener;
  StreamPtr client, server;
};

std::vector<Buffer> one(std::string_view text) {
  return {Buffer::copy_of(as_bytes(text))};
}

class SocketsOn {
 public:
  explicit SocketsOn(std::unique_ptr<Rig> rig) : owned_(std::move(rig)), rig_(*owned_) {}

  Result<ListenerPtr> listen(std::uint16_t port = 0) {
    std::optional<Result<ListenerPtr>> result;
    rig_.run(0, [&](Thunk finished) {
      result = rig_.env(0).network.listen({rig_.host(), port});
      rig_.env(0).loop.post(std::move(finished));
    });
    return *result;
  }

  /// The server side on loop `owner`.
  Connected connect(std::size_t owner = 0) {
    Connected pair;
    pair.listener = listen().value();
    EXPECT_TRUE(rig_.run(0, [&](Thunk finished) {
      auto both = std::make_shared<std::pair<int, Thunk>>(2, std::move(finished));
      const auto one_done = [both] {
        if (--both->first == 0) both->second();
      };
      pair.listener->accept(rig_.env(owner).network, [&, one_done](Result<StreamPtr> s) {
        pair.server = s.value();
        one_done();
      });
      rig_.env(0).network.connect(pair.listener->local(), [&, one_done](Result<StreamPtr> s) {
        pair.client = s.value();
        one_done();
      });
    }));
    return pair;
  }

  Status write(const StreamPtr& stream, std::vector<Buffer> pieces, std::size_t loop = 0) {
    return rig_.wait_on<void>(loop, [&](auto done) { stream->write(std::move(pieces), std::move(done)); });
  }
  Result<std::string> read(const StreamPtr& stream, std::size_t loop = 0) {
    auto block = Block::allocate(1 << 16);
    TRY(const std::size_t n, rig_.wait_on<std::size_t>(loop, [&](auto done) {
      stream->read_some(block, 7, block->capacity() - 7, std::move(done));
    }));
    return std::string(as_text(ByteSpan(block->data() + 7, n)));
  }
  void close(const StreamPtr& stream, std::size_t loop = 0) {
    rig_.run(loop, [&](Thunk finished) {
      stream->close();
      stream->close();
      rig_.env(loop).loop.post(std::move(finished));
    });
  }
  Rig& rig() { return rig_; }

 private:
  const std::unique_ptr<Rig> owned_;
  Rig& rig_;
};

class Sockets : public testing::TestWithParam<RigKind>, public SocketsOn {
 protected:
  Sockets() : SocketsOn(make_rig(GetParam())) {}
};

/// Reads until the end; sends everything back.
class Echo : public std::enable_shared_from_this<Echo> {
 public:
  Echo(StreamPtr stream, std::size_t step) : stream_(std::move(stream)), step_(step) {}
  void read() {
    auto block = Block::allocate(step_);
    stream_->read_some(block, 0, step_, [self = shared_from_this(), block](Result<std::size_t> n) {
      if (!n || *n == 0) return self->stream_->close();
      const Buffer bytes(block, ByteSpan(block->data(), *n));
      self->stream_->write({bytes.slice(0, *n / 2), {}, bytes.slice(*n / 2, *n - *n / 2)}, [self](Status s) {
        if (s) self->read();
      });
    });
  }

 private:
  StreamPtr stream_;
  std::size_t step_;
};

/// Writes `all` in pieces while reading until as much came back.
class Flood : public std::enable_shared_from_this<Flood> {
 public:
  Flood(StreamPtr stream, std::string all, Thunk finished)
      : stream_(std::move(stream)), all_(std::move(all)), finished_(std::move(finished)) {}
  void start() {
    std::vector<Buffer> pieces;
    const Buffer whole = Buffer::copy_of(as_bytes(all_));
    for (std::size_t at = 0; at < all_.size(); at += 997) {
      pieces.push_back(whole.slice(at, std::min<std::size_t>(997, all_.size() - at)));
    }
    stream_->write(std::move(pieces), [self = shared_from_this()](Status s) { self->written_ = s.has_value(); });
    read();
  }
  bool good() const { return written_ && back_ == all_; }

 private:
  void read() {
    auto block = Block::allocate(10'000);
    stream_->read_some(block, 0, 10'000, [self = shared_from_this(), block](Result<std::size_t> n) {
      if (n && *n > 0) self->back_.append(as_text(ByteSpan(block->data(), *n)));
      if (!n || *n == 0 || self->back_.size() >= self->all_.size()) return self->finished_();
      self->read();
    });
  }

  StreamPtr stream_;
  const std::string all_;
  Thunk finished_;
  std::string back_;
  bool written_ = false;
};

TEST_P(Sockets, echo_of_megabytes_across_two_loops) {
  Connected pair = connect(1);
  EXPECT_FALSE(pair.server->peer().host.empty());
  EXPECT_NE(pair.server->peer().port, 0);
  EXPECT_EQ(pair.client->peer().port, pair.listener->local().port);
  auto echo = std::make_shared<Echo>(pair.server, 4000);
  rig().env(1).loop.post_remote([echo] { echo->read(); });
  std::string all(3'000'000, ' ');
  Prng prng(1);
  for (char& c : all) c = static_cast<char>(prng.next());
  std::shared_ptr<Flood> flood;
  ASSERT_TRUE(rig().run(0, [&](Thunk finished) {
    flood = std::make_shared<Flood>(pair.client, all, std::move(finished));
    flood->start();
  }));
  EXPECT_TRUE(flood->good());
  close(pair.client);
}

TEST_P(Sockets, what_was_written_before_close_arrives_then_the_end) {
  Connected pair = connect();
  ASSERT_TRUE(write(pair.client, one("last words")));
  close(pair.client);
  EXPECT_EQ(read(pair.server).value(), "last words");
  EXPECT_EQ(read(pair.server).value(), "");
  EXPECT_EQ(read(pair.client).error().code, Errc::closed);
  EXPECT_EQ(write(pair.client, one("x")).error().code, Errc::closed);
}

TEST_P(Sockets, close_completes_what_is_in_flight_with_closed) {
  Connected pair = connect();
  std::optional<Result<std::size_t>> read_result;
  std::optional<Status> write_result;
  ASSERT_TRUE(rig().run(0, [&](Thunk finished) {
    auto both = std::make_shared<std::pair<int, Thunk>>(2, std::move(finished));
    pair.client->read_some(Block::allocate(10), 0, 10, [&, both](Result<std::size_t> n) {
      read_result = n;
      if (--both->first == 0) both->second();
    });
    // More than the kernel buffers; nobody reads.
    pair.client->write(one(std::string(64 << 20, 'x')), [&, both](Status s) {
      write_result = s;
      if (--both->first == 0) both->second();
    });
    pair.client->close();
    EXPECT_FALSE(read_result.has_value());
    EXPECT_FALSE(write_result.has_value());
  }));
  EXPECT_EQ(read_result->error().code, Errc::closed);
  EXPECT_EQ(write_result->error().code, Errc::closed);
}

TEST_P(Sockets, a_peer_that_is_gone_is_unreachable) {
  Connected pair = connect();
  ASSERT_TRUE(write(pair.client, one("unread")));
  rig().run(0, [&](Thunk finished) { rig().env(0).loop.post(std::move(finished)); });
  close(pair.server);
  Status status;
  for (int i = 0; i < 1000 && status; ++i) status = write(pair.client, one(std::string(10'000, 'x')));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Errc::unreachable);
}

TEST_P(Sockets, refused_taken_and_closed_listeners_are_named) {
  ListenerPtr listener = listen().value();
  const Address at = listener->local();
  EXPECT_NE(at.port, 0);
  EXPECT_EQ(listen(at.port).error().code, Errc::in_use);
  const auto accepted = rig().wait<StreamPtr>([&](auto done) {
    listener->accept(rig().env(0).network, std::move(done));
    listener->close();
  });
  EXPECT_EQ(accepted.error().code, Errc::closed);
  const auto refused = rig().wait<StreamPtr>([&](auto done) { rig().env(0).network.connect(at, std::move(done)); });
  EXPECT_EQ(refused.error().code, Errc::unreachable);
  EXPECT_TRUE(listen(at.port));
  const auto nowhere = rig().wait<StreamPtr>(
      [&](auto done) { rig().env(0).network.connect({"no-such-host.invalid", 1}, std::move(done)); });
  EXPECT_EQ(nowhere.error().code, Errc::unreachable);
}

TEST_P(Sockets, names_are_resolved) {
  ListenerPtr listener = listen().value();
  std::shared_ptr<Connected> pair = std::make_shared<Connected>();
  const auto connected = rig().wait<StreamPtr>([&](auto done) {
    listener->accept(rig().env(0).network, [pair](Result<StreamPtr> s) { pair->server = s.value_or(nullptr); });
    rig().env(0).network.connect({"localhost", listener->local().port}, std::move(done));
  });
  EXPECT_TRUE(connected.has_value());
}

INSTANTIATE_TEST_SUITE_P(Every, Sockets, testing::Values(RigKind::pool, RigKind::sim), rig_name);

/// A plain blocking client.
int raw_client(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);
  return fd;
}

class KernelSockets : public testing::Test, public SocketsOn {
 protected:
  KernelSockets() : SocketsOn(std::make_unique<RealRig>(DiskBackend::thread_pool)) {}
};

TEST_F(KernelSockets, a_half_closed_peer_still_gets_the_answer) {
  ListenerPtr listener = listen().value();
  const int fd = raw_client(listener->local().port);
  const StreamPtr server =
      rig().wait<StreamPtr>([&](auto done) { listener->accept(rig().env(0).network, std::move(done)); }).value();
  ASSERT_EQ(::send(fd, "ask", 3, 0), 3);
  ::shutdown(fd, SHUT_WR);
  EXPECT_EQ(read(server).value(), "ask");
  EXPECT_EQ(read(server).value(), "");
  EXPECT_EQ(read(server).value(), "");  // it stays so
  ASSERT_TRUE(write(server, one("answer")));
  char answer[16];
  EXPECT_EQ(::recv(fd, answer, sizeof answer, 0), 6);
  ::close(fd);
}

TEST_F(KernelSockets, a_reset_is_unreachable) {
  ListenerPtr listener = listen().value();
  const int fd = raw_client(listener->local().port);
  const StreamPtr server =
      rig().wait<StreamPtr>([&](auto done) { listener->accept(rig().env(0).network, std::move(done)); }).value();
  const linger hard{1, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  ::close(fd);
  const auto result = read(server);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Errc::unreachable);
}

TEST_F(KernelSockets, accept_outlives_running_out_of_descriptors) {
  ListenerPtr listener = listen().value();
  const int fd = raw_client(listener->local().port);  // waits in the backlog
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  const int next = ::dup(0);
  ::close(next);
  rlimit tight = before;
  tight.rlim_cur = static_cast<rlim_t>(next);
  std::optional<Result<StreamPtr>> accepted;
  timespec cpu_before{}, cpu_after{};
  ASSERT_TRUE(rig().run(0, [&](Thunk finished) {
    ::setrlimit(RLIMIT_NOFILE, &tight);
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu_before);
    listener->accept(rig().env(0).network, [&, finished = std::move(finished)](Result<StreamPtr> s) mutable {
      accepted = std::move(s);
      ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu_after);
      finished();
    });
    // The way out opens from an alarm: meanwhile accept must neither fail nor spin.
    rig().env(0).loop.on_alarm([&] {
      EXPECT_FALSE(accepted.has_value());
      ::setrlimit(RLIMIT_NOFILE, &before);
    });
    rig().env(0).loop.set_alarm(rig().env(0).loop.now() + 250ms);
  }));
  EXPECT_TRUE(accepted->has_value());
  const auto used_ms =
      (cpu_after.tv_sec - cpu_before.tv_sec) * 1000 + (cpu_after.tv_nsec - cpu_before.tv_nsec) / 1'000'000;
  EXPECT_LT(used_ms, 100);
  ::close(fd);
}

}  // namespace
}  // namespace chronik::env
