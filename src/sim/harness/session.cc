#include "sim/harness/session.h"

#include <fmt/format.h>

namespace chronik::sim {

namespace {
constexpr Duration kConnectLimit = 10s;
}

task::Task<Status> Session::ready() {
  if (connected()) co_return Status{};
  const Instant began = kit_.context.now();
  auto opened = co_await client::Connection::open(kit_.context, kit_.broker, kit_.name,
                                                  kit_.context.after(kConnectLimit + kSlack));
  if (!opened) {
    if (opened.error().code == Errc::timed_out) broke_deadline(wire::ApiKey::api_versions, began);
    co_return std::unexpected(std::move(opened).error());
  }
  connection_ = *std::move(opened);
  co_return Status{};
}

void Session::broke_deadline(wire::ApiKey key, Instant began) {
  kit_.history.violate(
      "deadline", fmt::format("{}: {} was neither answered nor cut off within {:.1f} s (asked at {:.6f})", kit_.name,
                              wire::to_string(key), static_cast<double>((kit_.context.now() - began).count()) / 1e9,
                              static_cast<double>(began.ns) / 1e9));
}

void Session::lost() {
  kit_.history.reached("connection lost");
  close();
}

void Session::close() {
  if (connection_) connection_->close();
  connection_.reset();
}

task::Task<void> pause(ClientKit& kit, Duration low, Duration high) {
  const auto span = static_cast<std::uint64_t>((high - low).count() + 1);
  const Duration time = low + Duration(kit.prng.below(span));
  co_await task::sleep_until(kit.context, "sim.pause", kit.context.after(time));
}

}  // namespace chronik::sim
