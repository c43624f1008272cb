// One request on its way through the server: what a handler knows of it, and the slot its answer goes to.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "task/budget.h"
#include "task/event.h"
#include "wire/header.h"

namespace chronik::server {

class ShardServer;

/// A request's place in its connection's order. The connection starts the next request once this one is `ordered`, and
/// sends answers strictly in the order of the requests.
struct Exchange {
  explicit Exchange(task::Context& context) : changed(context) {}

  task::Event changed;
  bool ordered = false;  // its effects are ordered: the next request may start (produce: enqueued, not yet durable)
  bool done = false;
  bool close_after = false;    // the connection cannot go on: malformed request
  std::vector<Buffer> answer;  // whole frame; empty with `done`: no answer (acks=0)
  task::Charge request_memory;
  task::Charge answer_memory;

  void set_ordered() {
    ordered = true;
    changed.notify_all();
  }
  void finish() {
    done = ordered = true;
    changed.notify_all();
  }
};

struct RequestContext {
  ShardServer& server;  // the shard of the connection
  Exchange& exchange;
  const wire::RequestHeader& header;
  const std::string& client_host;
  Instant received;

  std::int16_t version() const { return header.version; }
  std::string client_id() const { return header.client_id.value_or(""); }
};

}  // namespace chronik::server
