// Arbitrary bytes on a connection to the admin face: answered or refused, in bounded time; afterwards it serves others
// and the store is whole.
#include "admin/test_http_rig.h"

namespace chronik::admin {
namespace {

/// The input's first byte says how it arrives: in how many pieces.
std::vector<std::string> in_pieces(std::string_view input) {
  if (input.empty()) return {};
  const std::size_t count = 1 + static_cast<unsigned char>(input.front()) % 4;
  input.remove_prefix(1);
  std::vector<std::string> pieces;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t begin = input.size() * i / count;
    pieces.emplace_back(input.substr(begin, input.size() * (i + 1) / count - begin));
  }
  return pieces;
}

void run(std::string_view input) {
  HttpRig rig;
  const cp::Store store(rig.core);
  const cp::Session session = store.create_session("s").value();
  CHECK(session.create(R"({"step":1})", {.content_type = "application/json"}));
  CHECK(session.create("two", {.tags = {"a"}}));
  const auto exchange = rig.send(in_pieces(input), 30s);
  CHECK(rig.run_until([&] { return exchange->ended; }));
  // One more, whatever became of that one.
  const std::string health = rig.ask("GET /v1/health HTTP/1.1\r\nHost: server\r\nConnection: close\r\n\r\n");
  CHECK(health.starts_with("HTTP/1.1 200 OK\r\n"));
  const auto report = store.verify();
  CHECK(report && report->ok());
}

}  // namespace
}  // namespace chronik::admin

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  chronik::admin::run(chronik::as_text(std::as_bytes(std::span(data, size))));
  return 0;
}
