// See wire.h.
#include "apps/bench/wire.h"

#include "base/bytes.h"
#include "base/crc32c.h"

namespace chronik::bench {
namespace {

constexpr std::int16_t kProduce = 0;
constexpr std::int16_t kMetadata = 3;
constexpr std::int16_t kCreateTopics = 19;

int varint_size(std::int64_t value) {
  auto bits = (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
  int size = 1;
  for (; bits >= 0x80; bits >>= 7) ++size;
  return size;
}

Error damaged(std::string_view what) {
  return {Errc::corrupt, std::string(what) + " response is damaged"};
}

}  // namespace

template <class T>
void Encoder::integer(T value) {
  const auto at = out_.size();
  out_.resize(at + sizeof value);
  store_be(reinterpret_cast<std::byte*>(out_.data() + at), value);
}

template <class T>
void Encoder::patch(std::size_t at, T value) {
  store_be(reinterpret_cast<std::byte*>(out_.data() + at), value);
}

Encoder::Encoder(std::int16_t api_key, std::int16_t version, std::int32_t correlation) {
  integer(std::int32_t{0});
  integer(api_key);
  integer(version);
  integer(correlation);
  string("chronik-bench");
}

void Encoder::varint(std::int64_t value) {
  auto bits = (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
  for (; bits >= 0x80; bits >>= 7) out_.push_back(static_cast<char>(0x80 | (bits & 0x7f)));
  out_.push_back(static_cast<char>(bits));
}

void Encoder::string(std::string_view text) {
  integer(static_cast<std::int16_t>(text.size()));
  bytes(text);
}

std::string Encoder::finish() {
  patch(0, static_cast<std::int32_t>(out_.size() - 4));
  return std::move(out_);
}

std::string_view Decoder::take(std::size_t n) {
  if (n > rest_.size()) {
    ok_ = false;
    rest_ = {};
    return {};
  }
  const auto taken = rest_.substr(0, n);
  rest_.remove_prefix(n);
  return taken;
}

template <class T>
T Decoder::integer() {
  const auto raw = take(sizeof(T));
  return raw.empty() ? T{0} : load_be<T>(reinterpret_cast<const std::byte*>(raw.data()));
}

std::string_view Decoder::string() {
  const auto size = integer<std::int16_t>();
  return size < 0 ? std::string_view() : take(static_cast<std::size_t>(size));
}

std::int32_t Decoder::count() {
  const auto n = integer<std::int32_t>();
  // Each element takes a byte at least: a damaged count ends here, not in a long loop.
  if (n > 0 && static_cast<std::size_t>(n) > rest_.size()) ok_ = false;
  return ok_ && n > 0 ? n : 0;
}

std::string create_topic_request(std::int32_t correlation, std::string_view topic, std::int32_t partitions,
                                 std::int32_t timeout_ms) {
  Encoder out(kCreateTopics, 2, correlation);
  out.integer(std::int32_t{1});
  out.string(topic);
  out.integer(partitions);
  out.integer(std::int16_t{1});  // replication factor
  out.integer(std::int32_t{0});  // assignments
  out.integer(std::int32_t{0});  // configurations
  out.integer(timeout_ms);
  out.integer(std::int8_t{0});  // not validate-only
  return out.finish();
}

Result<std::int16_t> create_topic_response(std::string_view frame) {
  Decoder in(frame);
  in.integer<std::int32_t>();  // correlation
  in.integer<std::int32_t>();  // throttle
  const auto topics = in.count();
  in.string();
  const auto error = in.integer<std::int16_t>();
  if (!in.ok() || topics != 1) return fail(damaged("CreateTopics"));
  return error;
}

std::string metadata_request(std::int32_t correlation, std::string_view topic) {
  Encoder out(kMetadata, 1, correlation);
  out.integer(std::int32_t{1});
  out.string(topic);
  return out.finish();
}

Result<TopicLeaders> metadata_response(std::string_view frame) {
  Decoder in(frame);
  in.integer<std::int32_t>();  // correlation
  for (auto brokers = in.count(); brokers > 0 && in.ok(); --brokers) {
    in.integer<std::int32_t>();
    in.string();
    in.integer<std::int32_t>();
    in.string();  // rack
  }
  in.integer<std::int32_t>();  // controller
  TopicLeaders found;
  const auto topics = in.count();
  found.error = in.integer<std::int16_t>();
  in.string();
  in.integer<std::int8_t>();  // internal
  found.partitions = in.count();
  for (int i = 0; i < found.partitions && in.ok(); ++i) {
    in.integer<std::int16_t>();
    in.integer<std::int32_t>();
    found.leaderless += in.integer<std::int32_t>() < 0 ? 1 : 0;
    for (auto replicas = in.count(); replicas > 0 && in.ok(); --replicas) in.integer<std::int32_t>();
    for (auto in_sync = in.count(); in_sync > 0 && in.ok(); --in_sync) in.integer<std::int32_t>();
  }
  if (!in.ok() || topics != 1) return fail(damaged("Metadata"));
  return found;
}

Encoder produce_request(std::int32_t correlation, std::string_view topic, std::int16_t acks, std::int32_t timeout_ms,
                        std::int32_t partitions) {
  Encoder out(kProduce, 3, correlation);
  out.null_string();  // transactional id
  out.integer(acks);
  out.integer(timeout_ms);
  out.integer(std::int32_t{1});
  out.string(topic);
  out.integer(partitions);
  return out;
}

void append_batch(Encoder& out, std::int32_t partition, const std::vector<std::string_view>& values,
                  std::int64_t timestamp_ms) {
  const auto count = static_cast<std::int32_t>(values.size());
  out.integer(partition);
  const auto size_at = out.size();
  out.integer(std::int32_t{0});  // bytes of the batch, below
  const auto batch_at = out.size();
  out.integer(std::int64_t{0});   // base offset
  out.integer(std::int32_t{0});   // batch length, below
  out.integer(std::int32_t{-1});  // leader epoch
  out.integer(std::int8_t{2});    // magic
  const auto crc_at = out.size();
  out.integer(std::uint32_t{0});
  const auto covered_at = out.size();
  out.integer(std::int16_t{0});  // attributes
  out.integer(count - 1);        // last offset delta
  out.integer(timestamp_ms);
  out.integer(timestamp_ms);
  out.integer(std::int64_t{-1});  // producer id
  out.integer(std::int16_t{-1});  // producer epoch
  out.integer(std::int32_t{-1});  // base sequence
  out.integer(count);
  for (std::int32_t i = 0; i < count; ++i) {
    const auto& value = values[static_cast<std::size_t>(i)];
    const auto length = static_cast<std::int64_t>(value.size());
    // attributes, timestamp delta 0, offset delta, null key, value, no headers
    out.varint(1 + 1 + varint_size(i) + 1 + varint_size(length) + length + 1);
    out.integer(std::int8_t{0});
    out.varint(0);
    out.varint(i);
    out.varint(-1);
    out.varint(length);
    out.bytes(value);
    out.varint(0);
  }
  out.patch(size_at, static_cast<std::int32_t>(out.size() - batch_at));
  out.patch(batch_at + 8, static_cast<std::int32_t>(out.size() - batch_at - 12));
  out.patch(crc_at, crc32c(as_bytes(out.from(covered_at))));
}

Result<std::vector<ProducedPartition>> produce_response(std::string_view frame) {
  Decoder in(frame);
  in.integer<std::int32_t>();  // correlation
  std::vector<ProducedPartition> found;
  for (auto topics = in.count(); topics > 0 && in.ok(); --topics) {
    in.string();
    for (auto partitions = in.count(); partitions > 0 && in.ok(); --partitions) {
      ProducedPartition one{};
      one.partition = in.integer<std::int32_t>();
      one.error = in.integer<std::int16_t>();
      one.base_offset = in.integer<std::int64_t>();
      in.integer<std::int64_t>();  // log append time
      found.push_back(one);
    }
  }
  if (!in.ok()) return fail(damaged("Produce"));
  return found;
}

}  // namespace chronik::bench
