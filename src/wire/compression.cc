// Bounded one-shot compression and decompression over the four libraries.
#include "wire/compression.h"

#include <lz4frame.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <utility>

namespace chronik::wire {
namespace {

/// Output of unknown size: a block that grows up to a bound. Contents beyond size() are unspecified.
class Output {
 public:
  Output(std::size_t guess, std::size_t bytes_max)
      : bytes_max_(bytes_max), block_(Block::allocate(std::min(std::max<std::size_t>(guess, 64), bytes_max))) {}

  std::byte* at() { return block_->data() + size_; }
  std::size_t room() const { return block_->capacity() - size_; }
  std::size_t size() const { return size_; }
  void advance(std::size_t n) { size_ += n; }
  /// More room, or false when the bound is reached.
  bool grow() { return reserve(std::max<std::size_t>(block_->capacity(), 64)); }
  /// Room for `more` bytes, or false when that exceeds the bound.
  bool reserve(std::size_t more) {
    if (room() >= more) return true;
    if (block_->capacity() >= bytes_max_) return false;
    const std::size_t wanted = std::max(size_ + more, block_->capacity() * 2);
    auto larger = Block::allocate(std::min(wanted, bytes_max_));
    std::memcpy(larger->data(), block_->data(), size_);
    block_ = std::move(larger);
    return room() > 0;
  }
  Buffer take() {
    const ByteSpan bytes(block_->data(), size_);
    return {std::move(block_), bytes};
  }

 private:
  std::size_t bytes_max_;
  std::size_t size_ = 0;
  std::shared_ptr<Block> block_;
};

constexpr std::size_t kGuessRatio = 4;

std::unexpected<Error> too_large(std::size_t bytes_max) {
  return fail(Errc::invalid_argument, "decompresses to more than " + std::to_string(bytes_max) + " bytes");
}
std::unexpected<Error> damaged(std::string_view codec) {
  return fail(Errc::corrupt, std::string(codec) + " data is damaged");
}

// ---- gzip ----

constexpr int kGzipWindow = 15 + 16;  // zlib: 32 KiB window, gzip wrapper

Result<Buffer> gzip_decompress(ByteSpan input, std::size_t bytes_max) {
  z_stream stream{};
  if (inflateInit2(&stream, kGzipWindow) != Z_OK) return fail(Errc::overloaded, "gzip: no memory");
  const std::unique_ptr<z_stream, int (*)(z_stream*)> guard(&stream, inflateEnd);
  Output output(input.size() * kGuessRatio, bytes_max);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(input.data()));
  stream.avail_in = static_cast<uInt>(input.size());
  for (;;) {
    if (output.room() == 0 && !output.grow()) {
      // The end of the stream may still be unread; only another byte of output is too much.
      std::byte spare{};
      stream.next_out = reinterpret_cast<Bytef*>(&spare);
      stream.avail_out = 1;
      const int rc = inflate(&stream, Z_NO_FLUSH);
      if (stream.avail_out == 0) return too_large(bytes_max);
      return rc == Z_STREAM_END && stream.avail_in == 0 ? Result<Buffer>(output.take()) : damaged("gzip");
    }
    const auto room = static_cast<uInt>(std::min<std::size_t>(output.room(), 1U << 30));
    stream.next_out = reinterpret_cast<Bytef*>(output.at());
    stream.avail_out = room;
    const int rc = inflate(&stream, Z_NO_FLUSH);
    output.advance(room - stream.avail_out);
    if (rc == Z_STREAM_END) {
      if (stream.avail_in == 0) return output.take();
      if (inflateReset(&stream) != Z_OK) return damaged("gzip");  // another member follows
    } else if (rc != Z_OK && !(rc == Z_BUF_ERROR && stream.avail_out == 0)) {
      return damaged("gzip");
    } else if (stream.avail_in == 0 && stream.avail_out > 0) {
      return damaged("gzip");  // ends before its trailer
    }
  }
}

Result<Buffer> gzip_compress(ByteSpan input) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    return fail(Errc::overloaded, "gzip: no memory");
  }
  const std::unique_ptr<z_stream, int (*)(z_stream*)> guard(&stream, deflateEnd);
  const std::size_t bound = deflateBound(&stream, input.size());
  Output output(bound, bound);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(input.data()));
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(output.at());
  stream.avail_out = static_cast<uInt>(output.room());
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) return fail(Errc::overloaded, "gzip: compression failed");
  output.advance(stream.total_out);
  return output.take();
}

