#include "checkpoint/log_keys.h"

#include <algorithm>

#include "base/bytes.h"
#include "task/io.h"

namespace chronik::checkpoint {

namespace {
constexpr const char* kNames[] = {"keys-a", "keys-b"};
constexpr std::size_t kBytesMax = 512 << 20;
}  // namespace

task::Task<Result<LogKeys::Copy>> LogKeys::read(std::string name, Secret master) {
  Copy copy;
  const auto bytes = adopt(co_await task::read_whole(context_, path(name), kBytesMax, stall()));
  if (!bytes && bytes.error().code == Errc::not_found) co_return copy;
  if (!bytes) co_return fail(bytes.error());
  copy.there = true;
  copy.bytes = as_text(bytes->span());
  copy.header = check_key_file_header(std::string_view(copy.bytes).substr(0, kKeyRecord), master);
  co_return copy;
}

task::Task<Status> LogKeys::open(std::string key, bool known) {
  // Without a key, any will do to see whether there are files.
  const Secret master(key.empty() ? std::string(kSecretBytes, '\0') : key);
  CO_TRY(Copy first, co_await read(kNames[0], master));
  CO_TRY(Copy second, co_await read(kNames[1], master));
  if (!first.there && !second.there) {
    if (key.empty()) co_return Status();
    if (known) co_return fail(Errc::wrong_key, directory_ + " is not encrypted: a key is for a new store");
    master_ = master;
    ring_.enable();
    co_return co_await write_whole(key_file_header(master));
  }
  if (key.empty()) co_return fail(Errc::wrong_key, directory_ + " is encrypted: it needs its key");
  const bool first_holds = first.there && first.header;
  const bool second_holds = second.there && second.header;
  if (!first_holds && !second_holds) {
    const Copy& told = first.there && first.header.error().code == Errc::wrong_key ? first : second;
    const Copy& there = told.there ? told : first;
    co_return fail(there.header.error().code, directory_ + ": " + there.header.error().detail);
  }
  master_ = master;
  ring_.enable();
  if (!first_holds) co_return co_await merge(std::move(second), Copy());
  if (!second_holds) co_return co_await merge(std::move(first), Copy());
  co_return co_await merge(std::move(first), std::move(second));
}

/// The first copy is written before the second, so it is the newer one where they differ.
task::Task<Status> LogKeys::merge(Copy first, Copy second) {
  const auto record_of = [](const Copy& copy, std::size_t at) {
    return std::string_view(copy.bytes).substr(std::min(at, copy.bytes.size()), kKeyRecord);
  };
  std::string merged(first.bytes, 0, kKeyRecord);
  const std::size_t end = std::max(first.bytes.size(), second.bytes.size());
  for (std::size_t at = kKeyRecord; at < end; at += kKeyRecord) {
    std::string_view bytes = record_of(first, at);
    auto record = decode_key_record(bytes, *master_);
    // Free in one only: that one's end never became durable, or it was damaged.
    if (!record || record->kind == KeyRecord::Kind::free) {
      const std::string_view other = record_of(second, at);
      if (auto found = decode_key_record(other, *master_)) {
        record = std::move(found);
        bytes = other;
      }
    }
    const std::size_t slot = slots_.size();
    if (!record) {
      // An end that was being written when the power went was promised to nobody.
      const bool torn = at + kKeyRecord >= end && bytes.size() < kKeyRecord;
      if (!torn) damage_.push_back(path(kNames[0]) + ": byte " + std::to_string(at) + ": " + record.error().detail);
      merged.append(bytes).resize(at + kKeyRecord);
      slots_.push_back({KeyRecord::Kind::destroyed, {}, nullptr, 0});  // never used again
      continue;
    }
    merged += bytes;
    slots_.push_back(*record);
    if (record->kind == KeyRecord::Kind::free) {
      vacant_.push_back(slot);
    } else if (record->kind == KeyRecord::Kind::key) {
      ring_.add(record->session, record->key);
    } else {
      ring_.destroy(record->number);
    }
  }
  if (merged == first.bytes && merged == second.bytes) co_return Status();
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
  for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
    const KeyRecord record = slots_[slot];
    if (record.kind == KeyRecord::Kind::key && !sessions.contains(record.session)) {
      CO_TRY_STATUS(co_await put(slot, {KeyRecord::Kind::destroyed, record.session, nullptr, record.number}));
      ring_.destroy(record.number);
    } else if (record.kind == KeyRecord::Kind::destroyed && record.number != 0 && !met.contains(record.number)) {
      vacant_.push_back(slot);
    }
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

std::string LogKeys::record_bytes(const KeyRecord& record, const Secret& master) const {
  return encode(record, master, random_bytes<kNonceBytes>([this] { return context_.env().entropy.next(); }));
}

task::Task<Status> LogKeys::put(std::size_t slot, KeyRecord record) {
  slots_[slot] = record;
  const std::string bytes = record_bytes(record, *master_);
  for (const char* name : kNames) {
    CO_TRY(const env::FilePtr file, adopt(co_await task::open(context_, path(name), {}, stall())));
    std::vector<Buffer> pieces{Buffer::copy_of(as_bytes(bytes))};
    CO_TRY_STATUS(adopt(
        co_await task::write(context_, file, (slot + 1) * kKeyRecord, std::move(pieces), env::Sync::none, stall())));
    CO_TRY_STATUS(adopt(co_await task::sync(context_, file, stall())));
  }
  co_return Status();
}

task::Task<Status> LogKeys::add(SessionId session) {
  if (!master_) co_return Status();
  CO_TRY_STATUS(co_await enter());
  Status added;
  if (!ring_.of_session(session)) {
    const auto words = [this] { return context_.env().entropy.next(); };
    std::uint64_t number = words();
    while (number == 0 || ring_.numbered(number) || ring_.destroyed(number)) number = words();
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
    added = co_await put(slot, {KeyRecord::Kind::key, session, key, number});
    if (added) ring_.add(session, key);
  }
  leave();
  co_return added;
}

task::Task<Status> LogKeys::destroy(SessionId session) {
  const SessionKeyPtr key = ring_.of_session(session);
  if (!master_ || !key) co_return Status();
  CO_TRY_STATUS(co_await enter());
  const std::uint64_t number = key->number();
  const auto at = std::ranges::find_if(
      slots_, [&](const KeyRecord& one) { return one.kind == KeyRecord::Kind::key && one.number == number; });
  Status destroyed;
  if (at != slots_.end()) {
    const auto slot = static_cast<std::size_t>(at - slots_.begin());
    destroyed = co_await put(slot, {KeyRecord::Kind::destroyed, session, nullptr, number});
  }
  if (destroyed) ring_.destroy(number);
  leave();
  co_return destroyed;
}

task::Task<Status> LogKeys::rotate(std::string key) {
  if (!master_) co_return fail(Errc::wrong_key, directory_ + " is not encrypted");
  CO_TRY_STATUS(co_await enter());
  const Secret fresh(key);
  std::string bytes = key_file_header(fresh);
  for (const KeyRecord& record : slots_) bytes += record_bytes(record, fresh);
  const Status written = co_await write_whole(std::move(bytes));
  if (written) {
    master_ = fresh;
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
  const Status entered = co_await enter();
  if (!entered) co_return wrong;
  for (const char* name : kNames) {
    const auto copy = co_await read(name, *master_);
    if (!copy || !copy->there || !copy->header) {
      wrong.push_back(path(name) + " does not hold");
      continue;
    }
    for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
      const std::size_t at = (slot + 1) * kKeyRecord;
      const auto record = decode_key_record(
          std::string_view(copy->bytes).substr(std::min(at, copy->bytes.size()), kKeyRecord), *master_);
      const bool same = record && record->kind == slots_[slot].kind && record->number == slots_[slot].number;
      if (!same && slots_[slot].number != 0)
        wrong.push_back(path(name) + ": byte " + std::to_string(at) + ": a key does not hold");
    }
  }
  leave();
  co_return wrong;
}

}  // namespace chronik::checkpoint
