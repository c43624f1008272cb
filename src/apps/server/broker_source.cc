#include "apps/server/broker_source.h"

namespace chronik {

namespace {

struct LogState {
  bool disk_full = false;
  std::optional<Error> failure;
};

task::Task<Result<LogState>> log_state(server::ShardServer& server) {
  LogState state;
  if (server.has_log()) {
    state.disk_full = server.log().disk_full();
    state.failure = server.log().failure();
  }
  co_return state;
}

}  // namespace

task::Task<admin::Health> BrokerSource::health(Deadline until) {
  admin::Health health;
  health.serving = broker_.serving();
  admin::DirectoryHealth directory{broker_.options().data_directory, "online", ""};
  const auto worsen = [&](const char* state, std::string detail) {
    if (directory.state == "offline") return;
    directory.state = state;
    directory.detail = std::move(detail);
  };
  auto& shards = broker_.shards();
  for (std::size_t i = 0; i < shards.size(); ++i) {
    auto body = [&broker = broker_](shard::Shard& shard) { return log_state(broker.at(shard.id())); };
    const auto state = co_await shard::call(shards.at(0), shards.at(i), "admin.health", until, body);
    if (!state) {
      worsen("offline", "shard " + std::to_string(i) + " did not answer");
    } else if (state->failure) {
      worsen("offline", state->failure->message());
    } else if (state->disk_full) {
      worsen("full", "no space left: produce is refused; reads, deletion and retention go on");
    }
  }
  if (health.serving) {
    if (const Status metadata = broker_.metadata().health(); !metadata) {
      worsen("offline", "metadata: " + metadata.error().message());
    }
  }
  health.directories.push_back(std::move(directory));
  co_return health;
}

task::Task<std::vector<admin::ShardReport>> BrokerSource::report(Deadline until) {
  return admin::report_shards(broker_.shards().at(0), until);
}

}  // namespace chronik
