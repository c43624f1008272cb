// Transactions over the wire, in simulated time: both versions of the protocol, fencing, time-outs, offsets, restarts
// and power cuts. What a partition does is tested in log.
#include <algorithm>
#include <map>
#include <set>

#include "base/prng.h"
#include "server/test_client.h"
#include "wire/messages/add_offsets_to_txn.h"
#include "wire/messages/add_partitions_to_txn.h"
#include "wire/messages/describe_producers.h"
#include "wire/messages/describe_transactions.h"
#include "wire/messages/end_txn.h"
#include "wire/messages/fetch.h"
#include "wire/messages/find_coordinator.h"
#include "wire/messages/init_producer_id.h"
#include "wire/messages/list_groups.h"
#include "wire/messages/list_offsets.h"
#include "wire/messages/list_transactions.h"
#include "wire/messages/offset_fetch.h"
#include "wire/messages/produce.h"
#include "wire/messages/txn_offset_commit.h"

namespace chronik::server {
namespace {

using wire::CoordinatorType;
using wire::ErrorCode;
using Values = std::vector<std::string>;

struct Identity {
  ProducerId id;
  ProducerEpoch epoch;
};

class TransactionTest : public HandlerTest {
 protected:
  static constexpr std::int16_t kVersion1 = 4;  // of EndTxn
  static constexpr std::int16_t kVersion2 = 5;

  /// Until the coordinators of both kinds are loaded.
  void find_coordinators() {
    for (const auto type : {CoordinatorType::transaction, CoordinatorType::group}) {
      wire::FindCoordinatorRequest request;
      request.key_type = type;
      request.coordinator_keys = {"t"};
      ASSERT_EQ(call(request).coordinators.at(0).error_code, ErrorCode::none);
    }
    for (int i = 0; i < 200; ++i) {
      const bool transactions = call(wire::ListTransactionsRequest{}).error_code == ErrorCode::none;
      if (transactions && call(wire::ListGroupsRequest{}).error_code == ErrorCode::none) return;
      rig().world->run_for(100ms);
    }
    FAIL() << "the coordinators did not load";
  }
  void crash() {
    rig().crash();
    reconnect();
    find_coordinators();
  }

  wire::InitProducerIdResponse try_init(const std::string& id, std::int32_t timeout_ms = 60'000,
                                        std::optional<Identity> claim = std::nullopt) {
    wire::InitProducerIdRequest request;
    request.transactional_id = id;
    request.transaction_timeout_ms = timeout_ms;
    if (claim) request.producer_id = claim->id;
    if (claim) request.producer_epoch = claim->epoch;
    return call(request);
  }
  Identity init(const std::string& id, std::int32_t timeout_ms = 60'000) {
    const auto response = try_init(id, timeout_ms);
    EXPECT_EQ(response.error_code, ErrorCode::none);
    return {response.producer_id, response.producer_epoch};
  }
  ErrorCode add_partition(const std::string& id, Identity producer, std::int32_t index,
                          const std::string& topic = "a") {
    wire::AddPartitionsToTxnRequest request;
    request.v3_and_below_transactional_id = id;
    request.v3_and_below_producer_id = producer.id;
    request.v3_and_below_producer_epoch = producer.epoch;
    request.v3_and_below_topics.push_back({topic, {PartitionIndex(index)}});
    return call(request, 3).results_by_topic_v3_and_below.at(0).results_by_partition.at(0).partition_error_code;
  }
  ErrorCode write(const std::string& id, Identity producer, std::int32_t index, const std::string& value,
                  std::int32_t sequence, std::int16_t version = 12) {
    wire::BatchOptions options;
    options.producer_id = producer.id;
    options.producer_epoch = producer.epoch;
    options.base_sequence = sequence;
    options.transactional = true;
    wire::RecordBatchBuilder builder(options);
    builder.add(rig().context().wall_now(), std::nullopt, as_bytes(value));
    wire::ProduceRequest request;
    request.transactional_id = id;
    request.acks = -1;
    request.timeout_ms = 30'000;
    request.topic_data.emplace_back().name = "a";
    request.topic_data[0].partition_data.push_back({PartitionIndex(index), builder.build().value()});
    return call(request, version).responses.at(0).partition_responses.at(0).error_code;
  }
  wire::EndTxnResponse try_end(const std::string& id, Identity producer, bool commits,
                               std::int16_t version = kVersion2) {
    wire::EndTxnRequest request;
    request.transactional_id = id;
    request.producer_id = producer.id;
    request.producer_epoch = producer.epoch;
    request.committed = commits;
    return call(request, version);
  }
  Identity end(const std::string& id, Identity producer, bool commits) {
    const auto response = try_end(id, producer, commits);
    EXPECT_EQ(response.error_code, ErrorCode::none);
    return {response.producer_id, response.producer_epoch};
  }

