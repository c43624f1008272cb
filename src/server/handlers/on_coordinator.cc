#include "server/handlers/on_coordinator.h"

#include "meta/topic_name.h"

namespace chronik::server {

coord::GroupOwner group_owner(ShardServer& server) {
  const meta::TopicPtr topic = server.view().image()->find(meta::kOffsetsTopic);
  if (!topic) return [here = server.shard().id()](std::string_view) { return here; };
  return coord::group_owner(topic->partition_count(), [&broker = server.broker(), id = topic->id](
                                                          PartitionIndex index) { return broker.owner({id, index}); });
}

coord::RequestContext asking(const RequestContext& context, Duration patience) {
  return {
      .client_id = context.client_id(),
      .client_host = "/" + context.client_host,
      .api_version = context.version(),
      .deadline = context.server.context().after(patience),
  };
}

}  // namespace chronik::server
