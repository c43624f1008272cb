// Producer: what the producing workloads share: a producer's identity, its batches, and what an answer means for the
// records in them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "sim/harness/workloads.h"
#include "wire/errors.h"
#include "wire/messages/produce.h"
#include "wire/record_batch.h"
#include "wire/types.h"

namespace chronik::sim {

inline constexpr std::int32_t kProduceTimeoutMs = 5000;

/// A batch on its way to one partition, until its fate is settled.
struct Outgoing {
  PartitionName partition;
  Buffer batch;
  std::vector<std::uint64_t> numbers;
  int attempts = 0;
  bool uncertain = false;  // some attempt may have been appended
  bool settled = false;
  std::uint64_t life = 0;  // of the broker, at the first attempt
};

struct Producer {
  Producer(ClientKit with, ProducerPlan what) : kit(std::move(with)), plan(std::move(what)), session(kit) {}
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;

  ClientKit kit;
  ProducerPlan plan;
  Session session;
  ProducerId id = wire::kNoProducerId;
  ProducerEpoch epoch = wire::kNoProducerEpoch;
  std::map<PartitionName, std::int32_t> next_sequence;
  std::vector<Outgoing> outgoing;
};

/// Whether the same batch may be taken later.
bool is_permanent(wire::ErrorCode error);
/// Whether the error says that nothing was appended and nothing will be, whatever happens later.
bool is_definite(wire::ErrorCode error);
/// Whether it says that the producer's sequence or epoch is wrong.
bool is_about_sequence(wire::ErrorCode error);

/// New records, with the producer's next sequence numbers.
Outgoing make_batch(Producer& self, const PartitionName& partition);
/// Notes that it is sent now.
void begin_attempt(Producer& self, Outgoing& out);
void add_to(wire::ProduceRequest& request, const Outgoing& out);
void settle(Producer& self, Outgoing& out, Fate fate, std::int64_t base);
void acknowledge(Producer& self, Outgoing& out, Offset base);
/// A new producer id: what was sent under the old one will not be sent again.
task::Task<bool> begin(Producer& self);

}  // namespace chronik::sim
