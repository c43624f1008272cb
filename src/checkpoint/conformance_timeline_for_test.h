// The conformance kit: the timeline of all sessions.
#pragma once

#include <algorithm>
#include <tuple>

#include "checkpoint/conformance_for_test.h"

namespace chronik::checkpoint::kit {

/// Where a checkpoint stands.
using Stand = std::tuple<Time, SessionId, std::uint64_t>;

inline void add_stands(const Store& store, const TimelinePage& page, std::vector<Stand>& stands) {
  for (const auto& [name, checkpoint] : page.moments) {
    const Session session = store.session(name).value();
    EXPECT_EQ(session.get(checkpoint.id).value(), checkpoint);
    stands.emplace_back(checkpoint.created_at, session.id(), checkpoint.sequence);
  }
}

/// The timeline, page by page; each page but the last is full.
inline std::vector<Stand> walk(const Store& store, Query query) {
  std::vector<Stand> seen;
  do {
    const auto page = store.timeline(query);
    EXPECT_TRUE(page) << page.error().message();
    if (!page) return seen;
    EXPECT_TRUE(page->damaged.empty());
    EXPECT_TRUE(page->next.empty() || page->moments.size() == query.limit);
    add_stands(store, *page, seen);
    query.cursor = page->next;
  } while (!query.cursor.empty());
  return seen;
}

/// What the timeline should be: what each session lists.
inline std::vector<Stand> merged(const Store& store, Query query) {
  std::vector<Stand> all;
  query.limit = 1000;
  for (const SessionInfo& info : store.list_sessions({}, 1000).value().sessions) {
    const Session session = store.session(info.id).value();
    for (const Checkpoint& c : session.list(query).value().checkpoints)
      all.emplace_back(c.created_at, info.id, c.sequence);
  }
  std::ranges::sort(all);
  if (query.newest_first) std::ranges::reverse(all);
  return all;
}

/// A session with a checkpoint of ten seconds before, and one of that time.
inline Session session_at(Place& place, const Store& store, const std::string& name, Time at) {
  Duration off{0};  // the clock moves while it is asked: the second try knows by how much
  for (int i = 0; i < 50; ++i) {
    const Session session = new_session(store, name);
    place.advance(at - std::chrono::seconds(10) - place.now());
    save(session, "before");
    place.advance(at - place.now() - off);
    const Time made = save(session, "x").created_at;
    if (made == at) return session;
    off += made - at;
    EXPECT_TRUE(store.delete_session(name));
  }
  ADD_FAILURE() << "the clock does not stand still";
  return new_session(store, name);
}

inline void timeline_is_in_order_of_creation(Place& place) {
  const Store store = place.open();
  std::vector<Session> sessions;
  for (int i = 0; i < 5; ++i) sessions.push_back(new_session(store, "s" + std::to_string(i)));
  // In turns, in runs, one that goes silent.
  for (std::size_t i = 0; i < 60; ++i) {
    const std::size_t which = i < 20 ? i % 5 : i < 40 ? 1 + (i / 4) % 4 : 3 + i % 2;
    save(sessions[which], std::to_string(i));
    place.advance(std::chrono::milliseconds(i % 7));
  }
  new_session(store, "empty");
  for (const bool newest_first : {true, false}) {
    const auto wanted = merged(store, {.newest_first = newest_first});
    ASSERT_EQ(wanted.size(), 60u);
    for (const std::size_t limit : {1000U, 60U, 7U, 1U}) {
      EXPECT_EQ(walk(store, {.newest_first = newest_first, .limit = limit}), wanted) << limit;
    }
  }
}

inline void equal_times_are_ordered_by_session_then_sequence(Place& place) {
  const Store store = place.open();
  const Time at = place.now() + std::chrono::seconds(100);
  for (int i = 0; i < 6; ++i) {
    const Session session = session_at(place, store, "s" + std::to_string(5 - i), at);
    place.advance(-std::chrono::seconds(5));  // never before the one before it: at the same time
    save(session, "same");
    save(session, "same");
  }
  const auto wanted = merged(store, {.newest_first = false});
  ASSERT_EQ(std::ranges::count(wanted, at, [](const Stand& one) { return std::get<Time>(one); }), 18);
  for (const bool newest_first : {true, false}) {
    for (const std::size_t limit : {1000U, 5U, 1U}) {
      EXPECT_EQ(walk(store, {.newest_first = newest_first, .limit = limit}),
                merged(store, {.newest_first = newest_first}));
    }
    const Query only{.newest_first = newest_first, .limit = 4, .from = at, .until = at + std::chrono::milliseconds(1)};
    EXPECT_EQ(walk(store, only).size(), 18u);
  }
}

inline void timeline_takes_every_filter(Place& place) {
  const Store store = place.open();
  std::vector<Checkpoint> all;
  for (int i = 0; i < 30; ++i) {
    place.advance(std::chrono::seconds(1));
    CreateOptions options;
    if (i % 2 == 0) options.tags = {"even"};
    if (i % 3 == 0) options.tags.push_back("three");
    if (i % 5 == 0) options.trigger = Trigger::scheduled;
    if (i % 4 == 3) options.branch = "side";
    options.metadata = "{\"mod\": " + std::to_string(i % 4) + "}";
    all.push_back(save(store.open_session("s" + std::to_string(i % 3)).value(), "x", options));
  }
  const std::vector<std::pair<Query, std::size_t>> queries = {
      {{.branch = "side"}, 7},
      {{.tags = {"even"}}, 15},
      {{.tags = {"even", "three"}}, 5},
      {{.tags = {"none"}}, 0},
      {{.trigger = Trigger::scheduled}, 6},
      {{.metadata = {{"mod", " 1 "}}}, 8},
      {{.sequence_min = 4, .sequence_max = 5}, 6},
      {{.from = all[10].created_at}, 20},
      {{.until = all[10].created_at}, 10},
      {{.from = all[10].created_at, .until = all[12].created_at}, 2},
      {{.until = all[0].created_at}, 0},
      {{.from = all[29].created_at + std::chrono::hours(1)}, 0},
      {{.tags = {"even"}, .sequence_min = 3, .until = all[20].created_at}, 7},
  };
  for (std::size_t i = 0; i < queries.size(); ++i) {
    for (const bool newest_first : {true, false}) {
      Query query = queries[i].first;
      query.newest_first = newest_first;
      const auto wanted = merged(store, query);
      EXPECT_EQ(wanted.size(), queries[i].second) << i;
      EXPECT_EQ(store.timeline(query).value().moments.size(), wanted.size()) << i;
      for (const std::size_t limit : {1U, 5U, 9U}) {
        query.limit = limit;
        EXPECT_EQ(walk(store, query), wanted) << i << " by " << limit;
      }
    }
  }
  // "Within" counts from the first page: time that passes while pages are read takes nothing away.
  const Duration recent = place.now() - all[20].created_at + std::chrono::milliseconds(500);
  for (const bool newest_first : {true, false}) {
    Query query{.newest_first = newest_first, .limit = 6, .within = recent};
    const TimelinePage first = store.timeline(query).value();
    ASSERT_EQ(first.moments.size(), 6u);
    place.advance(std::chrono::hours(1));
    query.cursor = first.next;
    EXPECT_EQ(store.timeline(query).value().moments.size(), 4u);
    place.advance(-std::chrono::hours(1));
  }
}

inline void a_timeline_stays_put_while_others_write_delete_and_rename(Place& place) {
  for (const bool newest_first : {true, false}) {
    const Store store = place.open();
    for (const SessionInfo& info : store.list_sessions().value().sessions) {
      ASSERT_TRUE(store.delete_session(info.name));
    }
    std::vector<Session> sessions;
    for (int i = 0; i < 6; ++i) sessions.push_back(new_session(store, "s" + std::to_string(i)));
    for (std::size_t i = 0; i < 60; ++i) save(sessions[i % 6], "x");
    Query query{.newest_first = newest_first, .limit = 10};
    const std::vector<Stand> before = merged(store, query);
    ASSERT_EQ(before.size(), 60u);
    std::vector<Stand> seen;
    for (int pages = 1;; ++pages) {
      const TimelinePage page = store.timeline(query).value();
      add_stands(store, page, seen);
      query.cursor = page.next;
      if (query.cursor.empty()) break;
      if (pages == 1) {
        // What the cursor stands on among them.
        for (std::size_t i = 10; i < 16; ++i) {
          const auto& [at, id, sequence] = before[i];
          const Session session = store.session(id).value();
          ASSERT_TRUE(session.remove(session.at_sequence(sequence).value().id));
        }
        save(sessions[5], "late");
        save(new_session(store, "new"), "late");
      } else if (pages == 2) {
        ASSERT_TRUE(store.delete_session("s2"));
        ASSERT_TRUE(sessions[3].prune({.keep_last = 2}));
      } else if (pages == 3) {
        ASSERT_TRUE(store.rename_session("s4", "a"));
        save(sessions[0], "late");
      }
      ASSERT_LT(pages, 20);
    }
    const std::vector<Stand> after = merged(store, {.newest_first = newest_first});
    const auto has = [](const std::vector<Stand>& all, const Stand& one) { return std::ranges::count(all, one) > 0; };
    EXPECT_TRUE(newest_first ? std::ranges::is_sorted(seen, std::greater()) : std::ranges::is_sorted(seen));
    for (const Stand& one : before) {
      EXPECT_LE(std::ranges::count(seen, one), 1);
      if (has(after, one)) EXPECT_TRUE(has(seen, one)) << "sequence " << std::get<2>(one) << " was skipped";
    }
    for (const Stand& one : seen) EXPECT_TRUE(has(before, one) || has(after, one));
    ASSERT_TRUE(store.close());
  }
}

inline void a_timeline_without_checkpoints_is_empty_and_a_bad_query_refused(Place& place) {
  const Store store = place.open();
  for (int i = 0; i < 2; ++i) {
    for (const bool newest_first : {true, false}) {
      const TimelinePage page = store.timeline({.newest_first = newest_first}).value();
      EXPECT_TRUE(page.moments.empty());
      EXPECT_TRUE(page.next.empty());
    }
    if (i == 0) new_session(store, "empty");
  }
  const Session session = new_session(store);
  for (int i = 0; i < 3; ++i) save(session, "x");
  const TimelinePage page = store.timeline({.limit = 2}).value();
  EXPECT_EQ(page.moments.front().session, "s");
  EXPECT_EQ(page.moments.front().checkpoint, session.latest().value());
  EXPECT_EQ(code_of(store.timeline({.limit = 0})), Errc::invalid_argument);
  EXPECT_EQ(code_of(store.timeline({.limit = 1001})), Errc::invalid_argument);
  EXPECT_EQ(code_of(store.timeline({.metadata = {{"a", "{"}}})), Errc::invalid_argument);
  EXPECT_EQ(code_of(store.timeline({.newest_first = false, .cursor = page.next})), Errc::invalid_argument);
  const std::string id = to_string(session.id());
  for (const std::string& cursor :
       {std::string("d"), std::string("d1"), std::string("dx"), "d1." + id, "d1." + id + ".", "d1." + id + ".x",
        "d1." + id + ".1.", "d1." + id + ".1.1.1", "d." + id + ".1", "d99999999999999999." + id + ".1",
        std::string("d1.session.1"), page.next + " "}) {
    EXPECT_EQ(code_of(store.timeline({.cursor = cursor})), Errc::invalid_argument) << cursor;
  }
  EXPECT_EQ(store.timeline({.cursor = page.next}).value().moments.size(), 1u);
}

inline const std::vector<Case> kTimelineCases = {
    {"Timeline", "timeline_is_in_order_of_creation", timeline_is_in_order_of_creation},
    {"Timeline", "equal_times_are_ordered_by_session_then_sequence", equal_times_are_ordered_by_session_then_sequence},
    {"Timeline", "timeline_takes_every_filter", timeline_takes_every_filter},
    {"Timeline", "a_timeline_stays_put_while_others_write_delete_and_rename",
     a_timeline_stays_put_while_others_write_delete_and_rename},
    {"Timeline", "a_timeline_without_checkpoints_is_empty_and_a_bad_query_refused",
     a_timeline_without_checkpoints_is_empty_and_a_bad_query_refused},
};

}  // namespace chronik::checkpoint::kit
