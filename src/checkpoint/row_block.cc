#include "checkpoint/row_block.h"

#include "base/check.h"
#include "checkpoint/codec.h"
#include "checkpoint/codec_bytes.h"
#include "checkpoint/log_format.h"
#include "checkpoint/packed.h"

namespace chronik::checkpoint {

namespace {
std::unexpected<Error> malformed() {
  return fail(Errc::corrupt, "malformed rows");
}
}  // namespace

void LooseRows::add(std::uint64_t sequence, std::string_view record, std::string_view locator) {
  slots.push_back({sequence, static_cast<std::uint32_t>(bytes.size()), static_cast<std::uint32_t>(record.size()),
                   static_cast<std::uint32_t>(locator.size())});
  bytes.append(record).append(locator);
}

// Unpacked: for each row the step from the sequence before (of the first: 0), bytes of the record, bytes of the
// locator; then all records, each with its locator.
RowBlock pack_rows(const LooseRows& rows) {
  CHECK(!rows.slots.empty());
  RowBlock block;
  block.first = rows.slots.front().sequence;
  block.last = rows.slots.back().sequence;
  block.first_id = decode_front(rows.record(rows.slots.front())).id;
  block.last_time = decode_front(rows.record(rows.slots.back())).created_at;
  block.rows = static_cast<std::uint32_t>(rows.slots.size());
  Encoder to;
  to.reserve(rows.bytes.size() + 8 * rows.slots.size());
  std::uint64_t before = block.first;
  for (const auto& slot : rows.slots) {
    to.number(slot.sequence - before);
    to.number(slot.record);
    to.number(slot.locator);
    before = slot.sequence;
  }
  for (const auto& slot : rows.slots) {
    const Front front = decode_front(rows.record(slot));
    block.keyed += front.key != 0 ? 1 : 0;
    block.payload_bytes += front.size;
    to.raw(rows.record(slot));
    to.raw(rows.locator(slot));
  }
  block.raw = to.view().size();
  const auto packed = std::make_shared<const std::string>(pack(to.view()));
  block.packed = *packed;
  block.owner = packed;
  return block;
}

Result<LooseRows> unpack_rows(const RowBlock& block) {
  TRY(const std::string raw, unpack(block.packed, block.raw));
  Decoder from(raw);
  LooseRows rows;
  rows.slots.reserve(block.rows);
  std::uint64_t sequence = block.first;
  std::uint64_t at = 0;
  for (std::uint32_t i = 0; i < block.rows && from.ok(); ++i) {
    const std::uint64_t step = from.number(block.last - sequence);
    const auto record = static_cast<std::uint32_t>(from.number(kEntryBytesMax));
    const auto locator = static_cast<std::uint32_t>(from.number(kEntryBytesMax));
    if ((step == 0) != (i == 0) || (record != 0 && record < kRecordFront)) from.bad();
    sequence += step;
    rows.slots.push_back({sequence, static_cast<std::uint32_t>(at), record, locator});
    at += std::uint64_t{record} + locator;
  }
  rows.bytes = from.rest();
  if (!from.ok() || rows.bytes.size() != at || sequence != block.last) return malformed();
  std::uint32_t keyed = 0;
  std::uint64_t payload_bytes = 0;
  for (const auto& slot : rows.slots) {
    const Front front = decode_front(rows.record(slot));
    keyed += front.key != 0 ? 1 : 0;
    payload_bytes += front.size;
  }
  if (keyed != block.keyed || payload_bytes != block.payload_bytes ||
      decode_front(rows.record(rows.slots.front())).id != block.first_id ||
      decode_front(rows.record(rows.slots.back())).created_at != block.last_time) {
    return malformed();
  }
  return rows;
}

std::string encode_rows(const SessionId& session, const RowBlock& block) {
  Encoder to;
  to.reserve(96 + block.packed.size());
  to.bytes(session.bytes);
  to.number(block.rows);
  to.number(block.first);
  to.number(block.last - block.first);
  to.bytes(block.first_id.bytes);
  to.fixed64(static_cast<std::uint64_t>(block.last_time.time_since_epoch().count()));
  to.number(block.keyed);
  to.number(block.payload_bytes);
  to.number(block.raw);
  to.raw(block.packed);
  return to.take();
}

Result<std::pair<SessionId, RowBlock>> decode_rows(std::string_view bytes) {
  Decoder from(bytes);
  SessionId session;
  RowBlock block;
  from.bytes(session.bytes);
  block.rows = static_cast<std::uint32_t>(from.number(RowBlock::kRowsMax));
  block.first = from.number();
  block.last = block.first + from.number(UINT64_MAX - block.first);
  from.bytes(block.first_id.bytes);
  block.last_time = Time(std::chrono::milliseconds(static_cast<std::int64_t>(from.fixed64())));
  block.keyed = static_cast<std::uint32_t>(from.number(block.rows));
  block.payload_bytes = from.number();
  block.raw = from.number(2 * kEntryBytesMax);
  if (!from.ok() || block.rows == 0 || block.last - block.first < block.rows - 1) return malformed();
  block.packed = from.rest();
  return std::pair(session, std::move(block));
}

}  // namespace chronik::checkpoint
