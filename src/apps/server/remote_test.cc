// The conformance kit over HTTP: a server of this process on the real loop and network, its store in memory or on the
// log, and Store::connect in front; what a lost server looks like.
#include <filesystem>
#include <fstream>

#include "admin/admin.h"
#include "admin/checkpoints/api.h"
#include "checkpoint/conformance_basic_for_test.h"
#include "checkpoint/conformance_operations_for_test.h"
#include "checkpoint/conformance_threads_for_test.h"
#include "checkpoint/conformance_timeline_for_test.h"
#include "checkpoint/log_backend.h"
#include "checkpoint/memory_backend.h"
#include "embedded/loop_thread.h"
#include "embedded/test_directory.h"
#include "embedded/test_machine.h"

namespace chronik {
namespace {

namespace cp = checkpoint;

class NoBroker final : public admin::Source {
 public:
  task::Task<admin::Health> health(Deadline) override { co_return admin::Health{true, {}}; }
  task::Task<std::vector<admin::ShardReport>> report(Deadline) override { co_return std::vector<admin::ShardReport>(); }
};

/// The admin face of a server, on a loop of its own.
class TestServer {
 public:
  TestServer(std::shared_ptr<cp::Surroundings> machine, admin::CheckpointApi::Open open)
      : loop_(embedded::LoopThread::start().value()) {
    const auto started = std::make_shared<cp::Latch>();
    loop_->env().loop.post_remote([this, machine, open, started] {
      context_ = std::make_unique<task::Context>(loop_->env());
      api_ = std::make_unique<admin::CheckpointApi>(*context_, machine, open);
      server_ = std::make_unique<admin::AdminServer>(*context_, source_, api_.get());
      CHECK(server_->start({"127.0.0.1", 0}));
      started->set();
    });
    CHECK(started->wait_for(100s));
  }
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;
  ~TestServer() {
    const auto closed = std::make_shared<cp::Latch>();
    loop_->env().loop.post_remote([this, closed] { context_->spawn("test.close", close(closed)); });
    CHECK(closed->wait_for(100s));
    const auto ended = std::make_shared<cp::Latch>();
    loop_->env().loop.post_remote([this, ended] {
      server_->stop();
      context_->stop();
      server_.reset();
      api_.reset();
      context_.reset();
      ended->set();
    });
    CHECK(ended->wait_for(100s));
  }
  std::string url() const { return "http://" + server_->listening().to_string(); }

 private:
  task::Task<void> close(std::shared_ptr<cp::Latch> closed) {
    co_await api_->close(context_->after(90s));
    closed->set();
  }
  std::shared_ptr<embedded::LoopThread> loop_;
  NoBroker source_;
  std::unique_ptr<task::Context> context_;
  std::unique_ptr<admin::CheckpointApi> api_;
  std::unique_ptr<admin::AdminServer> server_;
};

class HttpPlace final : public cp::kit::Place {
 public:
  explicit HttpPlace(bool on_disk) : on_disk_(on_disk) {}
  using Place::open;
  cp::Store open(const cp::Options& given) override {
    cp::Options options = given;
    options.stall_deadline = options.timeout = 100s;  // a busy disk is no failure here
    server_.reset();
    server_ = std::make_unique<TestServer>(machine_, [this, options]() -> cp::Result<std::shared_ptr<cp::Core>> {
      if (!on_disk_) return std::make_shared<cp::Core>(machine_, options, cp::make_memory_backend(options));
      TRY(auto backend,
          cp::open_log_backend(directory_.path("store"), options, machine_, embedded::LoopThread::start().value()));
      return std::make_shared<cp::Core>(machine_, options, std::move(backend));
    });
    return cp::Store::connect(server_->url(), options).value();
  }
  void advance(Duration span) override { machine_->advance(span); }
  cp::Time now() override { return machine_->now(); }
  bool tells_progress() const override { return false; }
  void shut() { server_.reset(); }
  std::string directory() const { return directory_.path("store"); }

