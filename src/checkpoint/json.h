// The model as JSON, for the command line and HTTP: one spelling for both. Times are milliseconds since 1970, UTC.
#pragma once

#include <nlohmann/json.hpp>

#include <chronik/checkpoint.h>

namespace chronik::checkpoint {

std::string_view name_of(Trigger trigger);
std::string_view name_of(Level level);
std::string_view name_of(EventKind kind);
/// One word, as HTTP names it: "already_exists".
std::string_view name_of(Errc code);
std::optional<EventKind> parse_event_kind(std::string_view name);
std::optional<Errc> parse_error_code(std::string_view name);
std::optional<Trigger> parse_trigger(std::string_view name);
std::optional<Level> parse_level(std::string_view name);

nlohmann::ordered_json to_json(const SessionInfo& info);
nlohmann::ordered_json to_json(const Checkpoint& checkpoint);
nlohmann::ordered_json to_json(const Problem& problem);
nlohmann::ordered_json to_json(const Moment& moment);
nlohmann::ordered_json to_json(const Difference& difference);
nlohmann::ordered_json to_json(const PruneReport& report);
nlohmann::ordered_json to_json(const VerifyReport& report);
nlohmann::ordered_json to_json(const Event& event);
nlohmann::ordered_json to_json(const EventPage& page);
nlohmann::ordered_json to_json(const Health& health);
/// On one line; what is not UTF-8 is replaced.
std::string to_text(const nlohmann::ordered_json& json);

}  // namespace chronik::checkpoint
