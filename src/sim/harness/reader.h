// Reader: one client's position in one partition. What it reads goes into the history, and is judged at once: batches
// hold, offsets have no gaps, nobody sees something else, the high watermark does not go back, long polls are woken.
#pragma once

#include "sim/harness/session.h"
#include "wire/types.h"

namespace chronik::sim {

struct Reader {
  Reader(ClientKit with, PartitionName what) : kit(std::move(with)), partition(std::move(what)), session(kit) {}
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  ClientKit kit;
  PartitionName partition;
  Session session;
  std::int64_t position = 0;
  Duration poll_max = 30s;
  std::uint64_t bytes = 0;  // of batches that it got
  bool damaged = false;     // the broker said so of what is at the position
};

/// One fetch at the position; false if it failed and a pause is due.
task::Task<bool> poll(Reader& self);
/// ListOffsets with one of the special timestamps; -1 if the broker did not tell.
task::Task<std::int64_t> ask_offset(Reader& self, UnixMillis which);
/// To the start of the log.
task::Task<void> start_over(Reader& self);

}  // namespace chronik::sim
