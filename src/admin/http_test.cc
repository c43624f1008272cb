// The admin face in simulated time: what waits ends by its deadline, what is too much is refused, who is slow gets no
// more than a place.
#include <gtest/gtest.h>

#include "admin/checkpoints/websocket.h"
#include "admin/test_http_rig.h"

namespace chronik::admin {
namespace {

std::string post(const std::string& target, const std::string& body, const std::string& more = {}) {
  return "POST " + target + " HTTP/1.1\r\nHost: server\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         more + "\r\n" + body;
}
std::string get(const std::string& target, const std::string& more = {}) {
  return "GET " + target + " HTTP/1.1\r\nHost: server\r\n" + more + "\r\n";
}
const std::string kClose = "Connection: close\r\n";
const std::string kCreate = "/v1/sessions/s/checkpoints";

class Http : public testing::Test {
 protected:
  Http() { CHECK(cp::Store(rig_.core).create_session("s")); }
  bool waits_for(const HttpRig::ExchangePtr& exchange, const std::string& text) {
    return rig_.run_until([&] { return exchange->answer.contains(text); }, 100s);
  }
  HttpRig rig_;
};

TEST_F(Http, requests_of_one_connection_are_answered_in_order) {
  const std::string answer =
      rig_.ask(post(kCreate, "one") + get("/health") + post(kCreate, "two") + get("/v1/health", kClose));
  std::size_t at = 0;
  for (const char* next :
       {"201 Created", R"("sequence":1)", "200 OK", "201 Created", R"("sequence":2)", "200 OK", R"("checkpoints":2)"}) {
    at = answer.find(next, at);
    ASSERT_NE(at, std::string::npos) << next << " in " << answer;
  }
}

TEST_F(Http, a_request_arrives_byte_by_byte) {
  const std::string request = post(kCreate, "payload", kClose);
  std::vector<std::string> bytes;
  for (const char c : request) bytes.emplace_back(1, c);
  const auto exchange = rig_.send(bytes);
  ASSERT_TRUE(waits_for(exchange, "201 Created"));
}

TEST_F(Http, a_head_that_never_ends_is_closed_by_its_deadline) {
  const Instant began = rig_.world->now();
  const auto exchange = rig_.send({"GET /v1/health HTTP/1.1\r\nX: "}, 200s);
  ASSERT_TRUE(rig_.run_until([&] { return exchange->ended; }));
  EXPECT_LE(rig_.world->now() - began, 40s);
}

TEST_F(Http, a_body_that_never_comes_is_given_up_by_the_deadline_of_the_request) {
  const auto exchange =
      rig_.send({"POST " + kCreate + "?timeout_ms=2000 HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nx"}, 200s);
  const Instant began = rig_.world->now();
  ASSERT_TRUE(rig_.run_until([&] { return exchange->ended; }));
  EXPECT_LE(rig_.world->now() - began, 10s);
  EXPECT_EQ(cp::Store(rig_.core).health().value().checkpoints, 0U);
}

TEST_F(Http, a_store_that_does_not_answer_ends_the_request_by_its_deadline) {
  rig_.surroundings->held = true;
  const Instant began = rig_.world->now();
  const auto exchange = rig_.send({get("/v1/health?timeout_ms=3000", kClose)});
  ASSERT_TRUE(waits_for(exchange, "503 Service Unavailable"));
  EXPECT_TRUE(exchange->answer.contains("urn:chronik:timed_out"));
  EXPECT_LE(rig_.world->now() - began, 4s);
  // What is not the store's goes on.
  EXPECT_TRUE(rig_.ask(get("/health", kClose)).contains("200 OK"));
  rig_.surroundings->held = false;
  EXPECT_TRUE(rig_.ask(get("/v1/health", kClose)).contains("200 OK"));
}

TEST_F(Http, lengthy_operations_are_few_at_a_time_and_others_go_on) {
  ASSERT_TRUE(rig_.ask(get("/v1/health", kClose)).contains("200 OK"));
  rig_.surroundings->held = true;
  std::vector<HttpRig::ExchangePtr> slow;
  for (int i = 0; i < 8; ++i) slow.push_back(rig_.send({post("/v1/verify?timeout_ms=1000", "", kClose)}));
  ASSERT_TRUE(rig_.run_until([&] { return rig_.surroundings->jobs() == 8; }));
  EXPECT_TRUE(rig_.ask(post("/v1/sessions/s/verify", "", kClose)).contains("urn:chronik:overloaded"));
  // Their clients have left, the work has not: it still counts.
  for (const auto& one : slow) ASSERT_TRUE(rig_.run_until([&] { return one->ended; }));
  EXPECT_TRUE(rig_.ask(post("/v1/sessions/s/verify", "", kClose)).contains("urn:chronik:overloaded"));
  rig_.surroundings->held = false;
  ASSERT_TRUE(rig_.run_until([&] { return rig_.surroundings->jobs() == 0; }));
  EXPECT_TRUE(rig_.ask(post("/v1/sessions/s/verify", "", kClose)).contains("200 OK"));
}

TEST_F(Http, bodies_beyond_the_memory_wait_and_then_are_refused) {
  const std::string large = std::to_string(60U << 20);
  const std::string head =
      "POST " + kCreate + "?timeout_ms=20000 HTTP/1.1\r\nHost: h\r\nContent-Length: " + large + "\r\n\r\n";
  std::vector<HttpRig::ExchangePtr> holders;
  for (int i = 0; i < 4; ++i) holders.push_back(rig_.send({head}));
  rig_.pass(1s);
  const auto late =
      rig_.send({"POST " + kCreate + "?timeout_ms=5000 HTTP/1.1\r\nHost: h\r\nContent-Length: " + large + "\r\n\r\n"});
  ASSERT_TRUE(waits_for(late, "urn:chronik:overloaded"));
  for (const auto& one : holders) ASSERT_TRUE(rig_.run_until([&] { return one->ended; }));
  EXPECT_TRUE(rig_.ask(post(kCreate, "x", kClose)).contains("201 Created"));
}

TEST_F(Http, no_connection_beyond_the_limit_and_room_again_once_some_have_left) {
  std::vector<HttpRig::ExchangePtr> idle;
  for (int i = 0; i < 256; ++i) idle.push_back(rig_.send({"G"}, 20s));
  ASSERT_TRUE(rig_.run_until([&] { return idle.back()->stream != nullptr; }));
  EXPECT_EQ(rig_.ask(get("/health", kClose)), "");
  for (const auto& one : idle) ASSERT_TRUE(rig_.run_until([&] { return one->ended; }));
  EXPECT_TRUE(rig_.ask(get("/health", kClose)).contains("200 OK"));
}

const std::string kFollow = get("/v1/events?session=s",
                                "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: "
                                "13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n");

TEST_F(Http, a_follower_that_says_nothing_is_asked_and_then_left) {
  const auto follower = rig_.send({kFollow});
  // The example of RFC 6455, 1.3.
  ASSERT_TRUE(waits_for(follower, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
  ASSERT_TRUE(waits_for(follower, R"("kind":"created")"));
  const Instant began = rig_.world->now();
  ASSERT_TRUE(waits_for(follower, std::string("\x89\x00", 2)));  // a ping
  ASSERT_TRUE(rig_.run_until([&] { return follower->ended; }));
  EXPECT_LE(rig_.world->now() - began, 100s);
}

TEST_F(Http, a_follower_that_sends_no_frames_is_left_and_one_whose_session_goes_is_told) {
  const auto liar = rig_.send({kFollow, std::string("\xff\xff\xff\xff", 4)});
  ASSERT_TRUE(rig_.run_until([&] { return liar->ended; }, 30s));
  const auto follower = rig_.send({kFollow});
  ASSERT_TRUE(waits_for(follower, R"("kind":"created")"));
  ASSERT_TRUE(rig_.ask("DELETE /v1/sessions/s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").contains("204"));
  ASSERT_TRUE(waits_for(follower, "not found"));
}

TEST_F(Http, an_export_that_nobody_reads_ends) {
  const cp::Session session = cp::Store(rig_.core).session("s").value();
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(session.create(std::string(1 << 20, static_cast<char>('a' + i % 26))));
  const auto reader = rig_.send({get("/v1/sessions/s/export", kClose)});
  ASSERT_TRUE(waits_for(reader, "\"end\":true"));
  EXPECT_TRUE(reader->answer.ends_with("\r\n0\r\n\r\n"));
  // One that leaves in the middle: the thread is let go.
  const auto leaver = rig_.send({get("/v1/sessions/s/export", kClose)});
  ASSERT_TRUE(rig_.run_until([&] { return leaver->answer.size() > 300'000; }));
  leaver->stream->close();
  EXPECT_TRUE(rig_.ask(post("/v1/verify", "", kClose)).contains("200 OK"));
  EXPECT_EQ(rig_.surroundings->jobs(), 0U);
}

TEST(WebSocket, a_client_that_pings_and_does_not_read_is_seen) {
  WebSocket socket;
  std::string pings;
  for (int i = 0; i < 1000; ++i) pings += std::string("\x89\x81\x00\x00\x00\x00x", 7);
  std::size_t queued = 0;
  for (int i = 0; i < 20 && socket.feed(pings); ++i) queued = socket.queued_bytes();
  EXPECT_GT(queued, 256U << 10);
}

}  // namespace
}  // namespace chronik::admin
