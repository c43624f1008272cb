// The four Kafka requests that the raw client needs, by hand: CreateTopics 2, Metadata 1, Produce 3, one uncompressed
// record batch (magic 2). Old versions on purpose: any broker since 2.1 answers them without ApiVersions first.
// Independent of the broker's own codec, so that an error there is not mirrored here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace chronik::bench {

inline constexpr std::int16_t kUnknownTopicOrPartition = 3;
inline constexpr std::int16_t kTopicAlreadyExists = 36;

/// Builds one request; big-endian.
class Encoder {
 public:
  /// Length (filled in by finish), header version 1.
  Encoder(std::int16_t api_key, std::int16_t version, std::int32_t correlation);

  template <class T>
  void integer(T value);
  void varint(std::int64_t value);  // zig-zag
  void string(std::string_view text);
  void null_string() { integer(std::int16_t{-1}); }
  void bytes(std::string_view raw) { out_.append(raw); }
  std::size_t size() const { return out_.size(); }
  /// Overwrites an integer written before at `at`.
  template <class T>
  void patch(std::size_t at, T value);
  std::string_view from(std::size_t at) const { return std::string_view(out_).substr(at); }

  std::string finish();

 private:
  std::string out_;
};

/// Reads one response; past its end everything is 0 and ok() false.
class Decoder {
 public:
  explicit Decoder(std::string_view bytes) : rest_(bytes) {}

  template <class T>
  T integer();
  std::string_view string();  // null reads as empty
  /// A count of elements, 0 for null.
  std::int32_t count();
  bool ok() const { return ok_; }

 private:
  std::string_view take(std::size_t n);
  std::string_view rest_;
  bool ok_ = true;
};

std::string create_topic_request(std::int32_t correlation, std::string_view topic, std::int32_t partitions,
                                 std::int32_t timeout_ms);
/// The topic's error code.
Result<std::int16_t> create_topic_response(std::string_view frame);

std::string metadata_request(std::int32_t correlation, std::string_view topic);
struct TopicLeaders {
  std::int16_t error = 0;
  int partitions = 0;
  int leaderless = 0;
};
Result<TopicLeaders> metadata_response(std::string_view frame);

/// Starts a Produce request for one topic; `partitions` batches must follow.
Encoder produce_request(std::int32_t correlation, std::string_view topic, std::int16_t acks, std::int32_t timeout_ms,
                        std::int32_t partitions);
/// Appends one partition with one batch of these values.
void append_batch(Encoder& request, std::int32_t partition, const std::vector<std::string_view>& values,
                  std::int64_t timestamp_ms);
struct ProducedPartition {
  std::int32_t partition;
  std::int16_t error;
  std::int64_t base_offset;
};
Result<std::vector<ProducedPartition>> produce_response(std::string_view frame);

}  // namespace chronik::bench
