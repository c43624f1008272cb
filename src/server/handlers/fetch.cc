// Fetch: reads what there is; if that is less than min_bytes, waits on the partitions' events (never on a timer alone)
// until there is more or max_wait has passed. Sessions are in fetch_session.h.
#include <algorithm>

#include "server/handlers/common.h"
#include "server/handlers/handle.h"

namespace chronik::server {

namespace {

constexpr std::size_t kAnswerBytesMin = 64U << 10;
constexpr std::int16_t kTopicIdSince = 13;

/// One partition to read on its shard.
struct Want {
  std::size_t slot = 0;  // where its answer goes
  TopicPartition id;
  Offset from;
  std::size_t bytes_max = 0;
  LeaderEpoch claimed_epoch;
  LeaderEpoch last_fetched_epoch;
  log::Isolation isolation = log::Isolation::uncommitted;
};

struct Got {
  std::size_t slot = 0;
  wire::FetchResponse::PartitionData data;
};
using GotList = std::vector<Got>;

void describe(const log::Partition& partition, wire::FetchResponse::PartitionData& data) {
  data.high_watermark = partition.high_watermark();
  data.last_stable_offset = partition.last_stable_offset();
  data.log_start_offset = partition.log_start();
}

/// KIP-595: a consumer whose last epoch ended earlier than it thinks learns where the logs part.
bool diverges(const log::Partition& partition, const Want& want, wire::FetchResponse::PartitionData& data) {
  if (want.last_fetched_epoch.value() < 0) return false;
  const auto end = partition.epoch_end(want.last_fetched_epoch);
  if (!end || (end->first == want.last_fetched_epoch && end->second >= want.from)) return false;
  data.diverging_epoch = {end->first, end->second};
  return true;
}

task::Task<wire::FetchResponse::PartitionData> read_one(ShardServer& server, const Want& want, std::size_t bytes_max,
                                                        Deadline until) {
  wire::FetchResponse::PartitionData data;
  data.partition_index = want.id.partition;
  data.high_watermark = HighWatermark(-1);
  const log::PartitionPtr partition = server.log().find(want.id);
  if (!partition) {
    data.error_code = wire::ErrorCode::unknown_topic_or_partition;
    co_return data;
  }
  data.error_code = check_epoch(std::max(want.claimed_epoch, LeaderEpoch(-1)), partition->leader_epoch());
  if (data.error_code != wire::ErrorCode::none) co_return data;
  if (want.last_fetched_epoch > partition->leader_epoch()) {
    data.error_code = wire::ErrorCode::offset_out_of_range;  // no epoch of this log: there is no point to go back to
    co_return data;
  }
  if (diverges(*partition, want, data)) {
    describe(*partition, data);
    co_return data;
  }
  auto run = co_await partition->read(want.from, bytes_max, until, want.isolation);
  if (!run) {
    data.error_code = log::to_kafka(run.error().code);
    if (run.error().code == Errc::corrupt) server.report_damage(run.error());
    if (run.error().code == Errc::out_of_range) data.log_start_offset = partition->log_start();
    co_return data;
  }
  describe(*partition, data);
  if (want.isolation == log::Isolation::committed) {
    data.aborted_transactions.emplace();
    for (const auto& aborted : partition->aborted_in(want.from, run->end)) {
      data.aborted_transactions->push_back({aborted.producer, aborted.first});
    }
  }
  data.records.pieces = std::move(run->pieces);
  co_return data;
}

/// Reads all of a shard's part. The first batch may exceed the limits, so that a large one can always be read.
task::Task<Result<GotList>> read_share(ShardServer& server, std::vector<Want> wants, std::size_t bytes_max,
                                       Deadline until) {
  GotList list;
  std::size_t bytes = 0;
  for (const Want& want : wants) {
    Got& got = list.emplace_back();
    got.slot = want.slot;
    const bool full = bytes >= bytes_max;
    if (full) {
      // Beyond the limit only offsets and errors are told.
      got.data.partition_index = want.id.partition;
      if (const auto partition = server.log().find(want.id)) describe(*partition, got.data);
      continue;
    }
    got.data = co_await read_one(server, want, std::min(want.bytes_max, bytes_max - bytes), until);
    bytes += got.data.records.size();
  }
  co_return list;
}

/// Waits on the owning shard until a read would find `min_bytes` or something to report.
task::Task<Result<bool>> await_growth(ShardServer& server, std::vector<Want> wants, std::size_t min_bytes,
                                      Deadline until) {
  task::Event grown(server.context());
  std::vector<std::unique_ptr<log::Interest>> interests;
  std::vector<log::PartitionPtr> partitions;
  for (const Want& want : wants) {
    auto partition = server.log().find(want.id);
    if (!partition) co_return true;
    interests.push_back(std::make_unique<log::Interest>(grown));
    partition->add_interest(*interests.back());
    partitions.push_back(std::move(partition));
  }
  for (;;) {
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < wants.size(); ++i) {
      if (partitions[i]->deleted() || partitions[i]->failure()) co_return true;
      bytes += partitions[i]->readable_bytes(wants[i].from, wants[i].isolation);
    }
    if (bytes >= min_bytes) co_return true;
    if (co_await grown.wait("fetch.long_poll", until) != task::Woken::notified) co_return false;
  }
}

struct FetchPlan {
  std::vector<SessionPartition*> slots;
  std::vector<wire::FetchResponse::PartitionData> answers;
  std::vector<std::vector<Want>> shares;

