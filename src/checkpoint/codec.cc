#include "checkpoint/codec.h"

#include <algorithm>

#include "checkpoint/codec_bytes.h"
#include "checkpoint/hash.h"

namespace chronik::checkpoint {

namespace {

constexpr std::uint64_t kRecordVersion = 1;
constexpr std::uint64_t kDeltaVersion = 1;

// The usual content types, by number; others follow as text behind 0.
constexpr std::string_view kContentTypes[] = {"", "application/octet-stream", "application/json", "text/plain"};

std::uint64_t ms(Time at) {
  return static_cast<std::uint64_t>(at.time_since_epoch().count());
}
Time at_ms(std::uint64_t value) {
  return Time(std::chrono::milliseconds(static_cast<std::int64_t>(value)));
}

std::unexpected<Error> malformed(const char* what) {
  return fail(Errc::corrupt, std::string("malformed ") + what);
}

void put_content_type(Encoder& to, const std::string& type) {
  for (std::size_t i = 1; i < std::size(kContentTypes); ++i) {
    if (type == kContentTypes[i]) return to.number(i);
  }
  to.number(0);
  to.text(type);
}

std::string get_content_type(Decoder& from) {
  const std::uint64_t known = from.number(std::size(kContentTypes) - 1);
  if (known > 0) return std::string(kContentTypes[known]);
  std::string type(from.text());
  if (std::ranges::find(kContentTypes + 1, std::end(kContentTypes), type) != std::end(kContentTypes)) from.bad();
  return type;
}

void put_row(Encoder& to, const SessionRow& row) {
  to.bytes(row.id.bytes);
  to.text(row.name);
  to.text(row.metadata);
  to.text(row.forked_from);
  to.fixed64(ms(row.created_at));
}

SessionRow get_row(Decoder& from) {
  SessionRow row;
  from.bytes(row.id.bytes);
  row.name = from.text();
  row.metadata = from.text();
  row.forked_from = from.text();
  row.created_at = at_ms(from.fixed64());
  return row;
}

void put_head(Encoder& to, const Head& head) {
  to.number(head.events);
  to.number(head.epoch);
  to.number(head.last_sequence);
  to.number(head.checkpoints);
  to.bytes(head.last_id.bytes);
  to.fixed64(ms(head.last_time));
  to.number(head.branches.size());
  for (const BranchHead& branch : head.branches) {
    to.text(branch.name);
    to.number(branch.sequence);
    to.bytes(branch.id.bytes);
    to.bytes(branch.hash);
  }
}

Head get_head(Decoder& from) {
  Head head;
  head.events = from.number();
  head.epoch = from.number();
  head.last_sequence = from.number();
  head.checkpoints = from.number();
  from.bytes(head.last_id.bytes);
  head.last_time = at_ms(from.fixed64());
  const std::size_t branches = from.count(50);
  if (branches > kBranchesMax) from.bad();
  for (std::size_t i = 0; i < branches && from.ok(); ++i) {
    BranchHead& branch = head.branches.emplace_back();
    branch.name = from.text();
    branch.sequence = from.number();
    from.bytes(branch.id.bytes);
    from.bytes(branch.hash);
    if (i > 0 && head.branches[i - 1].name >= branch.name) from.bad();
  }
  return head;
}

}  // namespace

std::string encode(const Checkpoint& c) {
  Encoder to;
  to.reserve(256 + c.message.size() + c.metadata.size());
  to.bytes(c.id.bytes);
  to.fixed64(ms(c.created_at));
  to.fixed64(c.idempotency_key.empty() ? 0 : short_hash(c.idempotency_key));
  to.fixed64(c.size);
  to.number(kRecordVersion);
  to.number(c.sequence);
  to.bytes(c.parent.bytes);
  to.text(c.branch);
  to.text(c.message);
  to.number(static_cast<std::uint64_t>(c.trigger));
  to.text(c.reason);
  to.text(c.metadata);
  put_content_type(to, c.content_type);
  to.number(c.schema_version);
  to.bytes(c.payload_hash);
  to.bytes(c.parent_hash);
  to.bytes(c.hash);
  to.text(c.idempotency_key);
  to.number(c.writer_epoch);
  to.number(c.tags.size());
  for (const std::string& tag : c.tags) to.text(tag);
  to.number(c.annotations.size());
  for (const Annotation& annotation : c.annotations) {
    to.number(static_cast<std::uint64_t>(annotation.level));
    to.text(annotation.text);
    to.fixed64(ms(annotation.at));
  }
  to.number(c.pinned ? 1 : 0);
  return to.take();
}

Result<Checkpoint> decode_checkpoint(std::string_view bytes) {
  Decoder from(bytes);
  Checkpoint c;
  from.bytes(c.id.bytes);
  c.created_at = at_ms(from.fixed64());
  const std::uint64_t key = from.fixed64();
  c.size = from.fixed64();
  const std::uint64_t version = from.number();
  if (from.ok() && version > kRecordVersion) return fail(Errc::unsupported, "a record of a newer version");
  if (version != kRecordVersion) from.bad();
  c.sequence = from.number();
  from.bytes(c.parent.bytes);
  c.branch = from.text();
  c.message = from.text();
  c.trigger = static_cast<Trigger>(from.number(2));
  c.reason = from.text();
  c.metadata = from.text();
  c.content_type = get_content_type(from);
  c.schema_version = static_cast<std::uint32_t>(from.number(UINT32_MAX));
  from.bytes(c.payload_hash);
  from.bytes(c.parent_hash);
  from.bytes(c.hash);
  c.idempotency_key = from.text();
  c.writer_epoch = from.number();
  const std::size_t tags = from.count(1);
  for (std::size_t i = 0; i < tags && from.ok(); ++i) {
    c.tags.emplace_back(from.text());
    if (i > 0 && c.tags[i - 1] >= c.tags[i]) from.bad();
  }
  const std::size_t annotations = from.count(10);
  for (std::size_t i = 0; i < annotations && from.ok(); ++i) {
    Annotation& annotation = c.annotations.emplace_back();
    annotation.level = static_cast<Level>(from.number(2));
    annotation.text = from.text();
    annotation.at = at_ms(from.fixed64());
  }
  c.pinned = from.number(1) == 1;
  if (!from.complete()) return malformed("record");
  if (key != (c.idempotency_key.empty() ? 0 : short_hash(c.idempotency_key))) return malformed("record");
  return c;
}

Front decode_front(std::string_view record) {
  Decoder from(record);
  Front front;
  from.bytes(front.id.bytes);
  front.created_at = at_ms(from.fixed64());
  front.key = from.fixed64();
  front.size = from.fixed64();
  return front;
}

std::string encode(const Head& head) {
  Encoder to;
  put_head(to, head);
  return to.take();
}

Result<Head> decode_head(std::string_view bytes) {
  Decoder from(bytes);
  Head head = get_head(from);
  if (!from.complete()) return malformed("head of a session");
  return head;
}

std::string encode(const Delta& delta) {
  Encoder to;
  std::size_t bytes = 256;
  for (const Row& row : delta.puts) bytes += row.record.size() + row.locator.size() + 32;
  to.reserve(bytes);
  to.number(kDeltaVersion);
  to.bytes(delta.session.bytes);
  to.number((delta.row ? 1U : 0U) | (delta.erase ? 2U : 0U));
  if (delta.row) put_row(to, *delta.row);
  put_head(to, delta.head);
  for (const auto* rows : {&delta.puts, &delta.updates}) {
    to.number(rows->size());
    for (const Row& row : *rows) {
      to.number(row.sequence);
      to.text(row.record);
      to.text(row.locator);
    }
  }
  to.number(delta.deletes.size());
  for (const std::uint64_t sequence : delta.deletes) to.number(sequence);
  to.number(delta.events.size());
  for (const Event& event : delta.events) {
    to.number(event.number);
    to.number(static_cast<std::uint64_t>(event.kind));
    to.number(event.sequence);
    to.number(event.count);
    to.fixed64(ms(event.at));
  }
  return to.take();
}

Result<Delta> decode_delta(std::string_view bytes) {
  Decoder from(bytes);
  Delta delta;
  const std::uint64_t version = from.number();
  if (from.ok() && version > kDeltaVersion) return fail(Errc::unsupported, "a change of a newer version");
  if (version != kDeltaVersion) from.bad();
  from.bytes(delta.session.bytes);
  const std::uint64_t flags = from.number(3);
  delta.erase = (flags & 2) != 0;
  if ((flags & 1) != 0) delta.row = get_row(from);
  delta.head = get_head(from);
  for (auto* rows : {&delta.puts, &delta.updates}) {
    const std::size_t count = from.count(kRecordFront + 3);
    for (std::size_t i = 0; i < count && from.ok(); ++i) {
      Row& row = rows->emplace_back();
      row.sequence = from.number();
      row.record = from.text();
      row.locator = from.text();
      if (row.record.size() < kRecordFront || (i > 0 && (*rows)[i - 1].sequence >= row.sequence)) from.bad();
    }
  }
  const std::size_t deletes = from.count(1);
  for (std::size_t i = 0; i < deletes && from.ok(); ++i) {
    delta.deletes.push_back(from.number());
    if (i > 0 && delta.deletes[i - 1] >= delta.deletes[i]) from.bad();
  }
  const std::size_t events = from.count(12);
  for (std::size_t i = 0; i < events && from.ok(); ++i) {
    Event& event = delta.events.emplace_back();
    event.number = from.number();
    event.kind = static_cast<EventKind>(from.number(static_cast<std::uint64_t>(EventKind::fenced)));
    event.sequence = from.number();
    event.count = from.number();
    event.at = at_ms(from.fixed64());
  }
  if (!from.complete()) return malformed("change");
  return delta;
}

}  // namespace chronik::checkpoint
