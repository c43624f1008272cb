// A transactional producer (version 2, KIP-890, or 1) on a topic of its own, with offsets of a group in its
// transactions, and now and then a second one that takes its place. Between transactions it reads what is committed:
// each transaction is in all its partitions or in none, none that was aborted is seen, none that was committed is
// missing, and the group's offset is that of the last one committed.
#include <fmt/format.h>

#include <charconv>
#include <map>
#include <set>

#include "sim/harness/session.h"
#include "sim/harness/workloads.h"
#include "wire/messages/add_offsets_to_txn.h"
#include "wire/messages/add_partitions_to_txn.h"
#include "wire/messages/create_topics.h"
#include "wire/messages/describe_transactions.h"
#include "wire/messages/end_txn.h"
#include "wire/messages/fetch.h"
#include "wire/messages/find_coordinator.h"
#include "wire/messages/init_producer_id.h"
#include "wire/messages/list_transactions.h"
#include "wire/messages/offset_fetch.h"
#include "wire/messages/produce.h"
#include "wire/messages/txn_offset_commit.h"
#include "wire/record_batch_builder.h"
#include "wire/record_reader.h"

namespace chronik::sim {

namespace {

using wire::ErrorCode;

constexpr std::int32_t kPartitions = 3;
constexpr std::int32_t kTimeoutMs = 5000;
constexpr std::int32_t kTransactionTimeoutMs = 3000;

enum class Outcome : std::uint8_t { unknown, committed, aborted };

struct Done {
  std::set<std::int32_t> partitions;
  bool with_offset = false;
  Outcome outcome = Outcome::unknown;
};

struct Identity {
  ProducerId id{-1};
  ProducerEpoch epoch{-1};
};

struct Transactor {
  explicit Transactor(ClientKit with) : kit(std::move(with)), session(kit) {}
  Transactor(const Transactor&) = delete;
  Transactor& operator=(const Transactor&) = delete;

