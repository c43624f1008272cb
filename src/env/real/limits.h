// What the system lets this process have.
#pragma once

#include <cstddef>

namespace chronik::env {

/// Raises the soft limit of open descriptors to the hard one, as far as the system allows; gives what holds then.
std::size_t raise_descriptor_limit();

}  // namespace chronik::env
