// What "authorized operations" fields hold while there is no authorizer: every operation that the kind of resource
// knows, one bit for each of Kafka's AclOperation codes (KIP-430).
#pragma once

#include <cstdint>
#include <initializer_list>

#include "wire/types.h"

namespace chronik::server {

/// Kafka's AclOperation.
enum class AclOperation : std::uint8_t {
  read = 3,
  write = 4,
  create = 5,
  remove = 6,
  alter = 7,
  describe = 8,
  cluster_action = 9,
  describe_configs = 10,
  alter_configs = 11,
  idempotent_write = 12,
};

constexpr std::int32_t operation_bits(std::initializer_list<AclOperation> operations) {
  std::uint32_t bits = 0;
  for (const AclOperation operation : operations) bits |= 1U << static_cast<unsigned>(operation);
  return static_cast<std::int32_t>(bits);
}

inline constexpr std::int32_t kTopicOperations = operation_bits(
    {AclOperation::read, AclOperation::write, AclOperation::create, AclOperation::remove, AclOperation::alter,
     AclOperation::describe, AclOperation::describe_configs, AclOperation::alter_configs});
inline constexpr std::int32_t kGroupOperations =
    operation_bits({AclOperation::read, AclOperation::remove, AclOperation::describe, AclOperation::describe_configs,
                    AclOperation::alter_configs});
inline constexpr std::int32_t kClusterOperations =
    operation_bits({AclOperation::create, AclOperation::alter, AclOperation::describe, AclOperation::cluster_action,
                    AclOperation::describe_configs, AclOperation::alter_configs, AclOperation::idempotent_write});

constexpr std::int32_t operations_if(bool asked, std::int32_t operations) {
  return asked ? operations : wire::kOperationsNotRequested;
}

}  // namespace chronik::server
