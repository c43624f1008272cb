#include "remote/http.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace chronik::remote {

using cp::Errc;
using cp::fail;

namespace {

constexpr std::size_t kIdleMax = 64;
constexpr long kConnectMsMax = 10'000;

/// What the callbacks of one transfer share.
struct Transfer {
  const HttpCall& call;
  HttpAnswer answer;
  CURL* handle = nullptr;
  std::string_view unsent;
  std::string chunk;  // of a source
  bool ended_by_us = false;
  std::array<char, CURL_ERROR_SIZE> error{};
};

std::size_t take_body(char* data, std::size_t, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const std::string_view part(data, count);
  if (transfer.call.sink) {
    long status = 0;
    curl_easy_getinfo(transfer.handle, CURLINFO_RESPONSE_CODE, &status);
    if (status >= 200 && status < 300) {
      if (transfer.call.sink(part)) return count;
      transfer.ended_by_us = true;
      return 0;
    }
  }
  transfer.answer.body += part;
  return count;
}

std::size_t take_header(char* data, std::size_t, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  std::string_view line(data, count);
  while (!line.empty() && (line.back() == '\r' || line.back() == '\n')) line.remove_suffix(1);
  if (line.starts_with("HTTP/")) transfer.answer.headers.clear();  // of a 100 Continue
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return count;
  std::string name(line.substr(0, colon));
  std::ranges::transform(name, name.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  line.remove_prefix(colon + 1);
  while (line.starts_with(' ')) line.remove_prefix(1);
  transfer.answer.headers[std::move(name)] = std::string(line);
  return count;
}

std::size_t give_body(char* to, std::size_t, std::size_t room, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  if (transfer.unsent.empty() && transfer.call.source) {
    auto more = transfer.call.source();
    if (!more) {
      transfer.ended_by_us = true;
      return CURL_READFUNC_ABORT;
    }
    transfer.chunk = *std::move(more);
    transfer.unsent = transfer.chunk;
  }
  const std::size_t count = std::min(room, transfer.unsent.size());
  std::memcpy(to, transfer.unsent.data(), count);
  transfer.unsent.remove_prefix(count);
  return count;
}

/// A body is sent once: libcurl would repeat a request whose connection broke, and a write could happen twice.
int never_again(void*, curl_off_t, int) {
  return CURL_SEEKFUNC_FAIL;
}

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using List = std::unique_ptr<curl_slist, FreeList>;

void add(List& list, const std::string& line) {
  list.reset(curl_slist_append(list.release(), line.c_str()));
}

cp::Error error_of(CURLcode code, const Transfer& transfer, const std::string& base) {
  const std::string why = transfer.error[0] != '\0' ? transfer.error.data() : curl_easy_strerror(code);
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return {Errc::closed, base + " cannot be reached: " + why};
    default:
      return {Errc::timed_out, base + ": " + why + "; a write may have taken effect"};
  }
}

}  // namespace

class HttpLink::Lease {
 public:
  explicit Lease(HttpLink& link) : link_(link) {
    {
      const std::lock_guard lock(link.mutex_);
      if (!link.idle_.empty()) {
        handle_ = link.idle_.back();
        link.idle_.pop_back();
      }
    }
    if (handle_ == nullptr) handle_ = curl_easy_init();
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  ~Lease() {
    if (handle_ == nullptr) return;
    curl_easy_reset(handle_);  // options only: its connection stays
    {
      const std::lock_guard lock(link_.mutex_);
      if (link_.idle_.size() < kIdleMax) {
        link_.idle_.push_back(std::exchange(handle_, nullptr));
      }
    }
    if (handle_ != nullptr) curl_easy_cleanup(handle_);
  }
  CURL* handle() const { return handle_; }

 private:
  HttpLink& link_;
  CURL* handle_ = nullptr;
};

HttpLink::~HttpLink() {
  for (void* handle : idle_) curl_easy_cleanup(handle);
}

cp::Result<HttpAnswer> HttpLink::call(const HttpCall& call) {
  const Lease lease(*this);
  CURL* const curl = lease.handle();
  if (curl == nullptr) return fail(Errc::overloaded, "libcurl has no memory");
  Transfer transfer{call, {}, curl, call.body, {}, false, {}};
  const std::string url = base_ + call.target;
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(call.timeout).count();
  List headers;
  add(headers, "Content-Type:" + (call.content_type.empty() ? std::string() : " " + call.content_type));
  if (call.epoch != 0) add(headers, "Chronik-Epoch: " + std::to_string(call.epoch));
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, transfer.error.data());
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, std::min<long>(kConnectMsMax, ms));
  if (!call.sink && !call.source) {
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(ms));
  } else {
    // Of any length: it must only go on.
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, static_cast<long>(std::max<std::int64_t>(ms / 1000, 1)));
  }
  curl_easy_setopt(curl, CURLOPT_MAXAGE_CONN, 20L);  // the server closes idle ones after 30 s
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &transfer);
  const bool reads = std::string_view(call.method) == "GET";
  if (call.has_body || call.source) {
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, give_body);
    curl_easy_setopt(curl, CURLOPT_READDATA, &transfer);
    curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, never_again);
    if (call.source) {
      add(headers, "Transfer-Encoding: chunked");
    } else {
      curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call.body.size()));
    }
  } else if (!reads) {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, 0L);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, "");
    curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);  // there is no body whose repetition could be refused
  }
  if (!reads && call.body.empty() && !call.source) curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call.method);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  const CURLcode code = curl_easy_perform(curl);
  if (code != CURLE_OK && !transfer.ended_by_us) return fail(error_of(code, transfer, base_));
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &transfer.answer.status);
  return std::move(transfer.answer);
}

std::string percent_encoded(std::string_view text) {
  constexpr const char* kHex = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '.' || c == '_' || c == '~';
    if (plain) {
      encoded += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      ((encoded += '%') += kHex[byte >> 4]) += kHex[byte & 15];
    }
  }
  return encoded;
}

}  // namespace chronik::remote