  ClientKit kit;
  Session session;
  std::string name;  // of the topic, the transactional id and the group
  bool old = false;  // version 1: partitions are added by name, the epoch stays
  Identity producer;
  std::map<std::int32_t, std::int32_t> sequences;
  std::map<std::uint64_t, Done> transactions;  // by number, which is the value of its records and its offset
  std::uint64_t next = 1;
};

void violate(Transactor& self, std::string what) {
  self.kit.history.violate("transactions", self.name + ": " + std::move(what));
}

task::Task<bool> create(Transactor& self) {
  wire::CreateTopicsRequest request;
  request.timeout_ms = kTimeoutMs;
  request.topics.push_back(
      {.name = self.name, .num_partitions = kPartitions, .replication_factor = 1, .assignments = {}, .configs = {}});
  auto answer = co_await self.session.call(std::move(request), 30s);
  if (!answer || answer->topics.empty()) co_return false;
  const ErrorCode error = answer->topics[0].error_code;
  co_return error == ErrorCode::none || error == ErrorCode::topic_already_exists;
}

/// Takes the id's place: whatever was open is decided when this succeeds.
task::Task<bool> initialize(Transactor& self) {
  for (const auto type : {wire::CoordinatorType::transaction, wire::CoordinatorType::group}) {
    wire::FindCoordinatorRequest find;
    find.key_type = type;
    find.coordinator_keys = {self.name};
    if (const auto found = co_await self.session.call(std::move(find), 35s, 4); !found) co_return false;
  }
  wire::InitProducerIdRequest request;
  request.transactional_id = self.name;
  request.transaction_timeout_ms = kTransactionTimeoutMs;
  const auto answer = co_await self.session.call(std::move(request), 15s, static_cast<std::int16_t>(self.old ? 3 : 5));
  if (!answer || answer->error_code != ErrorCode::none) co_return false;
  self.producer = {answer->producer_id, answer->producer_epoch};
  self.sequences.clear();
  co_return true;
}

task::Task<ErrorCode> write(Transactor& self, Identity producer, std::int32_t partition, std::int32_t sequence,
                            std::uint64_t number) {
  wire::BatchOptions options;
  options.producer_id = producer.id;
  options.producer_epoch = producer.epoch;
  options.base_sequence = sequence;
  options.transactional = true;
  wire::RecordBatchBuilder builder(options);
  const std::string value = fmt::format("{} {}", number, std::string(self.kit.prng.below(500), 't'));
  builder.add(self.kit.context.wall_now(), std::nullopt, as_bytes(value));
  auto batch = builder.build();
  CHECK(batch);
  wire::ProduceRequest request;
  request.transactional_id = self.name;
  request.acks = -1;
  request.timeout_ms = kTimeoutMs;
  request.topic_data.push_back({.name = self.name, .topic_id = {}, .partition_data = {}});
  request.topic_data.back().partition_data.push_back({PartitionIndex(partition), *std::move(batch)});
  const auto answer =
      co_await self.session.call(std::move(request), 20s, static_cast<std::int16_t>(self.old ? 11 : 12));
  if (!answer || answer->responses.empty()) co_return ErrorCode::request_timed_out;
  co_return answer->responses[0].partition_responses.at(0).error_code;
}

/// Version 1: before the first write to the partition.
task::Task<bool> add_partition(Transactor& self, std::int32_t partition) {
  wire::AddPartitionsToTxnRequest request;
  request.v3_and_below_transactional_id = self.name;
  request.v3_and_below_producer_id = self.producer.id;
  request.v3_and_below_producer_epoch = self.producer.epoch;
  request.v3_and_below_topics.push_back({self.name, {PartitionIndex(partition)}});
  for (int attempt = 0; attempt < 10 && !self.kit.ending; ++attempt) {
    const auto answer = co_await self.session.call(wire::AddPartitionsToTxnRequest(request), 15s, 3);
    if (!answer || answer->results_by_topic_v3_and_below.empty()) co_return false;
    const ErrorCode error = answer->results_by_topic_v3_and_below[0].results_by_partition.at(0).partition_error_code;
    if (error == ErrorCode::none) co_return true;
    if (error != ErrorCode::concurrent_transactions) co_return false;
    co_await pause(self.kit, 20ms, 200ms);
  }
  co_return false;
}

/// Version 1: before offsets of the group are committed.
task::Task<bool> add_offsets(Transactor& self) {
  wire::AddOffsetsToTxnRequest request;
  request.transactional_id = self.name;
  request.producer_id = self.producer.id;
  request.producer_epoch = self.producer.epoch;
  request.group_id = self.name;
  const auto answer = co_await self.session.call(std::move(request), 15s, 3);
  co_return answer && answer->error_code == ErrorCode::none;
}

task::Task<bool> commit_offset(Transactor& self, std::uint64_t number) {
  wire::TxnOffsetCommitRequest request;
  request.transactional_id = self.name;
  request.group_id = self.name;
  request.producer_id = self.producer.id;
  request.producer_epoch = self.producer.epoch;
  request.topics.emplace_back().name = self.name;
  auto& partition = request.topics.back().partitions.emplace_back();
  partition.committed_offset = Offset(static_cast<std::int64_t>(number));
  if (self.old && !co_await add_offsets(self)) co_return false;
  const auto answer = co_await self.session.call(std::move(request), 35s, static_cast<std::int16_t>(self.old ? 3 : 5));
  co_return answer && !answer->topics.empty() && answer->topics[0].partitions.at(0).error_code == ErrorCode::none;
}

/// nullopt: no answer, or one that leaves it open.
task::Task<std::optional<ErrorCode>> end(Transactor& self, Identity producer, bool commits) {
  wire::EndTxnRequest request;
  request.transactional_id = self.name;
  request.producer_id = producer.id;
  request.producer_epoch = producer.epoch;
  request.committed = commits;
  const auto answer = co_await self.session.call(std::move(request), 15s, static_cast<std::int16_t>(self.old ? 3 : 5));
  if (!answer) co_return std::nullopt;
  if (answer->error_code == ErrorCode::none && !self.old) self.producer = {answer->producer_id, answer->producer_epoch};
  co_return answer->error_code;
}

/// One transaction; false if the producer must begin anew.
task::Task<bool> transact_once(Transactor& self) {
  const std::uint64_t number = self.next++;
  Done& done = self.transactions[number];
  const std::uint64_t writes = 1 + self.kit.prng.below(5);
  for (std::uint64_t i = 0; i < writes; ++i) {
    const auto partition = static_cast<std::int32_t>(self.kit.prng.below(kPartitions));
    if (self.old && !done.partitions.contains(partition) && !co_await add_partition(self, partition)) {
      co_return done.outcome = Outcome::aborted, false;
    }
    const ErrorCode error = co_await write(self, self.producer, partition, self.sequences[partition], number);
    if (error != ErrorCode::none) co_return done.outcome = Outcome::aborted, false;  // what replaces it aborts it
    ++self.sequences[partition];
    done.partitions.insert(partition);
  }
  if (self.kit.prng.chance(1, 3)) {
    if (!co_await commit_offset(self, number)) co_return done.outcome = Outcome::aborted, false;
    done.with_offset = true;
  }
  const bool commits = self.kit.prng.chance(3, 4);
  if (!commits) done.outcome = Outcome::aborted;
  const Identity producer = self.producer;
  for (int attempt = 0; attempt < 20 && !self.kit.ending; ++attempt) {
    if (attempt > 0) co_await pause(self.kit, 50ms, 1s);
    const auto error = co_await end(self, producer, commits);
    if (error == ErrorCode::none) {
      if (commits) done.outcome = Outcome::committed;
      if (commits) self.kit.history.reached("a transaction was committed");
      if (commits && self.old) self.kit.history.reached("a transaction of version 1 was committed");
      if (attempt > 0) self.kit.history.reached("the end of a transaction was asked for again");
      if (!self.old) self.sequences.clear();  // a new epoch
      co_return true;
    }
    if (error == ErrorCode::invalid_txn_state || error == ErrorCode::producer_fenced ||
        error == ErrorCode::invalid_producer_epoch) {
      // It took too long, and was aborted for it. But an earlier attempt may have gone through before.
      if (attempt == 0 && commits) done.outcome = Outcome::aborted;
      if (attempt == 0) self.kit.history.reached("a transaction timed out");
      co_return false;
    }
  }
  co_return false;
}

/// One partition's committed values, with how often each is there. False if it could not be read to its end.
task::Task<bool> read_committed(Transactor& self, std::int32_t partition, std::map<std::uint64_t, int>& values) {
  std::int64_t position = 0;
  std::multimap<std::int64_t, ProducerId> starts;
  std::set<ProducerId> aborting;
  for (int round = 0; round < 200; ++round) {
    wire::FetchRequest request;
    request.max_wait_ms = 1;
    request.max_bytes = 1 << 20;
    request.isolation_level = wire::IsolationLevel::read_committed;
    wire::FetchRequest::Partition part;
    part.partition = PartitionIndex(partition);
    part.fetch_offset = Offset(position);
    part.partition_max_bytes = 1 << 20;
    request.topics.push_back({self.name, {}, {part}});
    auto answer = co_await self.session.call(std::move(request), 10s, 12);
    if (!answer || answer->error_code != ErrorCode::none || answer->responses.empty()) co_return false;
    const auto& place = answer->responses[0].partitions.at(0);
    if (place.error_code != ErrorCode::none) co_return false;
    if (place.last_stable_offset.value() != place.high_watermark.value()) {
      violate(self, fmt::format("partition {}: nothing is open, but the last stable offset is {} of {}", partition,
                                place.last_stable_offset.value(), place.high_watermark.value()));
    }
    if (place.records.size() == 0) co_return position >= place.last_stable_offset.value();
    if (place.aborted_transactions) {
      for (const auto& aborted : *place.aborted_transactions) {
        starts.emplace(aborted.first_offset.value(), aborted.producer_id);
      }
    }
    std::string all;
    for (const Buffer& piece : place.records.pieces) all += as_text(piece.span());
    wire::BatchSplitter splitter(as_bytes(all));
    for (;;) {
      const auto batch = splitter.next();
      if (!batch || !*batch) break;
      const auto& header = (*batch)->header;
      if (header.next_offset().value() <= position) continue;
      position = header.next_offset().value();
      while (!starts.empty() && starts.begin()->first <= header.last_offset().value()) {
        aborting.insert(starts.begin()->second);
        starts.erase(starts.begin());
      }
      if (header.is_control()) {
        aborting.erase(header.producer_id);
        continue;
      }
      if (aborting.contains(header.producer_id)) continue;
      auto reader = wire::RecordReader::open((*batch)->bytes, 64 << 20);
      wire::RecordView record;
      while (reader) {
        const auto more = reader->next(record);
        if (!more || !*more) break;
        const std::string_view text = record.value ? as_text(*record.value) : std::string_view();
        std::uint64_t number = 0;
        (void)std::from_chars(text.data(), text.data() + text.size(), number);
        ++values[number];
      }
    }
  }
  co_return false;
}

void judge(Transactor& self, const std::vector<std::map<std::uint64_t, int>>& seen) {
  for (const auto& [number, done] : self.transactions) {
    std::size_t there = 0;
    for (const std::int32_t partition : done.partitions) {
      there += seen[static_cast<std::size_t>(partition)].contains(number) ? 1 : 0;
    }
    if (there > 0 && done.outcome == Outcome::aborted) {
      violate(self, fmt::format("transaction {} was aborted, and is seen in {} partitions", number, there));
    }
    if (there < done.partitions.size() && done.outcome == Outcome::committed) {
      violate(self, fmt::format("transaction {} was committed, and is seen in {} of {} partitions", number, there,
                                done.partitions.size()));
    }
    if (there > 0 && there < done.partitions.size()) {
      violate(self,
              fmt::format("transaction {} is seen in {} of {} partitions", number, there, done.partitions.size()));
    }
    if (done.outcome == Outcome::unknown && there > 0) self.kit.history.reached("a transaction of unknown fate counts");
  }
  for (const auto& values : seen) {
    for (const auto& [number, times] : values) {
      if (!self.transactions.contains(number)) violate(self, fmt::format("nobody wrote transaction {}", number));
    }
  }
}

/// The group's offset is that of the last transaction that took one along, of those that count.
task::Task<void> judge_offset(Transactor& self, const std::vector<std::map<std::uint64_t, int>>& seen) {
  wire::OffsetFetchRequest request;
  request.require_stable = true;
  auto& group = request.groups.emplace_back();
  group.group_id = self.name;
  group.topics.emplace().push_back({self.name, {}, {PartitionIndex(0)}});
  const auto answer = co_await self.session.call(std::move(request), 30s, 8);
  if (!answer || answer->groups.empty() || answer->groups[0].error_code != ErrorCode::none) co_return;
  const auto& place = answer->groups[0].topics.at(0).partitions.at(0);
  if (place.error_code != ErrorCode::none) co_return;
  std::int64_t expected = -1;
  for (const auto& [number, done] : self.transactions) {
    const auto counts = [&](std::int32_t p) { return seen[static_cast<std::size_t>(p)].contains(number); };
    const bool counted = !done.partitions.empty() && counts(*done.partitions.begin());
    if (done.with_offset && counted) expected = static_cast<std::int64_t>(number);
  }
  // Offsets expire in some worlds.
  if (place.committed_offset.value() == expected || place.committed_offset.value() < 0) co_return;
  violate(self,
          fmt::format("the group's offset is {}, the last committed one {}", place.committed_offset.value(), expected));
}

/// What an administrator is told of it: nothing is open.
task::Task<void> look(Transactor& self) {
  wire::DescribeTransactionsRequest describe;
  describe.transactional_ids = {self.name, "nobody's"};
  const auto described = co_await self.session.call(std::move(describe), 15s);
  if (described && described->transaction_states.size() == 2) {
    const auto& state = described->transaction_states[0];
    if (state.error_code == ErrorCode::none && state.transaction_state == "Ongoing") {
      violate(self, "nothing is open, and it is described as ongoing");
    }
  }
  wire::ListTransactionsRequest list;
  list.state_filters.emplace_back("Ongoing");
  const auto listed = co_await self.session.call(std::move(list), 15s);
  if (!listed || listed->error_code != ErrorCode::none) co_return;
  for (const auto& state : listed->transaction_states) {
    if (state.transactional_id == self.name) violate(self, "nothing is open, and it is listed as ongoing");
  }
  self.kit.history.reached("transactions were listed");
}

/// With nothing open: everything is decided.
task::Task<void> check(Transactor& self) {
  std::vector<std::map<std::uint64_t, int>> seen(kPartitions);
  for (std::int32_t partition = 0; partition < kPartitions; ++partition) {
    if (!co_await read_committed(self, partition, seen[static_cast<std::size_t>(partition)])) co_return;
  }
  if (self.kit.history.damaged) co_return;
  judge(self, seen);
  co_await judge_offset(self, seen);
  co_await look(self);
  self.kit.history.reached("committed transactions were read");
}

/// The place is taken while the old producer does not know: what it does then has no effect.
task::Task<void> try_zombie(Transactor& self, Identity zombie) {
  const std::uint64_t number = self.next++;
  self.transactions[number] = {{0, 1, 2}, false, Outcome::aborted};
  const ErrorCode wrote = co_await write(self, zombie, 0, 0, number);
  if (wrote == ErrorCode::none) violate(self, "a producer whose place was taken could write");
  const Identity heir = self.producer;
  const auto ended = co_await end(self, zombie, true);
  if (ended == ErrorCode::none) violate(self, "a producer whose place was taken could commit");
  self.producer = heir;
  if (wrote == ErrorCode::invalid_producer_epoch) self.kit.history.reached("a zombie transaction was refused");
}

}  // namespace

task::Task<void> transact(ClientKit kit, std::uint64_t number) {
  Transactor self(std::move(kit));
  self.name = fmt::format("transactions-{}", number);
  self.old = self.kit.prng.chance(1, 3);
  while (!self.kit.ending && !co_await create(self)) co_await pause(self.kit, 100ms, 1s);
  while (!self.kit.ending) {
    const Identity before = self.producer;
    if (!co_await initialize(self)) {
      co_await pause(self.kit, 50ms, 1s);
      continue;
    }
    if (before.id.value() >= 0 && self.kit.prng.chance(1, 3)) co_await try_zombie(self, before);
    co_await check(self);
    const std::uint64_t rounds = 1 + self.kit.prng.below(12);
    for (std::uint64_t i = 0; i < rounds && !self.kit.ending; ++i) {
      if (!co_await transact_once(self)) break;
      co_await pause(self.kit, 5ms, 400ms);
    }
  }
}

}  // namespace chronik::sim
