#include "log/record_rules.h"

#include <string>
#include <utility>

#include "log/rejection.h"
#include "wire/record_reader.h"

namespace chronik::log {

namespace {

using wire::ErrorCode;
using wire::Rejection;

constexpr std::size_t kDecompressedMax = 256U << 20;

enum class Fault : std::uint8_t { none, no_key, too_old, too_new };

Fault timestamp_fault(const LogConfig& config, UnixMillis timestamp, UnixMillis now) {
  if (config.log_append_time || timestamp == wire::kNoTimestamp) return Fault::none;
  const __int128 age = static_cast<__int128>(now.value()) - timestamp.value();
  if (age > config.timestamp_before_max_ms) return Fault::too_old;
  return -age > config.timestamp_after_max_ms ? Fault::too_new : Fault::none;
}

std::string in_words(Fault fault, const LogConfig& config, UnixMillis timestamp) {
  switch (fault) {
    case Fault::none:
      break;
    case Fault::no_key:
      return "a compacted topic takes no records without a key";
    case Fault::too_old:
      return "timestamp " + std::to_string(timestamp.value()) +
             " is older than message.timestamp.before.max.ms=" + std::to_string(config.timestamp_before_max_ms);
    case Fault::too_new:
      return "timestamp " + std::to_string(timestamp.value()) +
             " is further ahead than message.timestamp.after.max.ms=" + std::to_string(config.timestamp_after_max_ms);
  }
  return {};
}

/// Looks through all records, names the first of those at fault.
Rejection name_records(ByteSpan batch, const wire::RecordBatchHeader& header, const LogConfig& config, UnixMillis now) {
  Rejection rejection{ErrorCode::invalid_record, {}};
  Buffer storage;
  const auto records = wire::batch_records(batch, header, kDecompressedMax, storage);
  if (!records) return to_rejection(records.error());
  ByteSpan rest = *records;
  wire::RecordFrame frame;
  std::int64_t at_fault = 0;
  for (std::int32_t i = 0; i < header.record_count; ++i) {
    const std::size_t size = wire::parse_record(rest, frame);
    if (size == 0) break;  // not so: the batch was validated
    rest = rest.subspan(size);
    const UnixMillis timestamp = wire::add_timestamp_delta(header.base_timestamp, frame.timestamp_delta);
    const Fault fault = config.compact && !frame.key ? Fault::no_key : timestamp_fault(config, timestamp, now);
    if (fault == Fault::none) continue;
    if (fault != Fault::no_key) rejection.code = ErrorCode::invalid_timestamp;
    if (++at_fault > static_cast<std::int64_t>(wire::kRecordFaultsMax)) continue;
    rejection.records.push_back({i, in_words(fault, config, timestamp)});
  }
  rejection.detail = std::to_string(at_fault) + " of " + std::to_string(header.record_count) + " records are at fault";
  if (!rejection.records.empty()) {
    const wire::RecordFault& first = rejection.records.front();
    rejection.detail += "; record " + std::to_string(first.index) + ": " + first.why;
  }
  return rejection;
}

}  // namespace

std::optional<Rejection> refuse_records(ByteSpan batch, const wire::ValidatedBatch& validated, const LogConfig& config,
                                        UnixMillis now) {
  if (validated.header.is_control()) return std::nullopt;
  const bool keys = !config.compact || !validated.has_null_key;
  const bool in_time = timestamp_fault(config, validated.min_timestamp, now) == Fault::none &&
                       timestamp_fault(config, validated.max_timestamp, now) == Fault::none;
  if (keys && in_time) return std::nullopt;
  return name_records(batch, validated.header, config, now);
}

}  // namespace chronik::log
