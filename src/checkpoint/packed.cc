#include "checkpoint/packed.h"

#include <zstd.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/crc32c.h"

namespace chronik::checkpoint {

namespace {
constexpr int kLevel = 1;
constexpr std::size_t kNotWorthIt = 128;

std::unexpected<Error> damaged() {
  return fail(Errc::corrupt, "stored bytes do not decompress to their length");
}

/// One per thread: making one costs more than a small payload.
struct Zstd {
  ZSTD_CCtx* out = ZSTD_createCCtx();
  ZSTD_DCtx* in = ZSTD_createDCtx();
  Zstd() = default;
  Zstd(const Zstd&) = delete;
  Zstd& operator=(const Zstd&) = delete;
  ~Zstd() {
    ZSTD_freeCCtx(out);
    ZSTD_freeDCtx(in);
  }
};
thread_local Zstd zstd;
}  // namespace

std::string pack(std::string_view raw) {
  std::string packed;
  if (raw.size() >= kNotWorthIt) {
    packed.resize(1 + ZSTD_compressBound(raw.size()));
    packed[0] = 1;
    const std::size_t n =
        ZSTD_compressCCtx(zstd.out, packed.data() + 1, packed.size() - 1, raw.data(), raw.size(), kLevel);
    CHECK(ZSTD_isError(n) == 0);
    if (n < raw.size() - raw.size() / 16) {
      packed.resize(1 + n);
      return packed;
    }
    packed.clear();
  }
  packed.reserve(1 + raw.size());
  packed += '\0';
  packed += raw;
  return packed;
}

Result<std::string> unpack(std::string_view packed, std::uint64_t raw_bytes) {
  if (packed.empty() || packed[0] > 1 || packed[0] < 0) return damaged();
  const std::string_view body = packed.substr(1);
  if (packed[0] == 0) {
    if (body.size() != raw_bytes) return damaged();
    return std::string(body);
  }
  // What the frame claims is checked before memory is taken on the word of `raw_bytes`, which is stored elsewhere.
  if (ZSTD_getFrameContentSize(body.data(), body.size()) != raw_bytes) return damaged();
  std::string raw(raw_bytes, '\0');
  const std::size_t n = ZSTD_decompressDCtx(zstd.in, raw.data(), raw.size(), body.data(), body.size());
  if (ZSTD_isError(n) != 0 || n != raw_bytes) return damaged();
  return raw;
}

std::string seal(std::string bytes) {
  std::byte crc[4];
  store_be(crc, crc32c(as_bytes(bytes)));
  return std::move(bytes.append(as_text(crc)));
}

Result<std::string_view> unseal(std::string_view sealed) {
  if (sealed.size() < 4) return fail(Errc::corrupt, "too short to have a checksum");
  const std::string_view body = sealed.substr(0, sealed.size() - 4);
  if (crc32c(as_bytes(body)) != load_be<std::uint32_t>(as_bytes(sealed).data() + body.size())) {
    return fail(Errc::corrupt, "the checksum does not hold");
  }
  return body;
}

}  // namespace chronik::checkpoint
