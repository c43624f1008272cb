#include "checkpoint/text.h"

#include <nlohmann/json.hpp>

namespace chronik::checkpoint {

namespace {

using Json = nlohmann::json;

constexpr std::size_t kDepthMax = 64;  // printing and comparing recurse
constexpr std::size_t kNameBytesMax = 256;

/// How deep brackets nest outside strings: an upper bound before anything is parsed.
bool too_deep(std::string_view text) {
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kDepthMax) return true;
    } else if ((c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
  return false;
}

Json parse(std::string_view text) {
  if (too_deep(text)) return Json(Json::value_t::discarded);
  return Json::parse(text, nullptr, /*allow_exceptions=*/false);
}

}  // namespace

bool is_utf8(std::string_view text) {
  const auto* at = reinterpret_cast<const unsigned char*>(text.data());
  const auto* const end = at + text.size();
  while (at < end) {
    if (*at < 0x80) {
      ++at;
      continue;
    }
    const int more = *at >= 0xc2 && *at < 0xe0 ? 1 : (*at & 0xf0) == 0xe0 ? 2 : *at >= 0xf0 && *at < 0xf5 ? 3 : 0;
    if (more == 0 || end - at <= more) return false;
    std::uint32_t code = *at & (0x3fU >> more);
    for (int i = 1; i <= more; ++i) {
      if ((at[i] & 0xc0) != 0x80) return false;
      code = code << 6 | (at[i] & 0x3fU);
    }
    if (more == 2 && (code < 0x800 || (code >= 0xd800 && code < 0xe000))) return false;
    if (more == 3 && (code < 0x10000 || code > 0x10ffff)) return false;
    at += more + 1;
  }
  return true;
}

Status check_text(std::string_view what, std::string_view text, std::size_t bytes_max) {
  if (text.size() > bytes_max) {
    return fail(Errc::too_large, std::string(what) + " has " + std::to_string(text.size()) + " bytes, at most " +
                                     std::to_string(bytes_max));
  }
  if (!is_utf8(text)) return fail(Errc::invalid_argument, std::string(what) + " is not UTF-8");
  return {};
}

Status check_name(std::string_view what, std::string_view text) {
  if (text.empty()) return fail(Errc::invalid_argument, std::string(what) + " is empty");
  TRY_STATUS(check_text(what, text, kNameBytesMax));
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      return fail(Errc::invalid_argument, std::string(what) + " has a control character");
    }
  }
  return {};
}

Result<std::string> canonical_value(std::string_view text) {
  const Json value = parse(text);
  if (value.is_discarded()) return fail(Errc::invalid_argument, "not JSON, or nested deeper than 64 levels");
  return value.dump();
}

Result<std::string> canonical_json(std::string_view text) {
  if (text == "{}") return std::string(text);
  const Json value = parse(text);
  if (value.is_discarded()) return fail(Errc::invalid_argument, "not JSON, or nested deeper than 64 levels");
  if (!value.is_object()) return fail(Errc::invalid_argument, "metadata is JSON, but no object");
  return value.dump();
}

Status check_json_object(std::string_view text) {
  if (too_deep(text)) return fail(Errc::corrupt, "JSON nested deeper than 64 levels");
  if (!Json::accept(text) || text.find_first_not_of(" \t\r\n") == std::string_view::npos ||
      text[text.find_first_not_of(" \t\r\n")] != '{') {
    return fail(Errc::corrupt, "a line that is no JSON object");
  }
  return {};
}

bool json_has(std::string_view object, const std::vector<std::pair<std::string, std::string>>& wanted) {
  if (wanted.empty()) return true;
  const Json value = parse(object);
  if (!value.is_object()) return false;
  for (const auto& [key, json] : wanted) {
    const auto found = value.find(key);
    if (found == value.end() || found->dump() != json) return false;
  }
  return true;
}

std::optional<double> json_number(std::string_view object, std::string_view key) {
  const Json value = parse(object);
  if (!value.is_object()) return std::nullopt;
  const auto found = value.find(std::string(key));
  if (found == value.end() || !found->is_number()) return std::nullopt;
  return found->get<double>();
}

std::optional<std::string> json_patch(std::string_view first, std::string_view second) {
  const Json a = parse(first);
  const Json b = parse(second);
  if (a.is_discarded() || b.is_discarded()) return std::nullopt;
  return Json::diff(a, b).dump();
}

}  // namespace chronik::checkpoint
