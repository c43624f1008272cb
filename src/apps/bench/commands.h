// The subcommands. Each returns an error for a run that failed; the caller prints its one line and exits with 1. Lines
// that belong to the result (a table or one JSON object) go to standard output, everything else to standard error.
#pragma once

#include "apps/bench/options.h"
#include "base/result.h"

namespace chronik::bench {

Status run_produce(const ProduceOptions& options);
Status run_consume(const ConsumeOptions& options);
Status run_e2e(const E2eOptions& options);
Status run_create_topic(const CreateTopicOptions& options);
Status run_mock(const MockOptions& options);
Status run_first_ack(const FirstAckOptions& options);
Status run_raw_sync(const RawOptions& options);
Status run_raw_per_file(const RawOptions& options);
Status run_raw_shared(const RawOptions& options);
Status run_raw_rtt(const RawOptions& options);
Status run_checkpoints(const CheckpointOptions& options);

}  // namespace chronik::bench
