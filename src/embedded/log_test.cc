// The conformance kit on the log, on the real disk; a second process at the door; the size of what is stored.
#include <filesystem>
#include <fstream>

#include "checkpoint/conformance_basic_for_test.h"
#include "checkpoint/conformance_operations_for_test.h"
#include "checkpoint/conformance_threads_for_test.h"
#include "checkpoint/conformance_timeline_for_test.h"
#include "checkpoint/core.h"
#include "checkpoint/log_backend.h"
#include "embedded/loop_thread.h"
#include "embedded/test_directory.h"
#include "embedded/test_machine.h"
#include "embedded/test_options.h"

namespace chronik::checkpoint {
namespace {

using embedded::patient;

class LogPlace final : public kit::Place {
 public:
  explicit LogPlace(std::string key = {}) : key_(std::move(key)) {}
  using Place::open;
  Store open(const Options& given) override {
    Options options = patient(given);
    options.key = key_;
    if (store_) EXPECT_TRUE(store_->close());
    store_.reset();
    auto backend = open_log_backend(directory_.path("store"), options, machine_, embedded::LoopThread::start().value());
    EXPECT_TRUE(backend) << backend.error().message();
    store_.emplace(std::make_shared<Core>(machine_, options, *std::move(backend)));
    return *store_;
  }
  void advance(Duration span) override { machine_->advance(span); }
  Time now() override { return machine_->now(); }

 private:
  const std::string key_;
  embedded::TestDirectory directory_;
  std::shared_ptr<embedded::TestMachine> machine_ = std::make_shared<embedded::TestMachine>();
  std::optional<Store> store_;
};

std::unique_ptr<kit::Place> make_place() {
  return std::make_unique<LogPlace>();
}

std::unique_ptr<kit::Place> make_encrypted_place() {
  return std::make_unique<LogPlace>(std::string(32, 'k'));
}

const bool basic = kit::register_cases("Log", kit::kBasicCases, make_place);
const bool persistent = kit::register_cases("Log", kit::kPersistentCases, make_place);
const bool operations = kit::register_cases("Log", kit::kOperationCases, make_place);
const bool timeline = kit::register_cases("Log", kit::kTimelineCases, make_place);
const bool threads = kit::register_cases("Log", kit::kThreadCases, make_place);
const bool threads_encrypted = kit::register_cases("EncryptedLog", kit::kThreadCases, make_encrypted_place);

std::uint64_t bytes_under(const std::string& directory) {
  std::uint64_t bytes = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    if (entry.is_regular_file()) bytes += entry.file_size();
  }
  return bytes;
}

TEST(Log, a_directory_has_one_process_and_names_it) {
  const embedded::TestDirectory directory;
  const Store store = Store::open(directory.path("store"), patient()).value();
  const auto second = Store::open(directory.path("store"), patient());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::in_use);
  EXPECT_TRUE(second.error().detail.contains("process " + std::to_string(env::process_id()))) << second.error().detail;
  EXPECT_TRUE(second.error().detail.contains("SQLite"));
  ASSERT_TRUE(store.close());
  EXPECT_TRUE(Store::open(directory.path("store"), patient()));
}

