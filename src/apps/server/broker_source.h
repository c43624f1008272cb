// What the admin face shows of a broker.
#pragma once

#include "admin/admin.h"
#include "server/broker.h"

namespace chronik {

class BrokerSource : public admin::Source {
 public:
  explicit BrokerSource(server::Broker& broker) : broker_(broker) {}

  task::Task<admin::Health> health(Deadline until) override;
  task::Task<std::vector<admin::ShardReport>> report(Deadline until) override;

 private:
  server::Broker& broker_;
};

}  // namespace chronik
