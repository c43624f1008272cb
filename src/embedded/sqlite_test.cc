// The conformance kit on SQLite; two processes on one file; damaged and foreign files.
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "checkpoint/conformance_basic_for_test.h"
#include "checkpoint/conformance_operations_for_test.h"
#include "checkpoint/conformance_threads_for_test.h"
#include "checkpoint/conformance_timeline_for_test.h"
#include "checkpoint/core.h"
#include "checkpoint/sqlite.h"
#include "checkpoint/sqlite_backend.h"
#include "embedded/test_directory.h"
#include "embedded/test_machine.h"
#include "embedded/test_options.h"

namespace chronik::checkpoint {
namespace {

using embedded::patient;

class SqlitePlace final : public kit::Place {
 public:
  using Place::open;
  Store open(const Options& given) override {
    const Options options = patient(given);
    if (store_) EXPECT_TRUE(store_->close());
    auto backend = open_sqlite_backend(directory_.path("store.db"), options, machine_);
    EXPECT_TRUE(backend) << backend.error().message();
    store_.emplace(std::make_shared<Core>(machine_, options, *std::move(backend)));
    return *store_;
  }
  void advance(Duration span) override { machine_->advance(span); }
  Time now() override { return machine_->now(); }

 private:
  embedded::TestDirectory directory_;
  std::shared_ptr<embedded::TestMachine> machine_ = std::make_shared<embedded::TestMachine>();
  std::optional<Store> store_;
};

std::unique_ptr<kit::Place> make_place() {
  return std::make_unique<SqlitePlace>();
}

const bool basic = kit::register_cases("Sqlite", kit::kBasicCases, make_place);
const bool persistent = kit::register_cases("Sqlite", kit::kPersistentCases, make_place);
const bool operations = kit::register_cases("Sqlite", kit::kOperationCases, make_place);
const bool timeline = kit::register_cases("Sqlite", kit::kTimelineCases, make_place);
const bool threads = kit::register_cases("Sqlite", kit::kThreadCases, make_place);

constexpr int kRounds = 40;

/// One of the processes: appends behind what it saw, and counts how often it was too late.
void fight(const std::string& path, const std::string& who) {
  const Store store = Store::sqlite(path, patient()).value();
  const Session session = store.open_session("s").value();
  int conflicts = 0;
  for (int won = 0; won < kRounds;) {
    const auto head = session.latest("main");
    const auto c = session.create(who + std::to_string(won), {.expected_parent = head ? head->id : CheckpointId{}});
    if (c) {
      ++won;
    } else {
      ASSERT_EQ(c.error().code, Errc::conflict) << c.error().message();
      ++conflicts;
    }
    kit::save(session, who, {.branch = who});
  }
  std::ofstream(path + "." + who) << conflicts;
}

TEST(SqliteProcesses, two_processes_lose_and_double_nothing) {
  if (const char* path = std::getenv("CHRONIK_TEST_FIGHT")) return fight(path, std::getenv("CHRONIK_TEST_WHO"));
  const embedded::TestDirectory directory;
  const std::string path = directory.path("store.db");
  const std::string self = std::filesystem::read_symlink("/proc/self/exe");
  const auto child = [&](const std::string& who) {
    return "CHRONIK_TEST_FIGHT='" + path + "' CHRONIK_TEST_WHO=" + who + " '" + self +
           "' --gtest_filter=SqliteProcesses.two_processes_lose_and_double_nothing >'" + path + ".log." + who +
           "' 2>&1";
  };
  const std::string both = "(" + child("a") + ") & first=$!; (" + child("b") + ") || exit 1; wait $first";
  const int ended = std::system(both.c_str());  // NOLINT(concurrency-mt-unsafe): no thread runs yet
  ASSERT_EQ(ended, 0) << std::ifstream(path + ".log.a").rdbuf() << std::ifstream(path + ".log.b").rdbuf();

  const Store store = Store::sqlite(path, patient()).value();
  const Session session = store.session("s").value();
  const SessionInfo info = session.describe().value();
  std::uint64_t next = 1;
  std::uint64_t of_main = 0;
  Query query{.newest_first = false, .limit = 1000};
  for (const Checkpoint& c : session.list(query).value().checkpoints) {
    EXPECT_EQ(c.sequence, next++);
    of_main += c.branch == "main" ? 1 : 0;
  }
  EXPECT_EQ(info.last_sequence, next - 1);
  EXPECT_EQ(of_main, 2U * kRounds);
  kit::expect_sound(store);
}

TEST(Sqlite, changes_without_a_payload_have_a_bound_too) {
  const embedded::TestDirectory directory;
  const std::string path = directory.path("store.db");
  const Store store = Store::sqlite(path, patient({.pending_bytes_max = 8192})).value();
  const Session session = store.open_session("s").value();
  auto other = Database::open(path, std::chrono::seconds(30)).value();
  ASSERT_TRUE(other->run("BEGIN IMMEDIATE"));
  Errc refused = Errc::closed;
  int taken = 0;
  for (; taken < 1000 && refused == Errc::closed; ++taken) {
    const auto pending = session.create_async("", {.timeout = std::chrono::milliseconds(200)});
    if (!pending) refused = pending.error().code;
  }
  EXPECT_EQ(refused, Errc::overloaded);
  EXPECT_LT(taken, 100);
  ASSERT_TRUE(other->run("ROLLBACK"));
}

TEST(Sqlite, refuses_what_is_no_store_of_its_own) {
  const embedded::TestDirectory directory;
  std::ofstream(directory.path("text")) << std::string(5000, 'x');
  EXPECT_EQ(kit::code_of(Store::sqlite(directory.path("text"), patient())), Errc::corrupt);
  auto foreign = Database::open(directory.path("foreign"), std::chrono::seconds(30)).value();
  ASSERT_TRUE(foreign->run("CREATE TABLE t(x)"));
  EXPECT_EQ(kit::code_of(Store::sqlite(directory.path("foreign"), patient())), Errc::invalid_argument);
  EXPECT_EQ(kit::code_of(Store::sqlite(directory.path("no/such/directory"))), Errc::storage_failed);
  {
    ASSERT_TRUE(Store::sqlite(directory.path("newer"), patient()));
  }
  auto newer = Database::open(directory.path("newer"), std::chrono::seconds(30)).value();
  ASSERT_TRUE(newer->run("PRAGMA user_version=2"));
  EXPECT_EQ(kit::code_of(Store::sqlite(directory.path("newer"), patient())), Errc::unsupported);
}

TEST(Sqlite, a_held_lock_ends_in_a_named_error_not_in_a_wait_without_end) {
  const embedded::TestDirectory directory;
  const std::string path = directory.path("store.db");
  {
    const Store store = Store::sqlite(path, patient()).value();
    kit::new_session(store);
    ASSERT_TRUE(store.close());
  }
  Options options;
  options.timeout = std::chrono::milliseconds(200);
  // A slow disk may take longer over what comes before the lock.
  auto store = Store::sqlite(path, options);
  for (int i = 0; i < 500 && !store; ++i) store = Store::sqlite(path, options);
  ASSERT_TRUE(store) << store.error().message();
  auto found = store->session("s");
  for (int i = 0; i < 500 && !found; ++i) found = store->session("s");
  ASSERT_TRUE(found) << found.error().message();
  const Session& session = *found;
  auto other = Database::open(path, std::chrono::seconds(30)).value();
  ASSERT_TRUE(other->run("BEGIN IMMEDIATE"));
  const auto refused = session.create("x");
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().code == Errc::overloaded || refused.error().code == Errc::timed_out)
      << refused.error().message();
  ASSERT_TRUE(other->run("ROLLBACK"));
  EXPECT_TRUE(session.create("y", {.timeout = std::chrono::seconds(100)}));
}

TEST(Sqlite, what_was_changed_behind_its_back_is_found_and_the_rest_stays) {
  const embedded::TestDirectory directory;
  {
    const Store store = Store::sqlite(directory.path("store.db"), patient()).value();
    const Session session = kit::new_session(store);
    for (std::uint64_t i = 0; i < 10; ++i) kit::save(session, kit::noise(3000, i), {.tags = {"t"}});
    ASSERT_TRUE(store.close());
  }
  {
    auto hand = Database::open(directory.path("store.db"), std::chrono::seconds(30)).value();
    ASSERT_TRUE(
        hand->run("UPDATE checkpoints SET record=substr(record,1,60)||x'a7b8c9'||substr(record,64) WHERE sequence=3"));
    ASSERT_TRUE(
        hand->run("UPDATE payloads SET bytes=x'00'||substr(bytes,2,1000)||x'ff'||substr(bytes,1003) WHERE "
                  "hash=(SELECT payload FROM checkpoints WHERE sequence=7)"));
  }
  const Store store = Store::sqlite(directory.path("store.db"), patient()).value();
  const Session session = store.session("s").value();
  EXPECT_EQ(kit::code_of(session.at_sequence(3)), Errc::corrupt);
  EXPECT_EQ(kit::code_of(session.payload(session.at_sequence(7).value().id)), Errc::corrupt);
  const Page page = session.list().value();
  EXPECT_EQ(page.checkpoints.size(), 9u);
  ASSERT_EQ(page.damaged.size(), 1u);
  EXPECT_EQ(page.damaged[0].sequence, 3u);
  const VerifyReport report = session.verify().value();
  ASSERT_EQ(report.problem_count, 2u);
  EXPECT_EQ(report.problems[0].sequence, 3u);
  EXPECT_EQ(report.problems[1].sequence, 7u);
  for (const std::uint64_t sequence : {1U, 2U, 4U, 6U, 8U, 10U}) {
    EXPECT_TRUE(session.payload(session.at_sequence(sequence).value().id).value() == kit::noise(3000, sequence - 1));
  }
}

}  // namespace
}  // namespace chronik::checkpoint
