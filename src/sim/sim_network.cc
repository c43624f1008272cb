// Streams, listeners and connects over the connections of sim_network.h, and what a crash does to them.
#include "sim/sim_network.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "sim/world.h"

namespace chronik::sim {

namespace {

constexpr std::size_t kBacklogMax = 128;

class SimStream final : public env::Stream, public std::enable_shared_from_this<SimStream> {
 public:
  SimStream(std::shared_ptr<Connection> connection, int side) : connection_(std::move(connection)), side_(side) {}
  ~SimStream() override { close(); }
  SimStream(const SimStream&) = delete;
  SimStream& operator=(const SimStream&) = delete;

  void read_some(std::shared_ptr<Block> into, std::size_t at, std::size_t length,
                 env::Callback<std::size_t> done) override {
    if (!process().alive()) return process().bury([done = std::move(done)] {});
    loop().check_thread();
    connection_->start_read(side_, shared_from_this(), std::move(into), at, length, std::move(done));
  }

  void write(std::vector<Buffer> pieces, env::Callback<void> done) override {
    if (!process().alive()) return process().bury([done = std::move(done)] {});
    loop().check_thread();
    connection_->start_write(side_, shared_from_this(), std::move(pieces), std::move(done));
  }

  void close() override {
    if (process().alive()) connection_->close(side_);
  }

  env::Address peer() const override { return connection_->sides[side_].peer; }

 private:
  Process& process() const { return *connection_->sides[side_].process; }
  SimLoop& loop() const { return *connection_->sides[side_].loop; }

  const std::shared_ptr<Connection> connection_;
  const int side_;
};

/// Hands the oldest waiting connection to the accept that waits for one.
void match(ListenerState& listener) {
  if (!listener.accept_done) return;
  Result<env::StreamPtr> result;
  if (!listener.open) {
    result = fail(Errc::closed, "the listener was closed");
  } else if (!listener.backlog.empty()) {
    auto connection = std::move(listener.backlog.front());
    listener.backlog.pop_front();
    connection->sides[1].loop = listener.owner;
    result = std::make_shared<SimStream>(std::move(connection), 1);
  } else {
    return;
  }
  const auto self = std::move(listener.self);
  auto done = std::exchange(listener.accept_done, nullptr);
  done(std::move(result));
}

void match_soon(const std::shared_ptr<ListenerState>& listener) {
  if (!listener->accept_done) return;
  listener->loop->process().deliver_now(*listener->loop, EventKind::network, [listener] { match(*listener); });
}

class SimListener final : public env::Listener, public std::enable_shared_from_this<SimListener> {
 public:
  SimListener(std::shared_ptr<ListenerState> state, std::shared_ptr<Process> process)
      : state_(std::move(state)), process_(std::move(process)) {}
  ~SimListener() override { close(); }
  SimListener(const SimListener&) = delete;
  SimListener& operator=(const SimListener&) = delete;

  void accept(env::Network& owner, env::Callback<env::StreamPtr> done) override {
    if (!process_->alive()) return process_->bury([done = std::move(done)] {});
    state_->loop->check_thread();
    CHECK(!state_->accept_done);
    state_->accept_done = std::move(done);
    state_->owner = &static_cast<SimNetwork&>(owner).loop();
    state_->self = shared_from_this();
    if (!state_->open || !state_->backlog.empty()) match_soon(state_);
  }

  void close() override {
    if (!process_->alive() || !state_->open) return;
    state_->open = false;
    process_->listeners.erase(state_->local.port);
    for (auto& connection : std::exchange(state_->backlog, {})) connection->close(1);
    match_soon(state_);
  }

  env::Address local() const override { return state_->local; }

