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

}  // namespace chronik::checkpoint
