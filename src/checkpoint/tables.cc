#include "checkpoint/tables.h"

#include <algorithm>

#include "base/check.h"
#include "checkpoint/codec.h"
#include "checkpoint/hash.h"

namespace chronik::checkpoint {

struct Tables::Table {
  mutable std::mutex mutex;
  bool gone = false;  // no longer in the directory: who waited for the lock looks again

  // What readers see.
  bool present = false;
  SessionRow row;
  Head head;
  RecordTable rows;
  std::uint64_t payload_bytes = 0;
  std::deque<Event> events;
  // short_hash of an idempotency key -> sequence; of packed rows only once someone asks for a key
  mutable std::unordered_multimap<std::uint64_t, std::uint64_t> keys;
  mutable std::vector<std::pair<std::uint64_t, std::uint64_t>> keys_unread;  // [first, last] sequences

  void read_keys() const {
    for (const auto& [first, last] : std::exchange(keys_unread, {})) {
      rows.for_each(first, last, [&](const RecordTable::View& found) {
        if (const Front front = decode_front(found.record); front.key != 0) keys.emplace(front.key, found.sequence);
      });
    }
  }

  // What the next change is decided on.
  bool next_present = false;
  SessionRow next_row;
  Head next_head;
  std::deque<std::shared_ptr<const Delta>> line;
};

/// The state behind the line.
class Tables::Speculative final : public View {
 public:
  explicit Speculative(const Table& table) : table_(table) {}
  const SessionRow* row() const override { return table_.next_present ? &table_.next_row : nullptr; }
  const Head& head() const override { return table_.next_head; }

  Result<std::optional<Checkpoint>> find(std::uint64_t sequence) const override {
    for (auto at = table_.line.rbegin(); at != table_.line.rend(); ++at) {
      const Delta& delta = **at;
      if (std::ranges::binary_search(delta.deletes, sequence)) return std::nullopt;
      for (const auto* rows : {&delta.updates, &delta.puts}) {
        const auto row = std::ranges::lower_bound(*rows, sequence, {}, &Row::sequence);
        if (row != rows->end() && row->sequence == sequence) return decoded(row->record);
      }
    }
    const auto row = table_.rows.find(sequence);
    if (!row) return std::nullopt;
    return decoded(row->record);
  }

  Result<std::optional<Checkpoint>> find(const CheckpointId& id) const override {
    if (const auto row = table_.rows.find(id)) return find(row->sequence);
    for (const auto& delta : table_.line) {
      for (const Row& row : delta->puts) {
        if (decode_front(row.record).id == id) return find(row.sequence);
      }
    }
    return std::nullopt;
  }

  Result<std::optional<Checkpoint>> find_key(std::string_view key) const override;

