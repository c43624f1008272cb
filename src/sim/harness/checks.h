// The properties that are judged when a world has ended, one file each (check_<property>.cc). What can be judged at
// once is reported by the workloads: agreement, monotone, skipped, delivery, deadline, producer, corruption.
#pragma once

#include <map>

#include "sim/harness/history.h"
#include "sim/harness/workloads.h"

namespace chronik::sim {

using FinalLogs = std::map<PartitionName, FinalLog>;

/// Every acknowledged record is at its offset, unless somebody asked to delete it.
void check_acknowledged(History& history, const FinalLogs& logs);
/// An idempotent record is there once; without idempotence, more than once only if it was sent again.
void check_duplicates(History& history, const FinalLogs& logs);
/// What was refused for certain is not there.
void check_refused(History& history, const FinalLogs& logs);
/// Records of one producer are in the order in which it sent them, unless it sent some of them again.
void check_order(History& history, const FinalLogs& logs);
/// The log start lies where somebody asked it to be, or below.
void check_log_start(History& history, const FinalLogs& logs);
/// Retention took what it should, and not more.
void check_retention(History& history, const FinalLogs& logs);

void check_all(History& history, const FinalLogs& logs);

}  // namespace chronik::sim
