// Error answers to requests that may wait.
#pragma once

#include <string>
#include <utility>

#include "wire/errors.h"
#include "wire/messages/join_group.h"
#include "wire/messages/sync_group.h"

namespace chronik::coord {

inline wire::JoinGroupResponse join_error(wire::ErrorCode error, std::string member_id = {}) {
  wire::JoinGroupResponse response;
  response.error_code = error;
  response.member_id = std::move(member_id);
  return response;
}

inline wire::SyncGroupResponse sync_error(wire::ErrorCode error) {
  wire::SyncGroupResponse response;
  response.error_code = error;
  return response;
}

}  // namespace chronik::coord
