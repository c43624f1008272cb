// Produce, in two stages. Stage one, in the connection's order: every batch is validated, gets its offsets and a place
// in the open group of its shard's write-ahead log. Stage two: wait until those groups are on disk. acks=1 and acks=all
// both answer after stage two (law 6).
#include <map>
#include <optional>

#include "base/canary.h"
#include "server/handlers/common.h"
#include "server/handlers/handle.h"
#include "server/handlers/produce_transactions.h"
#include "wire/batch_validation.h"
#include "wire/recompress.h"

namespace chronik::server {

namespace {

constexpr std::size_t kDecompressedMax = 256U << 20;
constexpr std::int16_t kZstdSince = 7;
constexpr std::int16_t kTopicIdSince = 13;

struct Piece {
  std::size_t topic = 0;  // where its answer goes
  std::size_t partition = 0;
  TopicPartition id;
  Buffer batch;
  wire::ValidatedBatch validated;
  log::TransactionPass pass = log::kNoPass;
};

struct PieceResult {
  std::size_t topic = 0;
  std::size_t partition = 0;
  wire::ErrorCode error = wire::ErrorCode::none;
  std::string message;
  std::vector<wire::RecordFault> faults;
  log::Appended appended;
};

using PieceResults = std::vector<PieceResult>;

void refuse(PieceResult& result, wire::Rejection why) {
  result.error = why.code;
  result.message = std::move(why.detail);
  result.faults = std::move(why.records);
}

/// However many batches are refused, an answer does not name more records than one batch may.
void keep_to(std::size_t& room, std::vector<wire::RecordFault>& faults) {
  if (faults.size() > room) faults.resize(room);
  room -= faults.size();
}

void refuse(wire::ProduceResponse::PartitionResponse& place, wire::ErrorCode error, std::string message,
            std::vector<wire::RecordFault> faults, std::size_t& room) {
  place.error_code = error;
  if (!message.empty()) place.error_message = std::move(message);
  keep_to(room, faults);
  for (wire::RecordFault& fault : faults) place.record_errors.push_back({fault.index, std::move(fault.why)});
}

/// What is too large as it came is left for append() to refuse, as Kafka refuses it.
std::optional<wire::Rejection> store_in_codec_of(const log::Partition& partition, Piece& piece) {
  const std::optional<wire::Codec> codec = partition.config().codec;
  if (!codec || *codec == piece.validated.header.codec()) return std::nullopt;
  if (piece.batch.size() > static_cast<std::size_t>(partition.config().max_message_bytes)) return std::nullopt;
  auto changed = wire::recompress(piece.batch.span(), *codec, kDecompressedMax);
  if (!changed) return wire::Rejection{wire::ErrorCode::corrupt_message, changed.error().message()};
  if (changed->size() > static_cast<std::size_t>(partition.config().max_message_bytes)) {
    return wire::Rejection{wire::ErrorCode::message_too_large,
                           "a batch exceeds max.message.bytes in the codec that compression.type asks for"};
  }
  piece.batch = *std::move(changed);
  piece.validated.header = wire::parse_batch_header(piece.batch.span()).value();
  return std::nullopt;
}

/// Stage one on the owning shard.
task::Task<Result<PieceResults>> append_pieces(ShardServer& server, std::vector<Piece> pieces, Deadline until) {
  PieceResults results;
  results.reserve(pieces.size());
  std::size_t faults_left = wire::kRecordFaultsMax;
  for (Piece& piece : pieces) {
    PieceResult& result = results.emplace_back();
    result.topic = piece.topic;
    result.partition = piece.partition;
    const log::PartitionPtr partition = server.log().find(piece.id);
    if (!partition) {
      result.error = wire::ErrorCode::unknown_topic_or_partition;
      continue;
    }
    if (auto why = store_in_codec_of(*partition, piece)) {
      refuse(result, *std::move(why));
      continue;
    }
    Status room;
    if (!server.log().wal().check_room(piece.batch.size())) {
      room = co_await server.log().wal().room(piece.batch.size(), until);
    }
    if (!room) {
      partition->refused_for_room(piece.validated.header);
      refuse(result, log::room_rejection(room.error()));
      continue;
    }
    auto appended = partition->append(piece.batch.span(), piece.validated, log::Origin::client, piece.pass);
    piece.batch = {};  // a changed one is charged to nobody: one of them at a time
    if (appended) {
      result.appended = *std::move(appended);
    } else {
      refuse(result, std::move(appended).error());
      keep_to(faults_left, result.faults);
    }
  }
  co_return results;
}

/// Stage two on the owning shard.
task::Task<Result<PieceResults>> await_pieces(ShardServer& server, PieceResults results, Deadline until) {
  for (PieceResult& result : results) {
    if (!result.appended.commit) continue;
    const Status status = co_await server.log().wal().committed(result.appended.commit, until);
    if (!status && !canary(Canary::failed_write_acknowledged)) refuse(result, log::to_rejection(status.error()));
    result.appended.commit.reset();
  }
  co_return results;
}

void store(wire::ProduceResponse& response, PieceResult& result, std::size_t& faults_left) {
  auto& place = response.responses[result.topic].partition_responses[result.partition];
  if (result.error != wire::ErrorCode::none) {
    refuse(place, result.error, std::move(result.message), std::move(result.faults), faults_left);
    return;
  }
  place.base_offset = result.appended.base;
  place.log_append_time_ms = result.appended.append_time;
  place.log_start_offset = result.appended.log_start;
}

/// Everything that can be refused without the owning shard; the rest goes to `shares`.
void sort_out(ShardServer& server, std::int16_t version, wire::ProduceRequest& request, wire::ProduceResponse& response,
              std::vector<std::vector<Piece>>& shares, std::size_t& faults_left) {
  const bool by_id = version >= kTopicIdSince;
  const auto check = [&](const wire::ProduceRequest::TopicData& topic, wire::ProduceRequest::PartitionData& data,
                         Piece& piece) -> std::optional<wire::Rejection> {
    if (request.acks < -1 || request.acks > 1) return wire::Rejection{wire::ErrorCode::invalid_required_acks, {}};
    const Target target = locate(server, topic.name, topic.topic_id, data.index);
    if (by_id && topic.topic_id.is_zero()) return wire::Rejection{wire::ErrorCode::unknown_topic_id, {}};
    if (target.error != wire::ErrorCode::none) return wire::Rejection{target.error, {}};
    const meta::TopicPtr about = server.view().image()->find(target.id.topic);
    if (about->internal()) {
      return wire::Rejection{wire::ErrorCode::invalid_topic_exception, "internal topics are not written by clients"};
    }
    auto validated = wire::validate_produced_batch(data.records.span(), kDecompressedMax);
    if (!validated) return std::move(validated).error();
    if (validated->header.base_offset != Offset(0)) {
      return wire::Rejection{wire::ErrorCode::invalid_record, "offsets are given by the broker: base offset is not 0"};
    }
    if (version < kZstdSince && validated->header.codec() == wire::Codec::zstd) {
      return wire::Rejection{wire::ErrorCode::unsupported_compression_type, "zstd needs Produce version 7 (KIP-110)"};
    }
    if (validated->header.is_transactional() && !request.transactional_id) {
      return wire::Rejection{wire::ErrorCode::transactional_id_authorization_failed,
                             "a transactional batch in a request without a transactional id"};
    }
    piece.id = target.id;
    piece.batch = std::move(data.records);
    piece.validated = *validated;
    shares[target.owner.value()].push_back(std::move(piece));
    return std::nullopt;
  };
  for (std::size_t t = 0; t < request.topic_data.size(); ++t) {
    auto& topic = request.topic_data[t];
    auto& answers = response.responses.emplace_back();
    answers.name = topic.name;
    answers.topic_id = topic.topic_id;
    for (std::size_t p = 0; p < topic.partition_data.size(); ++p) {
      auto& place = answers.partition_responses.emplace_back();
      place.index = topic.partition_data[p].index;
      Piece piece;
      piece.topic = t;
      piece.partition = p;
      if (auto why = check(topic, topic.partition_data[p], piece)) {
        refuse(place, why->code, std::move(why->detail), std::move(why->records), faults_left);
      }
    }
  }
}

void fail_share(wire::ProduceResponse& response, const std::vector<std::pair<std::size_t, std::size_t>>& places,
                const Error& error) {
  for (const auto& [topic, partition] : places) {
    auto& place = response.responses[topic].partition_responses[partition];
    place.error_code = log::to_kafka(error.code);
    place.error_message = error.message();
  }
}

/// Before the first stage: whatever opens a transaction in a partition is known to the transaction's coordinator.
task::Task<void> admit_transactional(RequestContext& context, const std::string& transactional_id,
                                     std::vector<std::vector<Piece>>& shares, wire::ProduceResponse& response) {
  std::vector<TransactionalWrite> writes;
  std::vector<Piece*> pieces;
  for (std::size_t shard = 0; shard < shares.size(); ++shard) {
    for (Piece& piece : shares[shard]) {
      const wire::RecordBatchHeader& header = piece.validated.header;
      if (!header.is_transactional()) continue;
      const std::string& topic = context.server.view().image()->find(piece.id.topic)->name;
      writes.push_back(
          {ShardId(static_cast<std::uint32_t>(shard)), piece.id, topic, {header.producer_id, header.producer_epoch}});
      pieces.push_back(&piece);
    }
  }
  if (writes.empty()) co_return;
  co_await admit_writes(context, transactional_id, writes);
  for (std::size_t i = 0; i < writes.size(); ++i) {
    pieces[i]->pass = writes[i].pass;
    if (writes[i].error == wire::ErrorCode::none) continue;
    response.responses[pieces[i]->topic].partition_responses[pieces[i]->partition].error_code = writes[i].error;
    pieces[i]->batch = {};  // refused
  }
  for (auto& share : shares) std::erase_if(share, [](const Piece& piece) { return piece.batch.size() == 0; });
}

/// One shard's part of a request between the stages.
struct Share {
  std::vector<std::pair<std::size_t, std::size_t>> places;
  Result<PieceResults> enqueued;
};

bool has_error(const wire::ProduceResponse& response) {
  for (const auto& topic : response.responses) {
    for (const auto& partition : topic.partition_responses) {
      if (partition.error_code != wire::ErrorCode::none) return true;
    }
  }
  return false;
}

}  // namespace

task::Task<std::optional<wire::ProduceResponse>> handle_produce(RequestContext& context, wire::ProduceRequest request) {
  ShardServer& server = context.server;
  Broker& broker = server.broker();
  shard::Shard& here = server.shard();
  const Deadline until = client_deadline(server.context(), request.timeout_ms);
  wire::ProduceResponse response;
  std::vector<std::vector<Piece>> shares(broker.shards().size());
  std::size_t faults_left = wire::kRecordFaultsMax;
  sort_out(server, context.version(), request, response, shares, faults_left);
  if (request.transactional_id) co_await admit_transactional(context, *request.transactional_id, shares, response);

  std::map<std::size_t, Share> enqueued;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    if (shares[i].empty()) continue;
    Share& share = enqueued[i];
    for (const Piece& piece : shares[i]) share.places.emplace_back(piece.topic, piece.partition);
    auto body = [&broker, pieces = std::move(shares[i]), until](shard::Shard& owner) mutable {
      return append_pieces(broker.at(owner.id()), std::move(pieces), until);
    };
    share.enqueued = co_await shard::call(here, broker.shards().at(i), "produce.append", until, std::move(body));
  }
  context.exchange.set_ordered();

  for (auto& [i, share] : enqueued) {
    if (!share.enqueued) {
      fail_share(response, share.places, share.enqueued.error());
      continue;
    }
    auto body = [&broker, results = *std::move(share.enqueued), until](shard::Shard& owner) mutable {
      return await_pieces(broker.at(owner.id()), std::move(results), until);
    };
    auto settled = co_await shard::call(here, broker.shards().at(i), "produce.commit", until, std::move(body));
    if (!settled) {
      fail_share(response, share.places, settled.error());
      continue;
    }
    for (PieceResult& result : *settled) store(response, result, faults_left);
  }
  const bool failed = has_error(response);
  if (failed) server.metrics().error();
  if (request.acks == 0) {
    // Nobody hears an error: like Kafka, end the connection so that the client notices.
    if (failed) context.exchange.close_after = true;
    co_return std::nullopt;
  }
  co_return response;
}

}  // namespace chronik::server