 private:
  const bool on_disk_;
  embedded::TestDirectory directory_;
  std::shared_ptr<embedded::TestMachine> machine_ = std::make_shared<embedded::TestMachine>();
  std::unique_ptr<TestServer> server_;
};

std::unique_ptr<cp::kit::Place> in_memory() {
  return std::make_unique<HttpPlace>(false);
}
std::unique_ptr<cp::kit::Place> on_disk() {
  return std::make_unique<HttpPlace>(true);
}

const bool memory_basic = cp::kit::register_cases("HttpMemory", cp::kit::kBasicCases, in_memory);
const bool memory_operations = cp::kit::register_cases("HttpMemory", cp::kit::kOperationCases, in_memory);
const bool memory_timeline = cp::kit::register_cases("HttpMemory", cp::kit::kTimelineCases, in_memory);
const bool basic = cp::kit::register_cases("HttpLog", cp::kit::kBasicCases, on_disk);
const bool persistent = cp::kit::register_cases("HttpLog", cp::kit::kPersistentCases, on_disk);
const bool operations = cp::kit::register_cases("HttpLog", cp::kit::kOperationCases, on_disk);
const bool timeline = cp::kit::register_cases("HttpLog", cp::kit::kTimelineCases, on_disk);
const bool threads = cp::kit::register_cases("HttpLog", cp::kit::kThreadCases, on_disk);

TEST(Remote, an_address_that_is_none_and_a_server_that_is_not_there) {
  EXPECT_EQ(cp::kit::code_of(cp::Store::connect("127.0.0.1:6092")), cp::Errc::invalid_argument);
  std::string url;
  const auto machine = std::make_shared<embedded::TestMachine>();
  const auto open = [machine]() -> cp::Result<std::shared_ptr<cp::Core>> {
    return std::make_shared<cp::Core>(machine, cp::Options(), cp::make_memory_backend({}));
  };
  auto server = std::make_unique<TestServer>(machine, open);
  url = server->url();
  const cp::Store store = cp::Store::connect(url + "/").value();
  const cp::Session session = store.create_session("s").value();
  server.reset();
  const auto lost = session.create("x");
  ASSERT_FALSE(lost);
  EXPECT_TRUE(lost.error().code == cp::Errc::closed || lost.error().code == cp::Errc::timed_out)
      << lost.error().message();
  const auto gone = cp::Store::connect(url);
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, cp::Errc::closed);
  EXPECT_TRUE(gone.error().detail.contains(url)) << gone.error().detail;
}

TEST(Remote, what_a_server_finds_by_itself_is_told_to_its_clients) {
  HttpPlace place(true);
  std::string damaged;
  {
    const cp::Store store = place.open();
    const cp::Session session = cp::kit::new_session(store);
    for (std::uint64_t i = 0; i < 8; ++i) cp::kit::save(session, cp::kit::noise(3000, i));
  }
  place.shut();
  for (const auto& entry : std::filesystem::directory_iterator(place.directory())) {
    if (entry.path().filename().string().starts_with("pack-")) damaged = entry.path();
  }
  {
    std::fstream file(damaged, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(7000);
    file.put('!');
  }
  cp::Options options;
  options.scrub_every = 1ms;
  const cp::Store store = place.open(options);
  cp::Health health;
  const Instant end = env::monotonic_clock_now() + 60s;
  while (health.scrubs == 0 && env::monotonic_clock_now() < end) health = store.health().value();
  ASSERT_GT(health.scrubs, 0U);
  EXPECT_EQ(health.scrub_problems, 2U);  // the checkpoint's, and the pack's own
  EXPECT_NE(health.scrubbed_at, cp::Time());
  const cp::VerifyReport report = store.scrub_report().value();
  ASSERT_EQ(report.problems.size(), 2U);
  EXPECT_EQ(report.problems[0].session, "s");
  EXPECT_TRUE(report.problems[0].what.contains("pack-")) << report.problems[0].what;
  EXPECT_EQ(report.checkpoints, 8U);
  EXPECT_EQ(cp::kit::save(store.session("s").value(), "goes on").sequence, 9U);
}

}  // namespace
}  // namespace chronik
