// Independent work runs together (law 5): all() awaits many tasks at once, ask_owners() sends every shard its part of a
// request and puts the answers where they belong. One message for each shard, not for each partition.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "server/broker.h"
#include "server/shard_server.h"
#include "shard/shard.h"
#include "task/event.h"
#include "task/task.h"

namespace chronik::server {

namespace detail {
template <class T>
struct Gathering {
  Gathering(task::Context& context, std::size_t n) : changed(context), results(n), missing(n) {}
  task::Event changed;
  std::vector<std::optional<Result<T>>> results;
  std::size_t missing;
};

template <class T>
task::Task<void> gather_one(std::shared_ptr<Gathering<T>> gathering, std::size_t slot, task::Task<Result<T>> work) {
  gathering->results[slot] = co_await std::move(work);
  if (--gathering->missing == 0) gathering->changed.notify_all();
}
}  // namespace detail

/// The results of all `work`, in its order. What has not ended by the deadline goes on and is given as timed_out, so it
/// must own all that it uses.
template <class T>
task::Task<std::vector<Result<T>>> all(task::Context& context, const char* what,
                                       std::vector<task::Task<Result<T>>> work, Deadline until) {
  std::vector<Result<T>> results;
  results.reserve(work.size());
  if (work.size() == 1) {
    results.push_back(co_await std::move(work.front()));
    co_return results;
  }
  auto gathering = std::make_shared<detail::Gathering<T>>(context, work.size());
  for (std::size_t i = 0; i < work.size(); ++i) {
    context.spawn(what, detail::gather_one<T>(gathering, i, std::move(work[i])));
  }
  while (gathering->missing > 0) {
    if (co_await gathering->changed.wait(what, until) != task::Woken::notified) break;
  }
  for (auto& result : gathering->results) {
    if (result) {
      results.push_back(*std::move(result));
    } else {
      results.push_back(fail(Errc::timed_out, what));
    }
  }
  co_return results;
}

/// Where a partition's answer goes in a response of topics with partitions.
struct Place {
  std::size_t topic = 0;
  std::size_t partition = 0;
};

/// What is asked about one partition.
template <class Ask>
struct Item {
  Place place;
  TopicPartition id;
  Ask ask;
};

/// A request's items by owning shard.
template <class Ask>
using Shares = std::vector<std::vector<Item<Ask>>>;

/// Calls `serve` on every shard that has a share, all at once, and `store` here for every item. `serve` answers its
/// items in their order.
template <class Ask, class Answer, class Store>
task::Task<void> ask_owners(ShardServer& server, const char* what, Deadline until, Shares<Ask> shares,
                            task::Task<Result<std::vector<Answer>>> (*serve)(ShardServer&, std::vector<Item<Ask>>,
                                                                             Deadline),
                            Store store) {
  Broker& broker = server.broker();
  std::vector<std::vector<Place>> places;
  std::vector<task::Task<Result<std::vector<Answer>>>> calls;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    if (shares[i].empty()) continue;
    auto& mine = places.emplace_back();
    for (const auto& item : shares[i]) mine.push_back(item.place);
    auto body = [&broker, items = std::move(shares[i]), until, serve](shard::Shard& owner) mutable {
      return serve(broker.at(owner.id()), std::move(items), until);
    };
    calls.push_back(shard::call(server.shard(), broker.shards().at(i), what, until, std::move(body)));
  }
  if (calls.empty()) co_return;
  auto results = co_await all(server.context(), what, std::move(calls), until);
  for (std::size_t i = 0; i < results.size(); ++i) {
    for (std::size_t k = 0; k < places[i].size(); ++k) {
      if (results[i]) {
        store(places[i][k], Result<Answer>(std::move((*results[i])[k])));
      } else {
        store(places[i][k], Result<Answer>(std::unexpected(results[i].error())));
      }
    }
  }
}

}  // namespace chronik::server
