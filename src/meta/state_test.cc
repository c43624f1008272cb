// The state machine and the encoding of commands and snapshots.
#include "meta/state.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "meta/log_for_test.h"
#include "meta/topic_name.h"

namespace chronik::meta {
namespace {

using wire::ErrorCode;

class State : public testing::Test {
 protected:
  ~State() override { EXPECT_TRUE(check_invariants(state)); }

  Outcome apply(const Command& command) { return state.apply(Index(++index), command); }
  ErrorCode error(const Command& command) { return apply(command).items.at(0).error; }

  MetadataState state;
  std::uint64_t index = 0;
};

TEST_F(State, topics_are_found_by_name_and_by_id) {
  ASSERT_EQ(error(create_one("orders", 1, 3)), ErrorCode::none);
  ASSERT_EQ(error(create_one("bills", 2)), ErrorCode::none);
  const ImagePtr image = state.image();
  ASSERT_TRUE(image->find("orders"));
  EXPECT_EQ(image->find("orders")->partition_count(), 3);
  EXPECT_EQ(image->find(id_of(2))->name, "bills");
  EXPECT_EQ(image->find("absent"), nullptr);
  EXPECT_EQ(image->find(id_of(9)), nullptr);
  EXPECT_EQ(image->partition_count(), 4);
  ASSERT_EQ(image->topics().size(), 2U);
  EXPECT_EQ(image->topics()[0]->name, "bills");  // sorted
  EXPECT_EQ(image->index(), Index(2));
}

TEST_F(State, items_of_one_command_succeed_or_fail_on_their_own) {
  ASSERT_EQ(error(create_one("taken", 1)), ErrorCode::none);
  const Outcome outcome = apply(CreateTopics{UnixMillis(5),
                                             {{"fine", id_of(2), 1, {}},
                                              {"taken", id_of(3), 1, {}},
                                              {"bad name", id_of(4), 1, {}},
                                              {"none", id_of(5), 0, {}},
                                              {"many", id_of(6), kTopicPartitionsMax + 1, {}},
                                              {"same.id", id_of(1), 1, {}},
                                              {"zero.id", TopicId{}, 1, {}},
                                              {"a.b", id_of(7), 1, {}},
                                              {"a_b", id_of(8), 1, {}}}});
  std::vector<ErrorCode> errors;
  for (const ItemOutcome& item : outcome.items) {
    errors.push_back(item.error);
    EXPECT_EQ(item.ok(), item.message.empty());
  }
  const std::vector<ErrorCode> expected = {ErrorCode::none,
                                           ErrorCode::topic_already_exists,
                                           ErrorCode::invalid_topic_exception,
                                           ErrorCode::invalid_partitions,
                                           ErrorCode::invalid_partitions,
                                           ErrorCode::invalid_request,
                                           ErrorCode::invalid_request,
                                           ErrorCode::none,
                                           ErrorCode::invalid_topic_exception};
  EXPECT_EQ(errors, expected);
}

TEST_F(State, a_deleted_topic_leaves_a_tombstone_until_it_is_forgotten) {
  apply(create_one("t", 1));
  ASSERT_EQ(error(DeleteTopics{{id_of(1)}}), ErrorCode::none);
  EXPECT_EQ(error(DeleteTopics{{id_of(1)}}), ErrorCode::unknown_topic_or_partition);
  EXPECT_TRUE(state.image()->is_tombstone(id_of(1)));
  EXPECT_EQ(error(create_one("t", 1)), ErrorCode::invalid_request);  // its id is not free
  EXPECT_EQ(error(create_one("t", 2)), ErrorCode::none);             // its name is
  apply(ForgetTombstones{{id_of(1), id_of(5)}});
  EXPECT_FALSE(state.image()->is_tombstone(id_of(1)));
}

TEST_F(State, partitions_only_grow) {
  apply(create_one("t", 1, 3));
  EXPECT_EQ(error(CreatePartitions{{{id_of(1), 3}}}), ErrorCode::invalid_partitions);
  EXPECT_EQ(error(CreatePartitions{{{id_of(1), 2}}}), ErrorCode::invalid_partitions);
  EXPECT_EQ(error(CreatePartitions{{{id_of(2), 9}}}), ErrorCode::unknown_topic_or_partition);
  const ImagePtr before = state.image();
  EXPECT_EQ(error(CreatePartitions{{{id_of(1), 7}}}), ErrorCode::none);
  EXPECT_EQ(state.image()->find("t")->partition_count(), 7);
  EXPECT_EQ(before->find("t")->partition_count(), 3);  // images do not change
}

TEST_F(State, config_changes_are_resolved_when_applied) {
  apply(create_one("t", 1));
  const auto alter = [&](bool replace, std::vector<ConfigChange> changes) {
    EXPECT_EQ(error(AlterTopicConfigs{{{id_of(1), replace, std::move(changes)}}}), ErrorCode::none);
    return state.image()->find("t")->configs;
  };
  EXPECT_EQ(alter(false, {{"a", ConfigOperation::set, "1"}, {"l", ConfigOperation::append, "x"}}),
            (ConfigMap{{"a", "1"}, {"l", "x"}}));
  EXPECT_EQ(alter(false, {{"l", ConfigOperation::append, "y, x"}}), (ConfigMap{{"a", "1"}, {"l", "x,y"}}));
  EXPECT_EQ(alter(false, {{"l", ConfigOperation::subtract, "x"}, {"a", ConfigOperation::remove, ""}}),
            (ConfigMap{{"l", "y"}}));
  EXPECT_EQ(alter(true, {{"b", ConfigOperation::set, "2"}}), (ConfigMap{{"b", "2"}}));
}

TEST_F(State, blocks_and_generations_are_never_given_twice) {
  EXPECT_EQ(apply(AllocateProducerIds{1000}).value, 0);
  EXPECT_EQ(apply(AllocateProducerIds{500}).value, 1000);
  EXPECT_EQ(apply(AllocateProducerIds{1000}).value, 1500);
  EXPECT_EQ(error(AllocateProducerIds{0}), ErrorCode::invalid_request);
  EXPECT_EQ(apply(AllocateGeneration{}).value, 1);
  EXPECT_EQ(apply(AllocateGeneration{}).value, 2);
  EXPECT_EQ(state.image()->generation(), Generation(2));
}

TEST_F(State, the_cluster_id_is_set_once) {
  apply(InitializeCluster{"first", wal::LogId(11)});
  apply(InitializeCluster{"second", wal::LogId(12)});
  EXPECT_EQ(state.image()->cluster_id(), "first");
  EXPECT_EQ(state.image()->log_id(), wal::LogId(11));
}

TEST_F(State, the_cluster_has_a_limit_of_partitions) {
  for (std::uint64_t i = 1; i <= 10; ++i) {
    ASSERT_EQ(error(create_one("t" + std::to_string(i), i, kTopicPartitionsMax)), ErrorCode::none);
  }
  EXPECT_EQ(error(create_one("more", 99)), ErrorCode::policy_violation);
}

TEST(StateProperty, replay_snapshot_and_encoding_give_the_same_state) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    RandomCommands commands(seed);
    MetadataState state;
    MetadataState replayed;
    for (std::uint64_t i = 1; i <= 200; ++i) {
      const Command command = commands.next();
      const auto bytes = encode(command);
      ASSERT_TRUE(bytes);
      const auto decoded = decode_command(bytes->span());
      ASSERT_TRUE(decoded) << decoded.error().message();
      ASSERT_EQ(*decoded, command);
      ASSERT_EQ(state.apply(Index(i), command), replayed.apply(Index(i), *decoded));
      ASSERT_TRUE(check_invariants(state));
      if (commands.prng().chance(1, 20)) {  // a snapshot instead of what came before
        auto copy = MetadataState::decode(replayed.encode().span());
        ASSERT_TRUE(copy) << copy.error().message();
        replayed = std::move(*copy);
      }
    }
    ASSERT_TRUE(state == replayed);
  }
}

