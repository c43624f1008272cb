// The errors of the public face, made short to write; and those of the rooms below, translated.
#pragma once

#include <string>
#include <utility>

#include <chronik/checkpoint.h>
#include "base/result.h"

namespace chronik::checkpoint {

inline std::unexpected<Error> fail(Errc code, std::string detail) {
  return std::unexpected<Error>(Error{code, std::move(detail)});
}
inline std::unexpected<Error> fail(Error error) {
  return std::unexpected<Error>(std::move(error));
}
/// What the write-ahead log and the disk say.
Error translate(const chronik::Error& error);
template <class T>
Result<T> adopt(chronik::Result<T> result) {
  if (!result) return fail(translate(result.error()));
  if constexpr (std::is_void_v<T>) {
    return {};
  } else {
    return *std::move(result);
  }
}
/// Whether it passes by itself; what failed left nothing behind.
constexpr bool passes(Errc code) {
  return code == Errc::disk_full || code == Errc::overloaded || code == Errc::too_large;
}

}  // namespace chronik::checkpoint
