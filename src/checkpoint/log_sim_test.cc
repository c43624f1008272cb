// The log backend on a simulated disk: the kit, power cuts at every event, stalls, a full disk, a flipped bit anywhere.
#include <algorithm>
#include <map>
#include <set>

#include "checkpoint/conformance_basic_for_test.h"
#include "checkpoint/conformance_operations_for_test.h"
#include "checkpoint/conformance_timeline_for_test.h"
#include "checkpoint/log_intake.h"
#include "checkpoint/test_sim_place.h"

namespace chronik::checkpoint {
namespace {

class SimPlace final : public kit::Place {
 public:
  explicit SimPlace(std::string key = {}) : key_(std::move(key)) {}
  using Place::open;
  ~SimPlace() override { store_.reset(); }
  Store open(const Options& given) override {
    if (store_) EXPECT_TRUE(store_->close());
    store_.reset();
    Options options = given;
    options.key = key_;
    auto store = open_store(world_, options);
    EXPECT_TRUE(store) << store.error().message();
    store_.emplace(*std::move(store));
    return *store_;
  }
  void advance(Duration span) override {
    if (span > Duration(0)) {
      world_->world().run_for(span);
    } else {
      world_->machine().shift_wall_clock(shifted_ += span);
    }
  }
  Time now() override { return world_->now(); }

