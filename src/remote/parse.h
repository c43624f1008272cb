// The JSON that a server answers with, as values: the other direction of checkpoint/json.h.
#pragma once

#include <nlohmann/json.hpp>

#include "checkpoint/result.h"

namespace chronik::remote {

namespace cp = chronik::checkpoint;
using nlohmann::ordered_json;

/// corrupt for what no server of ours would answer.
cp::Result<ordered_json> parse_object(const std::string& body);
cp::Result<cp::SessionInfo> parse_session(const ordered_json& json);
cp::Result<cp::Checkpoint> parse_checkpoint(const ordered_json& json);
cp::Result<cp::Page> parse_page(const ordered_json& json);
cp::Result<cp::TimelinePage> parse_timeline(const ordered_json& json);
cp::Result<cp::SessionPage> parse_session_page(const ordered_json& json);
cp::Result<cp::Difference> parse_difference(const ordered_json& json);
cp::Result<cp::PruneReport> parse_prune_report(const ordered_json& json);
cp::Result<cp::VerifyReport> parse_verify_report(const ordered_json& json);
cp::Result<cp::EventPage> parse_events(const ordered_json& json);
cp::Result<cp::Health> parse_health(const ordered_json& json);
/// The error that a problem document names.
cp::Error parse_problem(long status, const std::string& body);

}  // namespace chronik::remote
