#include "remote/parse.h"

#include <algorithm>

#include "checkpoint/hash.h"
#include "checkpoint/json.h"
#include "checkpoint/text.h"

namespace chronik::remote {

using cp::Errc;
using cp::fail;

namespace {

/// Reads the members of one answer; the first that is missing or of another type fails it.
class Reader {
 public:
  explicit Reader(const ordered_json& json) : json_(json) {}
  std::string text(const char* name) {
    const ordered_json* value = find(name, &ordered_json::is_string);
    return value ? value->get<std::string>() : std::string();
  }
  std::uint64_t number(const char* name) {
    const ordered_json* value = find(name, &ordered_json::is_number_unsigned);
    return value ? value->get<std::uint64_t>() : 0;
  }
  bool flag(const char* name) {
    const ordered_json* value = find(name, &ordered_json::is_boolean);
    return value && value->get<bool>();
  }
  cp::Time time(const char* name) {
    return cp::Time(
        std::chrono::milliseconds(static_cast<std::int64_t>(std::min<std::uint64_t>(number(name), 1ULL << 52))));
  }
  cp::Digest digest(const char* name) {
    const auto digest = cp::parse_digest(text(name));
    if (!digest) bad(name);
    return digest.value_or(cp::Digest{});
  }
  /// null is nil.
  cp::CheckpointId id(const char* name) {
    const auto found = json_.find(name);
    if (found != json_.end() && found->is_null()) return {};
    const auto id = cp::parse_checkpoint_id(text(name));
    if (!id) bad(name);
    return id.value_or(cp::CheckpointId{});
  }
  const ordered_json& list(const char* name) {
    static const ordered_json none = ordered_json::array();
    const ordered_json* value = find(name, &ordered_json::is_array);
    return value ? *value : none;
  }
  const ordered_json& object(const char* name) {
    static const ordered_json none = ordered_json::object();
    const ordered_json* value = find(name, &ordered_json::is_object);
    return value ? *value : none;
  }
  void bad(const char* name) {
    if (wrong_.empty()) wrong_ = name;
  }
  template <class T>
  cp::Result<T> finish(T value) {
    if (wrong_.empty()) return value;
    return fail(Errc::corrupt, "the server answered without a proper '" + wrong_ + "': is it a chronik-server?");
  }