TEST(Log, a_state_that_changes_little_costs_little) {
  const embedded::TestDirectory directory;
  std::string state = kit::noise(400'000, 1);
  {
    const Store store = Store::open(directory.path("store"), patient()).value();
    const Session session = kit::new_session(store);
    for (std::uint64_t step = 0; step < 500; ++step) {
      state.replace((step * 7919) % 390'000, 1000, kit::noise(1000, 1000 + step));
      state += kit::noise(20, step);
      (void)session.create_async(state).value();
    }
    ASSERT_TRUE(store.close());
  }
  EXPECT_LT(bytes_under(directory.path("store")), 5'000'000U);
  const Store store = Store::open(directory.path("store"), patient()).value();
  const Session session = store.session("s").value();
  EXPECT_TRUE(session.payload(session.latest().value().id).value() == state);
  EXPECT_EQ(session.describe().value().last_sequence, 500U);
}

/// Three sessions in an encrypted store, closed.
std::vector<std::string> make_encrypted(const std::string& directory, const Options& options) {
  const Store store = Store::open(directory, options).value();
  for (const char* name : {"s0", "s1", "s2"}) kit::save(kit::new_session(store, name), kit::noise(5000, 1));
  EXPECT_TRUE(store.close());
  return {"s0", "s1", "s2"};
}

TEST(EncryptedLog, bytes_behind_the_end_of_its_files_of_keys_are_no_harm) {
  const embedded::TestDirectory directory;
  Options options = patient();
  options.key = std::string(32, 'k');
  const auto names = make_encrypted(directory.path("store"), options);
  for (const char* file : {"keys-a", "keys-b"}) {
    std::ofstream(directory.path("store") + "/" + file, std::ios::app | std::ios::binary) << "torn";
  }
  for (int round = 0; round < 3; ++round) {
    const Store store = Store::open(directory.path("store"), options).value();
    for (const std::string& name : names) EXPECT_TRUE(store.session(name).value().at_sequence(1));
    kit::save(kit::new_session(store, "more" + std::to_string(round)), "x");
    kit::expect_sound(store);
    ASSERT_TRUE(store.close());
  }
}

TEST(EncryptedLog, a_file_of_keys_of_another_store_or_of_another_time_is_mended_not_believed) {
  const embedded::TestDirectory directory;
  Options options = patient();
  options.key = std::string(32, 'k');
  const std::string here = directory.path("store");
  const auto names = make_encrypted(here, options);
  make_encrypted(directory.path("other"), options);
  const auto over = std::filesystem::copy_options::overwrite_existing;
  const auto check = [&](const std::vector<std::string>& wanted) {
    const Store store = Store::open(here, options).value();
    for (const std::string& name : wanted) {
      const Session session = store.session(name).value();
      EXPECT_TRUE(session.payload(session.latest().value().id).value() == kit::noise(5000, 1)) << name;
    }
    kit::expect_sound(store);
    EXPECT_TRUE(store.close());
  };
  for (const char* file : {"/keys-a", "/keys-b"}) {
    std::filesystem::copy_file(directory.path("other") + file, here + file, over);
    check(names);
  }
  for (const char* file : {"/keys-a", "/keys-b"}) {
    SCOPED_TRACE(file);
    std::filesystem::copy_file(here + file, directory.path("old"), over);
    const std::string name = "s" + std::string(file).substr(6);
    {
      const Store store = Store::open(here, options).value();
      kit::save(kit::new_session(store, name), "x");
      ASSERT_TRUE(store.delete_session(name));
      kit::save(kit::new_session(store, name + " again"), kit::noise(5000, 1));
      ASSERT_TRUE(store.close());
    }
    std::filesystem::copy_file(directory.path("old"), here + file, over);
    check({"s0", "s1", "s2", name + " again"});
  }
  // Both of another store: that is said, and nothing is written.
  for (const char* file : {"/keys-a", "/keys-b"}) {
    std::filesystem::copy_file(here + file, directory.path("right") + std::string(file).substr(1), over);
    std::filesystem::copy_file(directory.path("other") + file, here + file, over);
  }
  const auto refused = Store::open(here, options);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::wrong_key);
  EXPECT_TRUE(refused.error().detail.contains("another store")) << refused.error().detail;
  for (const char* file : {"/keys-a", "/keys-b"}) {
    std::filesystem::copy_file(directory.path("right") + std::string(file).substr(1), here + file, over);
  }
  check(names);
}

TEST(Log, pruning_gives_the_bytes_back) {
  const embedded::TestDirectory directory;
  const Store store = Store::open(directory.path("store"), patient()).value();
  const Session session = kit::new_session(store);
  for (std::uint64_t i = 0; i < 199; ++i) (void)session.create_async(kit::noise(50'000, i)).value();
  kit::save(session, kit::noise(50'000, 199));
  const auto report = session.prune({.keep_last = 2});
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->deleted, 198U);
  EXPECT_GT(report->bytes_returned, 9'000'000U);
  EXPECT_TRUE(session.payload(session.latest().value().id).value() == kit::noise(50'000, 199));
  ASSERT_TRUE(store.close());
  EXPECT_LT(bytes_under(directory.path("store")), 300'000U);
}

}  // namespace
}  // namespace chronik::checkpoint
