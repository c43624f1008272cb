// Where memory goes that the kernel may still write to, or whose destructors may no longer run, when the Host goes
// away. It is leaked on purpose: the process is about to end.
#pragma once

#include <memory>

namespace chronik::env {

/// Keeps `what` until the process ends; its destructor never runs. Any thread.
void abandon(std::shared_ptr<void> what);

}  // namespace chronik::env
