// The conformance kit: tags, restoring, forking, comparing, retention, events, throttled and fenced writers.
#pragma once

#include <algorithm>

#include <atomic>

#include "checkpoint/conformance_for_test.h"

namespace chronik::checkpoint::kit {

inline void tags_annotations_and_pins_change_later(Place& place) {
  const Store store = place.open();
  const Session session = new_session(store);
  const Checkpoint saved = save(session, "x", {.tags = {"old"}});
  EXPECT_EQ(session.tag(saved.id, {"new", "new"}, {"old"}).value().tags, (std::vector<std::string>{"new"}));
  EXPECT_EQ(session.annotate(saved.id, Level::critical, "broken").value().annotations.size(), 1u);
  EXPECT_TRUE(session.pin(saved.id, true).value().pinned);
  const Checkpoint now = session.get(saved.id).value();
  EXPECT_EQ(now.hash, saved.hash);
  EXPECT_EQ(now.annotations[0].level, Level::critical);
  EXPECT_EQ(code_of(session.remove(saved.id)), Errc::invalid_argument);
  EXPECT_EQ(session.list({.tags = {"new"}}).value().checkpoints.size(), 1u);
  EXPECT_EQ(session.list({.tags = {"old"}}).value().checkpoints.size(), 0u);
  EXPECT_EQ(code_of(session.annotate(saved.id, Level::info, std::string(5000, 'x'))), Errc::too_large);
  EXPECT_EQ(code_of(session.tag(saved.id, {""})), Errc::invalid_argument);
  expect_sound(store);
}

inline void rewind_appends_the_old_content(Place& place) {
  const Store store = place.open();
  const Session session = new_session(store);
  const Checkpoint one = save(session, "one", {.metadata = R"({"n":1})", .content_type = "text/plain"});
  const Checkpoint two = save(session, "two");
  const Checkpoint back = session.rewind(one.id).value();
  EXPECT_EQ(back.sequence, 3u);
  EXPECT_EQ(back.parent, two.id);
  EXPECT_EQ(back.payload_hash, one.payload_hash);
  EXPECT_EQ(back.content_type, "text/plain");
  EXPECT_EQ(back.metadata, one.metadata);
  ASSERT_TRUE(session.remove(one.id));
  ASSERT_TRUE(store.compact());
  EXPECT_EQ(session.payload(back.id).value(), "one");
  EXPECT_EQ(code_of(session.rewind(one.id)), Errc::not_found);
  expect_sound(store);
}

inline void a_fork_lives_on_its_own(Place& place) {
  const Store store = place.open();
  const Session session = new_session(store);
  const std::string payload = noise(50'000, 7);
  const Checkpoint base = save(session, payload, {.tags = {"t"}});
  const Session fork = session.fork(base.id, "fork").value();
  const Checkpoint first = fork.latest().value();
  EXPECT_EQ(first.sequence, 1u);
  EXPECT_EQ(first.parent, base.id);
  EXPECT_EQ(first.parent_hash, base.hash);
  EXPECT_EQ(fork.describe().value().forked_from, "s/" + to_string(base.id));
  save(fork, "fork 2");
  EXPECT_EQ(save(session, "main 2").sequence, 2u);
  EXPECT_EQ(code_of(session.fork(base.id, "fork")), Errc::already_exists);
  ASSERT_TRUE(store.delete_session("s"));
  ASSERT_TRUE(store.compact());
  EXPECT_TRUE(fork.payload(first.id).value() == payload);
  expect_sound(store);
}

inline void differences_are_structural_for_json(Place& place) {
  const Session session = new_session(place.open());
  const Checkpoint a = save(session, R"({"a":1,"b":[1,2]})");
  const Checkpoint b = save(session, R"({"b":[1,3],"a":1})");
  const Checkpoint c = save(session, "abcdef");
  const Checkpoint d = save(session, "abXdef");
  const Difference json = session.diff(a.id, b.id).value();
  EXPECT_TRUE(json.structural);
  EXPECT_EQ(json.patch, R"([{"op":"replace","path":"/b/1","value":3}])");
  const Difference bytes = session.diff(c.id, d.id).value();
  EXPECT_FALSE(bytes.structural);
  EXPECT_FALSE(bytes.same);
  EXPECT_EQ(bytes.common_prefix, 2u);
  EXPECT_EQ(bytes.common_suffix, 3u);
  EXPECT_TRUE(session.diff(c.id, c.id).value().same);
  EXPECT_EQ(session.diff(c.id, c.id).value().common_suffix, 0u);
  // Deep nesting is bytes, not a stack that overflows.
  const Checkpoint deep = save(session, std::string(100'000, '[') + std::string(100'000, ']'));
  EXPECT_FALSE(session.diff(deep.id, a.id).value().structural);
}

/// 48 checkpoints, one an hour, values 0 to 47.
inline Session hourly(const Store& store, Place& place) {
  const Session session = new_session(store);
  for (int i = 0; i < 48; ++i) {
    CreateOptions options;
    options.metadata = "{\"score\":" + std::to_string((i * 7) % 48) + "}";
    if (i == 3) options.tags = {"keep"};
    save(session, std::string(100, 'x'), options);
    place.advance(std::chrono::hours(1));
  }
  return session;
}

inline void retention_rules_combine_and_a_dry_run_changes_nothing(Place& place) {
  const Store store = place.open();
  const Session session = hourly(store, place);
  const auto kept = [&](const Retention& rules) {
    const auto report = session.prune(rules, true);
    EXPECT_TRUE(report);
    EXPECT_EQ(report->examined, 48u);
    EXPECT_EQ(report->bytes_returned, 0u);
    EXPECT_EQ(report->sequences.size(), report->deleted);
    return 48 - report->deleted;
  };
  EXPECT_EQ(kept({}), 48u);
  EXPECT_EQ(kept({.keep_last = 5}), 5u);
  EXPECT_EQ(kept({.keep_last = 0}), 0u);
  EXPECT_EQ(kept({.keep_within = std::chrono::minutes(150)}), 2u);
  EXPECT_EQ(kept({.keep_hourly = 10}), 10u);
  EXPECT_EQ(kept({.keep_daily = 2}), 2u);
  EXPECT_EQ(kept({.keep_tagged = {"keep"}}), 1u);
  EXPECT_EQ(kept({.keep_last = 2, .keep_tagged = {"keep", "none"}}), 3u);
  EXPECT_EQ(kept({.keep_best = {{"score", 4, true}}}), 4u);
  EXPECT_EQ(kept({.keep_best = {{"score", 4, false}, {"score", 2, true}}}), 6u);
  EXPECT_EQ(kept({.keep_best = {{"none", 4, true}}}), 0u);
  EXPECT_EQ(kept({.expire_after = std::chrono::minutes(330)}), 5u);
  EXPECT_EQ(kept({.keep_last = 20, .bytes_max = 1000}), 10u);
  EXPECT_EQ(code_of(session.prune({.keep_within = std::chrono::hours(-1)})), Errc::invalid_argument);
  EXPECT_EQ(session.describe().value().checkpoints, 48u);
  const auto sequences = session.prune({.keep_best = {{"score", 1, true}}}, true).value().sequences;
  EXPECT_FALSE(std::ranges::binary_search(
      sequences, session.list({.metadata = {{"score", "47"}}}).value().checkpoints.at(0).sequence));
}

inline void pruning_keeps_what_is_pinned_and_breaks_nothing(Place& place) {
  const Store store = place.open();
  const Session session = new_session(store);
  const std::string shared = noise(20'000, 1);
  std::vector<Checkpoint> saved;
  for (std::uint64_t i = 0; i < 40; ++i) saved.push_back(save(session, shared + noise(100, i)));
  ASSERT_TRUE(session.pin(saved[4].id, true));
  const auto report = session.prune({.keep_last = 3}).value();
  EXPECT_EQ(report.deleted, 36u);
  EXPECT_EQ(report.payload_bytes, 36u * 20'100u);
  EXPECT_EQ(session.list().value().checkpoints.size(), 4u);
  for (const std::uint64_t i : {4U, 37U, 38U, 39U}) {
    EXPECT_TRUE(session.payload(saved[i].id).value() == shared + noise(100, i));
  }
  EXPECT_EQ(session.prune({.keep_last = 3}).value().deleted, 0u);
  EXPECT_EQ(save(session, "next").parent, saved[39].id);
  EXPECT_EQ(session.prune({.keep_last = 0}).value().deleted, 4u);
  EXPECT_EQ(save(session, "after all").sequence, 42u);
  expect_sound(store);
}

inline void events_resume_and_a_gap_is_told(Place& place) {
  Options options;
  options.events_kept = 10;
  const Store store = place.open(options);
  const Session session = new_session(store);
  const Checkpoint saved = save(session, "x");
  ASSERT_TRUE(session.tag(saved.id, {"t"}));
  ASSERT_TRUE(session.restore(saved.id));
  const EventPage waited = session.wait_events(4, 10, std::chrono::seconds(100)).value();
  ASSERT_EQ(waited.events.size(), 1u);
  EXPECT_EQ(waited.events[0].kind, EventKind::restored);
  const EventPage first = session.events(1).value();
  ASSERT_EQ(first.events.size(), 4u);
  EXPECT_EQ(first.gap_from, 0u);
  EXPECT_EQ(first.events[1].kind, EventKind::created);
  EXPECT_EQ(first.events[1].sequence, 1u);
  EXPECT_EQ(first.events[2].kind, EventKind::annotated);
  for (int i = 0; i < 20; ++i) save(session, "y");
  const EventPage later = session.events(5).value();
  EXPECT_EQ(later.gap_from, 5u);
  EXPECT_EQ(later.gap_to, 14u);
  ASSERT_EQ(later.events.size(), 10u);
  EXPECT_EQ(later.events[0].number, 15u);
  EXPECT_TRUE(session.events(25).value().events.empty());
  EXPECT_EQ(session.events(25).value().gap_from, 0u);
  EXPECT_EQ(code_of(session.wait_events(25, 10, std::chrono::milliseconds(1))), Errc::timed_out);
}

inline std::vector<std::string> exported(const Session& session, std::uint64_t since = 0) {
  std::vector<std::string> lines;
  const auto status = session.export_to(
      [&](std::string_view line) -> Status {
        lines.emplace_back(line);
        return {};
      },
      since);
  EXPECT_TRUE(status) << status.error().message();
  return lines;
}

inline Result<ImportReport> imported(const Store& store, const std::vector<std::string>& lines) {
  std::size_t next = 0;
  return store.import_from([&]() -> Result<std::optional<std::string>> {
    if (next == lines.size()) return std::nullopt;
    return lines[next++];
  });
}

inline void an_export_comes_back_whole_and_only_once(Place& place) {
  const Store store = place.open();
  const Session session = new_session(store);
  for (std::uint64_t i = 0; i < 20; ++i) {
    save(session, noise(i * 700, i),
         {.message = "quote \" \\ \n \u00e4", .tags = {"t", "a"}, .metadata = R"({"b":1,"a":"x"})"});
  }
  const Checkpoint noted = session.annotate(session.latest().value().id, Level::warning, "look").value();
  ASSERT_TRUE(session.remove(session.at_sequence(5).value().id));
  const auto lines = exported(session);
  ASSERT_EQ(lines.size(), 21U);
  const SessionId id = session.id();
  EXPECT_EQ(imported(store, lines).value().created, 0U);  // it is all there: nothing happens
  EXPECT_EQ(exported(session), lines);
  ASSERT_TRUE(store.delete_session("s"));
  const auto report = imported(store, lines);
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->created, 19U);
  const Session back = store.session(id).value();
  EXPECT_EQ(exported(back), lines);
  EXPECT_EQ(back.get(noted.id).value(), noted);
  expect_sound(store);
  // Only what is new.
  save(back, "more");
  const auto rest = exported(back, 20);
  ASSERT_EQ(rest.size(), 3U);
  EXPECT_EQ(imported(store, rest).value().present, 1U);
}

inline void a_changed_or_foreign_import_changes_nothing(Place& place) {
  const Store store = place.open();
  const Session session = new_session(store);
  for (int i = 0; i < 4; ++i) save(session, "payload " + std::to_string(i), {.message = "m", .tags = {"t"}});
  const auto lines = exported(session);
  ASSERT_TRUE(store.delete_session("s"));
  const auto refused = [&](std::vector<std::string> bad) {
    const auto result = imported(store, bad);
    EXPECT_EQ(code_of(store.session("s")), Errc::not_found);
    return code_of(result);
  };
  for (std::size_t i = 0; i < lines.size(); ++i) {
    auto less = lines;
    less.erase(less.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_EQ(refused(less), Errc::corrupt) << "without line " << i;
    for (std::size_t at = 5; at < lines[i].size(); at += 29) {
      auto changed = lines;
      changed[i][at] = changed[i][at] == '7' ? '8' : '7';
      EXPECT_NE(refused(changed), Errc{}) << "line " << i << " byte " << at;
    }
  }
  EXPECT_EQ(refused({"hello"}), Errc::corrupt);
  EXPECT_EQ(refused({"{}"}), Errc::corrupt);
  EXPECT_EQ(refused({std::string(1000, '[')}), Errc::corrupt);
  EXPECT_EQ(refused({R"({"chronik_export":2})"}), Errc::unsupported);
  EXPECT_EQ(refused({}), Errc::corrupt);
  // Another session of that name, another history of that session.
  save(new_session(store), "x");
  EXPECT_EQ(code_of(imported(store, lines)), Errc::already_exists);
  ASSERT_TRUE(store.delete_session("s"));
  ASSERT_TRUE(imported(store, lines));
  const Session back = store.session("s").value();
  ASSERT_EQ(back.describe().value().checkpoints, 4U);
}

inline void automatic_checkpoints_are_throttled_by_reason(Place& place) {
  const Session session = new_session(place.open());
  int asked = 0;
  const auto payload = [&] { return std::to_string(++asked); };
  const auto made = [&](std::string_view reason, Duration interval) {
    const auto result = session.create_automatic(reason, interval, payload, {.message = "m"});
    EXPECT_TRUE(result) << result.error().message();
    return result && result->has_value();
  };
  EXPECT_EQ(code_of(session.create_automatic("", std::chrono::seconds(1), payload)), Errc::invalid_argument);
  EXPECT_TRUE(made("tick", std::chrono::seconds(60)));
  EXPECT_FALSE(made("tick", std::chrono::seconds(60)));
  EXPECT_TRUE(made("error", std::chrono::seconds(60)));  // each reason has its own
  save(session, "by hand");
  place.advance(std::chrono::seconds(59));
  EXPECT_FALSE(made("tick", std::chrono::seconds(60)));
  EXPECT_TRUE(made("tick", std::chrono::seconds(10)));
  place.advance(std::chrono::seconds(61));
  EXPECT_TRUE(made("tick", std::chrono::seconds(60)));
  EXPECT_FALSE(made("tick", std::chrono::seconds(60)));
  EXPECT_EQ(asked, 4);  // a payload is not made for nothing
  const Checkpoint last = session.latest().value();
  EXPECT_EQ(last.trigger, Trigger::automatic);
  EXPECT_EQ(last.reason, "tick");
  EXPECT_EQ(last.message, "m");
}

/// A coroutine that runs by itself.
struct Detached {
  struct promise_type {
    Detached get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};

inline Detached await_into(PendingCheckpoint pending, std::shared_ptr<std::atomic<int>> done,
                           std::shared_ptr<Errc> code) {
  const auto outcome = co_await pending;
  *code = outcome ? Errc{} : outcome.error().code;
  done->fetch_add(1);
  done->notify_all();
}

inline void creation_can_be_awaited(Place& place) {
  const Session session = new_session(place.open());
  const Checkpoint first = save(session, "1");
  const auto done = std::make_shared<std::atomic<int>>(0);
  std::vector<std::shared_ptr<Errc>> codes;
  const CreateOptions late{.expected_parent = first.id};
  for (int i = 0; i < 3; ++i) {
    codes.push_back(std::make_shared<Errc>(Errc::closed));
    auto pending = session.create_async("x", i == 2 ? late : CreateOptions());
    ASSERT_TRUE(pending);
    (void)await_into(*pending, done, codes.back());
    (void)pending->wait(std::chrono::seconds(30));
  }
  for (int seen = done->load(); seen < 3; seen = done->load()) done->wait(seen);
  EXPECT_EQ(*codes[0], Errc{});
  EXPECT_EQ(*codes[1], Errc{});
  EXPECT_EQ(*codes[2], Errc::conflict);
  EXPECT_EQ(session.describe().value().checkpoints, 3u);
}

inline void what_follows_an_async_creation_comes_behind_it(Place& place) {
  const Session session = new_session(place.open());
  for (std::uint64_t i = 0; i < 10; ++i) {
    const auto pending = session.create_async(noise(100'000, i));
    ASSERT_TRUE(pending);
    EXPECT_EQ(save(session, "behind").sequence, 2 * i + 2);
    EXPECT_EQ(pending->wait(std::chrono::seconds(100)).value().sequence, 2 * i + 1);
  }
  const auto pending = session.create_async(noise(100'000, 99));
  ASSERT_TRUE(session.fence());
  EXPECT_TRUE(pending->wait(std::chrono::seconds(100)));
}

inline void health_counts(Place& place) {
  const Store store = place.open();
  const Session session = new_session(store);
  for (std::uint64_t i = 0; i < 10; ++i) save(session, noise(1000, i % 2));
  const Health health = store.health().value();
  EXPECT_EQ(health.sessions, 1u);
  EXPECT_EQ(health.checkpoints, 10u);
  EXPECT_EQ(health.payload_bytes, 10'000u);
  EXPECT_EQ(health.damaged, 0u);
  std::vector<std::uint64_t> seen;
  const VerifyProgress progress = [&](const VerifyReport& so_far) { seen.push_back(so_far.checkpoints); };
  EXPECT_TRUE(store.verify(progress).value().ok());
  if (place.tells_progress()) {
    EXPECT_EQ(seen, (std::vector<std::uint64_t>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}));
  } else {
    EXPECT_EQ(seen, (std::vector<std::uint64_t>{10}));
  }
  EXPECT_GE(health.stored_bytes, 2000u);
}

inline const std::vector<Case> kOperationCases = {
    {"Operations", "tags_annotations_and_pins_change_later", tags_annotations_and_pins_change_later},
    {"Operations", "rewind_appends_the_old_content", rewind_appends_the_old_content},
    {"Operations", "a_fork_lives_on_its_own", a_fork_lives_on_its_own},
    {"Operations", "differences_are_structural_for_json", differences_are_structural_for_json},
    {"Operations", "automatic_checkpoints_are_throttled_by_reason", automatic_checkpoints_are_throttled_by_reason},
    {"Operations", "creation_can_be_awaited", creation_can_be_awaited},
    {"Operations", "what_follows_an_async_creation_comes_behind_it", what_follows_an_async_creation_comes_behind_it},
    {"Operations", "retention_rules_combine_and_a_dry_run_changes_nothing",
     retention_rules_combine_and_a_dry_run_changes_nothing},
    {"Operations", "pruning_keeps_what_is_pinned_and_breaks_nothing", pruning_keeps_what_is_pinned_and_breaks_nothing},
    {"Operations", "events_resume_and_a_gap_is_told", events_resume_and_a_gap_is_told},
    {"Operations", "an_export_comes_back_whole_and_only_once", an_export_comes_back_whole_and_only_once},
    {"Operations", "a_changed_or_foreign_import_changes_nothing", a_changed_or_foreign_import_changes_nothing},
    {"Operations", "health_counts", health_counts},
};

}  // namespace chronik::checkpoint::kit
