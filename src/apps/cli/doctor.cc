// chronik doctor: checks a broker as a client sees it, one line a check, with what to do when one fails.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "apps/cli/commands.h"
#include "task/io.h"
#include "wire/messages/create_topics.h"
#include "wire/messages/delete_topics.h"
#include "wire/messages/fetch.h"
#include "wire/messages/metadata.h"
#include "wire/messages/produce.h"
#include "wire/record_batch_builder.h"

namespace chronik::cli {

namespace {

using nlohmann::ordered_json;

/// Collects the checks; prints them as they come, or all as JSON.
class Report {
 public:
  explicit Report(bool json) : json_(json) {}

  void add(const char* state, const std::string& what, const std::string& detail) {
    if (std::string_view(state) == "fail") ++failed_;
    rows_.push_back({{"check", what}, {"state", state}, {"detail", detail}});
    if (!json_) std::printf("%-4s  %-22s %s\n", state, what.c_str(), detail.c_str());
  }
  std::size_t failed() const { return failed_; }
  void finish() const {
    if (json_) std::printf("%s\n", rows_.dump(2).c_str());
  }

 private:
  bool json_;
  std::size_t failed_ = 0;
  ordered_json rows_ = ordered_json::array();
};

std::string milliseconds(Duration span) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f ms", static_cast<double>(span.count()) / 1e6);
  return text;
}

task::Task<Status> check_metadata(Session& session, Report& report) {
  const Instant begin = session.context.now();
  wire::MetadataRequest request;
  request.topics.emplace();
  CO_TRY(const auto about, co_await session.call(std::move(request)));
  report.add(
      "ok", "metadata",
      "cluster " + about.cluster_id.value_or("?") + " answered in " + milliseconds(session.context.now() - begin));
  for (const auto& broker : about.brokers) {
    const env::Address address{broker.host, static_cast<std::uint16_t>(broker.port)};
    const auto reached = co_await task::connect(session.context, address, session.context.after(3s));
    if (reached) {
      (*reached)->close();
      report.add("ok", "advertised address", address.to_string());
    } else {
      report.add("fail", "advertised address",
                 address.to_string() + " cannot be reached from here: start the server with an --advertise that can");
    }
  }
  co_return Status{};
}

void check_versions(Session& session, Report& report) {
  std::string missing;
  for (const wire::ApiInfo& api : wire::kApis) {
    if (!session.connection->version(api.key)) missing += " " + std::string(api.name);
  }
  if (missing.empty()) {
    report.add("ok", "API versions", "everything this tool uses is served");
  } else {
    report.add("warn", "API versions", "not served by this broker:" + missing);
  }
}

task::Task<Status> produce_one(Session& session, wire::CreateTopicsResponse::TopicResult topic, Report& report) {
  wire::RecordBatchBuilder builder{wire::BatchOptions{}};
  const std::string value = "chronik doctor was here";
  builder.add(session.context.wall_now(), std::nullopt, as_bytes(value));
  CO_TRY(const Buffer batch, builder.build());
  wire::ProduceRequest produce;
  produce.acks = -1;
  produce.timeout_ms = static_cast<std::int32_t>(session.common.timeout_s * 1000);
  auto& data = produce.topic_data.emplace_back();
  data.name = topic.name;
  data.topic_id = topic.topic_id;
  auto& partition = data.partition_data.emplace_back();
  partition.index = PartitionIndex(0);
  partition.records = batch;
  const Instant begin = session.context.now();
  CO_TRY(const auto produced, co_await session.call(std::move(produce)));
  const auto& answer = produced.responses.front().partition_responses.front();
  CO_TRY_STATUS(broker_status(answer.error_code, "produce", answer.error_message));
  report.add("ok", "produce",
             "one record, acknowledged by all replicas, in " + milliseconds(session.context.now() - begin));

  wire::FetchRequest fetch;
  fetch.max_wait_ms = 1000;
  fetch.min_bytes = 1;
  auto& asked = fetch.topics.emplace_back();
  asked.topic = topic.name;
  asked.topic_id = topic.topic_id;
  auto& wanted = asked.partitions.emplace_back();
  wanted.partition = PartitionIndex(0);
  wanted.partition_max_bytes = 1 << 20;
  CO_TRY(const auto fetched, co_await session.call(std::move(fetch)));
  const bool there = !fetched.responses.empty() && fetched.responses.front().partitions.front().records.size() > 0;
  report.add(there ? "ok" : "fail", "read back", there ? "the same record" : "the acknowledged record is not there");
  co_return Status{};
}

task::Task<Status> check_write(Session& session, Report& report) {
  const std::string name = "chronik-doctor-" + std::to_string(session.context.wall_now().value());
  wire::CreateTopicsRequest create;
  create.timeout_ms = static_cast<std::int32_t>(session.common.timeout_s * 1000);
  auto& topic = create.topics.emplace_back();
  topic.name = name;
  topic.num_partitions = 1;
  topic.replication_factor = -1;
  CO_TRY(const auto created, co_await session.call(std::move(create)));
  CO_TRY_STATUS(broker_status(created.topics.front().error_code, "create topic", created.topics.front().error_message));
  const Status written = co_await produce_one(session, created.topics.front(), report);
  wire::DeleteTopicsRequest remove;
  remove.timeout_ms = static_cast<std::int32_t>(session.common.timeout_s * 1000);
  remove.topics.emplace_back().name = name;
  remove.topic_names.push_back(name);
  CO_TRY(const auto removed, co_await session.call(std::move(remove)));
  CO_TRY_STATUS(broker_status(removed.responses.front().error_code, "delete topic"));
  co_return written;
}

/// GET /health of the admin face.
task::Task<Status> check_admin(Session& session, std::string admin, Report& report) {
  CO_TRY(const env::Address address, env::Address::parse(admin));
  CO_TRY(const auto stream, co_await task::connect(session.context, address, session.until));
  const std::string request = "GET /health HTTP/1.1\r\nHost: " + admin + "\r\nConnection: close\r\n\r\n";
  std::vector<Buffer> pieces;
  pieces.push_back(Buffer::copy_of(as_bytes(request)));
  CO_TRY_STATUS(co_await task::write(session.context, stream, std::move(pieces), session.until));
  std::string text;
  auto block = Block::allocate(4096);
  for (;;) {
    CO_TRY(const std::size_t got,
           co_await task::read_some(session.context, stream, block, 0, block->capacity(), session.until));
    if (got == 0 || text.size() > (1U << 20)) break;
    text.append(as_text(ByteSpan(block->data(), got)));
  }
  stream->close();
  const auto body = nlohmann::json::parse(text.substr(std::min(text.find("\r\n\r\n"), text.size())), nullptr, false);
  if (!body.is_object()) co_return fail(Errc::corrupt, "what answers at " + admin + " is not chronik-server");
  for (const auto& directory : body["directories"]) {
    const std::string state = directory.value("state", "?");
    report.add(state == "online" ? "ok" : "fail", "log directory",
               directory.value("path", "?") + " is " + state +
                   (directory.contains("detail") ? ": " + directory.value("detail", "") : ""));
  }
  co_return Status{};
}

task::Task<Status> examine(Session& session, Doctor options) {
  Report report(session.common.json);
  report.add("ok", "connection", session.common.bootstrap);
  check_versions(session, report);
  const auto step = [&](const char* what, const Status& status) {
    if (!status) report.add("fail", what, status.error().detail);
  };
  step("metadata", co_await check_metadata(session, report));
  if (options.write) step("write", co_await check_write(session, report));
  if (!options.admin.empty()) step("admin", co_await check_admin(session, options.admin, report));
  report.finish();
  if (report.failed() > 0) co_return fail(Errc::invalid_argument, std::to_string(report.failed()) + " check(s) failed");
  co_return Status{};
}

}  // namespace

Status doctor(const Common& common, const Doctor& options) {
  return with_session(common, [&](Session& session) { return examine(session, options); });
}

}  // namespace chronik::cli