 private:
  const ordered_json* find(const char* name, bool (ordered_json::*is)() const noexcept) {
    if (json_.is_object()) {
      const auto found = json_.find(name);
      if (found != json_.end() && ((*found).*is)()) return &*found;
    }
    bad(name);
    return nullptr;
  }
  const ordered_json& json_;
  std::string wrong_;
};

cp::Result<std::vector<cp::Problem>> parse_problems(Reader& reader, const char* name) {
  std::vector<cp::Problem> problems;
  for (const ordered_json& one : reader.list(name)) {
    Reader inner(one);
    TRY(cp::Problem problem,
        inner.finish(cp::Problem{inner.text("session"), inner.number("sequence"), inner.text("what")}));
    problems.push_back(std::move(problem));
  }
  return problems;
}

}  // namespace

cp::Result<ordered_json> parse_object(const std::string& body) {
  if (!cp::check_json_object(body)) return fail(Errc::corrupt, "the server answered no JSON: is it a chronik-server?");
  return ordered_json::parse(body, nullptr, false);
}

cp::Result<cp::SessionInfo> parse_session(const ordered_json& json) {
  Reader reader(json);
  cp::SessionInfo info;
  const auto id = cp::parse_session_id(reader.text("id"));
  id ? (void)(info.id = *id) : reader.bad("id");
  info.name = reader.text("session");
  info.metadata = reader.object("metadata").dump();
  info.created_at = reader.time("created_at");
  info.forked_from = reader.text("forked_from");
  info.checkpoints = reader.number("checkpoints");
  info.last_sequence = reader.number("last_sequence");
  info.last_event = reader.number("last_event");
  info.epoch = reader.number("epoch");
  for (const auto& [name, branch] : reader.object("branches").items()) {
    Reader inner(branch);
    cp::Branch one{name, inner.number("sequence"), inner.id("head")};
    TRY(one, inner.finish(std::move(one)));
    info.branches.push_back(std::move(one));
  }
  return reader.finish(std::move(info));
}

cp::Result<cp::Checkpoint> parse_checkpoint(const ordered_json& json) {
  Reader reader(json);
  cp::Checkpoint c;
  c.id = reader.id("id");
  c.sequence = reader.number("sequence");
  c.parent = reader.id("parent");
  c.branch = reader.text("branch");
  c.message = reader.text("message");
  const auto trigger = cp::parse_trigger(reader.text("trigger"));
  trigger ? (void)(c.trigger = *trigger) : reader.bad("trigger");
  c.reason = reader.text("reason");
  c.metadata = reader.object("metadata").dump();
  c.created_at = reader.time("created_at");
  c.size = reader.number("size");
  c.content_type = reader.text("content_type");
  c.schema_version = static_cast<std::uint32_t>(reader.number("schema_version"));
  c.payload_hash = reader.digest("payload_hash");
  c.parent_hash = reader.digest("parent_hash");
  c.hash = reader.digest("hash");
  c.idempotency_key = reader.text("idempotency_key");
  c.writer_epoch = reader.number("writer_epoch");
  for (const ordered_json& tag : reader.list("tags")) {
    tag.is_string() ? (void)c.tags.emplace_back(tag.get<std::string>()) : reader.bad("tags");
  }
  for (const ordered_json& one : reader.list("annotations")) {
    Reader inner(one);
    const auto level = cp::parse_level(inner.text("level"));
    cp::Annotation annotation{level.value_or(cp::Level::info), inner.text("text"), inner.time("at")};
    if (!level) inner.bad("level");
    TRY(annotation, inner.finish(std::move(annotation)));
    c.annotations.push_back(std::move(annotation));
  }
  c.pinned = reader.flag("pinned");
  return reader.finish(std::move(c));
}

cp::Result<cp::Page> parse_page(const ordered_json& json) {
  Reader reader(json);
  cp::Page page;
  for (const ordered_json& one : reader.list("checkpoints")) {
    TRY(cp::Checkpoint checkpoint, parse_checkpoint(one));
    page.checkpoints.push_back(std::move(checkpoint));
  }
  TRY(page.damaged, parse_problems(reader, "damaged"));
  page.next = reader.text("next");
  return reader.finish(std::move(page));
}

cp::Result<cp::TimelinePage> parse_timeline(const ordered_json& json) {
  Reader reader(json);
  cp::TimelinePage page;
  for (const ordered_json& one : reader.list("moments")) {
    Reader inner(one);
    cp::Moment moment{inner.text("session"), {}};
    TRY(moment.checkpoint, parse_checkpoint(inner.object("checkpoint")));
    TRY(moment, inner.finish(std::move(moment)));
    page.moments.push_back(std::move(moment));
  }
  TRY(page.damaged, parse_problems(reader, "damaged"));
  page.next = reader.text("next");
  return reader.finish(std::move(page));
}

cp::Result<cp::SessionPage> parse_session_page(const ordered_json& json) {
  Reader reader(json);
  cp::SessionPage page;
  for (const ordered_json& one : reader.list("sessions")) {
    TRY(cp::SessionInfo info, parse_session(one));
    page.sessions.push_back(std::move(info));
  }
  page.next = reader.text("next");
  return reader.finish(std::move(page));
}

cp::Result<cp::Difference> parse_difference(const ordered_json& json) {
  Reader reader(json);
  cp::Difference d;
  d.same = reader.flag("same");
  d.structural = reader.flag("structural");
  if (d.structural) d.patch = reader.list("patch").dump();
  d.common_prefix = reader.number("common_prefix");
  d.common_suffix = reader.number("common_suffix");
  d.size_first = reader.number("size_first");
  d.size_second = reader.number("size_second");
  return reader.finish(std::move(d));
}

cp::Result<cp::PruneReport> parse_prune_report(const ordered_json& json) {
  Reader reader(json);
  cp::PruneReport report;
  report.examined = reader.number("examined");
  report.deleted = reader.number("deleted");
  report.payload_bytes = reader.number("payload_bytes");
  report.bytes_returned = reader.number("bytes_returned");
  for (const ordered_json& one : reader.list("sequences")) {
    one.is_number_unsigned() ? report.sequences.push_back(one.get<std::uint64_t>()) : reader.bad("sequences");
  }
  return reader.finish(std::move(report));
}

cp::Result<cp::VerifyReport> parse_verify_report(const ordered_json& json) {
  Reader reader(json);
  cp::VerifyReport report;
  report.checkpoints = reader.number("checkpoints");
  report.bytes = reader.number("bytes");
  report.problem_count = reader.number("problem_count");
  TRY(report.problems, parse_problems(reader, "problems"));
  return reader.finish(std::move(report));
}

cp::Result<cp::EventPage> parse_events(const ordered_json& json) {
  Reader reader(json);
  cp::EventPage page;
  for (const ordered_json& one : reader.list("events")) {
    Reader inner(one);
    cp::Event event;
    event.number = inner.number("number");
    const auto kind = cp::parse_event_kind(inner.text("kind"));
    kind ? (void)(event.kind = *kind) : inner.bad("kind");
    event.sequence = inner.number("sequence");
    event.count = inner.number("count");
    event.at = inner.time("at");
    TRY(event, inner.finish(event));
    page.events.push_back(event);
  }
  page.gap_from = reader.number("gap_from");
  page.gap_to = reader.number("gap_to");
  return reader.finish(std::move(page));
}

cp::Result<cp::Health> parse_health(const ordered_json& json) {
  Reader reader(json);
  const cp::Health health{
      reader.number("sessions"),     reader.number("checkpoints"),    reader.number("payload_bytes"),
      reader.number("stored_bytes"), reader.number("dead_bytes"),     reader.number("damaged"),
      reader.number("scrubs"),       reader.number("scrub_problems"), reader.time("scrubbed_at")};
  return reader.finish(health);
}

cp::Error parse_problem(long status, const std::string& body) {
  const auto json = parse_object(body);
  if (json) {
    Reader reader(*json);
    if (const auto code = cp::parse_error_code(reader.text("title"))) return {*code, reader.text("detail")};
  }
  return {Errc::unsupported, "the server answered with status " + std::to_string(status) + ": is it a chronik-server?"};
}

}  // namespace chronik::remote
