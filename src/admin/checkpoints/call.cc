#include "admin/checkpoints/call.h"

#include <algorithm>
#include <charconv>

#include <boost/url/parse.hpp>
#include <boost/url/src.hpp>

#include "checkpoint/json.h"

namespace chronik::admin {

using cp::Errc;
using cp::fail;

namespace {

std::unexpected<cp::Error> wrong_parameter(std::string_view name, std::string_view wanted) {
  return fail(Errc::invalid_argument, std::string(name) + ": " + std::string(wanted));
}

int status_of(Errc code) {
  switch (code) {
    case Errc::invalid_argument:
      return 400;
    case Errc::not_found:
      return 404;
    case Errc::already_exists:
    case Errc::conflict:
    case Errc::fenced:
      return 409;
    case Errc::too_large:
      return 413;
    case Errc::unsupported:
      return 501;
    case Errc::disk_full:
      return 507;
    case Errc::corrupt:
    case Errc::storage_failed:
      return 500;
    case Errc::timed_out:
    case Errc::overloaded:
    case Errc::in_use:
    case Errc::closed:
    case Errc::wrong_key:
      return 503;
  }
  return 500;
}

}  // namespace

const std::string* Call::find(std::string_view name) const {
  const auto found = std::ranges::find(query.rbegin(), query.rend(), name, &std::pair<std::string, std::string>::first);
  return found == query.rend() ? nullptr : &found->second;
}

std::string Call::text(std::string_view name, std::string fallback) const {
  const std::string* found = find(name);
  if (found != nullptr) return *found;
  return fallback;
}

std::vector<std::string> Call::all(std::string_view name) const {
  std::vector<std::string> values;
  for (const auto& [key, value] : query) {
    if (key == name) values.push_back(value);
  }
  return values;
}

cp::Result<std::optional<std::uint64_t>> Call::number(std::string_view name, std::uint64_t max) const {
  const std::string* found = find(name);
  if (found == nullptr) return std::nullopt;
  std::uint64_t value = 0;
  const char* const end = found->data() + found->size();
  const auto parsed = std::from_chars(found->data(), end, value);
  if (parsed.ec != std::errc() || parsed.ptr != end || value > max) {
    return wrong_parameter(name, "a whole number from 0 to " + std::to_string(max) + ", not '" + *found + "'");
  }
  return value;
}

cp::Result<std::optional<bool>> Call::flag(std::string_view name) const {
  const std::string* found = find(name);
  if (found == nullptr) return std::nullopt;
  if (*found != "true" && *found != "false") return wrong_parameter(name, "true or false, not '" + *found + "'");
  return *found == "true";
}

cp::Result<std::optional<cp::CheckpointId>> Call::id(std::string_view name) const {
  const std::string* found = find(name);
  if (found == nullptr) return std::nullopt;
  if (*found == "none") return cp::CheckpointId{};
  TRY(const cp::CheckpointId id, cp::parse_checkpoint_id(*found));
  return id;
}

const ordered_json* Members::find(const char* name) {
  read_.emplace_back(name);
  const auto found = object_.find(name);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

void Members::wrong(const char* name, const char* wanted) {
  if (wrong_.empty()) wrong_ = std::string(name) + ": " + wanted;
}

std::optional<std::string> Members::text(const char* name) {
  const ordered_json* found = find(name);
  if (found == nullptr) return std::nullopt;
  if (found->is_string()) return found->get<std::string>();
  wrong(name, "a string");
  return std::nullopt;
}

std::optional<std::uint64_t> Members::number(const char* name) {
  const ordered_json* found = find(name);
  if (found == nullptr) return std::nullopt;
  if (found->is_number_unsigned()) return found->get<std::uint64_t>();
  wrong(name, "a whole number, not negative");
  return std::nullopt;
}

std::optional<bool> Members::flag(const char* name) {
  const ordered_json* found = find(name);
  if (found == nullptr) return std::nullopt;
  if (found->is_boolean()) return found->get<bool>();
  wrong(name, "true or false");
  return std::nullopt;
}

std::vector<std::string> Members::texts(const char* name) {
  const ordered_json* found = find(name);
  if (found == nullptr) return {};
  if (found->is_array() && std::ranges::all_of(*found, [](const auto& one) { return one.is_string(); })) {
    return found->get<std::vector<std::string>>();
  }
  wrong(name, "a list of strings");
  return {};
}

const ordered_json* Members::array(const char* name) {
  const ordered_json* found = find(name);
  if (found == nullptr || found->is_array()) return found;
  wrong(name, "a list");
  return nullptr;
}

std::optional<std::string> Members::json(const char* name) {
  const ordered_json* found = find(name);
  return found == nullptr ? std::nullopt : std::optional(cp::to_text(*found));
}

cp::Status Members::finish() {
  if (!wrong_.empty()) return fail(Errc::invalid_argument, wrong_);
  for (const auto& [name, value] : object_.items()) {
    if (std::ranges::find(read_, name) == read_.end()) {
      std::string known;
      for (const std::string& one : read_) known += (known.empty() ? "" : ", ") + one;
      return fail(Errc::invalid_argument, "no member '" + name + "' is known here, only " + known);
    }
  }
  return {};
}

Reply json_reply(const ordered_json& json, int status) {
  return {status, "application/json", cp::to_text(json) + "\n", {}};
}

Reply problem(int status, std::string_view type, std::string_view detail) {
  return {status,
          "application/problem+json",
          cp::to_text(
              {{"type", "urn:chronik:" + std::string(type)}, {"title", type}, {"status", status}, {"detail", detail}}) +
              "\n",
          {}};
}

Reply problem(const cp::Error& error, bool importing) {
  const bool theirs = importing && (error.code == Errc::corrupt || error.code == Errc::unsupported);
  return problem(theirs ? 422 : status_of(error.code), cp::name_of(error.code), error.detail);
}

cp::Status decode_target(const std::string& target, std::vector<std::string>& segments,
                         std::vector<std::pair<std::string, std::string>>& query) {
  const auto parsed = boost::urls::parse_origin_form(target);
  if (!parsed) return fail(Errc::invalid_argument, "the target of the request is malformed");
  for (const auto& segment : parsed->segments()) segments.emplace_back(segment);
  for (const auto& parameter : parsed->params()) {
    query.emplace_back(std::string(parameter.key), std::string(parameter.value));
  }
  return {};
}

}  // namespace chronik::admin