 private:
  const std::shared_ptr<ListenerState> state_;
  const std::shared_ptr<Process> process_;
};

bool means_this_machine(const std::string& host) {
  return host == "localhost" || host == "127.0.0.1" || host == "::1" || host == "0.0.0.0" || host == "::";
}

/// The end of a connect: the callback is gone if the process died meanwhile.
void answer_connect(SimLoop& loop, std::uint64_t id, Instant at, Result<std::shared_ptr<Connection>> result) {
  Process& process = loop.process();
  if (!process.alive()) return;
  process.deliver(loop, at, EventKind::network, [&process, id, result = std::move(result)]() mutable {
    const auto found = process.connecting.find(id);
    auto done = std::move(found->second);
    process.connecting.erase(found);
    if (!result) return done(fail(std::move(result).error()));
    done(std::make_shared<SimStream>(std::move(*result), 0));
  });
}

/// The request reaches the machine: refused, or queued for the listener and answered.
void arrive_connect(SimLoop& loop, std::uint64_t id, const std::string& host, std::uint16_t port, Duration delay) {
  const auto client = loop.process().shared_from_this();
  if (!client->alive()) return;
  WorldImpl& world = client->world();
  MachineImpl* target = means_this_machine(host) ? &client->machine() : world.find_machine(host);
  const std::string where = env::Address{host, port}.to_string();
  const Instant back = target == nullptr ? world.now() + delay : arrival_time(world, *target, client->machine(), delay);
  if (target == nullptr || !target->process()) {
    return answer_connect(loop, id, back, fail(Errc::unreachable, where));
  }
  const auto& server = target->process();
  const auto found = server->listeners.find(port);
  if (found == server->listeners.end() || found->second->backlog.size() >= kBacklogMax) {
    return answer_connect(loop, id, back, fail(Errc::unreachable, where + ": connection refused"));
  }
  auto connection = std::make_shared<Connection>(world, world.next_id());
  const std::uint16_t client_port = client->machine().ephemeral_port();
  Side& near = connection->sides[0];
  near.process = client;
  near.loop = &loop;
  near.peer = {host, port};
  Side& far = connection->sides[1];
  far.process = server;
  far.loop = found->second->loop;
  far.peer = {client->machine().name(), client_port};
  client->connections[connection->key(0)] = {connection, 0};
  server->connections[connection->key(1)] = {connection, 1};
  found->second->backlog.push_back(connection);
  match_soon(found->second);
  answer_connect(loop, id, back, std::move(connection));
}

}  // namespace

Instant arrival_time(WorldImpl& world, MachineImpl& from, MachineImpl& to, Duration delay) {
  if (&from == &to) return world.now() + delay;
  return std::max({world.now(), from.network_faults().mute_until, to.network_faults().deaf_until}) + delay;
}

Result<env::ListenerPtr> SimNetwork::listen(const env::Address& at) {
  loop_.check_thread();
  Process& process = loop_.process();
  if (!process.alive()) return fail(Errc::closed, "the process is dead");
  auto state = std::make_shared<ListenerState>();
  state->loop = &loop_;
  state->local = at;
  while (state->local.port == 0) {
    const std::uint16_t port = process.machine().ephemeral_port();
    if (!process.listeners.contains(port)) state->local.port = port;
  }
  if (!process.listeners.emplace(state->local.port, state).second) return fail(Errc::in_use, at.to_string());
  return std::make_shared<SimListener>(std::move(state), process.shared_from_this());
}

void SimNetwork::connect(const env::Address& to, env::Callback<env::StreamPtr> done) {
  loop_.check_thread();
  Process& process = loop_.process();
  if (!process.alive()) return process.bury([done = std::move(done)] {});
  WorldImpl& world = process.world();
  const std::uint64_t id = world.next_id();
  process.connecting.emplace(id, std::move(done));
  const Duration there = means_this_machine(to.host) ? world.delay(5us, 30us) : world.delay(20us, 200us);
  MachineImpl* const target = means_this_machine(to.host) ? &process.machine() : world.find_machine(to.host);
  const Instant at = target == nullptr ? world.now() + there : arrival_time(world, process.machine(), *target, there);
  world.events().add(at, 0, nullptr, EventKind::network,
                     [&loop = loop_, id, to, there, keep = process.shared_from_this()] {
                       arrive_connect(loop, id, to.host, to.port, there);
                     });
}

void kill_network(Process& process) {
  WorldImpl& world = process.world();
  for (const auto& [id, end] : std::exchange(process.connections, {})) end.first->kill(end.second);
  for (auto& [port, listener] : std::exchange(process.listeners, {})) {
    world.bury([done = std::exchange(listener->accept_done, nullptr), self = std::move(listener->self),
                backlog = std::move(listener->backlog)] {});
    listener->open = false;
  }
  for (auto& [id, done] : std::exchange(process.connecting, {})) world.bury([callback = std::move(done)] {});
}

}  // namespace chronik::sim
