#include "checkpoint/transfer.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "checkpoint/hash.h"
#include "checkpoint/local.h"
#include "checkpoint/text.h"

namespace chronik::checkpoint {

namespace {

using Json = nlohmann::json;

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr const char* kTriggers[] = {"manual", "automatic", "scheduled"};
constexpr const char* kLevels[] = {"info", "warning", "critical"};
constexpr std::size_t kLineOverheadMax = 4 << 20;

void append_base64(std::string& to, std::string_view bytes) {
  std::size_t at = 0;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned>(static_cast<unsigned char>(bytes[i])); };
  for (; at + 3 <= bytes.size(); at += 3) {
    const unsigned word = byte(at) << 16 | byte(at + 1) << 8 | byte(at + 2);
    for (int shift = 18; shift >= 0; shift -= 6) to += kAlphabet[word >> shift & 63];
  }
  if (bytes.size() - at == 1) {
    const unsigned word = byte(at) << 16;
    ((to += kAlphabet[word >> 18]) += kAlphabet[word >> 12 & 63]) += "==";
  } else if (bytes.size() - at == 2) {
    const unsigned word = byte(at) << 16 | byte(at + 1) << 8;
    (((to += kAlphabet[word >> 18]) += kAlphabet[word >> 12 & 63]) += kAlphabet[word >> 6 & 63]) += '=';
  }
}

std::optional<std::string> decode_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::array<int, 256> value;
  value.fill(-1);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i)
    value[static_cast<unsigned char>(kAlphabet[i])] = static_cast<int>(i);
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  for (std::size_t at = 0; at < text.size(); at += 4) {
    const bool last = at + 4 == text.size();
    const int padding = !last || text[at + 3] != '=' ? 0 : text[at + 2] == '=' ? 2 : 1;
    unsigned word = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      const int digit = i >= 4U - static_cast<unsigned>(padding) ? 0 : value[static_cast<unsigned char>(text[at + i])];
      if (digit < 0) return std::nullopt;
      word = word << 6 | static_cast<unsigned>(digit);
    }
    for (int i = 0; i < 3 - padding; ++i) bytes += static_cast<char>(word >> (16 - 8 * i) & 255);
    if (padding > 0 && (word & ((1U << 8 * padding) - 1)) != 0) return std::nullopt;
  }
  return bytes;
}

void append_string(std::string& to, std::string_view text) {
  to += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      to += '\\';
      to += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      to += "\\u00";
      to += "0123456789abcdef"[c >> 4];
      to += "0123456789abcdef"[c & 15];
    } else {
      to += c;
    }
  }
  to += '"';
}
void append_field(std::string& to, std::string_view name, std::string_view text) {
  ((to += ",\"") += name) += "\":";
  append_string(to, text);
}
void append_field(std::string& to, std::string_view name, std::uint64_t value) {
  (((to += ",\"") += name) += "\":") += std::to_string(value);
}
std::uint64_t ms(Time at) {
  return static_cast<std::uint64_t>(at.time_since_epoch().count());
}

/// Reads the fields of one line; the first that is missing or of another type fails it.
class Fields {
 public:
  explicit Fields(const Json& object) : object_(object) {}
  std::string text(const char* name) {
    const Json* value = find(name);
    if (value == nullptr || !value->is_string()) return bad(name), std::string();
    return value->get<std::string>();
  }
  std::uint64_t number(const char* name) {
    const Json* value = find(name);
    if (value == nullptr || !value->is_number_unsigned()) return bad(name), 0;
    return value->get<std::uint64_t>();
  }
  bool flag(const char* name) {
    const Json* value = find(name);
    if (value == nullptr || !value->is_boolean()) return bad(name), false;
    return value->get<bool>();
  }
  Time time(const char* name) {
    return Time(
        std::chrono::milliseconds(static_cast<std::int64_t>(std::min<std::uint64_t>(number(name), 1ULL << 52))));
  }
  template <std::size_t N>
  std::uint8_t one_of(const char* name, const char* const (&names)[N]) {
    const auto at = std::ranges::find(names, text(name));
    if (at == std::end(names)) return bad(name), 0;
    return static_cast<std::uint8_t>(at - names);
  }
  Digest digest(const char* name) {
    const auto parsed = parse_digest(text(name));
    return parsed ? *parsed : (bad(name), Digest{});
  }
  CheckpointId id(const char* name) {
    const auto parsed = parse_checkpoint_id(text(name));
    return parsed ? *parsed : (bad(name), CheckpointId{});
  }
  const Json& list(const char* name) {
    static const Json none = Json::array();
    const Json* value = find(name);
    if (value == nullptr || !value->is_array()) return bad(name), none;
    return *value;
  }
  void bad(const char* name) {
    if (wrong_.empty()) wrong_ = name;
  }
  const std::string& wrong() const { return wrong_; }