 private:
  static Result<std::optional<Checkpoint>> decoded(std::string_view record) {
    TRY(Checkpoint checkpoint, decode_checkpoint(record));
    return checkpoint;
  }
  const Table& table_;
};

namespace {
std::unexpected<Error> no_session() {
  return fail(Errc::not_found, "no such session");
}
std::unexpected<Error> no_checkpoint() {
  return fail(Errc::not_found, "no such checkpoint in this session");
}
}  // namespace

Result<std::optional<Checkpoint>> Tables::Speculative::find_key(std::string_view key) const {
  const std::uint64_t hash = short_hash(key);
  table_.read_keys();
  const auto [first, last] = table_.keys.equal_range(hash);
  for (auto at = first; at != last; ++at) {
    TRY(auto checkpoint, find(at->second));
    if (checkpoint && checkpoint->idempotency_key == key) return checkpoint;
  }
  for (const auto& delta : table_.line) {
    for (const Row& row : delta->puts) {
      if (decode_front(row.record).key != hash) continue;
      TRY(auto checkpoint, find(row.sequence));
      if (checkpoint && checkpoint->idempotency_key == key) return checkpoint;
    }
  }
  return std::nullopt;
}

Tables::~Tables() = default;

Tables::TablePtr Tables::table(const SessionId& session) const {
  const std::shared_lock lock(directory_);
  const auto found = sessions_.find(session);
  return found == sessions_.end() ? nullptr : found->second;
}

Tables::TablePtr Tables::table_or_new(const SessionId& session) {
  if (auto found = table(session)) return found;
  const std::lock_guard lock(directory_);
  TablePtr& place = sessions_[session];
  if (!place) place = std::make_shared<Table>();
  return place;
}

/// The table's lock is held.
void Tables::forget(const SessionId& session, const TablePtr& table) {
  table->gone = true;
  const std::lock_guard lock(directory_);
  const auto found = sessions_.find(session);
  if (found != sessions_.end() && found->second == table) sessions_.erase(found);
}

Status Tables::reserve_name(const std::string& name, const SessionId& session) {
  const std::lock_guard lock(directory_);
  const auto [place, fresh] = names_.try_emplace(name, session);
  if (!fresh && place->second != session) return fail(Errc::already_exists, "a session is named " + name);
  return {};
}

void Tables::release_name(const std::string& name, const SessionId& session) {
  const std::lock_guard lock(directory_);
  const auto found = names_.find(name);
  if (found != names_.end() && found->second == session) names_.erase(found);
}

Result<std::shared_ptr<const Delta>> Tables::propose(const SessionId& session, const Decide& decide,
                                                     const Enqueue& enqueue, std::shared_ptr<const Delta>* behind) {
  for (;;) {
    const TablePtr place = table_or_new(session);
    Table& table = *place;
    const std::lock_guard lock(table.mutex);
    if (table.gone) continue;
    const auto refuse = [&](Error error) {
      if (!table.present && table.line.empty()) forget(session, place);
      return std::unexpected(std::move(error));
    };
    auto change = decide(Speculative(table));
    if (!change) return refuse(std::move(change).error());
    if (change->empty()) {
      if (!table.line.empty()) *behind = table.line.back();
      if (!table.present && table.line.empty()) forget(session, place);
      return nullptr;
    }
    CHECK(!change->events.empty() && (table.next_present || change->row));
    if (!table.next_present && !table.line.empty()) {
      return refuse({Errc::conflict, "the session is being deleted: once that is on the disk, try again"});
    }
    auto delta = std::make_shared<const Delta>(make_delta(session, table.next_head, *change));
    if (delta->row) {
      if (auto reserved = reserve_name(delta->row->name, session); !reserved)
        return refuse(std::move(reserved).error());
    }
    auto queued = enqueue(delta);
    if (!queued) {
      if (delta->row && !(table.next_present && table.next_row.name == delta->row->name)) {
        release_name(delta->row->name, session);
      }
      return refuse(std::move(queued).error());
    }
    table.next_head.merge(delta->head);
    table.next_present = !delta->erase;
    if (delta->row) table.next_row = *delta->row;
    if (*queued == Line::queued) {
      table.line.push_back(delta);
    } else {
      apply_locked(table, *delta);
      if (delta->erase) forget(session, place);
    }
    return delta;
  }
}

void Tables::apply(std::span<const std::shared_ptr<const Delta>> deltas) {
  for (std::size_t i = 0; i < deltas.size();) {
    const SessionId& session = deltas[i]->session;
    const TablePtr place = table(session);
    CHECK(place);
    const std::lock_guard lock(place->mutex);
    for (; i < deltas.size() && deltas[i]->session == session && !place->gone; ++i) {
      const Delta& delta = *deltas[i];
      CHECK(!place->line.empty() && place->line.front() == deltas[i]);
      place->line.pop_front();
      apply_locked(*place, delta);
      if (delta.erase) forget(session, place);
    }
  }
}

void Tables::drop(const std::shared_ptr<const Delta>& delta) {
  const TablePtr place = table(delta->session);
  if (!place) return;
  Table& table = *place;
  const std::lock_guard lock(table.mutex);
  if (std::ranges::find(table.line, delta) == table.line.end()) return;
  for (const auto& lost : table.line) {
    if (lost->row && !(table.present && table.row.name == lost->row->name))
      release_name(lost->row->name, delta->session);
  }
  table.line.clear();
  table.next_present = table.present;
  table.next_row = table.row;
  table.next_head = table.head;
  if (!table.present) forget(delta->session, place);
}

void Tables::put_row(Table& table, const Row& row) {
  const auto before = table.rows.find(row.sequence);
  const Front front = decode_front(row.record);
  if (before) {
    if (payloads_ != nullptr && !row.locator.empty()) payloads_->removed(before->locator);
  } else {
    checkpoints_.fetch_add(1, std::memory_order_relaxed);
    payload_bytes_.fetch_add(front.size, std::memory_order_relaxed);
    table.payload_bytes += front.size;
    if (front.key != 0) table.keys.emplace(front.key, row.sequence);
  }
  if (payloads_ != nullptr && !row.locator.empty()) payloads_->added(row.locator);
  table.rows.put(row.sequence, row.record, row.locator);
}

void Tables::remove_row(Table& table, std::uint64_t sequence) {
  const auto row = table.rows.find(sequence);
  if (!row) return;
  const Front front = decode_front(row->record);
  if (payloads_ != nullptr) payloads_->removed(row->locator);
  table.payload_bytes -= front.size;
  const auto [first, last] = table.keys.equal_range(front.key);
  for (auto at = first; at != last; ++at) {
    if (at->second == sequence) {
      table.keys.erase(at);
      break;
    }
  }
  table.rows.erase(sequence);
  checkpoints_.fetch_sub(1, std::memory_order_relaxed);
  payload_bytes_.fetch_sub(front.size, std::memory_order_relaxed);
}

void Tables::set_row(Table& table, const SessionRow& row) {
  if (table.present && table.row.name != row.name) release_name(table.row.name, row.id);
  table.row = row;
  table.present = true;
}

/// Ascending. Blocks that go whole are not looked into.
void Tables::remove_rows(Table& table, const std::vector<std::uint64_t>& sequences) {
  for (std::size_t i = 0; i < sequences.size();) {
    const RowBlock* block = payloads_ == nullptr ? table.rows.block_at(sequences[i]) : nullptr;
    const bool whole = block != nullptr && block->keyed == 0 && sequences.size() - i >= block->rows &&
                       sequences[i + block->rows - 1] == block->last;
    if (!whole) {
      remove_row(table, sequences[i++]);
      continue;
    }
    i += block->rows;
    checkpoints_.fetch_sub(block->rows, std::memory_order_relaxed);
    payload_bytes_.fetch_sub(block->payload_bytes, std::memory_order_relaxed);
    table.payload_bytes -= block->payload_bytes;
    table.rows.erase_block(block->first);
  }
}

void Tables::erase_all(Table& table) {
  if (payloads_ != nullptr) {
    table.rows.for_each(0, UINT64_MAX, [&](const RecordTable::View& row) { payloads_->removed(row.locator); });
  }
  checkpoints_.fetch_sub(table.rows.size(), std::memory_order_relaxed);
  payload_bytes_.fetch_sub(table.payload_bytes, std::memory_order_relaxed);
  table.rows = {};
  table.payload_bytes = 0;
  table.keys.clear();
  table.keys_unread.clear();
  if (table.present) release_name(table.row.name, table.row.id);
  table.present = false;
  table.events.clear();
}

void Tables::apply_locked(Table& table, const Delta& delta) {
  if (delta.row) set_row(table, *delta.row);
  table.head.merge(delta.head);
  for (const Row& row : delta.puts) put_row(table, row);
  for (const Row& row : delta.updates) put_row(table, row);
  remove_rows(table, delta.deletes);
  for (const Event& event : delta.events) {
    // What was loaded may begin later than what was kept.
    if (!table.events.empty() && event.number > table.events.back().number + 1) table.events.clear();
    if (table.events.empty() || event.number > table.events.back().number) table.events.push_back(event);
  }
  while (table.events.size() > events_kept_) table.events.pop_front();
  if (delta.erase) erase_all(table);
}

void Tables::load(Delta delta) {
  const TablePtr place = table_or_new(delta.session);
  Table& table = *place;
  const std::lock_guard lock(table.mutex);
  const bool newer = delta.head.events >= table.head.events;
  if (!newer) {
    delta.head = table.head;
    delta.row.reset();
  }
  if (delta.row) {
    const std::lock_guard names(directory_);
    names_[delta.row->name] = delta.session;
  }
  // An update of what a later change removed: the removal comes again.
  std::erase_if(delta.updates, [&](const Row& row) { return !table.rows.find(row.sequence); });
  apply_locked(table, delta);
  table.next_present = table.present;
  table.next_row = table.row;
  table.next_head = table.head;
  if (delta.erase) forget(delta.session, place);
}

Status Tables::load(const SessionId& session, RowBlock block) {
  CHECK(payloads_ == nullptr);
  const TablePtr place = table_or_new(session);
  Table& table = *place;
  const std::lock_guard lock(table.mutex);
  if (block.first > table.rows.last()) {
    checkpoints_.fetch_add(block.rows, std::memory_order_relaxed);
    payload_bytes_.fetch_add(block.payload_bytes, std::memory_order_relaxed);
    table.payload_bytes += block.payload_bytes;
    if (block.keyed > 0) table.keys_unread.emplace_back(block.first, block.last);
    table.rows.append(std::move(block));
    return {};
  }
  TRY(const LooseRows rows, unpack_rows(block));
  for (const auto& slot : rows.slots) {
    if (slot.record > 0) {
      put_row(table, {slot.sequence, std::string(rows.record(slot)), std::string(rows.locator(slot))});
    }
  }
  return {};
}

std::vector<SessionId> Tables::adopt_nameless() {
  std::vector<SessionId> adopted;
  for (const SessionId& id : all()) {
    const TablePtr place = table(id);
    const std::lock_guard lock(place->mutex);
    if (place->present) continue;
    SessionRow row{id, "recovered-" + to_string(id), "{}", {}, place->head.last_time};
    if (!reserve_name(row.name, id)) continue;
    set_row(*place, row);
    place->next_present = true;
    place->next_row = row;
    adopted.push_back(id);
  }
  return adopted;
}

Result<Tables::TablePtr> Tables::visible(const SessionId& session) const {
  TablePtr found = table(session);
  if (!found) return no_session();
  return found;
}

Result<SessionId> Tables::find_session(std::string_view name) const {
  SessionId id;
  {
    const std::shared_lock lock(directory_);
    const auto found = names_.find(name);
    if (found == names_.end()) return fail(Errc::not_found, "no session is named " + std::string(name));
    id = found->second;
  }
  TRY(const SessionInfo info, describe(id));
  if (info.name != name) return fail(Errc::not_found, "no session is named " + std::string(name));
  return id;
}

Result<SessionInfo> Tables::describe(const SessionId& session) const {
  TRY(const TablePtr table, visible(session));
  const std::lock_guard lock(table->mutex);
  if (!table->present) return no_session();
  const Head& head = table->head;
  SessionInfo info{session,
                   table->row.name,
                   table->row.metadata,
                   table->row.created_at,
                   table->row.forked_from,
                   table->rows.size(),
                   head.last_sequence,
                   head.events,
                   head.epoch,
                   {}};
  for (const BranchHead& branch : head.branches) info.branches.push_back({branch.name, branch.sequence, branch.id});
  return info;
}

std::vector<SessionInfo> Tables::sessions(std::string_view after, std::size_t limit) const {
  std::vector<SessionInfo> page;
  std::string behind(after);
  while (page.size() < limit) {
    std::vector<std::pair<std::string, SessionId>> names;
    {
      const std::shared_lock lock(directory_);
      for (auto at = names_.upper_bound(behind); at != names_.end() && names.size() < limit; ++at) names.push_back(*at);
    }
    if (names.empty()) break;
    behind = names.back().first;
    for (const auto& [name, id] : names) {
      auto info = describe(id);
      if (info && info->name == name && page.size() < limit) page.push_back(*std::move(info));
    }
  }
  return page;
}

std::vector<Outline> Tables::outlines() const {
  std::vector<std::pair<SessionId, TablePtr>> tables;
  {
    const std::shared_lock lock(directory_);
    tables.assign(sessions_.begin(), sessions_.end());
  }
  std::vector<Outline> found;
  found.reserve(tables.size());
  for (const auto& [id, table] : tables) {
    const std::lock_guard lock(table->mutex);
    if (table->present && table->rows.size() > 0) {
      found.push_back({id, table->row.name, table->head.last_time, table->head.last_sequence});
    }
  }
  return found;
}

Result<Checkpoint> Tables::get(const SessionId& session, std::uint64_t sequence) const {
  TRY(const TablePtr table, visible(session));
  const std::lock_guard lock(table->mutex);
  const auto row = table->rows.find(sequence);
  if (!row) return no_checkpoint();
  return decode_checkpoint(row->record);
}

Result<Checkpoint> Tables::get(const SessionId& session, const CheckpointId& id) const {
  TRY(const TablePtr table, visible(session));
  const std::lock_guard lock(table->mutex);
  const auto row = table->rows.find(id);
  if (!row) return no_checkpoint();
  return decode_checkpoint(row->record);
}

Status Tables::scan(const SessionId& session, std::uint64_t from, bool descending, const Visit& visit) const {
  constexpr std::size_t kAtOnce = 64;
  TRY(const TablePtr table, visible(session));
  std::vector<std::pair<std::uint64_t, std::string>> rows;
  // Few at first: most calls want one.
  for (std::size_t at_once = 4;; at_once = kAtOnce) {
    rows.clear();
    {
      const std::lock_guard lock(table->mutex);
      while (rows.size() < at_once) {
        const auto row = descending ? table->rows.at_or_below(from) : table->rows.at_or_above(from);
        if (!row) break;
        rows.emplace_back(row->sequence, row->record);
        from = descending ? row->sequence - 1 : row->sequence + 1;
        if (from == 0) break;
      }
    }
    for (const auto& [sequence, record] : rows) {
      if (!visit(sequence, decode_checkpoint(record))) return {};
    }
    if (rows.size() < at_once) return {};
  }
}

Result<std::uint64_t> Tables::first_from(const SessionId& session, Time time) const {
  TRY(const TablePtr table, visible(session));
  const std::lock_guard lock(table->mutex);
  const auto row = table->rows.first_from(time);
  return row ? row->sequence : UINT64_MAX;
}

Result<std::vector<Event>> Tables::events(const SessionId& session, std::uint64_t from, std::size_t limit) const {
  TRY(const TablePtr table, visible(session));
  const std::lock_guard lock(table->mutex);
  if (!table->present) return no_session();
  auto at = std::ranges::lower_bound(table->events, from, {}, &Event::number);
  std::vector<Event> page;
  for (; at != table->events.end() && page.size() < limit; ++at) page.push_back(*at);
  return page;
}

Status Tables::with_locator(const SessionId& session, std::uint64_t sequence,
                            const std::function<void(std::string_view)>& use) const {
  TRY(const TablePtr table, visible(session));
  const std::lock_guard lock(table->mutex);
  const auto row = table->rows.find(sequence);
  if (!row) return no_checkpoint();
  use(row->locator);
  return {};
}

bool Tables::knows(const SessionId& session) const {
  const TablePtr place = table(session);
  if (!place) return false;
  const std::lock_guard lock(place->mutex);
  return place->present || !place->line.empty();
}

std::vector<SessionId> Tables::all() const {
  const std::shared_lock lock(directory_);
  std::vector<SessionId> ids;
  ids.reserve(sessions_.size());
  for (const auto& [id, table] : sessions_) ids.push_back(id);
  return ids;
}

Status Tables::snapshot(const SessionId& session, Delta& into) const {
  TRY(const TablePtr table, visible(session));
  const std::lock_guard lock(table->mutex);
  if (!table->present) return no_session();
  into = {};
  into.session = session;
  into.row = table->row;
  into.head = table->head;
  into.events.assign(table->events.begin(), table->events.end());
  return {};
}

std::optional<RowBlock> Tables::packed_from(const SessionId& session, std::uint64_t sequence) const {
  const TablePtr found = table(session);
  if (!found) return std::nullopt;
  const std::lock_guard lock(found->mutex);
  return found->rows.packed_from(sequence);
}

void Tables::for_each_locator(const SessionId& session, const std::function<void(std::string_view)>& use) const {
  const TablePtr found = table(session);
  if (!found) return;
  const std::lock_guard lock(found->mutex);
  found->rows.for_each(0, UINT64_MAX, [&](const RecordTable::View& row) { use(row.locator); });
  // What is in line may name them too.
  for (const auto& delta : found->line) {
    for (const Row& row : delta->puts) use(row.locator);
  }
}

std::uint64_t Tables::bytes() const {
  std::uint64_t bytes = 0;
  for (const SessionId& session : all()) {
    const TablePtr found = table(session);
    if (!found) continue;
    const std::lock_guard lock(found->mutex);
    bytes += found->rows.bytes();
  }
  return bytes;
}

std::uint64_t Tables::session_count() const {
  const std::shared_lock lock(directory_);
  return sessions_.size();
}

}  // namespace chronik::checkpoint
