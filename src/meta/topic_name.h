// Kafka's rules for topic names, and the choice of topic ids.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "env/env.h"

namespace chronik::meta {

inline constexpr std::size_t kTopicNameLengthMax = 249;  // characters, as Kafka
inline constexpr std::string_view kOffsetsTopic = "__consumer_offsets";
inline constexpr std::string_view kTransactionTopic = "__transaction_state";

/// One sentence saying what is wrong with the name, or nothing: not empty, not "." or "..", at most 249 characters out
/// of [a-zA-Z0-9._-].
std::optional<std::string> topic_name_problem(std::string_view name);

/// Two names collide when they differ only in '.' against '_': metric names cannot tell them apart. Equal keys mean
/// collision.
std::string collision_key(std::string_view name);

bool is_internal_topic(std::string_view name);

/// A random (version 4) identity: never zero, never one of Kafka's reserved ids, never beginning with '-' in text.
TopicId random_topic_id(env::Entropy& entropy);

}  // namespace chronik::meta
