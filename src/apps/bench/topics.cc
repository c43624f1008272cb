// See topics.h.
#include "apps/bench/topics.h"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <thread>

#include "apps/bench/clock.h"

namespace chronik::bench {
namespace {

constexpr int kTimeoutMs = 10'000;
constexpr std::int64_t kLeaderWaitNs = 60'000'000'000;

struct TopicState {
  int partitions = 0;
  int leaderless = 0;
  rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;
};

Result<Kafka> admin_handle(const Connection& connection) {
  return KafkaConfig(connection).create(RD_KAFKA_PRODUCER);
}

Result<TopicState> describe(rd_kafka_t* handle, const std::string& topic, const std::string& bootstrap) {
  Owned<rd_kafka_topic_t> handle_of_topic(rd_kafka_topic_new(handle, topic.c_str(), nullptr));
  if (!handle_of_topic) return fail(kafka_error(rd_kafka_last_error(), "topic " + topic));
  const rd_kafka_metadata_t* metadata = nullptr;
  const auto code = rd_kafka_metadata(handle, 0, handle_of_topic.get(), &metadata, kTimeoutMs);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return fail(kafka_error(code, "no metadata from " + bootstrap));
  TopicState state;
  if (metadata->topic_cnt == 1) {
    const auto& found = metadata->topics[0];
    state.error = found.err;
    state.partitions = found.partition_cnt;
    for (int i = 0; i < found.partition_cnt; ++i) state.leaderless += found.partitions[i].leader < 0 ? 1 : 0;
  }
  rd_kafka_metadata_destroy(metadata);
  return state;
}

Result<int> await_leaders(rd_kafka_t* handle, const std::string& topic, const std::string& bootstrap, int at_least) {
  const auto deadline = now_ns() + kLeaderWaitNs;
  for (;;) {
    TRY(const auto state, describe(handle, topic, bootstrap));
    if (state.error == RD_KAFKA_RESP_ERR_NO_ERROR && state.leaderless == 0 && state.partitions > 0 &&
        state.partitions >= at_least) {
      return state.partitions;
    }
    const bool passing = state.error == RD_KAFKA_RESP_ERR_NO_ERROR ||
                         state.error == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE ||
                         state.error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    if (!passing || now_ns() > deadline) {
      if (state.error != RD_KAFKA_RESP_ERR_NO_ERROR) return fail(kafka_error(state.error, "topic " + topic));
      return fail(Errc::timed_out, fmt::format("topic {}: {} of {} partitions without a leader", topic,
                                               state.leaderless, state.partitions));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

/// Success also when it exists already.
Status create(rd_kafka_t* handle, const std::string& topic, int partitions, int replication) {
  std::array<char, 512> why{};
  rd_kafka_NewTopic_t* wanted = rd_kafka_NewTopic_new(topic.c_str(), partitions, replication, why.data(), why.size());
  if (wanted == nullptr) return fail(Errc::invalid_argument, why.data());
  Owned<rd_kafka_queue_t> queue(rd_kafka_queue_new(handle));
  rd_kafka_AdminOptions_t* options = rd_kafka_AdminOptions_new(handle, RD_KAFKA_ADMIN_OP_CREATETOPICS);
  rd_kafka_AdminOptions_set_request_timeout(options, kTimeoutMs * 3, nullptr, 0);
  rd_kafka_AdminOptions_set_operation_timeout(options, kTimeoutMs * 3, nullptr, 0);
  rd_kafka_CreateTopics(handle, &wanted, 1, options, queue.get());
  rd_kafka_AdminOptions_destroy(options);
  rd_kafka_NewTopic_destroy(wanted);
  rd_kafka_event_t* event = rd_kafka_queue_poll(queue.get(), kTimeoutMs * 4);
  if (event == nullptr) return fail(Errc::timed_out, "creating topic " + topic);
  auto code = rd_kafka_event_error(event);
  std::string detail = code == RD_KAFKA_RESP_ERR_NO_ERROR ? "" : rd_kafka_event_error_string(event);
  if (const auto* result = rd_kafka_event_CreateTopics_result(event); result != nullptr && detail.empty()) {
    std::size_t count = 0;
    const auto* topics = rd_kafka_CreateTopics_result_topics(result, &count);
    if (count == 1) code = rd_kafka_topic_result_error(topics[0]);
    const char* text = count == 1 ? rd_kafka_topic_result_error_string(topics[0]) : nullptr;
    if (text != nullptr) detail = text;
  }
  rd_kafka_event_destroy(event);
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) return {};
  auto error = kafka_error(code, "creating topic " + topic);
  if (!detail.empty()) error.detail += " (" + detail + ")";
  return fail(std::move(error));
}

/// Metadata may name a leader that has not taken over yet.
bool is_passing(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION || code == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE ||
         code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
}

/// One look-up for all partitions; `which` is ListOffsets' special timestamp, -1 latest or -2 earliest. `passing` tells
/// whether trying again makes sense.
Status list_offsets(rd_kafka_t* handle, const std::string& topic, std::int64_t which,
                    std::vector<PartitionRange>& ranges, std::int64_t PartitionRange::* field, bool& passing) {
  Owned<rd_kafka_topic_partition_list_t> list(rd_kafka_topic_partition_list_new(static_cast<int>(ranges.size())));
  for (std::size_t p = 0; p < ranges.size(); ++p) {
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), static_cast<int>(p))->offset = which;
  }
  const auto code = rd_kafka_offsets_for_times(handle, list.get(), kTimeoutMs * 3);
  passing = is_passing(code);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return fail(kafka_error(code, "offsets of topic " + topic));
  for (int i = 0; i < list->cnt; ++i) {
    const auto& entry = list->elems[i];
    if (entry.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      passing = is_passing(entry.err);
      return fail(kafka_error(entry.err, fmt::format("offset of {}-{}", topic, entry.partition)));
    }
    ranges[static_cast<std::size_t>(entry.partition)].*field = entry.offset;
  }
  return {};
}

Status list_offsets_when_led(rd_kafka_t* handle, const std::string& topic, std::int64_t which,
                             std::vector<PartitionRange>& ranges, std::int64_t PartitionRange::* field) {
  const auto deadline = now_ns() + kLeaderWaitNs;
  for (;;) {
    bool passing = false;
    auto status = list_offsets(handle, topic, which, ranges, field, passing);
    if (status || !passing || now_ns() > deadline) return status;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

}  // namespace

Result<int> prepare_topic(const Connection& connection, const Workload& load) {
  TRY(const auto handle, admin_handle(connection));
  if (load.create_topic) {
    TRY_STATUS(create(handle.get(), load.topic, load.partitions > 0 ? load.partitions : 1, load.replication));
  }
  TRY(const int found,
      await_leaders(handle.get(), load.topic, connection.bootstrap, load.create_topic ? load.partitions : 0));
  if (load.partitions > found) {
    return fail(Errc::invalid_argument, fmt::format("topic {} has {} partitions, not the {} of --partitions",
                                                    load.topic, found, load.partitions));
  }
  return load.partitions > 0 ? load.partitions : found;
}

Result<int> partition_count(const Connection& connection, const std::string& topic) {
  TRY(const auto handle, admin_handle(connection));
  return await_leaders(handle.get(), topic, connection.bootstrap, 0);
}

Result<std::vector<PartitionRange>> partition_ranges(const Connection& connection, const std::string& topic,
                                                     int partitions) {
  TRY(const auto handle, admin_handle(connection));
  std::vector<PartitionRange> ranges(static_cast<std::size_t>(partitions));
  TRY_STATUS(list_offsets_when_led(handle.get(), topic, RD_KAFKA_OFFSET_BEGINNING, ranges, &PartitionRange::start));
  TRY_STATUS(list_offsets_when_led(handle.get(), topic, RD_KAFKA_OFFSET_END, ranges, &PartitionRange::end));
  return ranges;
}

}  // namespace chronik::bench
