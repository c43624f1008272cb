// The checkpoint store over HTTP: /v1/ and /openapi.json (docs/http-api.md). The store's calls may block, so they run
// on threads of their own; a request waits for them on the loop, with its deadline, and is bounded in memory.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "admin/checkpoints/loop_gate.h"
#include "admin/checkpoints/routes.h"
#include "checkpoint/core.h"
#include "task/budget.h"
#include "task/event.h"

namespace chronik::admin {

class CheckpointApi {
 public:
  /// Opens the store, on a thread that may block; asked again after a failure.
  using Open = std::function<cp::Result<std::shared_ptr<cp::Core>>()>;

  CheckpointApi(task::Context& context, std::shared_ptr<cp::Surroundings> world, Open open);
  ~CheckpointApi() { gate_->close(); }
  CheckpointApi(const CheckpointApi&) = delete;
  CheckpointApi& operator=(const CheckpointApi&) = delete;
  /// At a loop-back address no other host name may be used to ask: a page could have made one up (DNS rebinding).
  void listens_at(const env::Address& address);

  /// Whether it is for us.
  static bool serves(const HttpRequest& request);
  /// Answers one request. False: the connection is to be closed.
  task::Task<bool> serve(HttpConnection& connection, HttpRequest request);
  /// Says good-bye to followers; ends the store, if it was opened, after what is being written.
  task::Task<void> close(Deadline until);

  struct Follower;
  using CorePtr = std::shared_ptr<cp::Core>;
  /// Events as they are, and what is set when there may be more.
  struct Watched {
    std::shared_ptr<cp::Latch> changed;
    cp::EventPage page;
  };
  static cp::Result<Watched> read_watched(cp::Core& core, const cp::Session& session, std::uint64_t from,
                                          std::size_t limit);

 private:
  static constexpr int kJobsMax = 512;

  /// Runs `work` (returning cp::Result<T>) where it may block. A deadline ends the wait, not the work.
  template <class T, class Work>
  task::Task<cp::Result<T>> offload(const char* what, Deadline until, Work work);
  task::Task<cp::Result<CorePtr>> core(Deadline until);
  task::Task<void> open_now();
  /// Waits until the latch is set, or the deadline; false then.
  task::Task<bool> wait(const char* what, std::shared_ptr<cp::Latch> latch, Deadline until);

  // api.cc
  void show_metrics();
  std::optional<Reply> decode(const HttpRequest& request, Call& call, const Route*& route) const;
  bool foreign(const HttpRequest& request) const;
  task::Task<Reply> answer(HttpConnection& connection, const Route& route, std::shared_ptr<Call> call, Deadline until);
  task::Task<cp::Status> read_body(HttpConnection& connection, const Route& route, Call& call, Deadline until);
  /// Room in a budget, which the call then holds.
  static task::Task<cp::Status> charge(Call& call, task::Budget& budget, std::uint64_t amount, Deadline until);
  task::Task<cp::Result<Reply>> create(const CorePtr& core, std::shared_ptr<Call> call, Deadline until);
  task::Task<cp::Result<Reply>> payload(const CorePtr& core, std::shared_ptr<Call> call, Deadline until);
  task::Task<cp::Result<Reply>> diff(const CorePtr& core, std::shared_ptr<Call> call, Deadline until);
  task::Task<cp::Result<Reply>> events(const CorePtr& core, std::shared_ptr<Call> call, Deadline until);
  // transfer.cc
  task::Task<bool> exports(HttpConnection& connection, std::shared_ptr<Call> call, Deadline until);
  task::Task<bool> imports(HttpConnection& connection, std::shared_ptr<Call> call, Deadline until);
  // event_stream.cc
  task::Task<bool> stream(HttpConnection& connection, std::shared_ptr<Call> call);
  task::Task<void> follow(CorePtr core, std::shared_ptr<Call> call, std::uint64_t from,
                          std::shared_ptr<Follower> follower);

  task::Context& context_;
  const std::shared_ptr<cp::Surroundings> world_;
  const Open open_;
  CorePtr core_;                                                                                        // once opened
  const std::shared_ptr<std::weak_ptr<cp::Core>> shown_ = std::make_shared<std::weak_ptr<cp::Core>>();  // by metrics
  std::optional<cp::Error> open_error_;  // of the last try
  bool opening_ = false;
  bool closed_ = false;
  task::Event opened_;
  std::vector<Follower*> followers_;
  task::Event left_;  // a follower
  task::Budget bodies_;
  task::Budget transfers_;  // exports and imports at a time, by their number
  bool loop_back_ = false;
  std::string host_;
  // At work, waited for or not.
  std::shared_ptr<std::atomic<int>> jobs_ = std::make_shared<std::atomic<int>>(0);
  std::shared_ptr<std::atomic<int>> lengthy_ = std::make_shared<std::atomic<int>>(0);
  const std::shared_ptr<LoopGate> gate_;
};

template <class T, class Work>
task::Task<cp::Result<T>> CheckpointApi::offload(const char* what, Deadline until, Work work) {
  if (jobs_->load() >= kJobsMax) co_return cp::fail(cp::Errc::overloaded, "too much is being worked on; try again");
  jobs_->fetch_add(1);
  task::Operation<cp::Result<T>> operation(context_, what, until);
  world_->run([gate = gate_, jobs = jobs_, done = operation.callback(), work = std::move(work)]() mutable {
    cp::Result<T> result = work();
    jobs->fetch_sub(1);
    // What the work held is given back on the loop, too.
    gate->post([done = std::move(done), result = std::move(result), spent = std::move(work)]() mutable {
      done(std::move(result));
    });
  });
  auto result = co_await operation;
  if (!result) co_return cp::fail(cp::Errc::timed_out, "no answer in time; a write may still take effect");
  co_return *std::move(result);
}

}  // namespace chronik::admin
