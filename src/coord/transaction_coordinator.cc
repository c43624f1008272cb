// The face: life, and the requests of producers.
#include "coord/transaction_coordinator.h"

#include <algorithm>

#include "coord/regular_expression.h"
#include "coord/transaction_core.h"

namespace chronik::coord {

namespace {
constexpr std::int16_t kEpochBumpSince = 5;  // EndTxn (KIP-890)
}

TransactionCoordinator::TransactionCoordinator(shard::Shard& shard, Topics& topics, TransactionPeers& peers,
                                               TransactionConfig config)
    : core_(std::make_shared<TransactionCore>(shard, topics, peers, config)) {}

TransactionCoordinator::~TransactionCoordinator() {
  core_->close();
}

void TransactionCoordinator::own(PartitionIndex index, log::PartitionPtr partition) {
  core_->own(index, std::move(partition));
}

void TransactionCoordinator::disown(PartitionIndex index) {
  core_->disown(index);
}

void TransactionCoordinator::set_config(const TransactionConfig& config) {
  core_->set_config(config);
}

task::Task<void> TransactionCoordinator::close(Deadline until) {
  co_await core_->drain(until);
  core_->close();
}

void TransactionCoordinator::check_invariants() const {
  core_->check_invariants();
}

namespace {

using CorePtr = std::shared_ptr<TransactionCore>;

/// The entry of an id, made if there is none, with the right to change it.
task::Task<std::expected<TransactionEntryPtr, ErrorCode>> open_entry(CorePtr core, std::string id, Deadline until) {
  if (const ErrorCode error = core->status(id); error != ErrorCode::none) co_return std::unexpected(error);
  TransactionEntryPtr entry = core->find(id);
  if (!entry) entry = core->create(id);
  if (!entry) co_return std::unexpected(ErrorCode::coordinator_not_available);
  if (const ErrorCode error = co_await TransactionCore::acquire(entry, until); error != ErrorCode::none) {
    co_return std::unexpected(error);
  }
  co_return entry;
}

/// A transaction that its producer left open is aborted before the next begins. With the right to change the entry,
/// which it gives back and takes again.
task::Task<ErrorCode> abort_open(CorePtr core, TransactionEntryPtr entry, Deadline until) {
  const Transaction fenced = fence(entry->now, core->context().wall_now());
  const ErrorCode error = co_await TransactionCore::become(core, entry, fenced, until);
  if (error != ErrorCode::none) co_return error;
  co_return co_await TransactionCore::acquire(entry, until);
}

task::Task<std::expected<ProducerId, ErrorCode>> fresh_id(CorePtr core, Deadline until) {
  const auto id = co_await core->peers().next_producer_id(until);
  if (id) co_return *id;
  co_return std::unexpected(ErrorCode::coordinator_not_available);
}

task::Task<std::expected<Transaction, ErrorCode>> initialize_entry(CorePtr core, TransactionEntryPtr entry,
                                                                   std::optional<ProducerIdentity> claimed,
                                                                   std::int32_t timeout_ms, Deadline until) {
  ErrorCode error = check_claim(entry->now, claimed);
  if (error != ErrorCode::none) {
    TransactionCore::release(*entry);
    co_return std::unexpected(error);
  }
  if (entry->now.phase == TransactionPhase::ongoing) {
    // A claim is of the epoch before the fence.
    if (claimed && *claimed != entry->now.producer) {
      TransactionCore::release(*entry);
      co_return std::unexpected(ErrorCode::producer_fenced);
    }
    error = co_await abort_open(core, entry, until);
    if (error != ErrorCode::none) co_return std::unexpected(error);
    if (claimed) claimed = entry->now.producer;
  }
  ProducerId fresh{-1};
  if (needs_new_id(entry->now)) {
    const auto id = co_await fresh_id(core, until);
    if (!id) {
      TransactionCore::release(*entry);
      co_return std::unexpected(id.error());
    }
    fresh = *id;
  }
  auto next = initialize(entry->now, claimed, timeout_ms, fresh, core->context().wall_now());
  if (!next) {
    TransactionCore::release(*entry);
    co_return std::unexpected(next.error());
  }
  error = co_await TransactionCore::become(core, entry, *next, until);
  if (error != ErrorCode::none) co_return std::unexpected(error);
  co_return *std::move(next);
}

}  // namespace

task::Task<wire::InitProducerIdResponse> TransactionCoordinator::init_producer_id(wire::InitProducerIdRequest request,
                                                                                  Deadline until) {
  const CorePtr core = core_;
  wire::InitProducerIdResponse response;
  response.producer_epoch = ProducerEpoch(-1);
  const auto refuse = [&](ErrorCode error) {
    response.error_code = error;
    return response;
  };
  if (!request.transactional_id || request.transactional_id->empty()) co_return refuse(ErrorCode::invalid_request);
  if (request.transaction_timeout_ms <= 0 || request.transaction_timeout_ms > core->config().timeout_max_ms) {
    co_return refuse(ErrorCode::invalid_transaction_timeout);
  }
  const bool no_id = request.producer_id.value() < 0;
  const bool no_epoch = request.producer_epoch.value() < 0;
  if (no_id != no_epoch) co_return refuse(ErrorCode::invalid_request);
  std::optional<ProducerIdentity> claimed;
  if (!no_id) claimed = ProducerIdentity{request.producer_id, request.producer_epoch};

  auto entry = co_await open_entry(core, *request.transactional_id, until);
  if (!entry) co_return refuse(entry.error());
  const auto ready = co_await initialize_entry(core, *entry, claimed, request.transaction_timeout_ms, until);
  if (!ready) co_return refuse(ready.error());
  response.producer_id = ready->producer.id;
  response.producer_epoch = ready->producer.epoch;
  co_return response;
}

task::Task<ErrorCode> TransactionCoordinator::enlist(Enlistment enlistment, Deadline until) {
  const CorePtr core = core_;
  if (enlistment.transactional_id.empty()) co_return ErrorCode::invalid_request;
  if (const ErrorCode error = core->status(enlistment.transactional_id); error != ErrorCode::none) co_return error;
  const TransactionEntryPtr entry = core->find(enlistment.transactional_id);
  if (!entry) co_return ErrorCode::invalid_producer_id_mapping;
  if (enlistment.verify_only) co_return verify_partitions(entry->now, enlistment.producer, enlistment.partitions);
  if (const ErrorCode error = co_await TransactionCore::acquire(entry, until); error != ErrorCode::none) {
    co_return error;
  }
  auto next = add_partitions(entry->now, enlistment.producer, enlistment.partitions, enlistment.version_2,
                             core->context().wall_now());
  if (!next || *next == entry->now) {
    TransactionCore::release(*entry);
    co_return next ? ErrorCode::none : next.error();
  }
  co_return co_await TransactionCore::become(core, entry, *std::move(next), until);
}

namespace {

/// Ends the transaction and waits for its markers: what was committed is visible when the producer hears of it. If they
/// take too long it hears of the decision, which is durable, all the same.
task::Task<std::expected<ProducerIdentity, ErrorCode>> end_entry(CorePtr core, TransactionEntryPtr entry,
                                                                 wire::EndTxnRequest request, bool version_2,
                                                                 Deadline until) {
  const ProducerIdentity producer{request.producer_id, request.producer_epoch};
  // A retry may meet its own first attempt: then it waits for that one.
  ErrorCode error = co_await TransactionCore::acquire(entry, until);
  if (error != ErrorCode::none) co_return std::unexpected(error);
  ProducerId fresh{-1};
  if (version_2 && entry->now.epochs_used_up() && producer == entry->now.producer) {
    const auto id = co_await fresh_id(core, until);
    if (!id) {
      TransactionCore::release(*entry);
      co_return std::unexpected(id.error());
    }
    fresh = *id;
  }
  auto next = end(entry->now, producer, request.committed, version_2, fresh, core->context().wall_now());
  if (!next || *next == entry->now) {
    TransactionCore::release(*entry);
    if (!next) co_return std::unexpected(next.error());
    co_return next->producer;
  }
  const ProducerIdentity then =
      next->next.value() >= 0 ? ProducerIdentity{next->next, ProducerEpoch(0)} : next->producer;
  error = co_await TransactionCore::become(core, entry, *std::move(next), until);
  if (error != ErrorCode::none) co_return std::unexpected(error);
  (void)co_await TransactionCore::completed(entry, until);
  co_return then;
}

}  // namespace

task::Task<wire::EndTxnResponse> TransactionCoordinator::end(wire::EndTxnRequest request, std::int16_t api_version,
                                                             Deadline until) {
  const CorePtr core = core_;
  wire::EndTxnResponse response;
  const auto refuse = [&](ErrorCode error) {
    response.error_code = error;
    return response;
  };
  if (request.transactional_id.empty()) co_return refuse(ErrorCode::invalid_request);
  if (const ErrorCode error = core->status(request.transactional_id); error != ErrorCode::none) {
    co_return refuse(error);
  }
  const TransactionEntryPtr entry = core->find(request.transactional_id);
  if (!entry) co_return refuse(ErrorCode::invalid_producer_id_mapping);
  const auto ended = co_await end_entry(core, entry, request, api_version >= kEpochBumpSince, until);
  if (!ended) co_return refuse(ended.error());
  response.producer_id = ended->id;
  response.producer_epoch = ended->epoch;
  co_return response;
}

wire::DescribeTransactionsResponse::State TransactionCoordinator::describe(const std::string& transactional_id) {
  wire::DescribeTransactionsResponse::State state;
  state.transactional_id = transactional_id;
  state.error_code = transactional_id.empty() ? ErrorCode::invalid_request : core_->status(transactional_id);
  if (state.error_code != ErrorCode::none) return state;
  const TransactionEntryPtr entry = core_->find(transactional_id);
  if (!entry || entry->now.phase == TransactionPhase::dead) {
    state.error_code = ErrorCode::transactional_id_not_found;
    return state;
  }
  const Transaction& now = entry->now;
  state.transaction_state = to_string(now.phase);
  state.transaction_timeout_ms = now.timeout_ms;
  state.transaction_start_time_ms = now.started;
  state.producer_id = now.producer.id;
  state.producer_epoch = now.producer.epoch;
  for (const auto& [topic, partition] : now.partitions) {
    if (state.topics.empty() || state.topics.back().topic != topic) state.topics.push_back({topic, {}});
    state.topics.back().partitions.push_back(partition);
  }
  return state;
}

wire::ListTransactionsResponse TransactionCoordinator::list(const wire::ListTransactionsRequest& request) {
  wire::ListTransactionsResponse response;
  if (core_->loading()) {
    response.error_code = ErrorCode::coordinator_load_in_progress;
    return response;
  }
  const std::string pattern = request.transactional_id_pattern.value_or("");
  if (!pattern.empty() && problem_of(pattern)) {
    response.error_code = ErrorCode::invalid_regular_expression;
    return response;
  }
  const RegularExpressions names({pattern});
  std::vector<TransactionPhase> phases;
  for (const std::string& name : request.state_filters) {
    if (const auto phase = parse_phase(name)) {
      phases.push_back(*phase);
    } else {
      response.unknown_state_filters.push_back(name);
    }
  }
  const auto contains = [](const auto& list, const auto& value) {
    return std::ranges::find(list, value) != list.end();
  };
  const std::int64_t now = core_->context().wall_now().value();
  const auto wanted = [&](const Transaction& state) {
    if (state.phase == TransactionPhase::dead) return false;
    if (!request.producer_id_filters.empty() && !contains(request.producer_id_filters, state.producer.id)) {
      return false;
    }
    if (!request.state_filters.empty() && !contains(phases, state.phase)) return false;
    return request.duration_filter < 0 || now - state.started.value() > request.duration_filter;
  };
  for (const auto& [id, entry] : core_->entries()) {
    if (wanted(entry->now) && (pattern.empty() || names.matches(0, id))) {
      response.transaction_states.push_back({id, entry->now.producer.id, std::string(to_string(entry->now.phase))});
    }
  }
  return response;
}

}  // namespace chronik::coord