  bool reads_anything() const {
    return std::ranges::any_of(shares, [](const auto& share) { return !share.empty(); });
  }
};

FetchPlan make_plan(ShardServer& server, std::vector<SessionPartition>& partitions, log::Isolation isolation) {
  FetchPlan plan;
  plan.shares.resize(server.broker().shards().size());
  for (SessionPartition& entry : partitions) {
    const std::size_t slot = plan.slots.size();
    plan.slots.push_back(&entry);
    auto& answer = plan.answers.emplace_back();
    answer.partition_index = entry.wanted.partition;
    answer.high_watermark = HighWatermark(-1);
    const Target target = locate(server, entry.topic, entry.topic_id, entry.wanted.partition);
    if (target.error != wire::ErrorCode::none) {
      const bool nameless = entry.topic.empty() && entry.topic_id.is_zero();
      answer.aborted_transactions.emplace();
      answer.error_code = nameless ? wire::ErrorCode::unknown_topic_id : target.error;
      continue;
    }
    Want want;
    want.slot = slot;
    want.id = target.id;
    want.from = entry.wanted.fetch_offset;
    want.bytes_max = static_cast<std::size_t>(std::max(entry.wanted.partition_max_bytes, 1));
    want.claimed_epoch = entry.wanted.current_leader_epoch;
    want.last_fetched_epoch = entry.wanted.last_fetched_epoch;
    want.isolation = isolation;
    plan.shares[target.owner.value()].push_back(want);
  }
  return plan;
}

/// One pass over all shards; true if something is worth answering at once.
task::Task<bool> read_all(RequestContext& context, FetchPlan& plan, std::size_t bytes_max, std::size_t min_bytes,
                          Deadline until) {
  ShardServer& server = context.server;
  Broker& broker = server.broker();
  std::size_t bytes = 0;
  bool urgent = false;
  for (std::size_t i = 0; i < plan.shares.size(); ++i) {
    if (plan.shares[i].empty()) continue;
    const std::size_t left = bytes_max > bytes ? bytes_max - bytes : 0;
    auto body = [&broker, wants = plan.shares[i], left, until](shard::Shard& owner) mutable {
      return read_share(broker.at(owner.id()), std::move(wants), left, until);
    };
    auto got = co_await shard::call(server.shard(), broker.shards().at(i), "fetch.read", until, std::move(body));
    if (!got) {
      for (const Want& want : plan.shares[i]) plan.answers[want.slot].error_code = log::to_kafka(got.error().code);
      urgent = true;
      continue;
    }
    for (Got& one : *got) {
      bytes += one.data.records.size();
      urgent =
          urgent || one.data.error_code != wire::ErrorCode::none || one.data.diverging_epoch.end_offset.value() >= 0;
      plan.answers[one.slot] = std::move(one.data);
    }
  }
  for (const auto& answer : plan.answers) urgent = urgent || answer.error_code != wire::ErrorCode::none;
  co_return urgent || bytes >= min_bytes;
}

/// One shard's wait, which ends everybody's.
task::Task<void> wait_share(ShardServer& server, std::size_t owner, std::vector<Want> wants, std::size_t min_bytes,
                            Deadline until, std::shared_ptr<task::Event> any, std::shared_ptr<bool> grown) {
  Broker& broker = server.broker();
  auto body = [&broker, wants = std::move(wants), min_bytes, until](shard::Shard& shard) mutable {
    return await_growth(broker.at(shard.id()), std::move(wants), min_bytes, until);
  };
  const auto result =
      co_await shard::call(server.shard(), broker.shards().at(owner), "fetch.wait", until, std::move(body));
  if (result && *result) {
    *grown = true;
    any->notify_all();
  }
}

task::Task<void> wait_for_growth(RequestContext& context, const FetchPlan& plan, std::size_t min_bytes,
                                 Deadline until) {
  ShardServer& server = context.server;
  auto any = std::make_shared<task::Event>(server.context());
  auto grown = std::make_shared<bool>(false);
  std::size_t busy = 0;
  for (const auto& share : plan.shares) busy += share.empty() ? 0 : 1;
  for (std::size_t i = 0; i < plan.shares.size(); ++i) {
    if (plan.shares[i].empty()) continue;
    // With several shards each may hold only a part of min_bytes: any growth is a reason to look.
    const std::size_t need = busy == 1 ? min_bytes : 1;
    if (busy == 1 && i == server.shard().id().value()) {
      (void)co_await await_growth(server, plan.shares[i], need, until);
      co_return;
    }
    server.context().spawn("fetch.wait_share", wait_share(server, i, plan.shares[i], need, until, any, grown));
  }
  if (busy == 0) {
    co_await task::sleep_until(server.context(), "fetch.nothing", until);
    co_return;
  }
  if (!*grown) co_await any->wait("fetch.long_poll", until);
}

/// Whether an incremental answer must mention the partition; remembers what it will say.
bool changed(SessionPartition& entry, const wire::FetchResponse::PartitionData& data) {
  const bool news = data.records.size() > 0 || data.error_code != wire::ErrorCode::none ||
                    data.high_watermark != entry.told_high_watermark || data.log_start_offset != entry.told_log_start ||
                    data.error_code != entry.told_error || data.diverging_epoch.end_offset.value() >= 0;
  entry.told_high_watermark = data.high_watermark;
  entry.told_log_start = data.log_start_offset;
  entry.told_error = data.error_code;
  return news;
}

void assemble(FetchPlan& plan, bool incremental, wire::FetchResponse& response) {
  for (std::size_t i = 0; i < plan.slots.size(); ++i) {
    SessionPartition& entry = *plan.slots[i];
    if (!changed(entry, plan.answers[i]) && incremental) continue;
    if (response.responses.empty() || response.responses.back().topic != entry.topic ||
        response.responses.back().topic_id != entry.topic_id) {
      auto& topic = response.responses.emplace_back();
      topic.topic = entry.topic;
      topic.topic_id = entry.topic_id;
    }
    response.responses.back().partitions.push_back(std::move(plan.answers[i]));
  }
}

/// Kafka's answer to what it cannot make sense of: the error for each partition that was named and, for those who know
/// where to look, for the whole; since topics have ids only that.
void refuse_request(const wire::FetchRequest& request, std::int16_t version, wire::FetchResponse& response) {
  response.error_code = wire::ErrorCode::unknown_server_error;
  response.session_id = request.session_id;
  if (version >= kTopicIdSince) return;
  for (const auto& topic : request.topics) {
    auto& answers = response.responses.emplace_back();
    answers.topic = topic.topic;
    for (const auto& wanted : topic.partitions) {
      auto& answer = answers.partitions.emplace_back();
      answer.partition_index = wanted.partition;
      answer.error_code = response.error_code;
      answer.high_watermark = HighWatermark(-1);
      answer.aborted_transactions.emplace();
    }
  }
}

/// At most a quarter of what is left of the upper half of the budget; the lower half is given out in small pieces only,
/// so that readers who do not take their answers never starve the others.
std::size_t answer_limit(task::Budget& budget, std::int32_t asked, std::int32_t fetch_max) {
  const std::size_t half = budget.limit() / 2;
  const std::size_t left = half - std::min(budget.used(), half);
  const auto wanted = static_cast<std::size_t>(std::max(std::min(asked, fetch_max), 1));
  return std::min(wanted, std::max(kAnswerBytesMin, left / 4));
}

/// A session is used by one request at a time; marks it so.
struct InUse {
  FetchSessionPtr session;
  explicit InUse(FetchSessionPtr s) : session(std::move(s)) {
    if (session) session->in_use = true;
  }
  InUse(const InUse&) = delete;
  InUse& operator=(const InUse&) = delete;
  ~InUse() {
    if (session) session->in_use = false;
  }
};

}  // namespace