  wire::FetchResponse::PartitionData fetch(std::int32_t index, wire::IsolationLevel isolation) {
    wire::FetchRequest request;
    request.max_bytes = 1 << 20;
    request.isolation_level = isolation;
    request.topics.emplace_back().topic = "a";
    auto& partition = request.topics[0].partitions.emplace_back();
    partition.partition = PartitionIndex(index);
    partition.partition_max_bytes = 1 << 20;
    return call(request, 12).responses.at(0).partitions.at(0);
  }
  /// What an application sees that reads committed records.
  Values committed(std::int32_t index) {
    const auto data = fetch(index, wire::IsolationLevel::read_committed);
    EXPECT_EQ(data.error_code, ErrorCode::none);
    EXPECT_TRUE(data.aborted_transactions);
    std::multimap<std::int64_t, ProducerId> starts;
    for (const auto& aborted :
         data.aborted_transactions.value_or(std::vector<wire::FetchResponse::AbortedTransaction>{})) {
      starts.emplace(aborted.first_offset.value(), aborted.producer_id);
    }
    Values values;
    std::set<ProducerId> aborting;
    for (const Buffer& piece : data.records.pieces) {
      wire::BatchSplitter splitter(piece.span());
      while (const auto batch = splitter.next().value()) {
        const auto& header = batch->header;
        while (!starts.empty() && starts.begin()->first <= header.last_offset().value()) {
          aborting.insert(starts.begin()->second);
          starts.erase(starts.begin());
        }
        if (header.is_control()) {
          aborting.erase(header.producer_id);
          continue;
        }
        if (header.is_transactional() && aborting.contains(header.producer_id)) continue;
        auto reader = wire::RecordReader::open(batch->bytes, 1U << 20).value();
        wire::RecordView record;
        while (reader.next(record).value()) values.emplace_back(as_text(record.value.value_or(ByteSpan{})));
      }
    }
    return values;
  }
  std::string state_of(const std::string& id) {
    wire::DescribeTransactionsRequest request;
    request.transactional_ids = {id};
    const auto state = call(request).transaction_states.at(0);
    return state.error_code == ErrorCode::none ? state.transaction_state
                                               : std::string(wire::to_string(state.error_code));
  }

