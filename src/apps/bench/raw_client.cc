// The raw producing client: one connection, one Produce request for all records that are due, spanning partitions (as
// the Java client does; librdkafka sends one request per partition). Needs one broker that leads every partition. Two
// threads: the sender, and a receiver that matches responses, which come in order, with what was sent.
#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <thread>

#include "apps/bench/client.h"
#include "apps/bench/clock.h"
#include "apps/bench/socket.h"
#include "apps/bench/stamp.h"
#include "apps/bench/window.h"
#include "apps/bench/wire.h"

namespace chronik::bench {
namespace {

constexpr std::size_t kRequestBytesMax = 1 << 20;
constexpr int kInFlight = 5;  // as the Java client's default

struct Sent {
  int partition;
  std::uint64_t sequence;
  std::int64_t intended_ns;
};
struct Request {
  std::int64_t sent_ns = 0;
  std::vector<Sent> records;  // by partition, then sequence
};

class RawClient : public Client {
 public:
  RawClient(const Run& run, int index) : Client(run), run_(run), index_(index) {
    const auto fits = std::max<std::size_t>(1, kRequestBytesMax / (run.load.size + 100));
    batch_max_ = run.load.rounds ? SIZE_MAX : fits;
    in_flight_max_ = static_cast<std::uint32_t>(run.load.in_flight > 0 ? run.load.in_flight : kInFlight);
  }
  ~RawClient() override {
    socket_.shut_down();
    if (receiver_.joinable()) receiver_.join();
  }

  Status connect() {
    TRY(socket_, Socket::connect(run_.connection.bootstrap, run_.load.timeout_ms));
    return {};
  }
  void run_sender() override;

 private:
  std::vector<Sent> gather(const Schedule& schedule, std::uint64_t& index);
  void send(std::vector<Sent> records);
  void receive_until_stopped();
  void settle(const Request& request, const std::vector<ProducedPartition>& answer);
  void settle_unknown(const Request& request, const std::string& why);
  void lose_connection(const std::string& why);