 private:
  const Json* find(const char* name) {
    const auto found = object_.find(name);
    return found == object_.end() ? nullptr : &*found;
  }
  const Json& object_;
  std::string wrong_;
};

void read_checkpoint(Fields& fields, Checkpoint& c, std::string& payload) {
  c.id = fields.id("id");
  c.sequence = fields.number("sequence");
  c.parent = fields.id("parent");
  c.branch = fields.text("branch");
  c.message = fields.text("message");
  c.trigger = static_cast<Trigger>(fields.one_of("trigger", kTriggers));
  c.reason = fields.text("reason");
  const auto metadata = canonical_json(fields.text("metadata"));
  metadata ? (void)(c.metadata = *metadata) : fields.bad("metadata");
  c.created_at = fields.time("created_at");
  c.size = fields.number("size");
  c.content_type = fields.text("content_type");
  const std::uint64_t schema = fields.number("schema_version");
  c.schema_version = static_cast<std::uint32_t>(schema);
  if (schema > UINT32_MAX) fields.bad("schema_version");
  c.payload_hash = fields.digest("payload_hash");
  c.parent_hash = fields.digest("parent_hash");
  c.hash = fields.digest("hash");
  c.idempotency_key = fields.text("idempotency_key");
  c.writer_epoch = fields.number("writer_epoch");
  for (const Json& tag : fields.list("tags")) {
    tag.is_string() ? (void)c.tags.emplace_back(tag.get<std::string>()) : fields.bad("tags");
  }
  if (!check_tags(c.tags)) fields.bad("tags");
  tidy(c.tags);
  for (const Json& one : fields.list("annotations")) {
    Fields inner(one);
    Annotation& annotation = c.annotations.emplace_back();
    annotation.level = static_cast<Level>(inner.one_of("level", kLevels));
    annotation.text = inner.text("text");
    annotation.at = inner.time("at");
    if (!inner.wrong().empty()) fields.bad("annotations");
  }
  c.pinned = fields.flag("pinned");
  auto decoded = decode_base64(fields.text("payload"));
  decoded ? (void)(payload = *std::move(decoded)) : fields.bad("payload");
}

Status check_checkpoint(const Checkpoint& c, std::string_view payload) {
  TRY_STATUS(check_name("branch", c.branch));
  if (c.sequence == 0 || c.id.is_nil()) return fail(Errc::corrupt, "a checkpoint without id or sequence");
  const std::string where = "sequence " + std::to_string(c.sequence);
  if (payload.size() != c.size || sha256(payload) != c.payload_hash) {
    return fail(Errc::corrupt, where + ": the payload does not have its hash");
  }
  if (chain_hash(c) != c.hash) return fail(Errc::corrupt, where + ": the record does not have its hash");
  return {};
}

}  // namespace

std::string header_line(const SessionInfo& info, std::uint64_t since) {
  std::string line = R"({"chronik_export":1)";
  append_field(line, "session", to_string(info.id));
  append_field(line, "name", info.name);
  append_field(line, "metadata", info.metadata);
  append_field(line, "forked_from", info.forked_from);
  append_field(line, "created_at", ms(info.created_at));
  append_field(line, "since", since);
  return line += '}';
}

