// The conformance kit: many threads on one store.
#pragma once

#include <atomic>
#include <set>
#include <thread>

#include "checkpoint/conformance_for_test.h"

namespace chronik::checkpoint::kit {

inline void in_threads(int count, const std::function<void(int)>& body) {
  std::vector<std::thread> threads;
  threads.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) threads.emplace_back(body, i);
  for (std::thread& thread : threads) thread.join();
}

/// Every sequence from 1 to `count`, each once, ids ascending, each the child of the one before.
inline void expect_unbroken(const Session& session, std::uint64_t count) {
  std::uint64_t next = 1;
  Checkpoint before;
  Query query{.newest_first = false, .limit = 1000};
  do {
    const Page page = session.list(query).value();
    for (const Checkpoint& c : page.checkpoints) {
      ASSERT_EQ(c.sequence, next++);
      ASSERT_GT(c.id, before.id);
      ASSERT_EQ(c.parent, before.id);
      before = c;
    }
    query.cursor = page.next;
  } while (!query.cursor.empty());
  EXPECT_EQ(next, count + 1);
}

inline void ten_threads_five_creations(Place& place) {
  const Store store = place.open();
  const Session session = new_session(store);
  in_threads(10, [&](int t) {
    std::uint64_t last = 0;
    for (int i = 0; i < 5; ++i) {
      const Checkpoint c = save(session, std::to_string(t * 10 + i));
      EXPECT_GT(c.sequence, last);
      last = c.sequence;
      EXPECT_EQ(session.payload(c.id).value(), std::to_string(t * 10 + i));
    }
  });
  expect_unbroken(session, 50);
  expect_sound(store);
}

/// Whoever wins, what an import told to be there is there, until someone deletes it.
inline void deletions_meet_imports(Place& place) {
  constexpr std::uint64_t kCheckpoints = 5;
  std::vector<std::string> lines;
  {
    const Store store = place.open();
    const Session session = new_session(store);
    for (std::uint64_t i = 0; i < kCheckpoints; ++i) save(session, noise(3000, i));
    ASSERT_TRUE(session.export_to([&](std::string_view line) -> Status {
      lines.emplace_back(line);
      return {};
    }));
    std::atomic<int> deleted{0};
    std::atomic<int> imported{0};
    in_threads(4, [&](int t) {
      for (int i = 0; i < 30; ++i) {
        if (t == 0) {
          deleted += store.delete_session("s") ? 1 : 0;
          continue;
        }
        std::size_t next = 0;
        const auto report = store.import_from([&]() -> Result<std::optional<std::string>> {
          if (next == lines.size()) return std::nullopt;
          return lines[next++];
        });
        if (report) {
          imported += report->created > 0 ? 1 : 0;
          EXPECT_TRUE(report->created == 0 || report->created == kCheckpoints);
        } else {
          EXPECT_TRUE(report.error().code == Errc::conflict || report.error().code == Errc::not_found)
              << report.error().message();
        }
      }
    });
    EXPECT_GT(deleted.load(), 0);
    EXPECT_LE(imported.load(), deleted.load());
    expect_sound(store);
    std::size_t next = 0;
    ASSERT_TRUE(store.import_from([&]() -> Result<std::optional<std::string>> {
      if (next == lines.size()) return std::nullopt;
      return lines[next++];
    }));
    expect_unbroken(store.session("s").value(), kCheckpoints);
  }
  const Store again = place.open();  // of memory, an empty one
  expect_sound(again);
  if (const auto session = again.session("s")) expect_unbroken(*session, kCheckpoints);
}

inline void readers_see_only_what_is_whole(Place& place) {
  const Session session = new_session(place.open());
  save(session, "0");
  std::atomic<bool> done{false};
  in_threads(4, [&](int t) {
    if (t == 0) {
      for (int i = 1; i <= 100; ++i) save(session, std::to_string(i));
      done = true;
      return;
    }
    std::uint64_t last = 0;
    do {
      const Checkpoint c = session.latest().value();
      EXPECT_GE(c.sequence, last);
      last = c.sequence;
      EXPECT_EQ(session.payload(c.id).value(), std::to_string(c.sequence - 1));
    } while (!done);
  });
  expect_unbroken(session, 101);
}

inline void sessions_do_not_mix(Place& place) {
  const Store store = place.open();
  in_threads(10, [&](int t) {
    const Session session = store.open_session("s" + std::to_string(t % 2)).value();
    for (int i = 0; i < 10; ++i) save(session, "of " + std::to_string(t % 2));
  });
  for (const char* name : {"0", "1"}) {
    const Session session = store.session(std::string("s") + name).value();
    expect_unbroken(session, 50);
    for (const Checkpoint& c : session.list().value().checkpoints) {
      EXPECT_EQ(session.payload(c.id).value(), std::string("of ") + name);
    }
  }
}

inline void of_many_with_one_parent_one_wins(Place& place) {
  const Session session = new_session(place.open());
  Checkpoint parent = save(session, "root");
  for (int round = 0; round < 10; ++round) {
    std::atomic<int> won{0};
    std::atomic<int> lost{0};
    in_threads(5, [&](int t) {
      const auto result = session.create(std::to_string(t), {.expected_parent = parent.id});
      if (result) {
        ++won;
      } else {
        EXPECT_EQ(result.error().code, Errc::conflict) << result.error().message();
        ++lost;
      }
    });
    EXPECT_EQ(won, 1);
    EXPECT_EQ(lost, 4);
    parent = session.latest().value();
  }
  expect_unbroken(session, 11);
}

