// Topics out of the metadata, as one shard sees it.
#pragma once

#include "coord/group_config.h"
#include "coord/topics.h"
#include "meta/meta.h"
#include "shard/shard.h"

namespace chronik::coord {

class MetadataTopics final : public Topics {
 public:
  /// Both outlive it. Used on `shard` only.
  MetadataTopics(meta::Metadata& metadata, shard::Shard& shard) : metadata_(metadata), shard_(shard) {}

  std::optional<TopicInfo> find(std::string_view name) const override;
  std::optional<TopicInfo> find(TopicId id) const override;
  std::vector<std::string> names(std::string_view after, std::size_t limit) const override;
  std::int64_t version() const override;
  task::Task<Status> create_offsets_topic(std::int32_t partitions, Deadline until) override;

 private:
  meta::Metadata& metadata_;
  shard::Shard& shard_;
};

/// The coordinator's part of a broker's settings. `memory_bytes_max` is this shard's share.
GroupConfig group_config(const meta::BrokerSettings& broker, std::size_t memory_bytes_max);

}  // namespace chronik::coord
