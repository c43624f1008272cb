#include "convert.h"

#include <algorithm>
#include <chrono>

namespace chronik::python {

namespace {

const char* name_of(cp::Trigger trigger) {
  constexpr const char* kNames[] = {"manual", "automatic", "scheduled"};
  return kNames[static_cast<std::size_t>(trigger)];
}

const char* name_of(cp::Level level) {
  constexpr const char* kNames[] = {"info", "warning", "critical"};
  return kNames[static_cast<std::size_t>(level)];
}

const char* name_of(cp::EventKind kind) {
  constexpr const char* kNames[] = {"created", "restored", "deleted", "compacted", "annotated", "renamed", "fenced"};
  return kNames[static_cast<std::size_t>(kind)];
}

const char* name_of(cp::Errc code) {
  constexpr const char* kNames[] = {
      "",          "invalid_argument", "not_found", "already_exists", "conflict", "fenced", "too_large",   "corrupt",
      "timed_out", "overloaded",       "disk_full", "storage_failed", "in_use",   "closed", "unsupported", "wrong_key"};
  return kNames[static_cast<std::size_t>(code)];
}

std::int64_t milliseconds(cp::Time time) {
  return time.time_since_epoch().count();
}

template <class T, class Convert>
py::list list_of(const std::vector<T>& all, const Convert& convert) {
  py::list list(all.size());
  for (std::size_t i = 0; i < all.size(); ++i) list[i] = convert(all[i]);
  return list;
}

py::list problems(const std::vector<cp::Problem>& all) {
  return list_of(all, [](const cp::Problem& one) { return py::make_tuple(one.session, one.sequence, one.what); });
}

/// The value under a key, if there is one.
template <class T>
bool take(const py::dict& given, const char* key, T& place) {
  if (!given.contains(key)) return false;
  try {
    place = given[key].cast<T>();
  } catch (const py::cast_error&) {
    throw py::type_error(std::string(key) + ": a value of the wrong type, or out of range");
  }
  return true;
}

template <class T>
void take(const py::dict& given, const char* key, std::optional<T>& place) {
  T value{};
  if (take(given, key, value)) place = std::move(value);
}

void take_seconds(const py::dict& given, const char* key, cp::Duration& place) {
  double value = 0;
  if (take(given, key, value)) place = seconds(value);
}

void take_seconds(const py::dict& given, const char* key, std::optional<cp::Duration>& place) {
  double value = 0;
  if (take(given, key, value)) place = seconds(value);
}

void take_id(const py::dict& given, const char* key, std::optional<cp::CheckpointId>& place) {
  std::string text;
  if (take(given, key, text)) place = text == "none" ? cp::CheckpointId{} : checkpoint_id(text);
}

void take_time(const py::dict& given, const char* key, std::optional<cp::Time>& place) {
  std::int64_t value = 0;
  if (take(given, key, value)) place = cp::Time(std::chrono::milliseconds(value));
}

std::optional<cp::Trigger> trigger(const py::dict& given) {
  std::string name;
  if (!take(given, "trigger", name)) return std::nullopt;
  for (const auto one : {cp::Trigger::manual, cp::Trigger::automatic, cp::Trigger::scheduled}) {
    if (name == name_of(one)) return one;
  }
  raise({cp::Errc::invalid_argument, "trigger is manual, automatic or scheduled, not " + name});
}

/// chronik.errors.make; never let go of, because threads may outlive the interpreter.
PyObject* make_error = nullptr;

}  // namespace

void find_errors() {
  py::object make = py::module_::import("chronik.errors").attr("make");
  make_error = make.release().ptr();
}

py::object called(PyObject* function, const py::tuple& arguments) {
  PyObject* const returned = staying([&] { return PyObject_CallObject(function, arguments.ptr()); });
  if (returned == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(returned);
}

void raise(const cp::Error& error) {
  const py::object made = called(make_error, py::make_tuple(name_of(error.code), error.detail));
  PyErr_SetObject(py::type::of(made).ptr(), made.ptr());
  throw py::error_already_set();
}

py::tuple to_python(const cp::Checkpoint& c) {
  const py::object parent = c.parent.is_nil() ? py::object(py::none()) : py::str(cp::to_string(c.parent));
  return py::make_tuple(
      cp::to_string(c.id), c.sequence, parent, c.branch, c.message, name_of(c.trigger), c.reason, c.metadata,
      milliseconds(c.created_at), c.size, c.content_type, c.schema_version, cp::to_hex(c.payload_hash),
      cp::to_hex(c.parent_hash), cp::to_hex(c.hash), c.idempotency_key, c.writer_epoch, c.tags,
      list_of(
          c.annotations,
          [](const cp::Annotation& one) { return py::make_tuple(name_of(one.level), one.text, milliseconds(one.at)); }),
      c.pinned);
}

py::tuple to_python(const cp::SessionInfo& info) {
  return py::make_tuple(cp::to_string(info.id), info.name, info.metadata, milliseconds(info.created_at),
                        info.forked_from, info.checkpoints, info.last_sequence, info.last_event, info.epoch,
                        list_of(info.branches, [](const cp::Branch& one) {
                          return py::make_tuple(one.name, one.sequence, cp::to_string(one.head));
                        }));
}

py::tuple to_python(const cp::Page& page) {
  return py::make_tuple(list_of(page.checkpoints, [](const cp::Checkpoint& one) { return to_python(one); }),
                        problems(page.damaged), page.next);
}

py::tuple to_python(const cp::TimelinePage& page) {
  const auto moment = [](const cp::Moment& one) { return py::make_tuple(one.session, to_python(one.checkpoint)); };
  return py::make_tuple(list_of(page.moments, moment), problems(page.damaged), page.next);
}

py::tuple to_python(const cp::SessionPage& page) {
  return py::make_tuple(list_of(page.sessions, [](const cp::SessionInfo& one) { return to_python(one); }), page.next);
}

py::tuple to_python(const cp::Difference& d) {
  return py::make_tuple(d.same, d.structural, d.patch, d.common_prefix, d.common_suffix, d.size_first, d.size_second);
}

py::tuple to_python(const cp::PruneReport& report) {
  return py::make_tuple(report.examined, report.deleted, report.payload_bytes, report.bytes_returned, report.sequences);
}

py::tuple to_python(const cp::VerifyReport& report) {
  return py::make_tuple(report.checkpoints, report.bytes, report.problem_count, problems(report.problems));
}

py::tuple to_python(const cp::EventPage& page) {
  return py::make_tuple(list_of(page.events,
                                [](const cp::Event& one) {
                                  return py::make_tuple(one.number, name_of(one.kind), one.sequence, one.count,
                                                        milliseconds(one.at));
                                }),
                        page.gap_from, page.gap_to);
}

py::tuple to_python(const cp::Health& health) {
  return py::make_tuple(health.sessions, health.checkpoints, health.payload_bytes, health.stored_bytes,
                        health.dead_bytes, health.damaged, health.scrubs, health.scrub_problems,
                        milliseconds(health.scrubbed_at));
}

py::tuple to_python(const cp::ImportReport& report) {
  return py::make_tuple(report.created, report.present);
}

cp::CheckpointId checkpoint_id(const std::string& text) {
  return unwrap(cp::parse_checkpoint_id(text));
}

cp::Duration seconds(double value) {
  constexpr double kMost = 3600.0 * 24 * 365 * 100;
  const double kept = value >= 0 ? std::min(value, kMost) : 0;  // NaN: 0
  return std::chrono::duration_cast<cp::Duration>(std::chrono::duration<double>(kept));
}

cp::Options store_options(const py::dict& given) {
  cp::Options options;
  take_seconds(given, "timeout", options.timeout);
  take(given, "payload_bytes_max", options.payload_bytes_max);
  take(given, "pending_bytes_max", options.pending_bytes_max);
  take(given, "events_kept", options.events_kept);
  take(given, "cache_bytes", options.cache_bytes);
  take_seconds(given, "stall_deadline", options.stall_deadline);
  take_seconds(given, "scrub_every", options.scrub_every);
  take(given, "scrub_bytes_per_second", options.scrub_bytes_per_second);
  take(given, "key", options.key);
  return options;
}

cp::CreateOptions create_options(const py::dict& given) {
  cp::CreateOptions options;
  take(given, "branch", options.branch);
  take(given, "message", options.message);
  take(given, "tags", options.tags);
  options.trigger = trigger(given).value_or(options.trigger);
  take(given, "reason", options.reason);
  take(given, "metadata", options.metadata);
  take(given, "content_type", options.content_type);
  take(given, "schema_version", options.schema_version);
  take(given, "pinned", options.pinned);
  take_id(given, "expected_parent", options.expected_parent);
  take_id(given, "branch_from", options.branch_from);
  take(given, "idempotency_key", options.idempotency_key);
  take_seconds(given, "timeout", options.timeout);
  return options;
}

cp::Query query(const py::dict& given) {
  cp::Query query;
  take(given, "newest_first", query.newest_first);
  take(given, "limit", query.limit);
  take(given, "cursor", query.cursor);
  take(given, "branch", query.branch);
  take(given, "tags", query.tags);
  query.trigger = trigger(given);
  take(given, "sequence_min", query.sequence_min);
  take(given, "sequence_max", query.sequence_max);
  take_time(given, "since", query.from);
  take_time(given, "until", query.until);
  take(given, "metadata", query.metadata);
  return query;
}

cp::Retention retention(const py::dict& given) {
  cp::Retention keep;
  take(given, "keep_last", keep.keep_last);
  take_seconds(given, "keep_within", keep.keep_within);
  take(given, "keep_hourly", keep.keep_hourly);
  take(given, "keep_daily", keep.keep_daily);
  take(given, "keep_weekly", keep.keep_weekly);
  take(given, "keep_tagged", keep.keep_tagged);
  std::vector<std::tuple<std::string, std::uint64_t, bool>> best;
  take(given, "keep_best", best);
  for (auto& [key, count, highest] : best) keep.keep_best.push_back({std::move(key), count, highest});
  take_seconds(given, "expire_after", keep.expire_after);
  take(given, "bytes_max", keep.bytes_max);
  return keep;
}

}  // namespace chronik::python
