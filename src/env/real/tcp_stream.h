// A connected kernel socket. Touched only by its loop's thread. Included only inside env/real.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "env/env.h"
#include "env/real/real_loop.h"

namespace chronik::env {

using asio::ip::tcp;

class TcpStream final : public Stream, public std::enable_shared_from_this<TcpStream> {
 public:
  TcpStream(RealLoop& loop, tcp::socket socket);

  void read_some(std::shared_ptr<Block> into, std::size_t at, std::size_t length, Callback<std::size_t> done) override;
  void write(std::vector<Buffer> pieces, Callback<void> done) override;
  void close() override;
  Address peer() const override { return peer_; }

 private:
  /// 0: everything was sent; EAGAIN: the rest must wait; else what went wrong.
  int send_some();
  void wait_until_writable(Callback<void> done);
  void finish_write(const boost::system::error_code& error, Callback<void> done);

  RealLoop& loop_;
  tcp::socket socket_;
  Address peer_;
  bool reading_ = false;
  bool writing_ = false;
  std::optional<Result<std::size_t>> read_end_;  // once the peer ended or failed, every read says so again
  // The write in flight: pieces from `piece_`, of which `piece_sent_` bytes are gone.
  std::vector<Buffer> pieces_;
  std::size_t piece_ = 0;
  std::size_t piece_sent_ = 0;
};

/// An error of a socket: closed here, unreachable there, or the machine's.
Error network_error(const boost::system::error_code& error, std::string_view what);
Address address_of(const tcp::endpoint& endpoint);

}  // namespace chronik::env