task::Task<wire::FetchResponse> handle_fetch(RequestContext& context, wire::FetchRequest request) {
  ShardServer& server = context.server;
  wire::FetchResponse response;
  SessionStart start = server.fetch_sessions().begin(request, context.version(), server.context().now());
  response.error_code = start.error;
  if (start.error != wire::ErrorCode::none) co_return response;
  const InUse in_use(start.session);
  if (start.session) response.session_id = start.session->id;
  auto& partitions = start.session ? start.session->partitions : start.partitions;

  const auto isolation = isolation_of(request.isolation_level);
  // As in Kafka nobody looks at the level where there is nothing to read.
  if (!isolation && make_plan(server, partitions, log::Isolation::uncommitted).reads_anything()) {
    refuse_request(request, context.version(), response);
    if (start.session && !start.incremental) server.fetch_sessions().close(start.session->id);
    co_return response;
  }

  // Disk reads have a deadline of their own, also when the client does not want to wait for new data.
  const Deadline poll_until =
      server.context().after(std::chrono::milliseconds(std::clamp(request.max_wait_ms, 0, 300'000)));
  const auto read_until = [&] { return server.context().after(server.log().options().wal.stall_deadline); };
  const std::size_t limit =
      answer_limit(server.answer_budget(), request.max_bytes, server.view().broker().fetch_max_bytes);
  auto memory = co_await server.answer_budget().take(limit, read_until());
  if (!memory) {
    // No memory for an answer: an empty one lets the client come again.
    if (!start.incremental) response.error_code = wire::ErrorCode::none;
    co_return response;
  }
  const auto min_bytes = static_cast<std::size_t>(std::max(request.min_bytes, 0));
  const log::Isolation level = isolation.value_or(log::Isolation::uncommitted);
  FetchPlan plan = make_plan(server, partitions, level);
  bool ready = co_await read_all(context, plan, limit, min_bytes, read_until());
  while (!ready && server.context().now() < poll_until.at) {
    memory->release();
    co_await wait_for_growth(context, plan, min_bytes, poll_until);
    auto again = co_await server.answer_budget().take(limit, read_until());
    if (!again) break;
    memory = std::move(again);
    plan = make_plan(server, partitions, level);
    ready = co_await read_all(context, plan, limit, min_bytes, read_until());
  }
  assemble(plan, start.incremental, response);
  std::size_t bytes = 0;
  for (const auto& topic : response.responses) {
    for (const auto& partition : topic.partitions) bytes += partition.records.size();
  }
  memory->shrink_to(std::min(bytes, memory->bytes()));
  context.exchange.answer_memory = *std::move(memory);
  co_return response;
}

}  // namespace chronik::server
