// `raw rtt`: one request and its equally long answer over loop-back TCP, the floor under every round trip to a broker.
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

#include "apps/bench/clock.h"
#include "apps/bench/commands.h"
#include "apps/bench/histogram.h"
#include "apps/bench/report.h"
#include "apps/bench/socket.h"

namespace chronik::bench {
namespace {

constexpr std::int64_t kPatienceNs = 10'000'000'000;

struct Listener {
  Socket socket;
  std::string address;
};

Result<Listener> listen_on_loopback() {
  Socket socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(socket.fd(), generic, length) != 0 || ::listen(socket.fd(), 1) != 0 ||
      ::getsockname(socket.fd(), generic, &length) != 0) {
    return fail(error_from_errno(errno, "listening on 127.0.0.1"));
  }
  return Listener{std::move(socket), "127.0.0.1:" + std::to_string(ntohs(address.sin_port))};
}

void echo(int listener, std::size_t size) {
  Socket peer(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
  std::string bytes(size, '\0');
  while (peer.receive(bytes.data(), size, now_ns() + kPatienceNs) && peer.send_all(bytes)) {
  }
}

}  // namespace

Status run_raw_rtt(const RawOptions& options) {
  TRY(const auto listener, listen_on_loopback());
  std::thread server([&] { echo(listener.socket.fd(), options.size); });
  auto measured = [&]() -> Result<Snapshot> {
    TRY(auto socket, Socket::connect(listener.address, 1000));
    std::string bytes(options.size, 'x');
    Histogram latency;
    const auto end = now_ns() + static_cast<std::int64_t>(options.seconds * 1e9);
    for (auto now = now_ns(); now < end;) {
      TRY_STATUS(socket.send_all(bytes));
      TRY_STATUS(socket.receive(bytes.data(), bytes.size(), now + kPatienceNs));
      const auto after = now_ns();
      latency.record(after - now);
      now = after;
    }
    return latency.snapshot();
  }();
  server.join();
  if (!measured) return fail(std::move(measured).error());
  const Json result = {{"command", "raw rtt"}, {"size", options.size}, {"latency_us", latency_json(*measured)}};
  return emit(result, Output{options.json, true, {}});
}

}  // namespace chronik::bench