 private:
  const std::string key_;
  std::shared_ptr<SimWorld> world_ = std::make_shared<SimWorld>(1);
  Duration shifted_{0};
  std::optional<Store> store_;
};

const std::string kKey(32, 'k');

std::unique_ptr<kit::Place> make_place() {
  return std::make_unique<SimPlace>();
}
std::unique_ptr<kit::Place> make_encrypted_place() {
  return std::make_unique<SimPlace>(kKey);
}

const bool basic = kit::register_cases("SimulatedLog", kit::kBasicCases, make_place);
const bool persistent = kit::register_cases("SimulatedLog", kit::kPersistentCases, make_place);
const bool operations = kit::register_cases("SimulatedLog", kit::kOperationCases, make_place);
const bool timeline = kit::register_cases("SimulatedLog", kit::kTimelineCases, make_place);
const bool basic_encrypted = kit::register_cases("EncryptedLog", kit::kBasicCases, make_encrypted_place);
const bool persistent_encrypted = kit::register_cases("EncryptedLog", kit::kPersistentCases, make_encrypted_place);
const bool operations_encrypted = kit::register_cases("EncryptedLog", kit::kOperationCases, make_encrypted_place);
const bool timeline_encrypted = kit::register_cases("EncryptedLog", kit::kTimelineCases, make_encrypted_place);

// What a history promises: every acknowledged effect is there after any power cut, and nothing that was never asked
// for.
struct Model {
  struct Made {
    std::string payload;
    bool removal_asked = false;
    bool removal_told = false;
    bool tag_told = false;
  };
  std::map<std::uint64_t, Made> made;        // acknowledged, by sequence
  std::map<std::string, std::string> asked;  // by idempotency key: payloads whose fate is open
};

constexpr std::uint64_t kSteps = 18;

std::string payload_for(std::uint64_t seed, std::uint64_t i) {
  // Small, shared, large: inline, one chunk, many chunks.
  if (i % 3 == 0) return "small " + std::to_string(i);
  if (i % 3 == 1) return kit::noise(3000, seed) + std::to_string(i);
  return kit::noise(30'000 + 100 * i, seed + i % 2);
}

/// As many at once as fill blocks of packed rows, twice with a change of packed ones between.
void work_in_bulk(const Store& store, SimWorld& world, Model& model, std::uint64_t, std::uint64_t round) {
  constexpr std::uint64_t kAtOnce = 100;
  const auto session = store.open_session("s");
  if (!session) return;
  for (std::uint64_t part = 0; part < 3 && !world.dead(); ++part) {
    std::map<std::string, PendingCheckpoint> pending;
    for (std::uint64_t i = 0; i < kAtOnce; ++i) {
      const std::string key = "b" + std::to_string(round) + "-" + std::to_string(part) + "-" + std::to_string(i);
      model.asked[key] = "bulk " + key;
      auto one = session->create_async("bulk " + key, {.idempotency_key = key});
      if (one) pending.emplace(key, *std::move(one));
    }
    std::vector<Checkpoint> told;
    for (const auto& [key, one] : pending) {
      const auto c = one.wait(std::chrono::seconds(60));
      if (!c) continue;
      model.made[c->sequence] = {model.asked[key], false, false, false};
      model.asked.erase(key);
      told.push_back(*c);
      const auto again = part == 1 ? session->create("bulk " + key, {.idempotency_key = key}) : c;
      if (again) EXPECT_EQ(again->sequence, c->sequence);
    }
    for (std::size_t i = 3; i < told.size() && !world.dead(); i += 40) {
      if (session->tag(told[i].id, {"late"})) model.made[told[i].sequence].tag_told = true;
      Model::Made& gone = model.made[told[i - 1].sequence];
      gone.removal_asked = true;
      if (session->remove(told[i - 1].id)) gone.removal_told = true;
    }
    if (part == 1) (void)store.compact();
  }
  if (!world.dead()) (void)store.close();
}

/// Writes until the power goes; what was told goes into the model.
void work(const Store& store, SimWorld& world, Model& model, std::uint64_t seed, std::uint64_t round) {
  const auto session = store.open_session("s");
  if (!session) return;
  for (std::uint64_t i = 0; i < kSteps && !world.dead(); ++i) {
    const std::string key = "k" + std::to_string(round) + "-" + std::to_string(i);
    const std::string payload = payload_for(seed, i);
    model.asked[key] = payload;
    const auto c = session->create(payload, {.tags = {"t"}, .idempotency_key = key});
    if (!c) continue;
    model.asked.erase(key);
    model.made[c->sequence] = {payload, false, false, false};
    if (i % 4 == 1 && session->tag(c->id, {"late"})) model.made[c->sequence].tag_told = true;
    if (i % 5 == 3) {
      model.made[c->sequence].removal_asked = true;
      if (session->remove(c->id)) model.made[c->sequence].removal_told = true;
    }
    if (i % 6 == 5) (void)store.compact();
  }
  if (!world.dead()) (void)store.close();
}

void check(const Store& store, Model& model) {
  const auto session = store.session("s");
  if (!session) {
    ASSERT_TRUE(model.made.empty()) << session.error().message();
    return;
  }
  std::set<std::uint64_t> seen;
  Query query{.newest_first = false, .limit = 1000};
  const Page page = session->list(query).value();
  ASSERT_TRUE(page.damaged.empty());
  for (const Checkpoint& c : page.checkpoints) {
    seen.insert(c.sequence);
    const auto payload = session->payload(c.id);
    ASSERT_TRUE(payload) << c.sequence << ": " << payload.error().message();
    const auto known = model.made.find(c.sequence);
    if (known == model.made.end()) {
      const auto open = model.asked.find(c.idempotency_key);
      ASSERT_NE(open, model.asked.end()) << "sequence " << c.sequence << " was never asked for";
      ASSERT_TRUE(*payload == open->second);
      model.made[c.sequence] = {open->second, false, false, false};  // now it is told
      model.asked.erase(open);
      continue;
    }
    ASSERT_TRUE(*payload == known->second.payload);
    ASSERT_FALSE(known->second.removal_told) << "sequence " << c.sequence << " came back";
    if (known->second.tag_told) ASSERT_TRUE(std::ranges::binary_search(c.tags, "late"));
  }
  for (const auto& [sequence, made] : model.made) {
    ASSERT_TRUE(seen.contains(sequence) || made.removal_asked) << "acknowledged sequence " << sequence << " is lost";
  }
  std::erase_if(model.made, [&](const auto& one) { return !seen.contains(one.first); });
  kit::expect_sound(store);
}

/// One history with the power cut after `events` of its events, twice; false: it ended before that.
bool cut_after(std::uint64_t seed, std::uint64_t events, decltype(work)& work, const std::string& key = {}) {
  SCOPED_TRACE("seed " + std::to_string(seed) + ", after event " + std::to_string(events));
  auto world = std::make_shared<SimWorld>(seed);
  Options options;
  options.pending_bytes_max = 256 * 1024;  // flushes happen
  options.key = key;
  Model model;
  bool reached = false;
  for (std::uint64_t round = 0; round < 2; ++round) {
    world->power_for(events);
    {
      const auto store = open_store(world, options);
      if (store) work(*store, *world, model, seed, round);
      reached = reached || world->dead();
      world->crash();
    }
    const auto store = open_store(world, options);
    EXPECT_TRUE(store) << store.error().message();
    if (!store) return false;
    check(*store, model);
    if (testing::Test::HasFailure()) return false;
    EXPECT_TRUE(store->close());
  }
  return reached;
}

// Of the events, which: all, unless each takes long.
#if defined(__has_feature) && __has_feature(address_sanitizer)
constexpr std::uint64_t kEach = 11;
#else
constexpr std::uint64_t kEach = 1;
#endif

TEST(LogCrash, a_power_cut_at_any_event_loses_nothing_that_was_told) {
  std::uint64_t cuts = 0;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    for (std::uint64_t events = seed; cut_after(seed, events, work); events += kEach) ++cuts;
    if (HasFailure()) return;
  }
  EXPECT_GT(cuts, 1000 / kEach);
}

TEST(LogCrash, nor_does_one_while_rows_are_packed) {
  std::uint64_t cuts = 0;
  for (std::uint64_t events = 1; cut_after(9, events, work_in_bulk); events += kEach) ++cuts;
  EXPECT_GT(cuts, 300 / kEach);
}

TEST(LogCrash, nor_does_one_in_an_encrypted_store) {
  constexpr std::uint64_t kStride = 2 * kEach;
  std::uint64_t cuts = 0;
  for (std::uint64_t events = 1; cut_after(1, events, work, kKey); events += kStride) ++cuts;
  for (std::uint64_t events = 2; cut_after(9, events, work_in_bulk, kKey); events += kStride) ++cuts;
  EXPECT_GT(cuts, 500 / kStride);
}

TEST(LogClose, closing_writes_what_is_in_line_in_its_order) {
  for (const std::uint64_t steps : {0U, 10U, 60U, 200U}) {
    SCOPED_TRACE(steps);
    auto world = std::make_shared<SimWorld>(8);
    std::vector<PendingCheckpoint> pending;
    const auto more = [&](const Session& session) {
      // More than two files of the write-ahead log take: the writer waits, and waits again.
      for (std::uint64_t i = 0; i < 150; ++i)
        pending.push_back(session.create_async(kit::noise(150'000, pending.size())).value());
    };
    {
      const Store store = open_store(world).value();
      const Session session = kit::new_session(store);
      more(session);
      for (std::uint64_t i = 0; i < steps; ++i) world->world().step();
      more(session);
      ASSERT_TRUE(store.close());
      for (const PendingCheckpoint& one : pending) {
        const auto c = one.wait(std::chrono::seconds(1));
        ASSERT_TRUE(c) << c.error().message();
      }
      EXPECT_EQ(kit::code_of(session.create("late")), Errc::closed);
      pending.clear();
    }
    world->restart();
    const Store store = open_store(world).value();
    EXPECT_EQ(store.session("s").value().describe().value().checkpoints, 300U);
    kit::expect_sound(store);
  }
}

TEST(LogFaults, a_stalled_disk_ends_in_a_named_error_and_reading_goes_on) {
  auto world = std::make_shared<SimWorld>(3);
  Options options;
  options.stall_deadline = std::chrono::seconds(2);
  options.timeout = std::chrono::seconds(20);
  const Store store = open_store(world, options).value();
  const Session session = kit::new_session(store);
  const Checkpoint saved = kit::save(session, "kept");
  world->machine().disk_faults().stalled = true;
  const Instant begun = world->monotonic_now();
  const auto refused = session.create("x");
  ASSERT_FALSE(refused);
  EXPECT_LE(world->monotonic_now() - begun, Duration(std::chrono::seconds(20)));
  EXPECT_EQ(session.get(saved.id).value(), saved);
  EXPECT_EQ(session.list().value().checkpoints.size(), 1U);
  EXPECT_FALSE(session.create("y"));  // sticky
  world->machine().disk_faults().stalled = false;
  world->machine().disk_faults_changed();
}

TEST(LogFaults, a_failed_sync_is_final_and_what_was_told_is_there_after_reopening) {
  auto world = std::make_shared<SimWorld>(4);
  {
    const Store store = open_store(world).value();
    const Session session = kit::new_session(store);
    kit::save(session, "kept");
    world->machine().disk_faults().fail_syncs = true;
    EXPECT_EQ(kit::code_of(session.create("x")), Errc::storage_failed);
    world->machine().disk_faults().fail_syncs = false;
    EXPECT_EQ(kit::code_of(session.create("y")), Errc::storage_failed);
    world->crash();
  }
  const Store store = open_store(world).value();
  const Session session = store.session("s").value();
  EXPECT_EQ(session.payload(session.at_sequence(1).value().id).value(), "kept");
  kit::expect_sound(store);
}

TEST(LogFaults, a_full_disk_passes) {
  auto world = std::make_shared<SimWorld>(5);
  Options options;
  options.timeout = std::chrono::seconds(60);
  options.pending_bytes_max = 8 << 20;
  const Store store = open_store(world, options).value();
  const Session session = kit::new_session(store);
  const Checkpoint saved = kit::save(session, kit::noise(10'000, 1));
  world->machine().disk_faults().capacity = world->machine().disk_used();
  std::uint64_t told = 1;
  std::vector<Errc> refused;
  const Instant begin = world->monotonic_now();
  for (std::uint64_t i = 0; i < 200 && refused.size() < 12; ++i) {
    // Of one frame in the log, and of several: the first that finds no room takes those behind it along.
    const auto c = session.create(kit::noise(i % 3 == 2 ? 3'000'000 : 200'000, i + 10));
    if (c) {
      ++told;
    } else {
      refused.push_back(c.error().code);
    }
  }
  EXPECT_EQ(refused, std::vector(12, Errc::disk_full));
  EXPECT_LT(world->monotonic_now() - begin, 5s) << "told by and by";
  EXPECT_TRUE(session.payload(saved.id));
  world->machine().disk_faults().capacity = 1ULL << 40;
  // By itself: nothing that comes in has a place until then.
  Latch never;
  (void)world->wait(never, 3s);
  EXPECT_TRUE(session.create(kit::noise(3'000'000, 1000)));
  EXPECT_GE(session.describe().value().checkpoints, told + 1);
  kit::expect_sound(store);
  EXPECT_TRUE(store.close());
}

// Whatever is full first: the write-ahead log's next file, the packs, or the room for what waits for them.
TEST(LogFaults, a_full_disk_is_called_so_whoever_meets_it) {
  std::uint64_t stores = 0;
  for (const std::uint64_t left : {0U, 3U << 20, 30U << 20}) {
    for (const std::size_t size : {3'000U, 200'000U}) {
      for (const std::uint64_t pending : {4ULL << 20, 64ULL << 20}) {
        SCOPED_TRACE(std::to_string(left) + " left, payloads of " + std::to_string(size) + ", pending " +
                     std::to_string(pending));
        auto world = std::make_shared<SimWorld>(++stores);
        Options options;
        options.pending_bytes_max = pending;
        const Store store = open_store(world, options).value();
        const Session session = kit::new_session(store);
        world->machine().disk_faults().capacity = world->machine().disk_used() + left;
        std::uint64_t told = 0;
        std::vector<Errc> refused;
        Duration longest{0};
        for (std::uint64_t i = 0; i < 60'000 && refused.size() < 5; ++i) {
          const Instant begin = world->monotonic_now();
          const auto one = session.create(kit::noise(size, i));
          if (one) {
            ++told;
          } else {
            refused.push_back(one.error().code);
            longest = std::max<Duration>(longest, world->monotonic_now() - begin);
          }
        }
        EXPECT_EQ(refused, std::vector(5, Errc::disk_full));
        EXPECT_LT(longest, 2s);
        world->machine().disk_faults().capacity = 1ULL << 40;
        Latch never;
        (void)world->wait(never, 3s);
        EXPECT_TRUE(session.create(kit::noise(size, 200'000)));
        EXPECT_EQ(session.describe().value().checkpoints, told + 1);
      }
    }
  }
}

/// What began before a failure lost its first part to it, and hears why.
TEST(LogFaults, a_write_that_a_failure_cut_in_two_is_told_its_reason) {
  LogIntake intake([] {});
  const auto push = [&](std::uint64_t epoch) {
    return kit::code_of(intake.push(std::make_shared<LogItem>(), epoch, LogIntake::Wake::now));
  };
  for (const Errc reason : {Errc::disk_full, Errc::too_large, Errc::overloaded}) {
    const std::uint64_t before = intake.epoch();
    (void)intake.refuse({reason, "for a test"});
    EXPECT_EQ(push(before), reason);
    intake.admit();
    // A thing too large is its own writer's alone.
    EXPECT_EQ(push(before), reason == Errc::disk_full ? Errc::disk_full : Errc::overloaded);
    EXPECT_EQ(push(intake.epoch()), Errc{});
  }
}

// The log at its bound, and the flush that would make room in it cannot.
TEST(LogFaults, a_full_log_on_a_full_disk_is_a_full_disk) {
  auto world = std::make_shared<SimWorld>(7);
  Options options;
  options.pending_bytes_max = 1 << 30;
  const Store store = open_store(world, options).value();
  const Session session = kit::new_session(store);
  std::vector<PendingCheckpoint> pending;
  for (std::uint64_t i = 0; i < 800; ++i) pending.push_back(session.create_async(kit::noise(200'000, i)).value());
  const auto log_bytes = [&] {
    std::uint64_t bytes = 0;
    for (const auto& entry : world->machine().list("store/wal")) bytes += entry.size;
    return bytes;
  };
  Latch never;
  for (int i = 0; i < 10'000 && log_bytes() < (110U << 20); ++i) (void)world->wait(never, 1ms);
  ASSERT_GE(log_bytes(), 110U << 20);
  world->machine().disk_faults().capacity = world->machine().disk_used();
  const Instant begin = world->monotonic_now();
  std::uint64_t stored = 0;
  std::uint64_t refused = 0;
  for (PendingCheckpoint& one : pending) {
    const auto ended = one.wait(std::chrono::seconds(100));
    ended ? ++stored : ++refused;
    if (!ended) EXPECT_EQ(ended.error().code, Errc::disk_full) << ended.error().message();
  }
  EXPECT_GT(refused, 0U);
  EXPECT_LT(world->monotonic_now() - begin, 5s);
  world->machine().disk_faults().capacity = 1ULL << 40;
  (void)world->wait(never, 3s);
  EXPECT_TRUE(session.create(kit::noise(200'000, 1000)));
  EXPECT_EQ(session.describe().value().checkpoints, stored + 1);
}

TEST(LogDamage, a_flipped_bit_anywhere_is_found_and_its_neighbours_stay) {
  constexpr std::uint64_t kCheckpoints = 12;
  const auto fill = [](const std::shared_ptr<SimWorld>& world) {
    const Store store = open_store(world).value();
    const Session session = kit::new_session(store);
    for (std::uint64_t i = 0; i < kCheckpoints; ++i) kit::save(session, kit::noise(1500, i), {.tags = {"t"}});
    EXPECT_TRUE(store.close());
  };
  std::uint64_t flips = 0;
  auto world = std::make_shared<SimWorld>(6);
  fill(world);
  world->restart();
  std::vector<std::pair<std::string, std::uint64_t>> files;
  for (const auto& entry : world->machine().list("store")) {
    if (entry.name != "lock" && entry.name != "owner" && !entry.is_directory)
      files.emplace_back(entry.name, entry.size);
  }
  ASSERT_EQ(files.size(), 4U);  // two manifests, an index, a pack
  EXPECT_TRUE(world->machine().list("store/wal").empty());
  for (const auto& [name, size] : files) {
    for (std::uint64_t at = 0; at < size; at += 13) {
      SCOPED_TRACE(name + " byte " + std::to_string(at));
      auto victim = std::make_shared<SimWorld>(6);
      fill(victim);
      victim->restart();
      ASSERT_TRUE(victim->machine().flip("store/" + name, at, static_cast<std::uint8_t>(1 << at % 8)));
      const auto store = open_store(victim);
      ASSERT_TRUE(store) << store.error().message();
      const VerifyReport report = store->verify().value();
      ASSERT_GT(report.problem_count, 0U);
      const bool named = std::ranges::any_of(report.problems, [&](const Problem& p) { return p.what.contains(name); });
      ASSERT_TRUE(named) << report.problems[0].what;
      const Page sessions_page = store->session("s") ? store->session("s")->list().value() : Page();
      std::uint64_t whole = 0;
      const SessionPage sessions = store->list_sessions().value();
      ASSERT_EQ(sessions.sessions.size(), 1U);
      const Session session = store->session(sessions.sessions[0].id).value();
      for (std::uint64_t i = 0; i < kCheckpoints; ++i) {
        const auto c = session.at_sequence(i + 1);
        if (!c) continue;
        const auto payload = session.payload(c->id);
        if (!payload) continue;
        ASSERT_TRUE(*payload == kit::noise(1500, i)) << "a wrong payload was taken for a right one";
        ++whole;
      }
      ASSERT_GE(whole, kCheckpoints - 1) << report.problems[0].what;
      // What is lost may be a session's newest: no sequence is given out again.
      const auto more = session.create("more");
      if (store->health().value().damaged > 0) {
        ASSERT_FALSE(more);
        ASSERT_EQ(more.error().code, Errc::corrupt);
      } else {
        ASSERT_TRUE(more);
        ASSERT_EQ(more->sequence, kCheckpoints + 1);
      }
      // The evidence outlives a compaction.
      ASSERT_TRUE(store->compact());
      ASSERT_GT(store->verify().value().problem_count, 0U);
      ++flips;
    }
  }
  EXPECT_GT(flips, 1000U);
}

TEST(LogDamage, what_is_remembered_hides_no_damage_from_verify) {
  auto world = std::make_shared<SimWorld>(12);
  const std::string state = kit::noise(50'000, 1);
  {
    const Store store = open_store(world).value();
    kit::save(kit::new_session(store), state);
    ASSERT_TRUE(store.close());
    world->restart();
  }
  const Store store = open_store(world).value();
  const Session session = store.session("s").value();
  const CheckpointId id = session.latest().value().id;
  EXPECT_TRUE(session.payload(id).value() == state);
  for (const auto& entry : world->machine().list("store")) {
    if (entry.name.starts_with("pack-")) ASSERT_TRUE(world->machine().flip("store/" + entry.name, entry.size / 2, 1));
  }
  EXPECT_TRUE(session.payload(id).value() == state);
  EXPECT_EQ(session.verify(id).value().problem_count, 1U);
  EXPECT_EQ(session.verify().value().problem_count, 1U);
}

TEST(LogDamage, a_flipped_bit_in_packed_rows_takes_its_block_and_no_more) {
  constexpr std::uint64_t kCheckpoints = 200;  // three blocks of 64, and eight
  const auto fill = [](const std::shared_ptr<SimWorld>& world) {
    const Store store = open_store(world).value();
    const Session session = kit::new_session(store);
    std::optional<PendingCheckpoint> last;
    for (std::uint64_t i = 0; i < kCheckpoints; ++i) last = session.create_async("small " + std::to_string(i)).value();
    EXPECT_TRUE(last->wait(std::chrono::seconds(60)));
    EXPECT_TRUE(store.close());
    world->restart();
  };
  const auto world = std::make_shared<SimWorld>(6);
  fill(world);
  std::string index;
  std::uint64_t size = 0;
  for (const auto& entry : world->machine().list("store")) {
    if (!entry.name.starts_with("index-")) continue;
    index = entry.name;
    size = entry.size;
  }
  ASSERT_LT(size, kCheckpoints * 130);  // packed
  std::uint64_t worst = kCheckpoints;
  for (std::uint64_t at = 0; at < size; at += 53) {
    SCOPED_TRACE("byte " + std::to_string(at));
    const auto victim = std::make_shared<SimWorld>(6);
    fill(victim);
    ASSERT_TRUE(victim->machine().flip("store/" + index, at, static_cast<std::uint8_t>(1 << at % 8)));
    const auto store = open_store(victim);
    ASSERT_TRUE(store) << store.error().message();
    const VerifyReport report = store->verify().value();
    ASSERT_TRUE(std::ranges::any_of(report.problems, [&](const Problem& p) { return p.what.contains(index); }));
    const SessionPage sessions = store->list_sessions().value();
    ASSERT_EQ(sessions.sessions.size(), 1U);
    const Session session = store->session(sessions.sessions[0].id).value();
    std::uint64_t whole = 0;
    for (std::uint64_t i = 0; i < kCheckpoints; ++i) {
      const auto c = session.at_sequence(i + 1);
      if (!c) continue;
      ASSERT_EQ(session.payload(c->id).value(), "small " + std::to_string(i));
      ++whole;
    }
    ASSERT_GE(whole, kCheckpoints - 64);
    worst = std::min(worst, whole);
    EXPECT_EQ(kit::code_of(session.create("more")), Errc::corrupt);
  }
  EXPECT_EQ(worst, kCheckpoints - 64);
}

TEST(LogDamage, a_damaged_acknowledged_group_stops_the_opening_and_is_named) {
  auto world = std::make_shared<SimWorld>(7);
  {
    const Store store = open_store(world).value();
    const Session session = kit::new_session(store);
    for (std::uint64_t i = 0; i < 5; ++i) kit::save(session, "small " + std::to_string(i));
    world->crash();
  }
  const auto files = world->machine().list("store/wal");
  ASSERT_FALSE(files.empty());
  std::string first = files[0].name;
  for (const auto& entry : files) first = std::min(first, entry.name);
  ASSERT_TRUE(world->machine().flip("store/wal/" + first, 2 * 4096 + 100, 1));
  const auto store = open_store(world);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, Errc::corrupt);
  EXPECT_TRUE(store.error().detail.contains(first)) << store.error().detail;
}

}  // namespace
}  // namespace chronik::checkpoint
