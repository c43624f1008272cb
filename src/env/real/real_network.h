// Kernel TCP: streams with TCP_NODELAY, listeners that survive running out of descriptors. Included only inside
// env/real.
#pragma once

#include "env/env.h"
#include "env/real/blocking_pool.h"

namespace chronik::env {

class RealLoop;

class RealNetwork final : public Network {
 public:
  RealNetwork(RealLoop& loop, Blocking blocking) : loop_(loop), blocking_(std::move(blocking)) {}

  Result<ListenerPtr> listen(const Address& at) override;
  /// Names are resolved on the pool.
  void connect(const Address& to, Callback<StreamPtr> done) override;
  RealLoop& loop() { return loop_; }

 private:
  RealLoop& loop_;
  const Blocking blocking_;
};

}  // namespace chronik::env