  const Run& run_;
  const int index_;
  std::size_t batch_max_;
  std::uint32_t in_flight_max_;
  Socket socket_;
  std::string values_;  // scratch of send()
  std::int32_t correlation_ = 0;
  Window records_;
  Window requests_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> broken_{false};
  std::mutex mutex_;  // guards the two below
  std::deque<Request> pending_;
  bool lost_ = false;  // nobody will settle what is pushed from now on
  std::thread receiver_;
};

void RawClient::run_sender() {
  use_precise_sleep();
  receiver_ = std::thread([this] { receive_until_stopped(); });
  const Schedule schedule(run_, index_);
  std::uint64_t index = 0;
  while (!broken_) {
    if (run_.load.rounds) records_.await_at_most(0);
    if (records_.size() >= run_.load.window) records_.await_at_most(run_.load.window / 2);
    if (requests_.size() >= in_flight_max_) requests_.await_at_most(in_flight_max_ - 1);
    if (schedule.done(index)) break;
    if (schedule.open_loop()) sleep_until_ns(schedule.due(index));
    send(gather(schedule, index));
  }
  records_.await_at_most(0);
  stopping_ = true;
  socket_.shut_down();
  receiver_.join();
}

/// The next record and all further ones that are due and fit.
std::vector<Sent> RawClient::gather(const Schedule& schedule, std::uint64_t& index) {
  const auto now = now_ns();
  const std::size_t free = run_.load.rounds ? SIZE_MAX : run_.load.window - records_.size();
  std::vector<Sent> records;
  do {
    const int partition = schedule.partition(index);
    auto& ledger = record.ledger[static_cast<std::size_t>(partition)];
    records.push_back({partition, ledger.sent++, schedule.open_loop() ? schedule.due(index) : now});
    ++index;
  } while (records.size() < std::min(batch_max_, free) && !schedule.opens_round(index) && !schedule.done(index) &&
           (!schedule.open_loop() || schedule.due(index) <= now));
  std::ranges::sort(records, {}, [](const Sent& sent) { return std::pair(sent.partition, sent.sequence); });
  return records;
}

void RawClient::send(std::vector<Sent> records) {
  const auto size = run_.load.size;
  values_.resize(records.size() * size);
  int partitions = 0;
  for (std::size_t i = 0; i < records.size(); ++i) {
    char* value = values_.data() + i * size;
    run_.filler.copy(value, size);
    write_stamp(value, {run_.id, static_cast<std::uint32_t>(index_), records[i].sequence});
    if (size >= kTimedStampBytes) write_intended(value, records[i].intended_ns);
    partitions += i == 0 || records[i].partition != records[i - 1].partition ? 1 : 0;
  }
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  const auto wall_ms = std::chrono::duration_cast<std::chrono::milliseconds>(wall).count();
  const auto acks = static_cast<std::int16_t>(run_.load.acks == "1" ? 1 : -1);
  auto request = produce_request(++correlation_, run_.load.topic, acks, run_.load.timeout_ms, partitions);
  std::vector<std::string_view> batch;
  for (std::size_t i = 0; i < records.size(); ++i) {
    batch.emplace_back(values_.data() + i * size, size);
    if (i + 1 < records.size() && records[i + 1].partition == records[i].partition) continue;
    append_batch(request, records[i].partition, batch, wall_ms);
    batch.clear();
  }
  records_.add(static_cast<std::uint32_t>(records.size()));
  requests_.add(1);
  Request pending{now_ns(), std::move(records)};
  std::unique_lock lock(mutex_);
  if (lost_) {
    lock.unlock();
    return settle_unknown(pending, "the connection was lost");
  }
  pending_.push_back(std::move(pending));
  lock.unlock();
  if (auto sent = socket_.send_all(request.finish()); !sent && !broken_.exchange(true)) {
    socket_.shut_down();  // the receiver settles what is pending
  }
}

void RawClient::receive_until_stopped() {
  while (!stopping_) {
    // The sender settles nothing itself, so there is always an answer, an error or the end to wait for.
    auto frame = socket_.receive_frame(now_ns() + std::int64_t{run_.load.timeout_ms} * 1'000'000);
    if (!frame) {
      if (frame.error().code == Errc::timed_out && requests_.size() == 0) continue;
      if (!stopping_) lose_connection(frame.error().detail);
      return;
    }
    Request request;
    {
      const std::lock_guard lock(mutex_);
      if (pending_.empty()) continue;  // nothing asked for: a confused broker
      request = std::move(pending_.front());
      pending_.pop_front();
    }
    auto answer = produce_response(*frame);
    settle(request, answer ? *answer : std::vector<ProducedPartition>());
  }
}

void RawClient::settle(const Request& request, const std::vector<ProducedPartition>& answer) {
  const auto now = now_ns();
  std::size_t settled = 0;
  for (const auto& part : answer) {
    auto [first, last] = std::ranges::equal_range(request.records, part.partition, {}, &Sent::partition);
    for (auto at = first; at != last; ++at, ++settled) {
      auto& ledger = record.ledger[static_cast<std::size_t>(at->partition)];
      if (part.error != 0) {
        ledger.failed.insert(at->sequence);
        record.failed(rd_kafka_err2name(static_cast<rd_kafka_resp_err_t>(part.error)));  // Kafka's numbers
        continue;
      }
      ++ledger.acked;
      const auto position = at - first;
      ledger.placement +=
          placement_digest(static_cast<std::uint32_t>(index_), at->sequence, part.base_offset + position);
      record.acked(at->intended_ns, now);
    }
  }
  if (settled != request.records.size()) {
    // Partitions missing in the answer: their fate is unknown.
    for (const auto& sent : request.records) {
      if (std::ranges::any_of(answer, [&](const auto& part) { return part.partition == sent.partition; })) continue;
      record.ledger[static_cast<std::size_t>(sent.partition)].failed.insert(sent.sequence);
      record.failed("missing in the response");
    }
  }
  requests_.remove(1);
  records_.remove(static_cast<std::uint32_t>(request.records.size()));
}

/// Of these records nobody knows whether they are in the log.
void RawClient::settle_unknown(const Request& request, const std::string& why) {
  for (const auto& sent : request.records) {
    record.ledger[static_cast<std::size_t>(sent.partition)].failed.insert(sent.sequence);
    record.failed(why);
  }
  requests_.remove(1);
  records_.remove(static_cast<std::uint32_t>(request.records.size()));
}

/// Receiver only, at its end.
void RawClient::lose_connection(const std::string& why) {
  broken_ = true;
  for (;;) {
    Request request;
    {
      const std::lock_guard lock(mutex_);
      lost_ = true;
      if (pending_.empty()) return;
      request = std::move(pending_.front());
      pending_.pop_front();
    }
    settle_unknown(request, why);
  }
}

}  // namespace

Result<std::unique_ptr<Client>> make_raw_client(const Run& run, int index) {
  auto client = std::make_unique<RawClient>(run, index);
  TRY_STATUS(client->connect());
  return client;
}

}  // namespace chronik::bench
