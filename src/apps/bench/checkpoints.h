// `checkpoints OPERATION`: the checkpoint store as a program uses it, embedded. Each operation reconciles what it
// counts.
#pragma once

#include <chronik/checkpoint.h>
#include "apps/bench/options.h"
#include "apps/bench/report.h"
#include "base/result.h"

namespace chronik::bench {

/// The store's errors as ours.
template <class T>
Result<T> adopt(checkpoint::Result<T> result) {
  if (!result) return fail(Errc::storage_failed, result.error().message());
  if constexpr (std::is_void_v<T>) {
    return {};
  } else {
    return *std::move(result);
  }
}

Result<checkpoint::Store> open_store(const CheckpointOptions& options);
/// Every sequence of the session from 1 to `count`, by page; what it took.
struct Paged {
  double seconds = 0;
  std::uint64_t resident_before_kb = 0;
  std::uint64_t resident_max_kb = 0;
};
Result<Paged> page_through(const checkpoint::Session& session, std::uint64_t count);
std::uint64_t resident_kb();
/// Of all files below, as the file system counts blocks.
std::uint64_t bytes_in(const std::string& dir);

Result<Json> checkpoints_create(const CheckpointOptions& options);
Result<Json> checkpoints_steps(const CheckpointOptions& options);

}  // namespace chronik::bench
