#include "checkpoint/log_keys.h"

#include <algorithm>

#include "base/bytes.h"
#include "task/io.h"

namespace chronik::checkpoint {

namespace {

constexpr const char* kNames[] = {"keys-a", "keys-b"};
constexpr std::size_t kBytesMax = 512 << 20;
constexpr std::size_t kSlotsMax = kBytesMax / kKeyRecord - 1;

using Kind = KeyRecord::Kind;

std::string_view record_of(std::string_view file, std::size_t at) {
  return file.substr(std::min(at, file.size()), kKeyRecord);
}

}  // namespace

/// One that cannot be read counts as little as one that does not hold: there is another.
task::Task<LogKeys::Copy> LogKeys::read(std::string name, Secret master) {
  Copy copy;
  const auto bytes = adopt(co_await task::read_whole(context_, path(name), kBytesMax, stall()));
  if (!bytes && bytes.error().code == Errc::not_found) co_return copy;
  copy.there = true;
  if (!bytes) {
    copy.header = fail(bytes.error());
    co_return copy;
  }
  copy.bytes = as_text(bytes->span());
  copy.header = check_key_file_header(record_of(copy.bytes, 0), master, store_);
  co_return copy;
}

task::Task<Status> LogKeys::open(std::string key, std::uint64_t store, bool known) {
  store_ = store;
  // Without a key, any will do to see whether there are files.
  const Secret master(key.empty() ? std::string(kSecretBytes, '\0') : key);
  Copy first = co_await read(kNames[0], master);
  Copy second = co_await read(kNames[1], master);
  const bool fresh = !first.there && !second.there;
  if (fresh && key.empty()) co_return Status();
  if (key.empty()) co_return fail(Errc::wrong_key, directory_ + " is encrypted: it needs its key");
  if (fresh && known) co_return fail(Errc::wrong_key, directory_ + " is not encrypted: a key is for a new store");
  master_ = master;
  wrap_ = wrap_key(master);
  ring_.enable();
  // Files without a manifest are of a store whose making was cut short.
  if (!known) co_return co_await write_whole(key_file_header(master, store_));
  if ((first.there && first.header) || (second.there && second.header)) {
    co_return co_await merge(std::move(first), std::move(second));
  }
  const bool wrong = first.there && first.header.error().code == Errc::wrong_key;
  const std::size_t told = wrong || !second.there ? 0 : 1;
  const Error& why = (told == 0 ? first : second).header.error();
  co_return fail(why.code, path(kNames[told]) + ": " + why.detail);
}

/// One record, from two copies of it. The first is written before the second; and what is destroyed stays so.
Status LogKeys::take_in(std::string_view first, std::string_view second, std::size_t at, std::string& merged) {
  const std::size_t slot = slots_.size();
  auto one = decode_key_record(first, *wrap_);
  auto other = decode_key_record(second, *wrap_);
  const bool both = one && other && one->kind != Kind::free && other->kind != Kind::free;
  if (both && one->kind == Kind::key && other->kind == Kind::key && one->number != other->number) {
    return fail(Errc::corrupt, path(kNames[0]) + " and " + kNames[1] + " have other keys at byte " +
                                   std::to_string(at) + ": they do not belong together");
  }
  // No record becomes free again: that one never became durable, or the file is an old copy.
  bool from_other = !one || one->kind == Kind::free;
  if (both && one->number == other->number && other->kind == Kind::destroyed) from_other = true;
  if (from_other && other) {
    one = std::move(other);
    first = second;
  }
  if (!one) {
    slots_.push_back({Kind::destroyed, {}, nullptr, 0});  // its place is not used
    // An end that was being written when the power went was promised to nobody.
    if (first.size() < kKeyRecord && second.size() < kKeyRecord) {
      merged.append(kKeyRecord, '\0');
      return {};
    }
    damage_.push_back(path(kNames[0]) + ": byte " + std::to_string(at) + ": " + one.error().detail);
    return {};
  }
  merged.append(first).resize(at + kKeyRecord);
  slots_.push_back(*one);
  if (one->kind == Kind::free) {
    vacant_.push_back(slot);
    return {};
  }
  places_[one->number] = slot;
  if (one->kind == Kind::key) {
    ring_.add(one->session, one->key);
  } else {
    ring_.destroy(one->number);
  }
  return {};
}

task::Task<Status> LogKeys::merge(Copy first, Copy second) {
  // Behind a header that is damaged the records may be whole.
  for (Copy* copy : {&first, &second}) {
    if (!copy->header && copy->header.error().code == Errc::wrong_key) copy->bytes.clear();
  }
  const std::size_t end = std::max(first.bytes.size(), second.bytes.size());
  std::string merged = key_file_header(*master_, store_);
  for (std::size_t at = kKeyRecord; at < end; at += kKeyRecord) {
    CO_TRY_STATUS(take_in(record_of(first.bytes, at), record_of(second.bytes, at), at, merged));
  }
  // With a record lost for good both stay as they are, for those who can do more.
  if (!damage_.empty() || (merged == first.bytes && merged == second.bytes)) co_return Status();
  co_return co_await write_whole(std::move(merged));
}

/// Both files, each replaced at once.
task::Task<Status> LogKeys::write_whole(std::string bytes) {
  for (const char* name : kNames) {
    CO_TRY_STATUS(adopt(
        co_await task::write_file_atomically(context_, directory_, name, Buffer::copy_of(as_bytes(bytes)), stall())));
  }
  co_return Status();
}

task::Task<Status> LogKeys::settle(std::set<SessionId> sessions, std::set<std::uint64_t> met) {
  if (!master_) co_return Status();
  Changes changes;
  for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
    const KeyRecord& record = slots_[slot];
    if (record.kind == Kind::key && !sessions.contains(record.session)) {
      changes.push_back({slot, {Kind::destroyed, record.session, nullptr, record.number}});
    } else if (record.kind == Kind::destroyed && record.number != 0 && !met.contains(record.number)) {
      vacant_.push_back(slot);
    }
  }
  CO_TRY_STATUS(co_await put(changes));
  for (const auto& [slot, record] : changes) {
    (void)ring_.retire(record.session);
    ring_.destroy(record.number);
  }
  co_return Status();
}