// ---- snappy ----

// xerial's stream: magic, version and lowest compatible version (1 and 1), then blocks each preceded by its length.
constexpr std::array<std::uint8_t, 16> kXerialHeader = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1};
constexpr std::size_t kXerialMagicSize = 8;
constexpr std::size_t kXerialBlock = 32 * 1024;

bool is_xerial(ByteSpan input) {
  return input.size() >= kXerialHeader.size() && std::memcmp(input.data(), kXerialHeader.data(), kXerialMagicSize) == 0;
}

Status snappy_append(ByteSpan block, Output& output, std::size_t bytes_max) {
  const auto* data = reinterpret_cast<const char*>(block.data());
  std::size_t size = 0;
  if (!snappy::GetUncompressedLength(data, block.size(), &size)) return damaged("snappy");
  if (size > bytes_max - output.size()) return too_large(bytes_max);
  if (!output.reserve(size)) return too_large(bytes_max);
  if (!snappy::RawUncompress(data, block.size(), reinterpret_cast<char*>(output.at()))) return damaged("snappy");
  output.advance(size);
  return {};
}

Result<Buffer> snappy_decompress(ByteSpan input, std::size_t bytes_max) {
  if (!is_xerial(input)) {
    Output output(0, bytes_max);
    TRY_STATUS(snappy_append(input, output, bytes_max));
    return output.take();
  }
  Output output(input.size() * kGuessRatio, bytes_max);
  while (!input.empty()) {
    if (is_xerial(input)) {  // concatenated streams repeat the header
      input = input.subspan(kXerialHeader.size());
      continue;
    }
    if (input.size() < sizeof(std::uint32_t)) return damaged("snappy");
    const auto length = load_be<std::uint32_t>(input.data());
    input = input.subspan(sizeof length);
    if (length > input.size()) return damaged("snappy");
    TRY_STATUS(snappy_append(input.first(length), output, bytes_max));
    input = input.subspan(length);
  }
  return output.take();
}

Result<Buffer> snappy_compress(ByteSpan input) {
  const std::size_t blocks = (input.size() + kXerialBlock - 1) / kXerialBlock;
  const std::size_t bound =
      kXerialHeader.size() + blocks * (sizeof(std::uint32_t) + snappy::MaxCompressedLength(kXerialBlock));
  Output output(bound, bound);
  std::memcpy(output.at(), kXerialHeader.data(), kXerialHeader.size());
  output.advance(kXerialHeader.size());
  while (!input.empty()) {
    const ByteSpan block = input.first(std::min(kXerialBlock, input.size()));
    std::size_t size = 0;
    snappy::RawCompress(reinterpret_cast<const char*>(block.data()), block.size(),
                        reinterpret_cast<char*>(output.at() + sizeof(std::uint32_t)), &size);
    store_be(output.at(), static_cast<std::uint32_t>(size));
    output.advance(sizeof(std::uint32_t) + size);
    input = input.subspan(block.size());
  }
  return output.take();
}

// ---- lz4 ----

Result<Buffer> lz4_decompress(ByteSpan input, std::size_t bytes_max) {
  LZ4F_dctx* raw = nullptr;
  if (LZ4F_isError(LZ4F_createDecompressionContext(&raw, LZ4F_VERSION)) != 0) {
    return fail(Errc::overloaded, "lz4: no memory");
  }
  const std::unique_ptr<LZ4F_dctx, std::size_t (*)(LZ4F_dctx*)> context(raw, LZ4F_freeDecompressionContext);
  Output output(input.size() * kGuessRatio, bytes_max);
  for (;;) {
    std::byte spare{};
    const bool full = output.room() == 0 && !output.grow();
    std::size_t produced = full ? 1 : output.room();
    std::size_t consumed = input.size();
    const std::size_t hint =
        LZ4F_decompress(context.get(), full ? &spare : output.at(), &produced, input.data(), &consumed, nullptr);
    if (LZ4F_isError(hint) != 0) return damaged("lz4");
    if (full && produced > 0) return too_large(bytes_max);
    output.advance(produced);
    input = input.subspan(consumed);
    if (hint == 0) return input.empty() ? Result<Buffer>(output.take()) : damaged("lz4");
    if (consumed == 0 && produced == 0) return damaged("lz4");  // ends before its end mark
  }
}

