// Expected failures are values. Result<T> is std::expected<T, Error>; Errc is the closed list of what can go wrong
// inside Chronik, each mapped to exactly one non-zero Kafka error code at the server's edge.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace chronik {

enum class Errc : std::uint8_t {
  timed_out = 1,      // a deadline passed; the operation may still take effect
  closed,             // the stream, channel or room was closed or is shutting down
  storage_failed,     // sticky: EIO, a failed sync or a stall; the log directory is offline
  disk_full,          // recoverable: no space left; reads and deletion go on
  corrupt,            // checksum or structure does not hold
  overloaded,         // a bounded queue or memory budget was exhausted until the deadline
  not_found,          // no such file, topic, partition, group
  already_exists,     // the name is taken
  invalid_argument,   // the caller's input is wrong
  out_of_range,       // offset or position outside what exists
  unsupported,        // valid, but not honoured by this build
  permission_denied,  // the system refused: read-only directory, port in use by another user
  in_use,             // locked by another process, or address already bound
  unreachable,        // the peer refused or reset the connection
};

/// Every Errc, for exhaustive tests.
inline constexpr Errc kAllErrc[] = {
    Errc::timed_out,        Errc::closed,       Errc::storage_failed, Errc::disk_full,
    Errc::corrupt,          Errc::overloaded,   Errc::not_found,      Errc::already_exists,
    Errc::invalid_argument, Errc::out_of_range, Errc::unsupported,    Errc::permission_denied,
    Errc::in_use,           Errc::unreachable,
};

std::string_view to_string(Errc code);

struct Error {
  Errc code;
  std::string detail;  // one line for a person: what failed and on which object

  std::string message() const;
};

template <class T>
using Result = std::expected<T, Error>;

using Status = Result<void>;

inline std::unexpected<Error> fail(Errc code, std::string detail = {}) {
  return std::unexpected<Error>(Error{code, std::move(detail)});
}
inline std::unexpected<Error> fail(Error error) {
  return std::unexpected<Error>(std::move(error));
}

/// errno to Errc: ENOSPC and EDQUOT are disk_full, EIO is storage_failed, and so on; unknown values are storage_failed,
/// never success.
Error error_from_errno(int number, std::string_view what);

}  // namespace chronik

#define CHRONIK_CONCAT_(a, b) a##b
#define CHRONIK_CONCAT(a, b) CHRONIK_CONCAT_(a, b)

/// `TRY(auto x, expression)`: x = the value, or return the error. CO_TRY inside coroutines.
#define CHRONIK_TRY_(temporary, declaration, returning, ...)               \
  auto temporary = (__VA_ARGS__);                                          \
  if (!temporary) returning std::unexpected(std::move(temporary).error()); \
  declaration = *std::move(temporary)
#define TRY(declaration, ...) CHRONIK_TRY_(CHRONIK_CONCAT(try_, __LINE__), declaration, return, __VA_ARGS__)
#define CO_TRY(declaration, ...) CHRONIK_TRY_(CHRONIK_CONCAT(try_, __LINE__), declaration, co_return, __VA_ARGS__)
/// The same for Status.
#define TRY_STATUS(...) \
  if (auto status = (__VA_ARGS__); !status) return std::unexpected(std::move(status).error())
#define CO_TRY_STATUS(...) \
  if (auto status = (__VA_ARGS__); !status) co_return std::unexpected(std::move(status).error())
