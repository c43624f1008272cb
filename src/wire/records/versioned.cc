// The version in front.
#include "wire/records/versioned.h"

namespace chronik::wire {

Result<std::int16_t> leading_version(const Buffer& bytes) {
  if (bytes.size() < sizeof(std::int16_t)) return fail(Errc::corrupt, "no version in front");
  return load_be<std::int16_t>(bytes.data());
}

}  // namespace chronik::wire
