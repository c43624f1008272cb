// The conformance kit on the memory backend.
#include "checkpoint/conformance_basic_for_test.h"
#include "checkpoint/conformance_operations_for_test.h"
#include "checkpoint/conformance_threads_for_test.h"
#include "checkpoint/conformance_timeline_for_test.h"
#include "checkpoint/core.h"
#include "checkpoint/memory_backend.h"
#include "embedded/test_machine.h"

namespace chronik::checkpoint {
namespace {

class MemoryPlace final : public kit::Place {
 public:
  using Place::open;
  Store open(const Options& options) override {
    return Store(std::make_shared<Core>(machine_, options, make_memory_backend(options)));
  }
  void advance(Duration span) override { machine_->advance(span); }
  Time now() override { return machine_->now(); }

 private:
  std::shared_ptr<embedded::TestMachine> machine_ = std::make_shared<embedded::TestMachine>();
};

std::unique_ptr<kit::Place> make_place() {
  return std::make_unique<MemoryPlace>();
}

const bool basic = kit::register_cases("Memory", kit::kBasicCases, make_place);
const bool operations = kit::register_cases("Memory", kit::kOperationCases, make_place);
const bool timeline = kit::register_cases("Memory", kit::kTimelineCases, make_place);
const bool threads = kit::register_cases("Memory", kit::kThreadCases, make_place);

TEST(Memory, opens_without_more_than_the_public_header) {
  const Store store = Store::in_memory().value();
  const Session session = store.open_session("agent-7").value();
  const Checkpoint saved =
      session.create(R"({"step":1})", {.message = "planned", .content_type = "application/json"}).value();
  EXPECT_EQ(session.restore(saved.id).value().payload, R"({"step":1})");
}

}  // namespace
}  // namespace chronik::checkpoint
