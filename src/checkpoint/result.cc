#include "checkpoint/result.h"

namespace chronik::checkpoint {

std::string_view to_string(Errc code) {
  switch (code) {
    case Errc::invalid_argument:
      return "invalid argument";
    case Errc::not_found:
      return "not found";
    case Errc::already_exists:
      return "already exists";
    case Errc::conflict:
      return "conflict";
    case Errc::fenced:
      return "fenced";
    case Errc::too_large:
      return "too large";
    case Errc::corrupt:
      return "corrupt";
    case Errc::timed_out:
      return "timed out";
    case Errc::overloaded:
      return "overloaded";
    case Errc::disk_full:
      return "disk full";
    case Errc::storage_failed:
      return "storage failed";
    case Errc::in_use:
      return "in use";
    case Errc::closed:
      return "closed";
    case Errc::unsupported:
      return "unsupported";
    case Errc::wrong_key:
      return "wrong key";
  }
  return "unknown error";
}

std::string Error::message() const {
  std::string text(to_string(code));
  return detail.empty() ? text : text + ": " + detail;
}

namespace {
Errc translate(chronik::Errc code) {
  switch (code) {
    case chronik::Errc::timed_out:
      return Errc::timed_out;
    case chronik::Errc::closed:
      return Errc::closed;
    case chronik::Errc::disk_full:
      return Errc::disk_full;
    case chronik::Errc::corrupt:
      return Errc::corrupt;
    case chronik::Errc::overloaded:
      return Errc::overloaded;
    case chronik::Errc::not_found:
      return Errc::not_found;
    case chronik::Errc::already_exists:
      return Errc::already_exists;
    case chronik::Errc::invalid_argument:
      return Errc::invalid_argument;
    case chronik::Errc::unsupported:
      return Errc::unsupported;
    case chronik::Errc::in_use:
      return Errc::in_use;
    case chronik::Errc::storage_failed:
    case chronik::Errc::out_of_range:
    case chronik::Errc::permission_denied:
    case chronik::Errc::unreachable:
      return Errc::storage_failed;
  }
  return Errc::storage_failed;
}
}  // namespace

Error translate(const chronik::Error& error) {
  return {translate(error.code), error.detail};
}

}  // namespace chronik::checkpoint
