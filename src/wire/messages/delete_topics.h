// DeleteTopics: by name, or by topic id from version 6 on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "wire/api.h"
#include "wire/codec.h"
#include "wire/errors.h"
#include "wire/types.h"

namespace chronik::wire {

struct DeleteTopicsResponse;

struct DeleteTopicsRequest {
  static constexpr Schema kSchema = api_schema("DeleteTopicsRequest", ApiKey::delete_topics);
  using Response = DeleteTopicsResponse;

  struct Topic {
    std::optional<std::string> name;
    TopicId topic_id;
  };

  std::vector<Topic> topics;
  std::vector<std::string> topic_names;
  std::int32_t timeout_ms = 0;
};

struct DeleteTopicsResponse {
  static constexpr Schema kSchema = api_schema("DeleteTopicsResponse", ApiKey::delete_topics);

  struct TopicResult {
    std::optional<std::string> name;
    TopicId topic_id;
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string> error_message;
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<TopicResult> responses;
};

}  // namespace chronik::wire