task::Task<Status> LogKeys::enter() {
  while (busy_) {
    if (co_await free_.wait("checkpoint.keys", stall()) == task::Woken::timed_out) {
      co_return fail(Errc::timed_out, "keys are being written still");
    }
  }
  if (failure_) co_return std::unexpected(*failure_);
  busy_ = true;
  co_return Status();
}

void LogKeys::leave() {
  busy_ = false;
  free_.notify_all();
}

std::string LogKeys::record_bytes(const KeyRecord& record, const Secret& wrap) const {
  return encode(record, wrap, random_bytes<kNonceBytes>([this] { return context_.env().entropy.next(); }));
}

task::Task<Status> LogKeys::put_in(std::string name, const Changes& changes, const std::vector<std::string>& records) {
  CO_TRY(const env::FilePtr file, adopt(co_await task::open(context_, path(name), {}, stall())));
  for (std::size_t i = 0; i < changes.size(); ++i) {
    std::vector<Buffer> pieces{Buffer::copy_of(as_bytes(records[i]))};
    const std::uint64_t at = (changes[i].first + 1) * kKeyRecord;
    CO_TRY_STATUS(adopt(co_await task::write(context_, file, at, std::move(pieces), env::Sync::none, stall())));
  }
  co_return adopt(co_await task::sync(context_, file, stall()));
}

/// All in the first file, synced, then all in the second.
task::Task<Status> LogKeys::put(Changes changes) {
  if (changes.empty()) co_return Status();
  std::vector<std::string> records;
  for (const auto& [slot, record] : changes) {
    slots_[slot] = record;
    places_[record.number] = slot;
    records.push_back(record_bytes(record, *wrap_));
  }
  for (const char* name : kNames) {
    const Status written = co_await put_in(name, changes, records);
    if (written) continue;
    if (!passes(written.error().code)) {
      failure_ = Error{Errc::storage_failed, "keys could not be written: " + written.error().message()};
    }
    co_return written;
  }
  co_return Status();
}

