#include "coord/core.h"

#include <algorithm>

#include "base/check.h"
#include "coord/answers.h"
#include "coord/routing.h"
#include "meta/topic_name.h"

namespace chronik::coord {

Core::Core(shard::Shard& shard, Topics& topics, GroupConfig config)
    : shard_(shard),
      context_(shard.context()),
      topics_(topics),
      config_(config),
      journal_(std::make_shared<Journal>(context_)),
      timer_changed_(context_),
      write_settled_(context_),
      skipped_records_(context_.metrics().counter("chronik_group_records_skipped_total",
                                                  "Records of __consumer_offsets that could not be understood")),
      rebalances_(context_.metrics().counter("chronik_group_generations_total",
                                             "Group metadata records written: generations and replaced members")) {}

ErrorCode Core::status(const std::string& group) {
  if (closed_) return ErrorCode::not_coordinator;
  const auto topic = topics_.find(meta::kOffsetsTopic);
  if (!topic || topic->partitions <= 0) {
    want_topic();
    return ErrorCode::coordinator_not_available;
  }
  const auto at = owned_.find(offsets_partition(group, topic->partitions));
  if (at == owned_.end() || at->second.log->deleted()) return ErrorCode::not_coordinator;
  switch (at->second.state) {
    case OwnedPartition::State::loading:
      return ErrorCode::coordinator_load_in_progress;
    case OwnedPartition::State::active:
      return ErrorCode::none;
    case OwnedPartition::State::failed:
      return ErrorCode::not_coordinator;
  }
  return ErrorCode::not_coordinator;
}

void Core::want_topic() {
  if (creating_topic_) return;
  creating_topic_ = true;
  context_.spawn("coord.create_topic", create_topic(shared_from_this()));
}

task::Task<void> Core::create_topic(std::shared_ptr<Core> core) {
  // Whoever asked comes again, and then finds the topic or asks once more.
  (void)co_await core->topics_.create_offsets_topic(core->config_.offsets_topic_partitions,
                                                    core->context_.after(core->config_.offset_commit_timeout));
  core->creating_topic_ = false;
}

Entry* Core::find(std::string_view group) {
  const auto at = groups_.find(group);
  return at == groups_.end() ? nullptr : at->second.get();
}

Entry* Core::find(std::string_view group, std::uint64_t serial) {
  Entry* const entry = find(group);
  return entry != nullptr && entry->serial == serial ? entry : nullptr;
}

Entry* Core::create(const std::string& group) {
  const auto topic = topics_.find(meta::kOffsetsTopic);
  if (!topic || !has_memory(sizeof(Entry) + 2 * group.size())) return nullptr;
  return &insert(group, offsets_partition(group, topic->partitions));
}

Entry& Core::insert(const std::string& group, PartitionIndex home) {
  auto entry = std::make_unique<Entry>(++last_serial_, home, Group(group, config_, clock()));
  Entry& added = *entry;
  CHECK(groups_.try_emplace(group, std::move(entry)).second);
  by_serial_.emplace(added.serial, &added);
  recount(added);
  if (!next_sweep_) {
    next_sweep_ = context_.now() + config_.offsets_retention_check;
    wake_timer();
  }
  return added;
}

void Core::forget(Entry& entry) {
  memory_ -= entry.counted;
  deadlines_.set(entry.serial, std::nullopt);
  by_serial_.erase(entry.serial);
  const auto at = groups_.find(entry.group.id());
  CHECK(at != groups_.end() && at->second.get() == &entry);
  groups_.erase(at);
}

void Core::recount(Entry& entry) {
  const std::size_t now = entry.footprint();
  memory_ = memory_ - entry.counted + now;
  entry.counted = now;
}

log::PartitionPtr Core::log_of(const std::string& group) {
  const auto topic = topics_.find(meta::kOffsetsTopic);
  if (!topic || topic->partitions <= 0) return nullptr;
  const auto at = owned_.find(offsets_partition(group, topic->partitions));
  return at == owned_.end() ? nullptr : at->second.log;
}

bool Core::loading() const {
  return std::ranges::any_of(owned_,
                             [](const auto& entry) { return entry.second.state == OwnedPartition::State::loading; });
}

bool Core::served(const Entry& entry) const {
  const auto at = owned_.find(entry.home);
  return at != owned_.end() && at->second.state == OwnedPartition::State::active;
}

/// 128 random bits in the shape of a version 4 UUID, as Kafka appends to member ids.
std::string Core::unique_text() {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::uint64_t bits[2] = {context_.env().entropy.next(), context_.env().entropy.next()};
  bits[0] = (bits[0] & ~0xF000ULL) | 0x4000ULL;
  bits[1] = (bits[1] & ~(3ULL << 62U)) | (2ULL << 62U);
  std::string text;
  for (int nibble = 0; nibble < 32; ++nibble) {
    if (nibble == 8 || nibble == 12 || nibble == 16 || nibble == 20) text += '-';
    text += kHex[(bits[nibble / 16] >> (60 - 4 * (nibble % 16))) & 0xFU];
  }
  return text;
}

bool Core::update(Entry& entry, Update update) {
  answer(update);
  const std::uint64_t serial = entry.serial;
  for (const Store& store : update.stores) {
    // A write that fails at once changes the group again, and may end it.
    if (!by_serial_.contains(serial)) return false;
    write(entry, store);
  }
  if (!by_serial_.contains(serial)) return false;
  if (entry.vacant()) {
    forget(entry);
    return false;
  }
  recount(entry);
  arm(entry);
  return true;
}

void Core::answer(Update& update) {
  // A waiter that is gone (its request's deadline passed, or its connection closed) is answered by nobody's loss.
  for (auto& [ticket, response] : update.joins) {
    const auto at = waiters_.find(ticket);
    if (at == waiters_.end()) continue;
    at->second->join = std::move(response);
    at->second->answered.notify_all();
  }
  for (auto& [ticket, response] : update.syncs) {
    const auto at = waiters_.find(ticket);
    if (at == waiters_.end()) continue;
    at->second->sync = std::move(response);
    at->second->answered.notify_all();
  }
}

Ticket Core::enlist(Waiter& waiter) {
  last_ticket_ = last_ticket_.plus(1);
  waiters_.emplace(last_ticket_, &waiter);
  return last_ticket_;
}

void Core::disown(PartitionIndex index) {
  if (owned_.erase(index) == 0) return;
  std::erase_if(undecided_, [&](const auto& item) { return item.first.first == index; });
  std::vector<std::uint64_t> serials;
  for (const auto& [serial, entry] : by_serial_) {
    if (entry->home == index) serials.push_back(serial);
  }
  for (const std::uint64_t serial : serials) {
    Entry& entry = *by_serial_.at(serial);
    Update gone = entry.group.abandon(ErrorCode::not_coordinator, clock());
    forget(entry);
    answer(gone);
  }
  write_settled_.notify_all();
}

task::Task<void> Core::drain(Deadline until) {
  const auto self = shared_from_this();
  while (journal_->under_way() > 0 && !closed_) {
    if (co_await write_settled_.wait("coord.drain", until) != task::Woken::notified) co_return;
  }
}

void Core::close() {
  if (closed_) return;
  closed_ = true;
  while (!owned_.empty()) disown(owned_.begin()->first);
  journal_->abandon();
  timer_changed_.close();
  write_settled_.close();
}

void Core::check_invariants() const {
  std::size_t memory = 0;
  CHECK(groups_.size() == by_serial_.size());
  for (const auto& [id, entry] : groups_) {
    CHECK(entry->group.id() == id && by_serial_.at(entry->serial) == entry.get());
    CHECK(owned_.contains(entry->home));
    entry->group.check_invariants();
    if (entry->consumer) {
      CHECK(entry->consumer->id() == id && entry->group.members().empty());
      entry->consumer->check_invariants();
    }
    entry->offsets.check_invariants();
    CHECK(entry->counted == entry->footprint());
    memory += entry->counted;
  }
  CHECK(memory == memory_);
}

}  // namespace chronik::coord