std::string checkpoint_line(const Checkpoint& c, std::string_view payload) {
  std::string line = R"({"id":")";
  line.reserve(1024 + payload.size() / 3 * 4);
  line += to_string(c.id) + '"';
  append_field(line, "sequence", c.sequence);
  append_field(line, "parent", to_string(c.parent));
  append_field(line, "branch", c.branch);
  append_field(line, "message", c.message);
  append_field(line, "trigger", kTriggers[static_cast<std::size_t>(c.trigger)]);
  append_field(line, "reason", c.reason);
  append_field(line, "metadata", c.metadata);
  append_field(line, "created_at", ms(c.created_at));
  append_field(line, "size", c.size);
  append_field(line, "content_type", c.content_type);
  append_field(line, "schema_version", c.schema_version);
  append_field(line, "payload_hash", to_hex(c.payload_hash));
  append_field(line, "parent_hash", to_hex(c.parent_hash));
  append_field(line, "hash", to_hex(c.hash));
  append_field(line, "idempotency_key", c.idempotency_key);
  append_field(line, "writer_epoch", c.writer_epoch);
  line += ",\"tags\":[";
  for (std::size_t i = 0; i < c.tags.size(); ++i) {
    if (i > 0) line += ',';
    append_string(line, c.tags[i]);
  }
  line += "],\"annotations\":[";
  for (std::size_t i = 0; i < c.annotations.size(); ++i) {
    line += i > 0 ? ",{\"level\":" : "{\"level\":";
    append_string(line, kLevels[static_cast<std::size_t>(c.annotations[i].level)]);
    append_field(line, "text", c.annotations[i].text);
    append_field(line, "at", ms(c.annotations[i].at));
    line += '}';
  }
  line += c.pinned ? "],\"pinned\":true,\"payload\":\"" : "],\"pinned\":false,\"payload\":\"";
  append_base64(line, payload);
  return line += "\"}";
}

std::string end_line(std::uint64_t checkpoints, const Digest& hash) {
  return "{\"end\":true,\"checkpoints\":" + std::to_string(checkpoints) + ",\"sha256\":\"" + to_hex(hash) + "\"}";
}

Result<ExportLine> parse_line(std::string_view line, std::uint64_t payload_bytes_max) {
  if (line.size() > payload_bytes_max / 3 * 4 + kLineOverheadMax)
    return fail(Errc::too_large, "a line beyond the limits");
  TRY_STATUS(check_json_object(line));
  const Json object = Json::parse(line, nullptr, false);
  Fields fields(object);
  ExportLine parsed;
  if (object.contains("chronik_export")) {
    if (const auto version = fields.number("chronik_export"); version > kExportVersion) {
      return fail(Errc::unsupported, "an export of version " + std::to_string(version));
    }
    const auto id = parse_session_id(fields.text("session"));
    id ? (void)(parsed.row.id = *id) : fields.bad("session");
    parsed.row.name = fields.text("name");
    if (!check_name("session name", parsed.row.name)) fields.bad("name");
    const auto metadata = canonical_json(fields.text("metadata"));
    metadata ? (void)(parsed.row.metadata = *metadata) : fields.bad("metadata");
    parsed.row.forked_from = fields.text("forked_from");
    parsed.row.created_at = fields.time("created_at");
  } else if (object.contains("end")) {
    parsed.kind = ExportLine::Kind::end;
    parsed.checkpoints = fields.number("checkpoints");
    parsed.hash = fields.digest("sha256");
  } else {
    parsed.kind = ExportLine::Kind::checkpoint;
    read_checkpoint(fields, parsed.checkpoint, parsed.payload);
  }
  if (!fields.wrong().empty())
    return fail(Errc::corrupt, "a line whose field " + fields.wrong() + " is missing or wrong");
  if (parsed.kind == ExportLine::Kind::checkpoint) TRY_STATUS(check_checkpoint(parsed.checkpoint, parsed.payload));
  return parsed;
}