TEST(StateProperty, garbage_is_refused_without_harm) {
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    RandomCommands commands(seed);
    Prng& prng = commands.prng();
    const auto bytes = encode(commands.next());
    std::string text(as_text(bytes->span()));
    ASSERT_FALSE(decode_command(as_bytes(text.substr(0, prng.below(text.size())))));
    ASSERT_FALSE(decode_command(as_bytes(text + "x")));
    text[prng.below(text.size())] ^= static_cast<char>(1 + prng.below(255));
    if (const auto decoded = decode_command(as_bytes(text))) {
      ASSERT_EQ(as_text(encode(*decoded)->span()), text);  // another command, no garbage
    }
  }
  // Lengths that promise more than there is.
  std::string huge("\x01\x02\xff\xff\xff\xff", 6);
  EXPECT_EQ(decode_command(as_bytes(huge)).error().code, Errc::corrupt);
  EXPECT_EQ(decode_command({}).error().code, Errc::corrupt);
  EXPECT_EQ(decode_command(as_bytes("\x09\x01")).error().code, Errc::corrupt);
}

TEST(Command, a_thousand_partitions_are_one_small_command_and_a_huge_one_is_refused) {
  EXPECT_LT(encode(create_one("t", 1, 1000))->size(), 100U);
  CreateTopics many;
  many.topics.push_back({"t", id_of(1), 1, {{"key", std::string(kCommandBytesMax, 'x')}}});
  EXPECT_EQ(encode(many).error().code, Errc::invalid_argument);
}

TEST(TopicName, follows_the_rules_of_kafka) {
  for (const char* good : {"a", "A.b_c-9", "__consumer_offsets", "...", "a..b"}) {
    EXPECT_FALSE(topic_name_problem(good)) << good;
  }
  for (const char* bad : {"", ".", "..", "a b", "a/b", "a\n", "\xc3\xa4", "a,b", "a:b", "a\\b"}) {
    EXPECT_TRUE(topic_name_problem(bad)) << bad;
  }
  EXPECT_FALSE(topic_name_problem(std::string(249, 'x')));
  EXPECT_TRUE(topic_name_problem(std::string(250, 'x')));
  EXPECT_EQ(collision_key("a.b_c"), collision_key("a_b.c"));
  EXPECT_NE(collision_key("a.b"), collision_key("a-b"));
}

TEST(TopicName, random_ids_are_of_version_4_and_never_begin_with_a_dash) {
  struct Seeded final : env::Entropy {
    Prng prng{42};
    std::uint64_t next() override { return prng.next(); }
  } entropy;
  std::set<TopicId> seen;
  for (int i = 0; i < 2000; ++i) {
    const TopicId id = random_topic_id(entropy);
    ASSERT_TRUE(seen.insert(id).second);
    ASSERT_NE(id.to_string().front(), '-');
    ASSERT_EQ(id.bytes[6] >> 4, 4);
    ASSERT_EQ(id.bytes[8] >> 6, 2);
  }
}

}  // namespace
}  // namespace chronik::meta
