#include "meta/log_format.h"

#include <fmt/format.h>

#include <charconv>

#include "base/crc32c.h"

namespace chronik::meta {

namespace {

constexpr std::string_view kPrefix = "metadata-";
constexpr std::string_view kSuffix = ".log";
constexpr std::size_t kDigits = 16;

/// Every header ends in its own checksum.
template <class Header>
std::uint32_t checksum(const Header& header) {
  return crc32c(std::as_bytes(std::span(&header, 1)).first(sizeof(Header) - sizeof(std::uint32_t)));
}

template <class Header>
std::optional<Header> load(ByteSpan bytes) {
  if (bytes.size() < sizeof(Header)) return std::nullopt;
  Header header;
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.crc.get() != checksum(header)) return std::nullopt;
  return header;
}

template <class Header>
void store(std::byte* at, Header& header) {
  header.crc.set(checksum(header));
  std::memcpy(at, &header, sizeof header);
}

struct Blocks {
  std::shared_ptr<Block> block;
  std::size_t size;
  explicit Blocks(std::size_t bytes)
      : block(Block::allocate(log_block_up(bytes), kLogBlock)), size(log_block_up(bytes)) {
    std::memset(block->data(), 0, size);
  }
  Buffer finish() && {
    const ByteSpan all(block->data(), size);
    return {std::move(block), all};
  }
};

}  // namespace

std::string log_file_name(std::uint64_t number) {
  return fmt::format("{}{:016x}{}", kPrefix, number, kSuffix);
}

std::optional<std::uint64_t> parse_log_file_name(std::string_view name) {
  if (name.size() != kPrefix.size() + kDigits + kSuffix.size()) return std::nullopt;
  if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) return std::nullopt;
  const std::string_view digits = name.substr(kPrefix.size(), kDigits);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number, 16);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

Buffer encode_file_header(std::uint64_t number, const LogPosition& position) {
  Blocks out(sizeof(LogFileHeader));
  LogFileHeader header{};
  header.magic.set(kLogMagic);
  header.version.set(kLogVersion);
  header.number.set(number);
  header.first_sequence.set(position.sequence + 1);
  header.previous_crc.set(position.crc);
  store(out.block->data(), header);
  return std::move(out).finish();
}

std::optional<LogFileHeader> decode_file_header(ByteSpan block) {
  auto header = load<LogFileHeader>(block);
  if (header && (header->magic.get() != kLogMagic || header->version.get() != kLogVersion)) return std::nullopt;
  return header;
}

Buffer encode_group(LogPosition& position, const std::vector<Buffer>& commands) {
  std::size_t length = sizeof(LogGroupHeader);
  for (const Buffer& command : commands) length += sizeof(std::uint32_t) + command.size();
  Blocks out(length);
  std::byte* at = out.block->data() + sizeof(LogGroupHeader);
  for (const Buffer& command : commands) {
    store_be(at, static_cast<std::uint32_t>(command.size()));
    at += sizeof(std::uint32_t);
    std::memcpy(at, command.data(), command.size());
    at += command.size();
  }
  LogGroupHeader header{};
  header.magic.set(kLogGroupMagic);
  header.length.set(static_cast<std::uint32_t>(length));
  header.sequence.set(position.sequence + 1);
  header.durable.set(position.sequence);
  header.first_index.set(position.index.value() + 1);
  header.count.set(static_cast<std::uint32_t>(commands.size()));
  header.previous_crc.set(position.crc);
  header.body_crc.set(
      crc32c(ByteSpan(out.block->data(), length).subspan(sizeof(LogGroupHeader), length - sizeof(LogGroupHeader))));
  store(out.block->data(), header);
  position = {position.sequence + 1, header.crc.get(), position.index.plus(commands.size())};
  return std::move(out).finish();
}

Buffer encode_seal(const LogPosition& position) {
  Blocks out(sizeof(LogGroupHeader));
  LogGroupHeader header{};
  header.magic.set(kLogGroupMagic);
  header.length.set(sizeof(LogGroupHeader));
  header.sequence.set(position.sequence);
  header.durable.set(position.sequence);
  header.first_index.set(position.index.value() + 1);
  header.previous_crc.set(position.crc);
  store(out.block->data(), header);
  return std::move(out).finish();
}

std::optional<LogGroup> decode_group(ByteSpan bytes) {
  const auto header = load<LogGroupHeader>(bytes);
  if (!header || header->magic.get() != kLogGroupMagic) return std::nullopt;
  const std::size_t length = header->length.get();
  if (length < sizeof(LogGroupHeader) || length > bytes.size()) return std::nullopt;
  ByteSpan body = bytes.first(length).subspan(sizeof(LogGroupHeader));
  if (crc32c(body) != header->body_crc.get()) return std::nullopt;
  LogGroup group{*header, {}, log_block_up(length)};
  for (std::uint32_t i = 0; i < header->count.get(); ++i) {
    if (body.size() < sizeof(std::uint32_t)) return std::nullopt;
    const auto size = load_be<std::uint32_t>(body.data());
    body = body.subspan(sizeof(std::uint32_t));
    if (size > body.size()) return std::nullopt;
    group.commands.push_back(body.first(size));
    body = body.subspan(size);
  }
  if (!body.empty()) return std::nullopt;
  return group;
}

Buffer encode_snapshot(const LogPosition& position, ByteSpan state) {
  auto block = Block::allocate(sizeof(SnapshotHeader) + state.size());
  SnapshotHeader header{};
  header.magic.set(kSnapshotMagic);
  header.version.set(kLogVersion);
  header.group_crc.set(position.crc);
  header.sequence.set(position.sequence);
  header.index.set(position.index.value());
  header.length.set(state.size());
  header.body_crc.set(crc32c(state));
  store(block->data(), header);
  std::memcpy(block->data() + sizeof header, state.data(), state.size());
  const ByteSpan all(block->data(), block->capacity());
  return {std::move(block), all};
}

std::optional<Snapshot> decode_snapshot(ByteSpan file) {
  const auto header = load<SnapshotHeader>(file);
  if (!header || header->magic.get() != kSnapshotMagic || header->version.get() != kLogVersion) return std::nullopt;
  const ByteSpan state = file.subspan(sizeof(SnapshotHeader));
  if (state.size() != header->length.get() || crc32c(state) != header->body_crc.get()) return std::nullopt;
  return Snapshot{{header->sequence.get(), header->group_crc.get(), Index(header->index.get())}, state};
}

}  // namespace chronik::meta
