// What a topic demands of each record, where a batch is right in itself: keys if it is compacted, timestamps within
// message.timestamp.before.max.ms and message.timestamp.after.max.ms. Batches are checked by what is known of them as a
// whole; only a refused one is looked through for the records at fault.
#pragma once

#include <optional>

#include "base/bytes.h"
#include "base/time.h"
#include "log/log_config.h"
#include "wire/batch_validation.h"

namespace chronik::log {

/// INVALID_TIMESTAMP if a record has a timestamp that is out of bounds, else INVALID_RECORD for keys that are missing;
/// as in Kafka, the timestamp of a record without the key it needs is not looked at. `batch` is what `validated` is
/// about.
std::optional<wire::Rejection> refuse_records(ByteSpan batch, const wire::ValidatedBatch& validated,
                                              const LogConfig& config, UnixMillis now);

}  // namespace chronik::log