inline void one_key_in_many_threads_is_one_checkpoint(Place& place) {
  const Session session = new_session(place.open());
  std::mutex mutex;
  std::set<CheckpointId> ids;
  in_threads(10, [&](int) {
    const Checkpoint c = save(session, "same", {.idempotency_key = "k"});
    const std::lock_guard lock(mutex);
    ids.insert(c.id);
  });
  EXPECT_EQ(ids.size(), 1u);
  EXPECT_EQ(session.describe().value().last_sequence, 1u);
}

inline void pruning_and_compacting_under_writers(Place& place) {
  const Store store = place.open();
  const Session session = new_session(store);
  std::atomic<int> writing{3};
  in_threads(5, [&](int t) {
    if (t < 3) {
      for (std::uint64_t i = 0; i < 40; ++i) {
        const std::string payload = noise(3000, static_cast<std::uint64_t>(t)) + std::to_string(i);
        const auto c = session.create(payload);
        EXPECT_TRUE(c) << c.error().message();
        if (!c) break;
        const auto read = session.payload(c->id);
        if (read) {
          EXPECT_TRUE(*read == payload);
        } else {
          EXPECT_EQ(read.error().code, Errc::not_found) << read.error().message();
        }
      }
      --writing;
      return;
    }
    do {
      const auto pruned = session.prune({.keep_last = 10});
      EXPECT_TRUE(pruned) << pruned.error().message();
    } while (writing > 0);
  });
  EXPECT_EQ(session.describe().value().last_sequence, 120u);
  ASSERT_TRUE(session.prune({.keep_last = 10}));
  EXPECT_EQ(session.list().value().checkpoints.size(), 10u);
  expect_sound(store);
}

inline void what_is_moved_is_read_all_the_time(Place& place) {
  const Store store = place.open({.cache_bytes = 0});
  const Session kept = new_session(store);
  const Session brief = store.create_session("brief").value();
  const std::string payload = noise(20'000, 1);
  const Checkpoint c = save(kept, payload);
  std::atomic<bool> moving{true};
  in_threads(3, [&](int t) {
    if (t > 0) {
      while (moving) {
        const auto read = kept.payload(c.id);
        EXPECT_TRUE(read && *read == payload) << (read ? "another payload" : read.error().message());
      }
      return;
    }
    // Each time most of the newest pack is dead, so that the rest of it is moved.
    for (std::uint64_t i = 0; i < 40; ++i) {
      EXPECT_TRUE(brief.create(noise(100'000, 2 + i)));
      EXPECT_TRUE(brief.create(""));
      EXPECT_TRUE(brief.prune({.keep_last = 1}));
      EXPECT_TRUE(store.compact());
    }
    moving = false;
  });
  expect_sound(store);
}

inline void restores_run_side_by_side(Place& place) {
  const Session session = new_session(place.open());
  const std::string payload = noise(300'000, 3);
  const Checkpoint c = save(session, payload);
  in_threads(5, [&](int) {
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(session.restore(c.id).value().payload == payload);
  });
}

inline void exports_run_side_by_side(Place& place) {
  const Session session = new_session(place.open());
  for (std::uint64_t i = 0; i < 30; ++i) save(session, noise(2000, i));
  in_threads(5, [&](int) {
    std::size_t lines = 0;
    const auto status = session.export_to([&](std::string_view) -> Status {
      ++lines;
      return {};
    });
    EXPECT_TRUE(status) << status.error().message();
    EXPECT_EQ(lines, 32U);
  });
}

/// 20 threads, each 50 times: create, list, get or delete.
inline void stress(Place& place) {
  const Store store = place.open();
  const Session session = new_session(store);
  std::atomic<std::uint64_t> created{0};
  in_threads(20, [&](int t) {
    std::uint64_t dice = static_cast<std::uint64_t>(t) * 977 + 1;
    for (int i = 0; i < 50; ++i) {
      dice = dice * 6364136223846793005ULL + 1442695040888963407ULL;
      const std::uint64_t roll = dice >> 60;
      const auto page = session.list({.limit = 5});
      ASSERT_TRUE(page) << page.error().message();
      if (roll < 8 || page->checkpoints.empty()) {
        save(session, noise(roll * 100, roll));
        ++created;
      } else {
        const Checkpoint& c = page->checkpoints[dice % page->checkpoints.size()];
        if (roll < 12) {
          const auto payload = session.payload(c.id);
          EXPECT_TRUE(payload || payload.error().code == Errc::not_found) << payload.error().message();
        } else {
          const auto removed = session.remove(c.id);
          EXPECT_TRUE(removed || removed.error().code == Errc::not_found) << removed.error().message();
        }
      }
    }
  });
  EXPECT_EQ(session.describe().value().last_sequence, created.load());
  expect_sound(store);
}

inline const std::vector<Case> kThreadCases = {
    {"Threads", "ten_threads_five_creations", ten_threads_five_creations},
    {"Threads", "readers_see_only_what_is_whole", readers_see_only_what_is_whole},
    {"Threads", "deletions_meet_imports", deletions_meet_imports},
    {"Threads", "sessions_do_not_mix", sessions_do_not_mix},
    {"Threads", "of_many_with_one_parent_one_wins", of_many_with_one_parent_one_wins},
    {"Threads", "one_key_in_many_threads_is_one_checkpoint", one_key_in_many_threads_is_one_checkpoint},
    {"Threads", "pruning_and_compacting_under_writers", pruning_and_compacting_under_writers},
    {"Threads", "what_is_moved_is_read_all_the_time", what_is_moved_is_read_all_the_time},
    {"Threads", "restores_run_side_by_side", restores_run_side_by_side},
    {"Threads", "exports_run_side_by_side", exports_run_side_by_side},
    {"Threads", "stress", stress},
};

}  // namespace chronik::checkpoint::kit