  ErrorCode commit_offset(const std::string& id, Identity producer, const std::string& group, std::int64_t offset,
                          std::int16_t version = 5) {
    wire::TxnOffsetCommitRequest request;
    request.transactional_id = id;
    request.group_id = group;
    request.producer_id = producer.id;
    request.producer_epoch = producer.epoch;
    request.topics.emplace_back().name = "a";
    auto& partition = request.topics[0].partitions.emplace_back();
    partition.partition_index = PartitionIndex(0);
    partition.committed_offset = Offset(offset);
    return call(request, version).topics.at(0).partitions.at(0).error_code;
  }
  /// The committed offset, or the error in its place.
  std::string offset_of(const std::string& group, bool stable = true) {
    wire::OffsetFetchRequest request;
    request.require_stable = stable;
    auto& asked = request.groups.emplace_back();
    asked.group_id = group;
    asked.topics.emplace().push_back({"a", TopicId{}, {PartitionIndex(0)}});
    const auto answer = call(request, 9).groups.at(0).topics.at(0).partitions.at(0);
    if (answer.error_code != ErrorCode::none) return std::string(wire::to_string(answer.error_code));
    return std::to_string(answer.committed_offset.value());
  }
};

using Transactions = TransactionTest;

TEST_P(Transactions, are_visible_as_a_whole_or_not_at_all) {
  make_topic("a", 4);
  find_coordinators();
  const Identity producer = init("t");
  for (std::int32_t i = 0; i < 4; ++i) {
    EXPECT_EQ(add_partition("t", producer, i), ErrorCode::none);
    EXPECT_EQ(write("t", producer, i, "one", 0, 9), ErrorCode::none);
    EXPECT_EQ(committed(i), Values{});
  }
  EXPECT_EQ(state_of("t"), "Ongoing");
  EXPECT_EQ(try_end("t", producer, true, kVersion1).error_code, ErrorCode::none);
  for (std::int32_t i = 0; i < 4; ++i) EXPECT_EQ(committed(i), Values{"one"});
  EXPECT_EQ(state_of("t"), "CompleteCommit");
  // Once more, in the same epoch; this one is taken back.
  EXPECT_EQ(add_partition("t", producer, 2), ErrorCode::none);
  EXPECT_EQ(write("t", producer, 2, "two", 1, 9), ErrorCode::none);
  EXPECT_EQ(try_end("t", producer, false, kVersion1).error_code, ErrorCode::none);
  EXPECT_EQ(committed(2), Values{"one"});
  // A retry of either has no effect; the contrary is refused.
  EXPECT_EQ(try_end("t", producer, false, kVersion1).error_code, ErrorCode::none);
  EXPECT_EQ(try_end("t", producer, true, kVersion1).error_code, ErrorCode::invalid_txn_state);
}

TEST_P(Transactions, of_version_2_need_no_announcement_and_get_a_new_epoch_each) {
  make_topic("a", 2);
  find_coordinators();
  const Identity first = init("t");
  EXPECT_EQ(write("t", first, 0, "one", 0), ErrorCode::none);
  EXPECT_EQ(write("t", first, 1, "one", 0), ErrorCode::none);
  const Identity second = end("t", first, true);
  EXPECT_EQ(second.id, first.id);
  EXPECT_EQ(second.epoch.value(), first.epoch.value() + 1);
  EXPECT_EQ(committed(0), Values{"one"});
  // The answer was lost: asked again it is the same, and nothing is ended twice.
  EXPECT_EQ(end("t", first, true).epoch, second.epoch);
  EXPECT_EQ(try_end("t", first, false).error_code, ErrorCode::invalid_txn_state);
  // A batch of the first transaction that was on its way for long.
  EXPECT_EQ(write("t", first, 0, "late", 1), ErrorCode::invalid_producer_epoch);
  EXPECT_EQ(write("t", second, 0, "two", 0), ErrorCode::none);
  EXPECT_EQ(end("t", second, false).epoch.value(), second.epoch.value() + 1);
  EXPECT_EQ(committed(0), Values{"one"});
}

TEST_P(Transactions, without_a_write_can_be_aborted_but_not_committed) {
  make_topic("a", 1);
  find_coordinators();
  const Identity producer = init("t");
  EXPECT_EQ(try_end("t", producer, true).error_code, ErrorCode::invalid_txn_state);
  EXPECT_EQ(end("t", producer, false).epoch.value(), producer.epoch.value() + 1);
}

TEST_P(Transactions, batches_outside_the_announced_partitions_are_refused) {
  make_topic("a", 2);
  find_coordinators();
  const Identity producer = init("t");
  EXPECT_EQ(add_partition("t", producer, 0), ErrorCode::none);
  EXPECT_EQ(write("t", producer, 1, "x", 0, 9), ErrorCode::invalid_txn_state);
  EXPECT_EQ(write("t", producer, 1, "x", 0, 11), ErrorCode::transaction_abortable);
  EXPECT_EQ(write("t", {producer.id, ProducerEpoch(7)}, 0, "x", 0, 9), ErrorCode::invalid_producer_epoch);
  EXPECT_EQ(write("t", {ProducerId(9999), producer.epoch}, 0, "x", 0, 9), ErrorCode::invalid_producer_id_mapping);
  EXPECT_EQ(write("nobody", producer, 0, "x", 0, 9), ErrorCode::invalid_producer_id_mapping);
}

TEST_P(Transactions, requests_that_are_wrong_get_kafkas_errors) {
  make_topic("a", 1);
  find_coordinators();
  EXPECT_EQ(try_init("").error_code, ErrorCode::invalid_request);
  EXPECT_EQ(try_init("t", 0).error_code, ErrorCode::invalid_transaction_timeout);
  EXPECT_EQ(try_init("t", 900'001).error_code, ErrorCode::invalid_transaction_timeout);
  const Identity producer = init("t");
  EXPECT_EQ(add_partition("t", producer, 5), ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(add_partition("t", producer, 0, "nope"), ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(add_partition("other", producer, 0), ErrorCode::invalid_producer_id_mapping);
  EXPECT_EQ(add_partition("t", {producer.id, ProducerEpoch(5)}, 0), ErrorCode::producer_fenced);
  EXPECT_EQ(try_end("t", {ProducerId(77), producer.epoch}, true).error_code, ErrorCode::invalid_producer_id_mapping);
  EXPECT_EQ(try_end("t", {producer.id, ProducerEpoch(5)}, true).error_code, ErrorCode::producer_fenced);
  EXPECT_EQ(try_end("t", {producer.id, ProducerEpoch(5)}, true, 1).error_code, ErrorCode::invalid_producer_epoch);
  EXPECT_EQ(try_end("other", producer, true).error_code, ErrorCode::invalid_producer_id_mapping);
  EXPECT_EQ(state_of("other"), "TRANSACTIONAL_ID_NOT_FOUND");
  EXPECT_EQ(commit_offset("t", {producer.id, ProducerEpoch(5)}, "g", 1), ErrorCode::invalid_producer_epoch);
  EXPECT_EQ(commit_offset("t", producer, "", 1), ErrorCode::invalid_group_id);
  EXPECT_EQ(commit_offset("t", producer, "g", 1, 3), ErrorCode::invalid_txn_state);
}

TEST_P(Transactions, a_new_producer_of_the_same_id_aborts_what_the_old_one_left_and_shuts_it_out) {
  make_topic("a", 1);
  find_coordinators();
  const Identity old = init("t");
  EXPECT_EQ(write("t", old, 0, "zombie", 0), ErrorCode::none);
  const Identity young = init("t");
  EXPECT_EQ(young.id, old.id);
  EXPECT_GT(young.epoch, old.epoch);
  EXPECT_EQ(try_end("t", old, true).error_code, ErrorCode::producer_fenced);
  EXPECT_EQ(write("t", old, 0, "zombie", 1), ErrorCode::invalid_producer_epoch);
  EXPECT_EQ(write("t", young, 0, "living", 0), ErrorCode::none);
  end("t", young, true);
  EXPECT_EQ(committed(0), Values{"living"});
}

TEST_P(Transactions, a_silent_producer_is_shut_out_after_its_time_out) {
  make_topic("a", 1);
  find_coordinators();
  const Identity producer = init("t", 10'000);
  EXPECT_EQ(write("t", producer, 0, "x", 0), ErrorCode::none);
  rig().world->run_for(9s);
  EXPECT_EQ(state_of("t"), "Ongoing");
  rig().world->run_for(2s);
  EXPECT_EQ(state_of("t"), "CompleteAbort");
  EXPECT_EQ(committed(0), Values{});
  const auto log = rig().partition("a", 0);
  EXPECT_EQ(log->last_stable_offset().value(), log->high_watermark().value());
  EXPECT_EQ(try_end("t", producer, true).error_code, ErrorCode::producer_fenced);
}

TEST_P(Transactions, a_producer_that_says_who_it_was_keeps_its_id) {
  make_topic("a", 1);
  find_coordinators();
  const Identity first = init("t");
  const auto second = try_init("t", 60'000, first);
  EXPECT_EQ(second.error_code, ErrorCode::none);
  EXPECT_EQ(second.producer_epoch.value(), first.epoch.value() + 1);
  // Its answer was lost: the same once more.
  EXPECT_EQ(try_init("t", 60'000, first).producer_epoch, second.producer_epoch);
  init("t");
  EXPECT_EQ(try_init("t", 60'000, first).error_code, ErrorCode::producer_fenced);
  EXPECT_EQ(try_init("t", 60'000, Identity{ProducerId(4711), ProducerEpoch(0)}).error_code, ErrorCode::producer_fenced);
}

TEST_P(Transactions, offsets_count_when_their_transaction_is_committed) {
  make_topic("a", 1);
  find_coordinators();
  Identity producer = init("t");
  EXPECT_EQ(commit_offset("t", producer, "g", 5), ErrorCode::none);
  EXPECT_EQ(offset_of("g"), "UNSTABLE_OFFSET_COMMIT");
  EXPECT_EQ(offset_of("g", false), "-1");
  producer = end("t", producer, true);
  EXPECT_EQ(offset_of("g"), "5");
  EXPECT_EQ(commit_offset("t", producer, "g", 9), ErrorCode::none);
  EXPECT_EQ(offset_of("g", false), "5");
  producer = end("t", producer, false);
  EXPECT_EQ(offset_of("g"), "5");
  // The same with an announcement (version 1).
  wire::AddOffsetsToTxnRequest announce;
  announce.transactional_id = "t";
  announce.producer_id = producer.id;
  announce.producer_epoch = producer.epoch;
  announce.group_id = "g";
  EXPECT_EQ(call(announce).error_code, ErrorCode::none);
  EXPECT_EQ(commit_offset("t", producer, "g", 12, 3), ErrorCode::none);
  rig().restart();
  reconnect();
  find_coordinators();
  EXPECT_EQ(offset_of("g"), "UNSTABLE_OFFSET_COMMIT");
  EXPECT_EQ(try_end("t", producer, true, kVersion1).error_code, ErrorCode::none);
  EXPECT_EQ(offset_of("g"), "12");
  rig().restart();
  reconnect();
  find_coordinators();
  EXPECT_EQ(offset_of("g"), "12");
}

TEST_P(Transactions, open_ones_go_on_after_a_power_cut) {
  make_topic("a", 2);
  find_coordinators();
  const Identity producer = init("t");
  EXPECT_EQ(write("t", producer, 0, "x", 0), ErrorCode::none);
  crash();
  EXPECT_EQ(state_of("t"), "Ongoing");
  EXPECT_EQ(write("t", producer, 1, "y", 0), ErrorCode::none);
  EXPECT_EQ(committed(0), Values{});
  end("t", producer, true);
  EXPECT_EQ(committed(0), Values{"x"});
  EXPECT_EQ(committed(1), Values{"y"});
}

TEST_P(Transactions, are_listed_and_described) {
  make_topic("a", 2);
  find_coordinators();
  const Identity one = init("one");
  init("two");
  EXPECT_EQ(write("one", one, 1, "x", 0), ErrorCode::none);
  wire::ListTransactionsRequest list;
  EXPECT_EQ(call(list).transaction_states.size(), 2U);
  list.state_filters = {"Ongoing", "NoSuchState"};
  const auto ongoing = call(list);
  ASSERT_EQ(ongoing.transaction_states.size(), 1U);
  EXPECT_EQ(ongoing.transaction_states[0].transactional_id, "one");
  EXPECT_EQ(ongoing.unknown_state_filters, Values{"NoSuchState"});
  wire::ListTransactionsRequest by_name;
  by_name.transactional_id_pattern = "t.*";
  ASSERT_EQ(call(by_name).transaction_states.size(), 1U);
  EXPECT_EQ(call(by_name).transaction_states[0].transactional_id, "two");
  by_name.transactional_id_pattern = "(";
  EXPECT_EQ(call(by_name).error_code, ErrorCode::invalid_regular_expression);
  wire::DescribeTransactionsRequest describe;
  describe.transactional_ids = {"one", "three"};
  const auto described = call(describe).transaction_states;
  ASSERT_EQ(described.size(), 2U);
  const auto& known = described[0].transactional_id == "one" ? described[0] : described[1];
  ASSERT_EQ(known.topics.size(), 1U);
  EXPECT_EQ(known.topics[0].partitions, std::vector{PartitionIndex(1)});
  wire::DescribeProducersRequest producers;
  producers.topics.push_back({"a", {PartitionIndex(1)}});
  const auto active = call(producers).topics.at(0).partitions.at(0).active_producers;
  ASSERT_EQ(active.size(), 1U);
  EXPECT_EQ(active[0].producer_id, one.id);
  EXPECT_EQ(active[0].coordinator_epoch, -1);  // no marker yet
  EXPECT_EQ(active[0].current_txn_start_offset, Offset(0));
  end("one", one, true);
  const auto after = call(producers).topics.at(0).partitions.at(0).active_producers;
  ASSERT_EQ(after.size(), 1U);
  EXPECT_EQ(after[0].coordinator_epoch, 0);  // the marker's
  EXPECT_EQ(after[0].current_txn_start_offset, Offset(-1));
}

TEST_P(Transactions, list_offsets_tells_committed_readers_the_last_stable_offset) {
  make_topic("a", 1);
  find_coordinators();
  const Identity producer = init("t");
  produce("a", 0, 2);
  EXPECT_EQ(write("t", producer, 0, "x", 0), ErrorCode::none);
  const auto latest = [&](wire::IsolationLevel isolation) {
    wire::ListOffsetsRequest request;
    request.isolation_level = isolation;
    request.topics.push_back({"a", {{PartitionIndex(0), LeaderEpoch(-1), wire::kLatestTimestamp}}});
    return call(request).topics.at(0).partitions.at(0).offset.value();
  };
  EXPECT_EQ(latest(wire::IsolationLevel::read_uncommitted), 3);
  EXPECT_EQ(latest(wire::IsolationLevel::read_committed), 2);
}

/// Power cuts at any moment, also between the decision and its markers: each transaction is seen in all its partitions
/// or in none, what was acknowledged as committed is there, what was aborted is not.
TEST_P(Transactions, are_atomic_under_power_cuts) {
  constexpr std::int32_t kPartitions = 3;
  make_topic("a", kPartitions);
  find_coordinators();
  Prng prng(GetParam() * 1000 + 5);
  std::map<std::string, std::optional<bool>> fates;  // by value; nullopt: unknown
  int next_value = 0;
  for (int round = 0; round < 12; ++round) {
    Identity producer = init("t");
    for (int transaction = 0; transaction < 4; ++transaction) {
      const std::string value = "v" + std::to_string(next_value++);
      const bool commits = prng.below(3) != 0;
      for (std::int32_t i = 0; i < kPartitions; ++i) {
        ASSERT_EQ(write("t", producer, i, value, 0), ErrorCode::none);
      }
      if (transaction < 3) {
        producer = end("t", producer, commits);
        fates[value] = commits;
        continue;
      }
      // The power goes some time after the request was sent.
      wire::EndTxnRequest request;
      request.transactional_id = "t";
      request.producer_id = producer.id;
      request.producer_epoch = producer.epoch;
      request.committed = commits;
      const auto pending = client().send(request, kVersion2);
      rig().world->run_for(std::chrono::microseconds(prng.below(3000)));
      const bool answered = pending->has_value() && **pending && (***pending).error_code == ErrorCode::none;
      fates[value] = answered ? std::optional(commits) : commits ? std::nullopt : std::optional(false);
    }
    crash();
  }
  init("t");
  std::map<std::string, int> seen;
  for (std::int32_t i = 0; i < kPartitions; ++i) {
    for (const std::string& value : committed(i)) ++seen[value];
  }
  for (const auto& [value, fate] : fates) {
    const int times = seen.contains(value) ? seen[value] : 0;
    if (fate) {
      EXPECT_EQ(times, *fate ? kPartitions : 0) << value;
    } else {
      EXPECT_TRUE(times == 0 || times == kPartitions) << value << " is in " << times << " partitions";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shards, Transactions, kShardCounts);

}  // namespace
}  // namespace chronik::server