Status LocalSession::export_to(const std::function<Status(std::string_view line)>& sink, std::uint64_t since) const {
  TRY(const SessionInfo info, describe());
  Sha256 all;
  const auto put = [&](const std::string& line) -> Status {
    all.add(line);
    all.add("\n");
    return sink(line);
  };
  TRY_STATUS(put(header_line(info, since)));
  std::uint64_t count = 0;
  Status written;
  const auto visit = [&](std::uint64_t sequence, const Result<Checkpoint>& c) {
    if (!c) {
      written = fail(Errc::corrupt, "sequence " + std::to_string(sequence) + ": " + c.error().message());
      return false;
    }
    auto payload = verified_payload(*core_, id_, *c);
    if (!payload && payload.error().code == Errc::not_found) return true;  // removed meanwhile
    written = payload ? put(checkpoint_line(*c, *payload)) : fail(payload.error());
    ++count;
    return written.has_value();
  };
  TRY_STATUS(core_->backend().scan(id_, since + 1, false, visit));
  TRY_STATUS(written);
  return sink(end_line(count, all.finish()));
}

namespace {

/// What an export holds, its payloads staged.
struct Import {
  SessionRow row;
  std::vector<Put> puts;
};

Result<Import> read_all(Core& core, const std::function<Result<std::optional<std::string>>()>& lines) {
  Import import;
  Sha256 all;
  bool begun = false;
  for (;;) {
    TRY(std::optional<std::string> line, lines());
    if (line && line->ends_with('\n')) line->pop_back();
    if (!line) return fail(Errc::corrupt, "the export ends before its last line");
    TRY(ExportLine parsed, parse_line(*line, core.options().payload_bytes_max));
    if (begun == (parsed.kind == ExportLine::Kind::header))
      return fail(Errc::corrupt, "not an export: a header is missing, or twice there");
    begun = true;
    if (parsed.kind == ExportLine::Kind::end) {
      if (parsed.checkpoints != import.puts.size() || parsed.hash != all.finish()) {
        return fail(Errc::corrupt, "the export was changed: it does not have the hash of its last line");
      }
      return import;
    }
    all.add(*line);
    all.add("\n");
    if (parsed.kind == ExportLine::Kind::header) {
      import.row = std::move(parsed.row);
      TRY_STATUS(core.backend().prepare(import.row.id, core.timeout()));
      continue;
    }
    const auto& c = parsed.checkpoint;
    if (!import.puts.empty() &&
        (import.puts.back().checkpoint.sequence >= c.sequence || import.puts.back().checkpoint.id >= c.id ||
         import.puts.back().checkpoint.created_at > c.created_at)) {
      return fail(Errc::corrupt, "sequence " + std::to_string(c.sequence) + " is out of order");
    }
    TRY(StagedPtr payload, core.backend().stage(import.row.id, parsed.payload, core.timeout()));
    import.puts.push_back({std::move(parsed.checkpoint), std::move(payload)});
  }
}

/// One change: the session if it is new, and the checkpoints it lacks.
Result<Change> decide_import(Core& core, const View& view, const Import& import, ImportReport& report) {
  report = {};
  Change change;
  if (view.row() == nullptr) change.row = import.row;
  const Head& head = view.head();
  std::uint64_t events = head.events;
  if (change.row) change.events.push_back({++events, EventKind::created, 0, 0, core.world().now()});
  for (const Put& put : import.puts) {
    const Checkpoint& c = put.checkpoint;
    if (c.sequence <= head.last_sequence) {
      TRY(const auto known, view.find(c.sequence));
      if (known && known->hash != c.hash) {
        return fail(Errc::conflict, "sequence " + std::to_string(c.sequence) + " is another checkpoint here");
      }
      ++report.present;  // or it was here and was removed
      continue;
    }
    if (c.id <= head.last_id || c.created_at < head.last_time) {
      return fail(Errc::conflict, "sequence " + std::to_string(c.sequence) + " is older than what is here");
    }
    change.puts.push_back(put);
    change.events.push_back({++events, EventKind::created, c.sequence, 1, core.world().now()});
    ++report.created;
  }
  return change;
}

}  // namespace

Result<ImportReport> LocalStore::import_from(const std::function<Result<std::optional<std::string>>()>& lines) const {
  TRY(Import read, read_all(*core_, lines));
  const auto import = std::make_shared<const Import>(std::move(read));
  const auto report = std::make_shared<ImportReport>();
  const Decide decide = [core = core_.get(), import, report](const View& view) {
    return decide_import(*core, view, *import, *report);
  };
  TRY_STATUS(core_->run(import->row.id, decide, core_->timeout()));
  return *report;
}

}  // namespace chronik::checkpoint
