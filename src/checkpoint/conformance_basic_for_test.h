// The conformance kit: creation, reading, listing, compare-and-append, fencing, sessions, reopening.
#pragma once

#include <algorithm>
#include <set>

#include "checkpoint/conformance_for_test.h"

namespace chronik::checkpoint::kit {

inline void created_is_what_is_read(Place& place) {
  const Store store = place.open();
  const Session session = new_session(store);
  const Checkpoint saved = save(session, R"({"a":1})",
                                {.message = "first",
                                 .tags = {"b", "a", "b"},
                                 .trigger = Trigger::automatic,
                                 .reason = "tick",
                                 .metadata = R"({"z": 1, "a": [true, null]})",
                                 .content_type = "application/json",
                                 .schema_version = 3});
  EXPECT_EQ(saved.sequence, 1u);
  EXPECT_TRUE(saved.parent.is_nil());
  EXPECT_EQ(saved.tags, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(saved.metadata, R"({"a":[true,null],"z":1})");
  EXPECT_EQ(saved.size, 7u);
  EXPECT_EQ(to_hex(saved.payload_hash), "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862");
  EXPECT_EQ(session.get(saved.id).value(), saved);
  EXPECT_EQ(session.at_sequence(1).value(), saved);
  EXPECT_EQ(session.latest().value(), saved);
  const auto restored = session.restore(saved.id);
  ASSERT_TRUE(restored);
  EXPECT_EQ(restored->payload, R"({"a":1})");
  EXPECT_EQ(restored->checkpoint, saved);
  EXPECT_EQ(parse_checkpoint_id(to_string(saved.id)).value(), saved.id);
  expect_sound(store);
}

inline void history_is_a_chain_of_ascending_unique_ids(Place& place) {
  const Session session = new_session(place.open());
  Checkpoint before;
  std::set<CheckpointId> ids;
  for (std::uint64_t i = 1; i <= 200; ++i) {
    const Checkpoint c = save(session, std::to_string(i));
    EXPECT_EQ(c.sequence, i);
    EXPECT_EQ(c.parent, before.id);
    EXPECT_EQ(c.parent_hash, before.hash);
    EXPECT_GT(c.id, before.id);
    EXPECT_GE(c.created_at, before.created_at);
    EXPECT_TRUE(ids.insert(c.id).second);
    before = c;
  }
}

inline void clock_that_goes_back_keeps_the_order(Place& place) {
  const Session session = new_session(place.open());
  const Checkpoint first = save(session, "1");
  place.advance(-std::chrono::hours(1));
  const Checkpoint second = save(session, "2");
  EXPECT_GE(second.created_at, first.created_at);
  EXPECT_GT(second.id, first.id);
  EXPECT_EQ(session.get(second.id).value(), second);
}

inline void pages_list_everything_once_in_either_direction(Place& place) {
  const Session session = new_session(place.open());
  EXPECT_TRUE(session.list().value().checkpoints.empty());
  for (int i = 0; i < 150; ++i) save(session, "x");
  for (const bool newest_first : {true, false}) {
    std::vector<std::uint64_t> seen;
    Query query{.newest_first = newest_first, .limit = 40};
    std::size_t pages = 0;
    do {
      const auto page = session.list(query);
      ASSERT_TRUE(page) << page.error().message();
      for (const Checkpoint& c : page->checkpoints) seen.push_back(c.sequence);
      query.cursor = page->next;
      ++pages;
    } while (!query.cursor.empty());
    EXPECT_EQ(pages, 4u);
    if (newest_first) std::ranges::reverse(seen);
    ASSERT_EQ(seen.size(), 150u);
    for (std::size_t i = 0; i < seen.size(); ++i) EXPECT_EQ(seen[i], i + 1);
  }
}

inline void a_page_stays_put_while_others_write_and_delete(Place& place) {
  const Session session = new_session(place.open());
  std::vector<Checkpoint> saved;
  for (int i = 0; i < 20; ++i) saved.push_back(save(session, "x"));
  Query query{.limit = 5};
  const Page first = session.list(query).value();
  save(session, "new");
  EXPECT_TRUE(session.remove(saved[14].id));  // sequence 15: the next in line
  query.cursor = first.next;
  const Page second = session.list(query).value();
  ASSERT_EQ(second.checkpoints.size(), 5u);
  EXPECT_EQ(second.checkpoints.front().sequence, 14u);
}

inline void filters_combine(Place& place) {
  const Session session = new_session(place.open());
  std::vector<Checkpoint> all;
  for (int i = 0; i < 30; ++i) {
    place.advance(std::chrono::seconds(1));
    CreateOptions options;
    if (i % 2 == 0) options.tags = {"even"};
    if (i % 3 == 0) options.tags.push_back("three");
    if (i % 5 == 0) options.trigger = Trigger::scheduled;
    options.metadata = "{\"mod\": " + std::to_string(i % 4) + ", \"name\":\"n\"}";
    all.push_back(save(session, "x", options));
  }
  const auto count = [&](const Query& query) { return session.list(query).value().checkpoints.size(); };
  EXPECT_EQ(count({.tags = {"even"}}), 15u);
  EXPECT_EQ(count({.tags = {"even", "three"}}), 5u);
  EXPECT_EQ(count({.tags = {"none"}}), 0u);
  EXPECT_EQ(count({.trigger = Trigger::scheduled}), 6u);
  EXPECT_EQ(count({.metadata = {{"mod", " 1 "}}}), 8u);
  EXPECT_EQ(count({.metadata = {{"mod", "1"}, {"name", "\"n\""}}}), 8u);
  EXPECT_EQ(count({.metadata = {{"mod", "1"}, {"name", "\"m\""}}}), 0u);
  EXPECT_EQ(count({.sequence_min = 5, .sequence_max = 7}), 3u);
  EXPECT_EQ(count({.from = all[10].created_at}), 20u);
  EXPECT_EQ(count({.until = all[10].created_at}), 10u);
  EXPECT_EQ(count({.from = all[10].created_at, .until = all[12].created_at}), 2u);
  EXPECT_EQ(count({.until = all[0].created_at}), 0u);
  EXPECT_EQ(count({.tags = {"even"}, .sequence_min = 11, .until = all[20].created_at}), 5u);
  EXPECT_EQ(session.as_of(all[10].created_at + std::chrono::milliseconds(500)).value().sequence, 11u);
  EXPECT_EQ(session.as_of_sequence(12).value().sequence, 12u);
  EXPECT_EQ(code_of(session.as_of(all[0].created_at - std::chrono::seconds(1))), Errc::not_found);
}

inline void what_is_not_there_is_not_found(Place& place) {
  const Store store = place.open();
  const Session session = new_session(store);
  const Session other = new_session(store, "other");
  const Checkpoint elsewhere = save(other, "x");
  EXPECT_EQ(code_of(session.get(CheckpointId{})), Errc::not_found);
  EXPECT_EQ(code_of(session.get(elsewhere.id)), Errc::not_found);
  EXPECT_EQ(code_of(session.restore(elsewhere.id)), Errc::not_found);
  EXPECT_EQ(code_of(session.at_sequence(1)), Errc::not_found);
  EXPECT_EQ(code_of(session.latest()), Errc::not_found);
  EXPECT_EQ(code_of(session.latest("b")), Errc::not_found);
  EXPECT_EQ(code_of(session.remove(elsewhere.id)), Errc::not_found);
  EXPECT_EQ(code_of(session.tag(elsewhere.id, {"t"})), Errc::not_found);
  EXPECT_EQ(code_of(store.session("none")), Errc::not_found);
  EXPECT_EQ(code_of(store.session(SessionId{})), Errc::not_found);
  EXPECT_EQ(code_of(store.delete_session("none")), Errc::not_found);
  EXPECT_EQ(code_of(parse_checkpoint_id("x")), Errc::invalid_argument);
}

inline void bad_input_is_refused_by_name(Place& place) {
  Options options;
  options.payload_bytes_max = 1000;
  const Store store = place.open(options);
  const Session session = new_session(store);
  EXPECT_EQ(code_of(session.create(std::string(1001, 'x'))), Errc::too_large);
  EXPECT_EQ(code_of(store.create_session("")), Errc::invalid_argument);
  EXPECT_EQ(code_of(store.create_session("\xff")), Errc::invalid_argument);
  EXPECT_EQ(code_of(store.create_session("\xed\xa0\x80")), Errc::invalid_argument);  // a surrogate
  EXPECT_EQ(code_of(store.create_session("a\nb")), Errc::invalid_argument);
  EXPECT_EQ(code_of(store.create_session(std::string(257, 'n'))), Errc::too_large);
  EXPECT_EQ(code_of(store.create_session("m", "[1]")), Errc::invalid_argument);
  EXPECT_EQ(code_of(session.create("x", {.metadata = "{"})), Errc::invalid_argument);
  EXPECT_EQ(code_of(session.create("x", {.metadata = "{\"a\":" + std::string(100, '[') + std::string(100, ']') + "}"})),
            Errc::invalid_argument);
  EXPECT_EQ(code_of(session.create("x", {.metadata = "{\"a\":\"\xff\"}"})), Errc::invalid_argument);
  EXPECT_EQ(code_of(session.create("x", {.branch = ""})), Errc::invalid_argument);
  EXPECT_EQ(code_of(session.create("x", {.tags = std::vector<std::string>(65, "t")})), Errc::too_large);
  EXPECT_EQ(code_of(session.list({.limit = 0})), Errc::invalid_argument);
  EXPECT_EQ(code_of(session.list({.limit = 1001})), Errc::invalid_argument);
  EXPECT_EQ(code_of(session.list({.cursor = "a5"})), Errc::invalid_argument);
  EXPECT_EQ(code_of(session.list({.cursor = "dx"})), Errc::invalid_argument);
  EXPECT_EQ(session.describe().value().last_sequence, 0u);
  EXPECT_EQ(save(session, std::string(1000, 'x')).sequence, 1u);
}

inline void expected_parent_lets_one_writer_through(Place& place) {
  const Session session = new_session(place.open());
  const Checkpoint first = save(session, "1", {.expected_parent = CheckpointId{}});
  EXPECT_EQ(code_of(session.create("x", {.expected_parent = CheckpointId{}})), Errc::conflict);
  const Checkpoint second = save(session, "2", {.expected_parent = first.id});
  EXPECT_EQ(code_of(session.create("x", {.expected_parent = first.id})), Errc::conflict);
  EXPECT_EQ(save(session, "3", {.expected_parent = second.id}).sequence, 3u);
}

inline void branches_part_and_keep_their_heads(Place& place) {
  const Store store = place.open();
  const Session session = new_session(store);
  const Checkpoint a = save(session, "a");
  const Checkpoint b = save(session, "b");
  const Checkpoint side = save(session, "side", {.branch = "try", .branch_from = a.id});
  EXPECT_EQ(side.parent, a.id);
  EXPECT_EQ(side.parent_hash, a.hash);
  const Checkpoint c = save(session, "c");
  EXPECT_EQ(c.parent, b.id);
  EXPECT_EQ(save(session, "side2", {.branch = "try"}).parent, side.id);
  EXPECT_EQ(save(session, "new", {.branch = "late"}).sequence, 6u);
  EXPECT_EQ(code_of(session.create("x", {.branch = "try", .branch_from = b.id})), Errc::conflict);
  EXPECT_EQ(code_of(session.create("x", {.branch = "n", .branch_from = CheckpointId{}})), Errc::not_found);
  EXPECT_EQ(session.latest("try").value().sequence, 5u);
  EXPECT_EQ(session.latest("main").value(), c);
  EXPECT_EQ(session.list({.branch = "main"}).value().checkpoints.size(), 3u);
  EXPECT_EQ(session.describe().value().branches.size(), 3u);
  expect_sound(store);
}

inline void idempotency_key_gives_the_first_answer_again(Place& place) {
  const Session session = new_session(place.open());
  const Checkpoint first = save(session, "one", {.idempotency_key = "k"});
  save(session, "two");
  EXPECT_EQ(save(session, "one", {.idempotency_key = "k"}), first);
  EXPECT_EQ(code_of(session.create("other", {.idempotency_key = "k"})), Errc::conflict);
  EXPECT_EQ(session.describe().value().last_sequence, 2u);
  ASSERT_TRUE(session.remove(first.id));
  EXPECT_EQ(save(session, "one", {.idempotency_key = "k"}).sequence, 3u);
}

inline void a_new_writer_shuts_out_the_old(Place& place) {
  const Session session = new_session(place.open());
  save(session, "unfenced");
  const Session one = session.fence().value();
  EXPECT_EQ(save(one, "1").writer_epoch, 1u);
  EXPECT_EQ(code_of(session.create("x")), Errc::fenced);
  const Session two = session.fence().value();
  EXPECT_EQ(code_of(one.create("x")), Errc::fenced);
  EXPECT_EQ(code_of(one.tag(one.latest().value().id, {"t"})), Errc::fenced);
  EXPECT_EQ(code_of(one.prune({.keep_last = 0})), Errc::fenced);
  EXPECT_EQ(save(two, "2").sequence, 3u);
  EXPECT_EQ(two.describe().value().epoch, 2u);
  EXPECT_EQ(one.list().value().checkpoints.size(), 3u);  // reading is free
}

inline void async_reports_its_outcome(Place& place) {
  const Session session = new_session(place.open());
  std::vector<PendingCheckpoint> pending;
  for (int i = 0; i < 50; ++i) pending.push_back(session.create_async(std::to_string(i)).value());
  for (std::size_t i = 0; i < pending.size(); ++i) {
    const auto c = pending[i].wait(std::chrono::seconds(100));
    ASSERT_TRUE(c) << c.error().message();
    EXPECT_EQ(c->sequence, i + 1);
    EXPECT_EQ(session.payload(c->id).value(), std::to_string(i));
  }
  const auto refused = session.create_async("x", {.expected_parent = CheckpointId{}});
  ASSERT_TRUE(refused);
  EXPECT_EQ(code_of(refused->wait(std::chrono::seconds(100))), Errc::conflict);
}

inline void sessions_come_and_go(Place& place) {
  const Store store = place.open();
  for (const char* name : {"b", "a", "c"}) {
    save(new_session(store, name), name);
  }
  EXPECT_EQ(code_of(store.create_session("a")), Errc::already_exists);
  EXPECT_EQ(store.open_session("a").value().id(), store.session("a").value().id());
  EXPECT_EQ(store.list_sessions({}, 2).value().next, "b");
  EXPECT_EQ(store.list_sessions("b", 2).value().sessions.size(), 1u);
  EXPECT_EQ(code_of(store.rename_session("a", "b")), Errc::already_exists);
  ASSERT_TRUE(store.rename_session("a", "z"));
  EXPECT_EQ(code_of(store.session("a")), Errc::not_found);
  EXPECT_EQ(store.session("z").value().latest().value().sequence, 1u);
  EXPECT_EQ(store.session("z").value().describe().value().name, "z");
  const Session gone = store.session("b").value();
  ASSERT_TRUE(store.delete_session("b"));
  EXPECT_EQ(code_of(gone.describe()), Errc::not_found);
  EXPECT_EQ(code_of(gone.create("x")), Errc::not_found);
  EXPECT_EQ(code_of(gone.list()), Errc::not_found);
  const Session again = new_session(store, "b");
  EXPECT_EQ(code_of(again.latest()), Errc::not_found);
  EXPECT_EQ(save(new_session(store, "a"), "x").sequence, 1u);
  EXPECT_EQ(store.list_sessions().value().sessions.size(), 4u);
}

inline void removal_takes_one(Place& place) {
  const Store store = place.open();
  const Session session = new_session(store);
  std::vector<Checkpoint> saved;
  for (int i = 0; i < 100; ++i) saved.push_back(save(session, "p" + std::to_string(i)));
  for (std::size_t i = 0; i < 100; i += 2) ASSERT_TRUE(session.remove(saved[i].id));
  EXPECT_EQ(code_of(session.get(saved[0].id)), Errc::not_found);
  EXPECT_EQ(code_of(session.payload(saved[0].id)), Errc::not_found);
  EXPECT_EQ(session.payload(saved[1].id).value(), "p1");
  EXPECT_EQ(session.describe().value().checkpoints, 50u);
  ASSERT_TRUE(session.remove(saved[99].id));
  EXPECT_EQ(session.latest("main").value().sequence, 98u);
  EXPECT_EQ(save(session, "next").sequence, 101u);  // never given twice
  expect_sound(store);
}

inline void everything_is_there_after_reopening(Place& place) {
  Checkpoint tagged;
  {
    const Store store = place.open();
    const Session session = new_session(store);
    for (int i = 0; i < 50; ++i) {
      tagged = save(
          session, noise(2000, static_cast<std::uint64_t>(i)),
          {.tags = {"z", "a"}, .metadata = R"({"z":1,"a":{"y":2,"b":3}})", .idempotency_key = "k" + std::to_string(i)});
    }
    tagged = session.annotate(tagged.id, Level::warning, "look").value();
    ASSERT_TRUE(session.remove(session.at_sequence(10).value().id));
    ASSERT_TRUE(session.fence());
  }
  const Store store = place.open();
  const Session session = store.session("s").value();
  EXPECT_EQ(session.get(tagged.id).value(), tagged);
  EXPECT_EQ(session.payload(tagged.id).value(), noise(2000, 49));
  EXPECT_EQ(code_of(session.at_sequence(10)), Errc::not_found);
  EXPECT_EQ(session.list({.limit = 1000}).value().checkpoints.size(), 49u);
  EXPECT_EQ(code_of(session.create("x")), Errc::fenced);
  const Session writer = session.fence().value();
  EXPECT_EQ(writer.describe().value().epoch, 2u);
  EXPECT_EQ(save(writer, noise(2000, 49), {.idempotency_key = "k49"}).sequence, 50u);
  EXPECT_EQ(save(writer, "x").sequence, 51u);
  const auto events = session.events(1, 1000).value();
  EXPECT_EQ(events.gap_from, 0u);
  EXPECT_EQ(events.events.back().number, events.events.size());
  expect_sound(store);
}

inline void deleted_stays_deleted_after_reopening(Place& place) {
  {
    const Store store = place.open();
    const Session session = new_session(store);
    for (int i = 0; i < 30; ++i) save(session, noise(5000, static_cast<std::uint64_t>(i)));
    new_session(store, "gone");
    ASSERT_TRUE(store.delete_session("gone"));
    ASSERT_EQ(session.prune({.keep_last = 3}).value().deleted, 27u);
    ASSERT_TRUE(store.compact());
  }
  for (int round = 0; round < 2; ++round) {
    const Store store = place.open();
    const Session session = store.session("s").value();
    EXPECT_EQ(session.list().value().checkpoints.size(), 3u);
    EXPECT_EQ(session.payload(session.latest().value().id).value(), noise(5000, 29));
    EXPECT_EQ(code_of(store.session("gone")), Errc::not_found);
    expect_sound(store);
    ASSERT_TRUE(store.close());
  }
}

inline void a_closed_store_says_so(Place& place) {
  const Store store = place.open();
  const Session session = new_session(store);
  save(session, "x");
  ASSERT_TRUE(store.close());
  EXPECT_EQ(code_of(session.create("y")), Errc::closed);
  EXPECT_TRUE(store.close());
}

inline void payloads_of_every_size_come_back(Place& place) {
  const Store store = place.open();
  const Session session = new_session(store);
  std::vector<std::pair<CheckpointId, std::string>> saved;
  for (const std::size_t bytes : {0UL, 1UL, 100UL, 1023UL, 1024UL, 4096UL, 65537UL, 3'000'000UL}) {
    for (std::string payload : {noise(bytes, bytes), std::string(bytes, 'a')}) {
      const Checkpoint c = save(session, payload);
      EXPECT_EQ(c.size, bytes);
      saved.emplace_back(c.id, std::move(payload));
    }
  }
  for (const auto& [id, payload] : saved) EXPECT_TRUE(session.payload(id).value() == payload);
  expect_sound(store);
}

inline const std::vector<Case> kBasicCases = {
    {"Basic", "created_is_what_is_read", created_is_what_is_read},
    {"Basic", "history_is_a_chain_of_ascending_unique_ids", history_is_a_chain_of_ascending_unique_ids},
    {"Basic", "clock_that_goes_back_keeps_the_order", clock_that_goes_back_keeps_the_order},
    {"Basic", "pages_list_everything_once_in_either_direction", pages_list_everything_once_in_either_direction},
    {"Basic", "a_page_stays_put_while_others_write_and_delete", a_page_stays_put_while_others_write_and_delete},
    {"Basic", "filters_combine", filters_combine},
    {"Basic", "what_is_not_there_is_not_found", what_is_not_there_is_not_found},
    {"Basic", "bad_input_is_refused_by_name", bad_input_is_refused_by_name},
    {"Basic", "expected_parent_lets_one_writer_through", expected_parent_lets_one_writer_through},
    {"Basic", "branches_part_and_keep_their_heads", branches_part_and_keep_their_heads},
    {"Basic", "idempotency_key_gives_the_first_answer_again", idempotency_key_gives_the_first_answer_again},
    {"Basic", "a_new_writer_shuts_out_the_old", a_new_writer_shuts_out_the_old},
    {"Basic", "async_reports_its_outcome", async_reports_its_outcome},
    {"Basic", "sessions_come_and_go", sessions_come_and_go},
    {"Basic", "removal_takes_one", removal_takes_one},
    {"Basic", "a_closed_store_says_so", a_closed_store_says_so},
    {"Basic", "payloads_of_every_size_come_back", payloads_of_every_size_come_back},
};

/// For backends that keep what they are given.
inline const std::vector<Case> kPersistentCases = {
    {"Persistent", "everything_is_there_after_reopening", everything_is_there_after_reopening},
    {"Persistent", "deleted_stays_deleted_after_reopening", deleted_stays_deleted_after_reopening},
};

}  // namespace chronik::checkpoint::kit
