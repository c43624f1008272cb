// What a server answers, and therefore what it may advertise. An API enters the table only together with the handler
// of its request, and ApiVersions answers are made from the table alone: an API without a handler cannot be advertised.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/check.h"
#include "wire/api.h"
#include "wire/messages/api_versions.h"

namespace chronik::wire {

/// `Handler` is whatever the server calls: a function pointer, a std::function. It must be testable with `!`.
template <class Handler>
class HandlerTable {
 public:
  /// Serves `Request`. Twice for one API, or with an empty handler, is a bug.
  template <class Request>
  HandlerTable& serve(Handler handler) {
    static_assert(Request::kSchema.key == Request::Response::kSchema.key);
    Handler& place = handlers_[row_of(Request::kSchema.key)];
    CHECK(!!handler && !place);
    place = std::move(handler);
    return *this;
  }

  /// The handler of `key`, or null when it is not served.
  const Handler* find(ApiKey key) const {
    const std::size_t row = row_of(key);
    return row < handlers_.size() && !!handlers_[row] ? &handlers_[row] : nullptr;
  }

  /// The ranges for an ApiVersions response.
  std::vector<ApiVersionsResponse::ApiVersion> advertised() const {
    std::vector<ApiVersionsResponse::ApiVersion> versions;
    for (std::size_t row = 0; row < kApis.size(); ++row) {
      if (!handlers_[row]) continue;
      versions.push_back({kApis[row].key, kApis[row].advertised_min, kApis[row].max});
    }
    return versions;
  }

 private:
  static constexpr std::size_t row_of(ApiKey key) {
    std::size_t row = 0;
    while (row < kApis.size() && kApis[row].key != key) ++row;
    return row;
  }

  std::array<Handler, kApis.size()> handlers_{};
};

}  // namespace chronik::wire
