#include "base/result.h"

#include <cerrno>
#include <system_error>

namespace chronik {

std::string_view to_string(Errc code) {
  switch (code) {
    case Errc::timed_out:
      return "timed out";
    case Errc::closed:
      return "closed";
    case Errc::storage_failed:
      return "storage failed";
    case Errc::disk_full:
      return "disk full";
    case Errc::corrupt:
      return "corrupt";
    case Errc::overloaded:
      return "overloaded";
    case Errc::not_found:
      return "not found";
    case Errc::already_exists:
      return "already exists";
    case Errc::invalid_argument:
      return "invalid argument";
    case Errc::out_of_range:
      return "out of range";
    case Errc::unsupported:
      return "unsupported";
    case Errc::permission_denied:
      return "permission denied";
    case Errc::in_use:
      return "in use";
    case Errc::unreachable:
      return "unreachable";
  }
  return "unknown error";
}

std::string Error::message() const {
  std::string text(to_string(code));
  if (!detail.empty()) text.append(": ").append(detail);
  return text;
}

Error error_from_errno(int number, std::string_view what) {
  Errc code = Errc::storage_failed;
  switch (number) {
    case ENOSPC:
    case EDQUOT:
      code = Errc::disk_full;
      break;
    case ENOENT:
      code = Errc::not_found;
      break;
    case EEXIST:
    case ENOTEMPTY:
      code = Errc::already_exists;
      break;
    case EACCES:
    case EPERM:
    case EROFS:
      code = Errc::permission_denied;
      break;
    case EINVAL:
    case ENAMETOOLONG:
    case EISDIR:
    case ENOTDIR:
    case ELOOP:
      code = Errc::invalid_argument;
      break;
    case EADDRINUSE:
    case EBUSY:
      code = Errc::in_use;
      break;
    case ECONNREFUSED:
    case ECONNRESET:
    case EPIPE:
    case EHOSTUNREACH:
    case ENETUNREACH:
      code = Errc::unreachable;
      break;
    case ETIMEDOUT:
      code = Errc::timed_out;
      break;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      code = Errc::overloaded;
      break;
    default:
      break;
  }
  std::string detail(what);
  detail.append(": ").append(std::generic_category().message(number));
  return Error{code, std::move(detail)};
}

}  // namespace chronik
