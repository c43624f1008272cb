// The metadata of the cluster: the face of this room. Metadata lives on shard 0, where the log of commands and the
// state machine are; every shard has a MetadataView with the current image. All proposals go through shard 0, and a
// proposal returns when every shard's view shows its effect.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "meta/administration.h"
#include "meta/command.h"
#include "meta/config.h"
#include "meta/image.h"
#include "meta/proposer.h"
#include "meta/topic_name.h"
#include "meta/view.h"
#include "shard/shard.h"

namespace chronik::meta {

struct MetadataOptions {
  BrokerConfig broker;  // static configuration; node id, cluster id of a new cluster, stall time-out
  std::uint64_t log_bytes_max = 16U << 20;  // a longer log is replaced by a snapshot
};

class Metadata {
 public:
  /// Replays the log in `directory` (made if missing). To be awaited on shard 0, with the loops of all shards running.
  /// corrupt, naming file and offset, if acknowledged commands cannot be read back.
  static task::Task<Result<std::unique_ptr<Metadata>>> open(shard::ShardSet& shards, std::string directory,
                                                            MetadataOptions options);
  /// After the loops ended, or on shard 0's thread while no other shard uses it.
  ~Metadata();

  /// The view of `shard`, for use on that shard. Any thread may ask.
  MetadataView& view(shard::Shard& shard);

  /// From any shard: durable, applied, and visible on every shard when it returns. Errors as Proposer::propose; with
  /// timed_out the command may take effect later. Checks nothing: requests of clients go through
  /// meta/administration.h.
  task::Task<Result<Outcome>> propose(shard::Shard& from, Command command, Deadline until);

  /// Durable before it returns; greater than every generation given out before, also before restarts.
  task::Task<Result<Generation>> allocate_generation(shard::Shard& from, Deadline until);

  /// A producer id never given out before, from a block that this shard holds.
  task::Task<Result<ProducerId>> next_producer_id(shard::Shard& from, Deadline until);

  /// Whether proposals can succeed: storage_failed once the metadata directory is offline. Shard 0.
  Status health() const;

  shard::ShardSet& shards() { return shards_; }

 private:
  struct Machine;        // the state machine and its publication to the views; shard 0
  struct ProducerBlock;  // one for each shard

  Metadata(shard::ShardSet& shards, std::shared_ptr<Machine> machine, std::shared_ptr<Proposer> log);

  shard::ShardSet& shards_;
  std::shared_ptr<Machine> machine_;
  std::shared_ptr<Proposer> log_;
  std::vector<std::unique_ptr<ProducerBlock>> producer_blocks_;
};

}  // namespace chronik::meta