Result<Buffer> lz4_compress(ByteSpan input) {
  LZ4F_preferences_t preferences{};
  preferences.frameInfo.blockSizeID = LZ4F_max64KB;
  preferences.frameInfo.blockMode = LZ4F_blockIndependent;
  const std::size_t bound = LZ4F_compressFrameBound(input.size(), &preferences);
  Output output(bound, bound);
  const std::size_t size = LZ4F_compressFrame(output.at(), output.room(), input.data(), input.size(), &preferences);
  if (LZ4F_isError(size) != 0) return fail(Errc::overloaded, "lz4: compression failed");
  output.advance(size);
  return output.take();
}

// ---- zstd ----

Result<Buffer> zstd_decompress(ByteSpan input, std::size_t bytes_max) {
  // One-shot into our own memory: the streaming interface would allocate whatever window the input asks for. The
  // context is scratch space that costs more to create than a small batch to decompress.
  thread_local const std::unique_ptr<ZSTD_DCtx, std::size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(), ZSTD_freeDCtx);
  if (context == nullptr) return fail(Errc::overloaded, "zstd: no memory");
  constexpr std::size_t kCapacityMin = 16 * 1024;
  std::size_t capacity = std::max(input.size() * kGuessRatio, kCapacityMin);
  const unsigned long long declared = ZSTD_getFrameContentSize(input.data(), input.size());
  if (declared == ZSTD_CONTENTSIZE_ERROR) return damaged("zstd");
  if (declared != ZSTD_CONTENTSIZE_UNKNOWN) {
    if (declared > bytes_max) return too_large(bytes_max);
    // Zero is also what a skippable frame says of itself.
    if (declared > 0) capacity = std::max<std::size_t>(declared, 1);
  }
  for (;;) {
    capacity = std::min(capacity, bytes_max);
    auto block = Block::allocate(capacity);
    const std::size_t size = ZSTD_decompressDCtx(context.get(), block->data(), capacity, input.data(), input.size());
    if (ZSTD_isError(size) == 0) {
      const ByteSpan bytes(block->data(), size);
      return Buffer(std::move(block), bytes);
    }
    if (ZSTD_getErrorCode(size) != ZSTD_error_dstSize_tooSmall) return damaged("zstd");
    if (capacity == bytes_max) return too_large(bytes_max);
    capacity *= kGuessRatio;
  }
}

Result<Buffer> zstd_compress(ByteSpan input) {
  const std::size_t bound = ZSTD_compressBound(input.size());
  Output output(bound, bound);
  const std::size_t size = ZSTD_compress(output.at(), output.room(), input.data(), input.size(), ZSTD_CLEVEL_DEFAULT);
  if (ZSTD_isError(size) != 0) return fail(Errc::overloaded, "zstd: compression failed");
  output.advance(size);
  return output.take();
}

}  // namespace

std::string_view to_string(Codec codec) {
  switch (codec) {
    case Codec::none:
      return "none";
    case Codec::gzip:
      return "gzip";
    case Codec::snappy:
      return "snappy";
    case Codec::lz4:
      return "lz4";
    case Codec::zstd:
      return "zstd";
  }
  return "unknown";
}

Result<Buffer> decompress(Codec codec, ByteSpan input, std::size_t output_bytes_max) {
  if (input.size() > INT32_MAX) return fail(Errc::invalid_argument, "compressed data exceeds 2 GiB");
  switch (codec) {
    case Codec::none:
      if (input.size() > output_bytes_max) return too_large(output_bytes_max);
      return Buffer::copy_of(input);
    case Codec::gzip:
      return gzip_decompress(input, output_bytes_max);
    case Codec::snappy:
      return snappy_decompress(input, output_bytes_max);
    case Codec::lz4:
      return lz4_decompress(input, output_bytes_max);
    case Codec::zstd:
      return zstd_decompress(input, output_bytes_max);
  }
  return fail(Errc::unsupported, "unknown compression codec");
}

Result<Buffer> compress(Codec codec, ByteSpan input) {
  if (input.size() > INT32_MAX) return fail(Errc::invalid_argument, "data to compress exceeds 2 GiB");
  switch (codec) {
    case Codec::none:
      return Buffer::copy_of(input);
    case Codec::gzip:
      return gzip_compress(input);
    case Codec::snappy:
      return snappy_compress(input);
    case Codec::lz4:
      return lz4_compress(input);
    case Codec::zstd:
      return zstd_compress(input);
  }
  return fail(Errc::unsupported, "unknown compression codec");
}

}  // namespace chronik::wire
