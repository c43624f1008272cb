#include "checkpoint/json.h"

#include <algorithm>
#include <span>

namespace chronik::checkpoint {

using nlohmann::ordered_json;

namespace {

constexpr std::string_view kTriggers[] = {"manual", "automatic", "scheduled"};
constexpr std::string_view kLevels[] = {"info", "warning", "critical"};
constexpr std::string_view kEvents[] = {"created",   "restored", "deleted", "compacted",
                                        "annotated", "renamed",  "fenced"};

constexpr std::string_view kErrors[] = {"invalid_argument", "not_found", "already_exists", "conflict",    "fenced",
                                        "too_large",        "corrupt",   "timed_out",      "overloaded",  "disk_full",
                                        "storage_failed",   "in_use",    "closed",         "unsupported", "wrong_key"};
static_assert(std::size(kErrors) == static_cast<std::size_t>(Errc::wrong_key));

template <class E>
std::optional<E> find_name(std::span<const std::string_view> names, std::string_view name) {
  const auto at = std::ranges::find(names, name);
  if (at == names.end()) return std::nullopt;
  return static_cast<E>(at - names.begin());
}

std::int64_t ms(Time at) {
  return at.time_since_epoch().count();
}

/// What we keep as JSON text; it was checked when it came in.
ordered_json parsed(const std::string& text) {
  return ordered_json::parse(text, nullptr, false);
}

}  // namespace

std::string_view name_of(Trigger trigger) {
  return kTriggers[static_cast<std::size_t>(trigger)];
}
std::string_view name_of(Level level) {
  return kLevels[static_cast<std::size_t>(level)];
}
std::string_view name_of(EventKind kind) {
  return kEvents[static_cast<std::size_t>(kind)];
}
std::string_view name_of(Errc code) {
  return kErrors[static_cast<std::size_t>(code) - 1];
}
std::optional<EventKind> parse_event_kind(std::string_view name) {
  return find_name<EventKind>(kEvents, name);
}
std::optional<Errc> parse_error_code(std::string_view name) {
  const auto at = std::ranges::find(kErrors, name);
  if (at == std::end(kErrors)) return std::nullopt;
  return static_cast<Errc>(at - std::begin(kErrors) + 1);
}
std::optional<Trigger> parse_trigger(std::string_view name) {
  return find_name<Trigger>(kTriggers, name);
}
std::optional<Level> parse_level(std::string_view name) {
  return find_name<Level>(kLevels, name);
}

ordered_json to_json(const SessionInfo& info) {
  ordered_json branches = ordered_json::object();
  for (const Branch& branch : info.branches) {
    branches[branch.name] = {{"sequence", branch.sequence}, {"head", to_string(branch.head)}};
  }
  return {{"session", info.name},
          {"id", to_string(info.id)},
          {"metadata", parsed(info.metadata)},
          {"created_at", ms(info.created_at)},
          {"forked_from", info.forked_from},
          {"checkpoints", info.checkpoints},
          {"last_sequence", info.last_sequence},
          {"last_event", info.last_event},
          {"epoch", info.epoch},
          {"branches", std::move(branches)}};
}

ordered_json to_json(const Checkpoint& c) {
  ordered_json annotations = ordered_json::array();
  for (const Annotation& one : c.annotations) {
    annotations.push_back({{"level", name_of(one.level)}, {"text", one.text}, {"at", ms(one.at)}});
  }
  return {{"id", to_string(c.id)},
          {"sequence", c.sequence},
          {"parent", c.parent.is_nil() ? ordered_json() : ordered_json(to_string(c.parent))},
          {"branch", c.branch},
          {"message", c.message},
          {"trigger", name_of(c.trigger)},
          {"reason", c.reason},
          {"metadata", parsed(c.metadata)},
          {"created_at", ms(c.created_at)},
          {"size", c.size},
          {"content_type", c.content_type},
          {"schema_version", c.schema_version},
          {"payload_hash", to_hex(c.payload_hash)},
          {"parent_hash", to_hex(c.parent_hash)},
          {"hash", to_hex(c.hash)},
          {"idempotency_key", c.idempotency_key},
          {"writer_epoch", c.writer_epoch},
          {"tags", c.tags},
          {"annotations", std::move(annotations)},
          {"pinned", c.pinned}};
}

ordered_json to_json(const Problem& problem) {
  return {{"session", problem.session}, {"sequence", problem.sequence}, {"what", problem.what}};
}

ordered_json to_json(const Moment& moment) {
  return {{"session", moment.session}, {"checkpoint", to_json(moment.checkpoint)}};
}

ordered_json to_json(const Difference& d) {
  return {{"same", d.same},
          {"structural", d.structural},
          {"patch", d.structural ? parsed(d.patch) : ordered_json()},
          {"common_prefix", d.common_prefix},
          {"common_suffix", d.common_suffix},
          {"size_first", d.size_first},
          {"size_second", d.size_second}};
}

ordered_json to_json(const PruneReport& report) {
  return {{"examined", report.examined},
          {"deleted", report.deleted},
          {"payload_bytes", report.payload_bytes},
          {"bytes_returned", report.bytes_returned},
          {"sequences", report.sequences}};
}

ordered_json to_json(const VerifyReport& report) {
  ordered_json problems = ordered_json::array();
  for (const Problem& problem : report.problems) problems.push_back(to_json(problem));
  return {{"ok", report.ok()},
          {"checkpoints", report.checkpoints},
          {"bytes", report.bytes},
          {"problem_count", report.problem_count},
          {"problems", std::move(problems)}};
}

ordered_json to_json(const Event& event) {
  return {{"number", event.number},
          {"kind", name_of(event.kind)},
          {"sequence", event.sequence},
          {"count", event.count},
          {"at", ms(event.at)}};
}

ordered_json to_json(const EventPage& page) {
  ordered_json events = ordered_json::array();
  for (const Event& event : page.events) events.push_back(to_json(event));
  return {{"events", std::move(events)}, {"gap_from", page.gap_from}, {"gap_to", page.gap_to}};
}

ordered_json to_json(const Health& health) {
  return {{"sessions", health.sessions},
          {"checkpoints", health.checkpoints},
          {"payload_bytes", health.payload_bytes},
          {"stored_bytes", health.stored_bytes},
          {"dead_bytes", health.dead_bytes},
          {"damaged", health.damaged},
          {"scrubs", health.scrubs},
          {"scrub_problems", health.scrub_problems},
          {"scrubbed_at", ms(health.scrubbed_at)}};
}

std::string to_text(const ordered_json& json) {
  return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace chronik::checkpoint
