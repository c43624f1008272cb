// The producing client on librdkafka. Two threads of ours: the sender (run_sender) and one that serves delivery reports
// and thereby stamps the moment of acknowledgement.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "apps/bench/client.h"
#include "apps/bench/clock.h"
#include "apps/bench/kafka.h"
#include "apps/bench/stamp.h"
#include "apps/bench/window.h"

namespace chronik::bench {
namespace {

constexpr int kPollMs = 100;

class RdkafkaClient : public Client {
 public:
  RdkafkaClient(const Run& run, int index) : Client(run), run_(run), index_(index), payload_(run.filler) {}
  ~RdkafkaClient() override {
    stopping_ = true;
    if (poller_.joinable()) poller_.join();
    topic_.reset();
    kafka_.reset();
  }

  Status connect();
  void run_sender() override;

 private:
  static void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
    static_cast<RdkafkaClient*>(opaque)->delivered(*message);
  }
  void delivered(const rd_kafka_message_t& message);
  void send(int partition, std::int64_t intended_ns);
  void poll_until_stopped();

  const Run& run_;
  const int index_;
  std::string payload_;
  Window window_;
  std::atomic<bool> stopping_{false};
  Kafka kafka_;
  Owned<rd_kafka_topic_t> topic_;
  std::thread poller_;
};

std::string default_linger(const Workload& load) {
  if (load.linger_ms >= 0) return fmt::format("{}", load.linger_ms);
  return load.rate > 0 || load.rounds || load.window == 1 ? "0" : "5";
}

Status RdkafkaClient::connect() {
  const auto& load = run_.load;
  KafkaConfig config(run_.connection);
  config.set("acks", load.acks)
      .set("enable.idempotence", load.idempotence ? "true" : "false")
      .set("compression.codec", load.compression)
      .set("linger.ms", default_linger(load))
      .set("message.timeout.ms", std::to_string(load.timeout_ms))
      .set("request.timeout.ms", std::to_string(std::min(30'000, load.timeout_ms)))
      .set("queue.buffering.max.messages", std::to_string(std::max(load.window, 1000U)))
      .set("queue.buffering.max.kbytes", "1048576")
      .set("message.max.bytes", std::to_string(std::max<std::size_t>(1'000'000, load.size + 1000)));
  if (load.in_flight > 0) config.set("max.in.flight.requests.per.connection", std::to_string(load.in_flight));
  rd_kafka_conf_set_opaque(config.raw(), this);
  rd_kafka_conf_set_dr_msg_cb(config.raw(), on_delivery);
  TRY(kafka_, config.create(RD_KAFKA_PRODUCER));
  topic_.reset(rd_kafka_topic_new(kafka_.get(), load.topic.c_str(), nullptr));
  if (!topic_) return fail(kafka_error(rd_kafka_last_error(), "topic " + load.topic));
  const rd_kafka_metadata_t* metadata = nullptr;
  const auto code = rd_kafka_metadata(kafka_.get(), 0, topic_.get(), &metadata, 10'000);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return fail(kafka_error(code, "no metadata from " + run_.connection.bootstrap));
  }
  rd_kafka_metadata_destroy(metadata);
  return {};
}

void RdkafkaClient::run_sender() {
  use_precise_sleep();
  poller_ = std::thread([this] { poll_until_stopped(); });
  const Schedule schedule(run_, index_);
  const auto limit = run_.load.window;
  for (std::uint64_t i = 0; !schedule.done(i); ++i) {
    if (schedule.opens_round(i)) {
      window_.await_at_most(0);
      if (schedule.done(i)) break;  // time may have passed while waiting
    } else if (window_.size() >= limit) {
      window_.await_at_most(limit / 2);
    }
    if (schedule.open_loop()) sleep_until_ns(schedule.due(i));
    send(schedule.partition(i), schedule.open_loop() ? schedule.due(i) : now_ns());
  }
  window_.await_at_most(0);
}

void RdkafkaClient::send(int partition, std::int64_t intended_ns) {
  auto& ledger = record.ledger[static_cast<std::size_t>(partition)];
  write_stamp(payload_.data(), {run_.id, static_cast<std::uint32_t>(index_), ledger.sent});
  if (payload_.size() >= kTimedStampBytes) write_intended(payload_.data(), intended_ns);
  ++ledger.sent;
  window_.add(1);
  // The intended time travels as the message's opaque pointer; payloads may be too small to hold it.
  auto* opaque = reinterpret_cast<void*>(intended_ns);
  while (rd_kafka_produce(topic_.get(), partition, RD_KAFKA_MSG_F_COPY, payload_.data(), payload_.size(), nullptr, 0,
                          opaque) != 0) {
    const auto code = rd_kafka_last_error();
    if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
      --ledger.sent;
      window_.remove(1);
      record.failed(rd_kafka_err2name(code));
      // Refused at once, so nothing would slow the loop down.
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

void RdkafkaClient::delivered(const rd_kafka_message_t& message) {
  const auto stamp = read_stamp(message.payload);
  auto& ledger = record.ledger[static_cast<std::size_t>(message.partition)];
  if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    ++ledger.acked;
    if (message.offset >= 0) {
      ledger.placement += placement_digest(stamp.client, stamp.sequence, message.offset);
    } else {
      ++ledger.unplaced;
    }
    record.acked(reinterpret_cast<std::int64_t>(message._private), now_ns());
  } else {
    ledger.failed.insert(stamp.sequence);
    record.failed(rd_kafka_err2name(message.err));
  }
  window_.remove(1);
}

void RdkafkaClient::poll_until_stopped() {
  while (!stopping_ || window_.size() > 0) rd_kafka_poll(kafka_.get(), kPollMs);
}

}  // namespace

Result<std::unique_ptr<Client>> make_rdkafka_client(const Run& run, int index) {
  auto client = std::make_unique<RdkafkaClient>(run, index);
  TRY_STATUS(client->connect());
  return client;
}

}  // namespace chronik::bench
