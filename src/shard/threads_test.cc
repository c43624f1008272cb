// The same on real loops, one thread each: for ThreadSanitizer, and against lost wake-ups.
#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "env/real/host.h"
#include "shard/shard.h"

namespace chronik::shard {
namespace {

class Loops {
 public:
  explicit Loops(std::size_t count)
      : host_(env::Host::create({count, env::DiskBackend::thread_pool}).value()), set_(envs(*host_)) {}
  ~Loops() {
    host_->stop();
    if (thread_.joinable()) thread_.join();
    set_.stop();
  }
  Loops(const Loops&) = delete;
  Loops& operator=(const Loops&) = delete;

  Shard& operator[](std::size_t i) { return set_.at(i); }
  ShardSet& set() { return set_; }
  std::size_t size() const { return set_.size(); }
  /// Before run(), from this thread.
  void run() {
    thread_ = std::thread([this] { host_->run(); });
  }

 private:
  static std::vector<env::Env*> envs(env::Host& host) {
    std::vector<env::Env*> all;
    for (std::size_t i = 0; i < host.size(); ++i) all.push_back(&host.env(i));
    return all;
  }
  std::unique_ptr<env::Host> host_;
  ShardSet set_;
  std::thread thread_;
};

struct Tally {
  std::atomic<int> callers{0};
  std::atomic<std::uint64_t> answers{0};
  std::atomic<std::uint64_t> failures{0};
  std::promise<void> all_done;
};

task::Task<Result<std::string>> reply(Shard& shard, Buffer sent) {
  co_return std::string(as_text(sent.span())) + std::to_string(shard.id().value());
}

task::Task<void> caller(Loops& loops, std::size_t from, int calls, int callers, Tally& tally) {
  Shard& here = loops[from];
  for (int i = 0; i < calls; ++i) {
    Shard& there = loops[(from + 1 + static_cast<std::size_t>(i)) % loops.size()];
    auto body = [sent = Buffer::copy_of(as_bytes("question"))](Shard& shard) { return reply(shard, sent); };
    const auto answer = co_await call(here, there, "t", here.context().after(30s), std::move(body));
    const bool right = answer && *answer == "question" + std::to_string(there.id().value());
    ++(right ? tally.answers : tally.failures);
  }
  if (++tally.callers == callers) tally.all_done.set_value();
}

void everyone_calls_everyone(std::size_t shards, int callers_each, int calls) {
  Tally tally;
  Loops loops(shards);
  const int callers = callers_each * static_cast<int>(shards);
  for (std::size_t s = 0; s < shards; ++s) {
    for (int i = 0; i < callers_each; ++i) {
      loops[s].context().env().loop.post_remote([&loops, &tally, s, calls, callers] {
        loops[s].context().spawn("t", caller(loops, s, calls, callers, tally));
      });
    }
  }
  loops.run();
  ASSERT_EQ(tally.all_done.get_future().wait_for(std::chrono::seconds(60)), std::future_status::ready)
      << tally.answers << " answers: a wake-up was lost";
  EXPECT_EQ(tally.answers, static_cast<std::uint64_t>(callers) * static_cast<std::uint64_t>(calls));
  EXPECT_EQ(tally.failures, 0U);
}

TEST(Threads, a_lone_caller_is_answered_every_time) {
  everyone_calls_everyone(2, 1, 5000);
}
TEST(Threads, many_callers_on_three_loops_are_all_answered) {
  everyone_calls_everyone(3, 40, 100);
}
TEST(Threads, more_callers_than_the_rings_hold_are_all_answered) {
  everyone_calls_everyone(4, 1500, 3);
}

task::Task<void> flood(Loops& loops, int messages, std::atomic<int>& arrived, std::promise<Status>& done) {
  for (int i = 0; i < messages; ++i) {
    Status status =
        co_await loops.set().send(loops[0], loops[1], [&arrived] { ++arrived; }, loops[0].context().after(30s));
    if (!status) {
      done.set_value(std::move(status));
      co_return;
    }
  }
  done.set_value(Status{});
}

TEST(Threads, a_sender_faster_than_the_receiver_loses_nothing) {
  std::atomic<int> arrived{0};
  std::promise<Status> done;
  constexpr int kMessages = 50'000;
  {
    Loops loops(2);
    loops[0].context().env().loop.post_remote(
        [&] { loops[0].context().spawn("t", flood(loops, kMessages, arrived, done)); });
    loops.run();
    auto ended = done.get_future();
    ASSERT_EQ(ended.wait_for(std::chrono::seconds(60)), std::future_status::ready);
    EXPECT_TRUE(ended.get());
    // A message behind all others: when it has run, so have they.
    std::promise<void> last;
    loops[0].context().env().loop.post_remote([&] {
      loops[0].context().spawn("t", [](Loops& l, std::promise<void>& p) -> task::Task<void> {
        (void)co_await l.set().send(l[0], l[1], [&p] { p.set_value(); }, l[0].context().after(30s));
      }(loops, last));
    });
    ASSERT_EQ(last.get_future().wait_for(std::chrono::seconds(60)), std::future_status::ready);
  }
  EXPECT_EQ(arrived, kMessages);
}

TEST(Threads, calls_whose_deadline_passed_and_late_answers_race_without_harm) {
  Tally tally;
  Loops loops(2);
  constexpr int kCallers = 200;
  auto hasty = [](Loops& l, Tally& t) -> task::Task<void> {
    auto body = [](Shard& shard) -> task::Task<Result<Buffer>> {
      co_await task::sleep_until(shard.context(), "t", shard.context().after(1ms));
      co_return Buffer::copy_of(as_bytes("late or not"));
    };
    const auto answer = co_await call(l[0], l[1], "t", l[0].context().after(1ms), std::move(body));
    ++(answer ? t.answers : t.failures);
    if (++t.callers == kCallers) t.all_done.set_value();
  };
  loops[0].context().env().loop.post_remote([&] {
    for (int i = 0; i < kCallers; ++i) loops[0].context().spawn("t", hasty(loops, tally));
  });
  loops.run();
  ASSERT_EQ(tally.all_done.get_future().wait_for(std::chrono::seconds(60)), std::future_status::ready);
  EXPECT_EQ(tally.answers + tally.failures, 200U);
}

}  // namespace
}  // namespace chronik::shard
