// What text may come from outside: names, JSON.
#pragma once

#include <string>
#include <string_view>

#include "checkpoint/result.h"

namespace chronik::checkpoint {

bool is_utf8(std::string_view text);
/// Well-formed UTF-8 of at most `bytes_max`; `what` names it in the error. A name also is not empty and has no control
/// characters.
Status check_text(std::string_view what, std::string_view text, std::size_t bytes_max);
Status check_name(std::string_view what, std::string_view text);

/// A JSON object with its keys sorted and no spaces: equal values are equal bytes. At most 64 levels deep.
Result<std::string> canonical_json(std::string_view text);
/// Whether each top-level key of `object` (canonical) has the value given as JSON; `wanted` was checked.
bool json_has(std::string_view object, const std::vector<std::pair<std::string, std::string>>& wanted);
/// A value, in canonical form.
Result<std::string> canonical_value(std::string_view text);
/// Whether it is a JSON object at all, of bounded depth.
Status check_json_object(std::string_view text);
/// The number under a top-level key.
std::optional<double> json_number(std::string_view object, std::string_view key);
/// RFC 6902 from the first to the second; nothing if either is no JSON.
std::optional<std::string> json_patch(std::string_view first, std::string_view second);

}  // namespace chronik::checkpoint
