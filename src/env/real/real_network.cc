#include "env/real/real_network.h"

#include <netdb.h>
#include <sys/socket.h>

#include <boost/asio/error.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <cerrno>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "env/real/real_loop.h"
#include "env/real/tcp_stream.h"

namespace chronik::env {

namespace {

constexpr auto kAcceptRetry = std::chrono::milliseconds(100);

/// All addresses of a name; numbers are not looked up. Blocks.
Result<std::vector<tcp::endpoint>> resolve(const Address& address) {
  boost::system::error_code error;
  const auto number = asio::ip::make_address(address.host, error);
  if (!error) return std::vector{tcp::endpoint(number, address.port)};
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int result = ::getaddrinfo(address.host.c_str(), nullptr, &hints, &list);
  if (result != 0) return fail(Errc::unreachable, address.host + ": " + ::gai_strerror(result));
  std::vector<tcp::endpoint> endpoints;
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    tcp::endpoint endpoint;
    if (entry->ai_addrlen > endpoint.capacity()) continue;
    std::memcpy(endpoint.data(), entry->ai_addr, entry->ai_addrlen);
    endpoint.resize(entry->ai_addrlen);
    endpoint.port(address.port);
    endpoints.push_back(endpoint);
  }
  ::freeaddrinfo(list);
  if (endpoints.empty()) return fail(Errc::unreachable, address.host + " has no address");
  return endpoints;
}

/// Tries one address after the other.
class Connecting : public std::enable_shared_from_this<Connecting> {
 public:
  Connecting(RealLoop& loop, std::string name, Callback<StreamPtr> done)
      : loop_(loop), socket_(loop.io()), name_(std::move(name)), done_(std::move(done)) {}

  void start(std::vector<tcp::endpoint> endpoints) {
    endpoints_ = std::move(endpoints);
    next();
  }

 private:
  void next() {
    boost::system::error_code ignored;
    socket_.close(ignored);
    socket_.async_connect(endpoints_[tried_++], [self = shared_from_this()](const boost::system::error_code& error) {
      if (!error) return self->done_(std::make_shared<TcpStream>(self->loop_, std::move(self->socket_)));
      if (self->tried_ < self->endpoints_.size()) return self->next();
      self->done_(fail(network_error(error, self->name_)));
    });
  }

  RealLoop& loop_;
  tcp::socket socket_;
  const std::string name_;
  Callback<StreamPtr> done_;
  std::vector<tcp::endpoint> endpoints_;
  std::size_t tried_ = 0;
};

class TcpListener final : public Listener, public std::enable_shared_from_this<TcpListener> {
 public:
  TcpListener(RealLoop& loop, tcp::acceptor acceptor, Address local)
      : acceptor_(std::move(acceptor)), retry_(loop.io()), local_(std::move(local)) {}

  void accept(Network& owner, Callback<StreamPtr> done) override {
    CHECK(!accepting_);
    accepting_ = true;
    accept_for(static_cast<RealNetwork&>(owner).loop(), std::move(done));
  }

  void close() override {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    retry_.cancel();
  }

  Address local() const override { return local_; }

 private:
  // The callback travels in the handlers: it often holds this listener.
  void accept_for(RealLoop& owner, Callback<StreamPtr> done) {
    acceptor_.async_accept(owner.io(), [self = shared_from_this(), &owner, done = std::move(done)](
                                           const boost::system::error_code& error, tcp::socket socket) mutable {
      if (!error) return self->answer(std::make_shared<TcpStream>(owner, std::move(socket)), std::move(done));
      // Out of descriptors or memory, or the peer gave up: the listener lives. It must not spin meanwhile.
      if (self->acceptor_.is_open() && error != asio::error::operation_aborted) {
        return self->accept_later(owner, std::move(done));
      }
      self->answer(fail(Errc::closed, "accept"), std::move(done));
    });
  }

  void accept_later(RealLoop& owner, Callback<StreamPtr> done) {
    retry_.expires_after(kAcceptRetry);
    retry_.async_wait(
        [self = shared_from_this(), &owner, done = std::move(done)](const boost::system::error_code&) mutable {
          if (self->acceptor_.is_open()) return self->accept_for(owner, std::move(done));
          self->answer(fail(Errc::closed, "accept"), std::move(done));
        });
  }

  void answer(Result<StreamPtr> result, Callback<StreamPtr> done) {
    accepting_ = false;
    done(std::move(result));
  }

  tcp::acceptor acceptor_;
  asio::steady_timer retry_;  // waits while accepting is impossible
  const Address local_;
  bool accepting_ = false;
};

}  // namespace

Result<ListenerPtr> RealNetwork::listen(const Address& at) {
  TRY(const auto endpoints, resolve(at));
  const tcp::endpoint& endpoint = endpoints.front();
  const std::string name = at.to_string();
  tcp::acceptor acceptor(loop_.io());
  boost::system::error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error && endpoint.address().is_v6()) acceptor.set_option(asio::ip::v6_only(false), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(tcp::acceptor::max_listen_connections, error);
  if (error) return fail(network_error(error, name));
  Address local{at.host, acceptor.local_endpoint(error).port()};
  return std::make_shared<TcpListener>(loop_, std::move(acceptor), std::move(local));
}

void RealNetwork::connect(const Address& to, Callback<StreamPtr> done) {
  boost::system::error_code error;
  const auto number = asio::ip::make_address(to.host, error);
  if (!error) {
    std::make_shared<Connecting>(loop_, to.to_string(), std::move(done))->start({tcp::endpoint(number, to.port)});
    return;
  }
  run_blocking<std::vector<tcp::endpoint>>(
      blocking_, [to] { return resolve(to); },
      [&loop = loop_, to, done = std::move(done)](Result<std::vector<tcp::endpoint>> found) mutable {
        if (!found) return done(fail(std::move(found).error()));
        std::make_shared<Connecting>(loop, to.to_string(), std::move(done))->start(*std::move(found));
      });
}

}  // namespace chronik::env