task::Task<Status> LogKeys::add(SessionId session) {
  if (!master_) co_return Status();
  CO_TRY_STATUS(co_await enter());
  Status added;
  if (slots_.size() >= kSlotsMax && vacant_.empty()) {
    added = fail(Errc::too_large, "the store has had as many sessions as its keys have places: open it again");
  } else if (!ring_.of_session(session)) {
    const auto words = [this] { return context_.env().entropy.next(); };
    std::uint64_t number = words();
    while (number == 0 || places_.contains(number)) number = words();
    const auto secret = random_bytes<kSecretBytes>(words);
    const auto key = std::make_shared<const SessionKey>(
        number, Secret({reinterpret_cast<const char*>(secret.data()), secret.size()}));
    std::size_t slot = slots_.size();
    if (vacant_.empty()) {
      slots_.emplace_back();
    } else {
      slot = vacant_.back();
      vacant_.pop_back();
    }
    const Changes change{{slot, {Kind::key, session, key, number}}};
    added = co_await put(change);
    if (added) ring_.add(session, key);
  }
  leave();
  co_return added;
}

task::Task<Status> LogKeys::destroy(std::vector<SessionKeyPtr> keys) {
  if (!master_ || keys.empty()) co_return Status();
  CO_TRY_STATUS(co_await enter());
  Changes changes;
  for (const SessionKeyPtr& key : keys) {
    const std::size_t slot = places_.at(key->number());
    changes.push_back({slot, {Kind::destroyed, slots_[slot].session, nullptr, key->number()}});
  }
  const Status destroyed = co_await put(changes);
  if (destroyed) {
    for (const SessionKeyPtr& key : keys) ring_.destroy(key->number());
  }
  leave();
  co_return destroyed;
}

task::Task<Status> LogKeys::rotate(std::string key) {
  if (!master_) co_return fail(Errc::wrong_key, directory_ + " is not encrypted");
  if (!damage_.empty()) co_return fail(Errc::corrupt, "keys are damaged: " + damage_.front());
  CO_TRY_STATUS(co_await enter());
  const Secret fresh(key);
  const Secret wrap = wrap_key(fresh);
  std::string bytes = key_file_header(fresh, store_);
  for (const KeyRecord& record : slots_) bytes += record_bytes(record, wrap);
  const Status written = co_await write_whole(std::move(bytes));
  if (written) {
    master_ = fresh;
    wrap_ = wrap;
  } else {
    // One file may have the new key already, and records go to both.
    failure_ =
        Error{Errc::storage_failed, "the change of the key failed half-way: open the store again, with either key; " +
                                        written.error().message()};
  }
  leave();
  co_return written;
}

task::Task<std::vector<std::string>> LogKeys::check() {
  std::vector<std::string> wrong = damage_;
  if (!master_) co_return wrong;
  if (!co_await enter()) co_return wrong;
  for (const char* name : kNames) {
    const Copy copy = co_await read(name, *master_);
    if (!copy.there || !copy.header) {
      wrong.push_back(path(name) + " does not hold");
      continue;
    }
    for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
      const std::size_t at = (slot + 1) * kKeyRecord;
      const auto record = decode_key_record(record_of(copy.bytes, at), *wrap_);
      const bool same = record && record->kind == slots_[slot].kind && record->number == slots_[slot].number;
      if (!same && slots_[slot].number != 0) {
        wrong.push_back(path(name) + ": byte " + std::to_string(at) + ": a key does not hold");
      }
    }
  }
  leave();
  co_return wrong;
}

task::Task<void> LogKeys::close() {
  const Status idle = co_await enter();
  failure_ = Error{Errc::closed, "the store was closed"};
  if (idle) leave();
}

}  // namespace chronik::checkpoint
