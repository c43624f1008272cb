// Transactional ids as records of __transaction_state, in Kafka's format.
#pragma once

#include <string>

#include "base/result.h"
#include "coord/group_store.h"
#include "coord/transaction.h"

namespace chronik::coord {

// Errors: invalid_argument (an id too long for the format).
Result<Record> transaction_record(const std::string& id, const Transaction& transaction);
Result<Record> transaction_tombstone(const std::string& id);

/// Errors: corrupt, unsupported (a kind or version that we do not write).
Result<std::string> decode_transaction_key(const Buffer& key);
Result<Transaction> decode_transaction(const Buffer& value);

/// Memory that the state takes, about.
std::size_t footprint(const Transaction& transaction);

}  // namespace chronik::coord
