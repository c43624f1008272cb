// What an operation of /v1/ is given, and how it answers: the words of the request, checked on the way out.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "admin/http_connection.h"
#include "checkpoint/result.h"
#include "task/budget.h"

namespace chronik::admin {

namespace cp = chronik::checkpoint;
using nlohmann::ordered_json;

/// One request, decoded. Its readers give invalid_argument with the name of what is wrong.
struct Call {
  HttpRequest http;
  std::vector<std::string> path;  // the values of the {…} of the route, decoded
  std::vector<std::pair<std::string, std::string>> query;
  std::string body;
  ordered_json json;  // the body of a route that takes JSON: an object
  Duration timeout{};
  std::vector<task::Charge> charges;  // for what the call holds in memory; given back on the loop

  /// The last of that name; nothing if there is none.
  const std::string* find(std::string_view name) const;
  std::string text(std::string_view name, std::string fallback = {}) const;
  std::vector<std::string> all(std::string_view name) const;
  cp::Result<std::optional<std::uint64_t>> number(std::string_view name, std::uint64_t max = UINT64_MAX) const;
  cp::Result<std::optional<bool>> flag(std::string_view name) const;
  /// "none" is the nil one.
  cp::Result<std::optional<cp::CheckpointId>> id(std::string_view name) const;
};

/// Reads the members of a JSON body, each at most once; finish() names what nobody asked for.
class Members {
 public:
  explicit Members(const ordered_json& object) : object_(object) {}
  std::optional<std::string> text(const char* name);
  std::optional<std::uint64_t> number(const char* name);
  std::optional<bool> flag(const char* name);
  std::vector<std::string> texts(const char* name);
  const ordered_json* array(const char* name);
  /// As JSON text, of any type.
  std::optional<std::string> json(const char* name);
  cp::Status finish();

 private:
  const ordered_json* find(const char* name);
  void wrong(const char* name, const char* wanted);
  const ordered_json& object_;
  std::vector<std::string> read_;
  std::string wrong_;
};

Reply json_reply(const ordered_json& json, int status = 200);
/// RFC 9457.
Reply problem(int status, std::string_view type, std::string_view detail);
/// What goes wrong while importing is the fault of what was sent.
Reply problem(const cp::Error& error, bool importing = false);

/// Decodes a path's segments and a query; invalid_argument for a malformed one.
cp::Status decode_target(const std::string& target, std::vector<std::string>& segments,
                         std::vector<std::pair<std::string, std::string>>& query);

}  // namespace chronik::admin
