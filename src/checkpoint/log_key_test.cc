// An encrypted store on a simulated disk: nothing readable on it, keys that do not fit, keys that change, sessions
// whose key is destroyed, damaged files of keys; power cuts through all of that.
#include <algorithm>
#include <map>
#include <set>

#include "checkpoint/conformance_for_test.h"
#include "checkpoint/keyring.h"
#include "checkpoint/test_sim_place.h"

namespace chronik::checkpoint {
namespace {

const std::string kFirst(32, 'a');
const std::string kSecond(32, 'b');

Options with_key(const std::string& key) {
  Options options;
  options.key = key;
  options.pending_bytes_max = 256 * 1024;  // flushes happen
  return options;
}

/// Every byte of the store's files, by name.
std::map<std::string, std::string> files_of(SimWorld& world) {
  std::map<std::string, std::string> files;
  for (const std::string directory : {"store", "store/wal"}) {
    for (const auto& entry : world.machine().list(directory)) {
      if (entry.is_directory || entry.size == 0) continue;
      const std::string path = directory + "/" + entry.name;
      const auto bytes = world.machine().read(path, 0, entry.size);
      EXPECT_TRUE(bytes);
      if (bytes) files[path] = as_text(bytes->span());
    }
  }
  return files;
}

/// Those that hold a word.
std::vector<std::string> holding(SimWorld& world, std::string_view word) {
  std::vector<std::string> found;
  for (const auto& [name, bytes] : files_of(world)) {
    if (bytes.contains(word)) found.push_back(name);
  }
  return found;
}

/// Sessions whose key stands in the files, and how often.
std::map<SessionId, int> copies_of_keys(SimWorld& world, const std::string& key) {
  std::map<SessionId, int> copies;
  const auto files = files_of(world);
  for (const char* name : {"store/keys-a", "store/keys-b"}) {
    const std::string& bytes = files.at(name);
    for (std::size_t at = kKeyRecord; at < bytes.size(); at += kKeyRecord) {
      const auto record = decode_key_record(std::string_view(bytes).substr(at, kKeyRecord), wrap_key(Secret(key)));
      if (record && record->kind == KeyRecord::Kind::key) ++copies[record->session];
    }
  }
  return copies;
}

/// Those in both.
std::set<SessionId> sessions_with_key(SimWorld& world, const std::string& key) {
  std::set<SessionId> sessions;
  for (const auto& [session, count] : copies_of_keys(world, key)) {
    EXPECT_EQ(count, 2);
    sessions.insert(session);
  }
  return sessions;
}

constexpr const char* kWords[] = {"Payloadword", "Largeword",   "Messageword",    "Tagword",    "Metaword",
                                  "Branchword",  "Sessionword", "Annotationword", "Reasonword", "Keyword"};

void write_words(const Store& store) {
  const Session session = store.create_session("Sessionword", R"({"of":"Metaword"})").value();
  std::string large = kit::noise(20'000, 3);
  large.insert(9'000, "Largeword");
  const Checkpoint first = kit::save(session, "Payloadword",
                                     {.branch = "Branchword",
                                      .message = "Messageword",
                                      .tags = {"Tagword"},
                                      .reason = "Reasonword",
                                      .metadata = R"({"is":"Metaword"})",
                                      .idempotency_key = "Keyword"});
  kit::save(session, large);
  ASSERT_TRUE(session.annotate(first.id, Level::info, "Annotationword"));
  std::optional<PendingCheckpoint> last;
  for (int i = 0; i < 200; ++i) last = session.create_async("Payloadword", {.message = "Messageword"}).value();
  ASSERT_TRUE(last->wait(std::chrono::seconds(60)));
}

TEST(LogKey, no_word_of_it_is_on_the_disk) {
  for (const bool encrypted : {false, true}) {
    for (const bool closed : {false, true}) {
      SCOPED_TRACE(std::string(encrypted ? "encrypted" : "plain") + (closed ? ", closed" : ", crashed"));
      auto world = std::make_shared<SimWorld>(1);
      {
        const Store store = open_store(world, with_key(encrypted ? kFirst : "")).value();
        write_words(store);
        if (closed) ASSERT_TRUE(store.close());
        world->crash();
      }
      if (encrypted) {
        for (const char* word : kWords) EXPECT_EQ(holding(*world, word), std::vector<std::string>()) << word;
        for (const auto& [name, bytes] : files_of(*world)) EXPECT_FALSE(bytes.contains(kFirst)) << name;
      } else if (!closed) {
        for (const char* word : kWords) EXPECT_FALSE(holding(*world, word).empty()) << word;  // the test can see
      }
      world->restart();
      const Store store = open_store(world, with_key(encrypted ? kFirst : "")).value();
      EXPECT_EQ(store.session("Sessionword").value().describe().value().checkpoints, 202U);
      kit::expect_sound(store);
    }
  }
}

TEST(LogKey, what_does_not_fit_is_refused_and_harms_nothing) {
  auto world = std::make_shared<SimWorld>(2);
  const auto reopen = [&](const std::string& key) {
    world->restart();
    return open_store(world, with_key(key));
  };
  {
    const Store store = open_store(world, with_key(kFirst)).value();
    kit::save(kit::new_session(store), "kept");
    ASSERT_TRUE(store.close());
  }
  EXPECT_EQ(kit::code_of(reopen(kSecond)), Errc::wrong_key);
  EXPECT_EQ(kit::code_of(reopen("")), Errc::wrong_key);
  for (const std::string odd : {"short", "33 bytes, which is one too many.."}) {
    const auto refused = reopen(odd);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::invalid_argument);
    EXPECT_FALSE(refused.error().detail.contains(odd));
  }
  {
    const Store store = reopen(kFirst).value();
    const Session session = store.session("s").value();
    EXPECT_EQ(session.payload(session.latest().value().id).value(), "kept");
  }

  auto plain = std::make_shared<SimWorld>(2);
  {
    const Store store = open_store(plain).value();
    kit::save(kit::new_session(store), "kept");
    EXPECT_EQ(kit::code_of(store.rotate_key(kFirst)), Errc::wrong_key);
    ASSERT_TRUE(store.close());
  }
  plain->restart();
  const auto refused = open_store(plain, with_key(kFirst));
  EXPECT_EQ(kit::code_of(refused), Errc::wrong_key);
  EXPECT_TRUE(refused.error().detail.contains("not encrypted"));
  plain->restart();
  EXPECT_TRUE(open_store(plain));
}

TEST(LogKey, another_key_takes_over_wherever_the_power_goes) {
  std::uint64_t with_first = 0;
  std::uint64_t with_second = 0;
  for (std::uint64_t events = 0;; ++events) {
    SCOPED_TRACE(events);
    auto world = std::make_shared<SimWorld>(3);
    bool told = false;
    bool ended = false;
    {
      const Store store = open_store(world, with_key(kFirst)).value();
      const Session session = kit::new_session(store);
      kit::save(session, kit::noise(5000, 1));
      world->power_for(events);
      told = store.rotate_key(kSecond).has_value();
      ended = !world->dead();
      world->power_for(std::nullopt);
      if (ended) kit::save(kit::new_session(store, "after"), "after");
      world->crash();
    }
    bool opened = false;
    // A change that did not finish may be taken up with either key; the one that opened it is the key from then on.
    for (const std::string& key : {kFirst, kSecond}) {
      const auto store = open_store(world, with_key(key));
      if (!store) {
        EXPECT_EQ(store.error().code, Errc::wrong_key) << store.error().message();
        world->restart();
        continue;
      }
      ASSERT_FALSE(opened) << "both keys open it for good";
      opened = true;
      ++(key == kFirst ? with_first : with_second);
      if (told) EXPECT_EQ(key, kSecond);
      const Session session = store->session("s").value();
      EXPECT_TRUE(session.payload(session.latest().value().id).value() == kit::noise(5000, 1));
      if (ended) EXPECT_TRUE(store->session("after"));
      kit::save(kit::new_session(*store, "new"), "new");
      kit::expect_sound(*store);
      ASSERT_TRUE(store->close());
      world->restart();
    }
    ASSERT_TRUE(opened);
    if (HasFailure() || ended) break;
  }
  EXPECT_GT(with_first, 0U);
  EXPECT_GT(with_second, 0U);
}

TEST(LogKey, a_deleted_session_is_gone_from_the_disk_with_its_key_wherever_the_power_goes) {
  for (std::uint64_t events = 0;; ++events) {
    SCOPED_TRACE(events);
    auto world = std::make_shared<SimWorld>(4);
    bool told = false;
    bool ended = false;
    SessionId kept;
    SessionId gone;
    {
      const Store store = open_store(world, with_key(kFirst)).value();
      const Session other = kit::new_session(store, "kept");
      kept = other.id();
      kit::save(other, kit::noise(5000, 1));
      const Session session = kit::new_session(store, "gone");
      gone = session.id();
      kit::save(session, kit::noise(5000, 2));
      world->power_for(events);
      told = store.delete_session("gone").has_value();
      ended = !world->dead();
      if (told) EXPECT_EQ(sessions_with_key(*world, kFirst), std::set{kept});  // at once
      world->crash();
    }
    const auto store = open_store(world, with_key(kFirst));
    ASSERT_TRUE(store) << store.error().message();
    const auto session = store->session("gone");
    if (told) ASSERT_FALSE(session);
    if (session) EXPECT_TRUE(session->payload(session->latest().value().id).value() == kit::noise(5000, 2));
    EXPECT_EQ(sessions_with_key(*world, kFirst), (session ? std::set{kept, gone} : std::set{kept}));
    EXPECT_TRUE(store->session("kept").value().at_sequence(1));
    kit::expect_sound(*store);
    ASSERT_TRUE(store->close());
    if (HasFailure() || ended) break;
  }
}

TEST(LogKey, a_fork_outlives_what_it_came_from) {
  auto world = std::make_shared<SimWorld>(5);
  const std::string state = kit::noise(30'000, 7);
  {
    const Store store = open_store(world, with_key(kFirst)).value();
    const Session session = kit::new_session(store, "origin");
    const Checkpoint saved = kit::save(session, state);
    ASSERT_TRUE(session.fork(saved.id, "fork"));
    ASSERT_TRUE(store.delete_session("origin"));
    ASSERT_TRUE(store.compact());
    ASSERT_TRUE(store.close());
    world->restart();
  }
  const Store store = open_store(world, with_key(kFirst)).value();
  const Session fork = store.session("fork").value();
  EXPECT_TRUE(fork.payload(fork.latest().value().id).value() == state);
  kit::expect_sound(store);
}

TEST(LogKey, a_session_that_was_deleted_can_be_imported_again) {
  auto world = std::make_shared<SimWorld>(6);
  std::vector<std::string> lines;
  for (int round = 0; round < 3; ++round) {
    SCOPED_TRACE(round);
    const Store store = open_store(world, with_key(kFirst)).value();
    if (round == 0) {
      const Session session = kit::new_session(store);
      for (std::uint64_t i = 0; i < 100; ++i) kit::save(session, kit::noise(1000, i));
      ASSERT_TRUE(session.export_to([&](std::string_view line) -> Status {
        lines.emplace_back(line);
        return {};
      }));
    }
    ASSERT_TRUE(store.delete_session("s"));
    std::size_t next = 0;
    const auto report = store.import_from([&]() -> Result<std::optional<std::string>> {
      if (next == lines.size()) return std::nullopt;
      return lines[next++];
    });
    ASSERT_TRUE(report) << report.error().message();
    EXPECT_EQ(report->created, 100U);
    kit::expect_sound(store);
    if (round == 1) ASSERT_TRUE(store.close());
    world->crash();  // what the lives before left on the disk is still there
  }
  const Store store = open_store(world, with_key(kFirst)).value();
  EXPECT_EQ(store.session("s").value().describe().value().checkpoints, 100U);
  kit::expect_sound(store);
}

TEST(LogKey, places_of_destroyed_keys_are_used_again) {
  auto world = std::make_shared<SimWorld>(7);
  std::uint64_t bytes = 0;
  for (int round = 0; round < 6; ++round) {
    const Store store = open_store(world, with_key(kFirst)).value();
    for (int i = 0; i < 20; ++i) {
      const std::string name = "s" + std::to_string(i);
      kit::save(kit::new_session(store, name), "x");
      ASSERT_TRUE(store.delete_session(name));
    }
    ASSERT_TRUE(store.close());
    world->restart();
    bytes = files_of(*world).at("store/keys-a").size();
  }
  EXPECT_LE(bytes, 3 * 20 * kKeyRecord);  // of 120 sessions
}

TEST(LogKey, a_session_shares_what_it_repeats_and_tells_nobody_what_it_holds) {
  auto world = std::make_shared<SimWorld>(8);
  const Store store = open_store(world, with_key(kFirst)).value();
  const Session session = kit::new_session(store);
  std::string state = kit::noise(200'000, 1);
  for (std::uint64_t i = 0; i < 20; ++i) {
    state.replace(i * 5000, 100, kit::noise(100, i + 50));
    kit::save(session, state);
  }
  const std::uint64_t stored = store.health().value().stored_bytes;
  EXPECT_LT(stored, 500'000U);  // of 4,000,000
  // The same in another session is other bytes: one cannot be told from the other by what is on disk.
  kit::save(kit::new_session(store, "other"), state);
  EXPECT_GT(store.health().value().stored_bytes, stored + 190'000);
}

TEST(LogKey, one_damaged_file_of_keys_is_mended_from_the_other) {
  constexpr std::uint64_t kSessions = 3;
  const auto fill = [](const std::shared_ptr<SimWorld>& world) {
    const Store store = open_store(world, with_key(kFirst)).value();
    for (std::uint64_t i = 0; i < kSessions; ++i) kit::save(kit::new_session(store, "s" + std::to_string(i)), "x");
    EXPECT_TRUE(store.close());
    world->restart();
  };
  for (const std::string name : {"keys-a", "keys-b"}) {
    for (std::uint64_t at = 0; at < (kSessions + 1) * kKeyRecord; at += 5) {
      SCOPED_TRACE(name + " byte " + std::to_string(at));
      const auto world = std::make_shared<SimWorld>(9);
      fill(world);
      const auto whole = files_of(*world);
      ASSERT_TRUE(world->machine().flip("store/" + name, at, 4));
      const auto store = open_store(world, with_key(kFirst));
      ASSERT_TRUE(store) << store.error().message();
      kit::expect_sound(*store);
      for (std::uint64_t i = 0; i < kSessions; ++i) {
        EXPECT_TRUE(store->session("s" + std::to_string(i))
                        .value()
                        .restore(store->session("s" + std::to_string(i)).value().latest().value().id));
      }
      const auto mended = files_of(*world);
      ASSERT_TRUE(mended.at("store/keys-a") == mended.at("store/keys-b"));
      ASSERT_TRUE(mended.at("store/keys-a") == whole.at("store/keys-a"));
      ASSERT_TRUE(store->close());
    }
  }
}

TEST(LogKey, a_key_that_is_lost_takes_its_session_and_no_other) {
  const auto world = std::make_shared<SimWorld>(10);
  {
    const Store store = open_store(world, with_key(kFirst)).value();
    for (const char* name : {"s0", "s1", "s2"}) kit::save(kit::new_session(store, name), kit::noise(5000, 1));
    ASSERT_TRUE(store.close());
    world->restart();
  }
  for (const char* name : {"store/keys-a", "store/keys-b"}) {
    ASSERT_TRUE(world->machine().flip(name, 2 * kKeyRecord + 40, 1));
  }
  for (int round = 0; round < 2; ++round) {
    const auto store = open_store(world, with_key(kFirst));
    ASSERT_TRUE(store) << store.error().message();
    const VerifyReport report = store->verify().value();
    EXPECT_TRUE(std::ranges::any_of(report.problems, [](const Problem& p) { return p.what.contains("keys-a"); }));
    EXPECT_TRUE(std::ranges::any_of(report.problems, [](const Problem& p) { return p.what.contains("is lost"); }));
    for (const char* name : {"s0", "s2"}) {
      const Session session = store->session(name).value();
      EXPECT_TRUE(session.payload(session.latest().value().id).value() == kit::noise(5000, 1));
    }
    EXPECT_FALSE(store->session("s1"));
    EXPECT_EQ(kit::code_of(store->create_session("more")), Errc::corrupt);
    ASSERT_TRUE(store->close());
    world->restart();
  }
}

TEST(LogKey, a_lost_key_of_what_is_only_in_the_write_ahead_log_takes_no_other_session_either) {
  const auto world = std::make_shared<SimWorld>(12);
  {
    const Store store = open_store(world, with_key(kFirst)).value();
    for (const char* name : {"s0", "s1", "s2"}) kit::save(kit::new_session(store, name), kit::noise(5000, 1));
    world->crash();
  }
  for (const char* name : {"store/keys-a", "store/keys-b"}) {
    ASSERT_TRUE(world->machine().flip(name, 2 * kKeyRecord + 40, 1));
  }
  for (int round = 0; round < 3; ++round) {
    SCOPED_TRACE(round);
    const auto store = open_store(world, with_key(kFirst));
    ASSERT_TRUE(store) << store.error().message();
    const VerifyReport report = store->verify().value();
    EXPECT_TRUE(std::ranges::any_of(report.problems, [](const Problem& p) { return p.what.contains("is lost"); }));
    for (const char* name : {"s0", "s2"}) {
      const Session session = store->session(name).value();
      EXPECT_TRUE(session.payload(session.latest().value().id).value() == kit::noise(5000, 1));
    }
    EXPECT_EQ(kit::code_of(store->rotate_key(kSecond)), Errc::corrupt);
    ASSERT_TRUE(store->close());
    world->restart();
  }
}

TEST(LogKey, a_closed_store_touches_nothing) {
  const auto world = std::make_shared<SimWorld>(13);
  const Store closed = open_store(world, with_key(kFirst)).value();
  kit::save(kit::new_session(closed, "s"), "x");
  ASSERT_TRUE(closed.close());
  {
    const Store store = open_store(world, with_key(kFirst)).value();
    kit::save(kit::new_session(store, "t"), kit::noise(5000, 1));
    const auto before = files_of(*world);
    EXPECT_EQ(kit::code_of(closed.create_session("more")), Errc::closed);
    EXPECT_EQ(kit::code_of(closed.rotate_key(kSecond)), Errc::closed);
    EXPECT_EQ(kit::code_of(closed.delete_session("s")), Errc::closed);
    EXPECT_EQ(kit::code_of(closed.compact()), Errc::closed);
    EXPECT_TRUE(files_of(*world) == before);
    kit::expect_sound(store);
    world->crash();
  }
  const Store store = open_store(world, with_key(kFirst)).value();
  EXPECT_TRUE(store.session("t").value().at_sequence(1));
  kit::expect_sound(store);
}

TEST(LogKey, what_comes_to_nothing_leaves_no_key) {
  const auto world = std::make_shared<SimWorld>(14);
  const Store store = open_store(world, with_key(kFirst)).value();
  const Session session = kit::new_session(store);
  const Checkpoint saved = kit::save(session, "x");
  std::vector<std::string> lines;
  ASSERT_TRUE(session.export_to([&](std::string_view line) -> Status {
    lines.emplace_back(line);
    return {};
  }));
  lines[1].replace(lines[1].find("main"), 4, "mean");
  // Another session, as far as its header goes.
  const std::size_t at = lines[0].find(to_string(session.id()));
  ASSERT_NE(at, std::string::npos);
  lines[0][at + 35] = lines[0][at + 35] == '0' ? '1' : '0';
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(kit::code_of(store.create_session("s")), Errc::already_exists);
    EXPECT_EQ(kit::code_of(session.fork(saved.id, "s")), Errc::already_exists);
    std::size_t next = 0;
    EXPECT_FALSE(store.import_from([&]() -> Result<std::optional<std::string>> { return lines[next++]; }));
  }
  EXPECT_EQ(sessions_with_key(*world, kFirst), std::set{session.id()});
}

TEST(LogKey, a_full_disk_refuses_new_sessions_by_name_and_passes) {
  const auto world = std::make_shared<SimWorld>(17);
  const Store store = open_store(world, with_key(kFirst)).value();
  kit::save(kit::new_session(store, "kept"), kit::noise(5000, 1));
  world->machine().disk_faults().capacity = world->machine().disk_used();
  int refused = 0;
  std::set<std::string> made;
  for (int i = 0; i < 100; ++i) {
    const std::string name = "s" + std::to_string(i);
    const auto session = store.create_session(name);
    if (session) made.insert(name);
    refused += kit::code_of(session) == Errc::disk_full ? 1 : 0;
  }
  EXPECT_GT(refused, 0);
  EXPECT_TRUE(store.session("kept").value().at_sequence(1));
  world->machine().disk_faults().capacity = 1ULL << 40;
  bool again = false;
  for (int i = 0; i < 20 && !again; ++i) again = store.create_session("after").has_value();
  EXPECT_TRUE(again);
  world->crash();
  const Store reopened = open_store(world, with_key(kFirst)).value();
  EXPECT_TRUE(reopened.session("after"));
  for (const std::string& name : made) EXPECT_TRUE(reopened.session(name)) << name;
  kit::expect_sound(reopened);
}

TEST(LogKey, what_a_deleted_session_left_in_packs_is_no_problem) {
  const auto world = std::make_shared<SimWorld>(15);
  for (int round = 0; round < 3; ++round) {
    SCOPED_TRACE(round);
    const Store store = open_store(world, with_key(kFirst)).value();
    kit::expect_sound(store);
    kit::save(kit::new_session(store, "s"), kit::noise(5000, static_cast<std::uint64_t>(round)));
    if (round == 0) ASSERT_TRUE(store.delete_session("s"));
    if (round == 1) ASSERT_TRUE(store.rename_session("s", "t"));  // it has the place of the first one's key
    ASSERT_TRUE(store.close());
    world->restart();
  }
}

TEST(LogKey, a_deletion_that_cannot_destroy_the_key_says_so_and_the_next_opening_does) {
  const auto world = std::make_shared<SimWorld>(16);
  SessionId kept;
  {
    const Store store = open_store(world, with_key(kFirst)).value();
    kept = kit::new_session(store, "kept").id();
    const Session session = kit::new_session(store, "gone");
    kit::save(session, kit::noise(5000, 1));
    // The change becomes durable, then syncs fail: those of the files of keys.
    world->power_for(0);
    EXPECT_EQ(kit::code_of(store.delete_session("gone")), Errc::timed_out);
    world->power_for(std::nullopt);
    for (int i = 0; i < 1000 && store.session("gone"); ++i) world->world().step();
    EXPECT_FALSE(store.session("gone"));
    world->machine().disk_faults().fail_syncs = true;
    world->world().run_for(std::chrono::seconds(1));
    world->machine().disk_faults().fail_syncs = false;
    EXPECT_EQ(copies_of_keys(*world, kFirst).size(), 2U);
    EXPECT_EQ(kit::code_of(store.create_session("more")), Errc::storage_failed);
    world->crash();
  }
  const Store store = open_store(world, with_key(kFirst)).value();
  EXPECT_FALSE(store.session("gone"));
  EXPECT_EQ(sessions_with_key(*world, kFirst), std::set{kept});
}

TEST(LogKey, without_its_files_of_keys_a_store_says_so) {
  const auto world = std::make_shared<SimWorld>(11);
  {
    const Store store = open_store(world, with_key(kFirst)).value();
    kit::save(kit::new_session(store), "x");
    ASSERT_TRUE(store.close());
    world->restart();
  }
  // Both headers: nothing tells which key it was.
  for (const char* name : {"store/keys-a", "store/keys-b"}) ASSERT_TRUE(world->machine().flip(name, 3, 1));
  const auto store = open_store(world, with_key(kFirst));
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, Errc::corrupt);
}

TEST(Key, is_64_hexadecimal_digits) {
  const std::string digits = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1eff";
  const std::string key = parse_key("  " + digits + "\n").value();
  ASSERT_EQ(key.size(), 32U);
  EXPECT_EQ(key[1], 1);
  EXPECT_EQ(key[31], '\xff');
  for (const std::string& wrong : {std::string(), digits + "0", digits.substr(2), "x" + digits.substr(1)}) {
    EXPECT_EQ(kit::code_of(parse_key(wrong)), Errc::invalid_argument);
  }
}

TEST(Cipher, is_aes_256_gcm) {
  // NIST's GCM test vectors, 256-bit key, test case 16.
  const auto bytes = [](std::string_view hex) {
    std::string text;
    for (std::size_t i = 0; i < hex.size(); i += 2) {
      text += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
    }
    return text;
  };
  const Secret key(bytes("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"));
  const std::string iv = bytes("cafebabefacedbaddecaf888");
  Nonce nonce{};
  std::ranges::copy(iv, nonce.begin());
  const std::string plain = bytes(
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de6"
      "57ba637b39");
  const std::string context = bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2");
  const std::string expected = bytes(
      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a"
      "0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b");
  const std::string sealed = encrypt(key, nonce, plain, context);
  EXPECT_TRUE(sealed == iv + expected);
  EXPECT_EQ(decrypt(key, sealed, context).value(), plain);
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_EQ(kit::code_of(decrypt(key, changed, context)), Errc::corrupt);
  }
  EXPECT_EQ(kit::code_of(decrypt(key, sealed, context + "x")), Errc::corrupt);
  EXPECT_EQ(kit::code_of(decrypt(key, sealed.substr(0, 27), context)), Errc::corrupt);
}

}  // namespace
}  // namespace chronik::checkpoint
