// Our bytes against Apache Kafka's: vectors written by tests/golden/Golden.java.
#include <gtest/gtest.h>

#include <charconv>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "wire/batch_validation.h"
#include "wire/catalogue.h"
#include "wire/record_reader.h"

namespace chronik::wire {
namespace {

/// src/wire/testdata, looked for upwards from the test program and the working directory.
std::filesystem::path testdata(std::string_view file) {
  std::filesystem::path wanted = std::filesystem::path("src/wire/testdata") / file;
  for (std::filesystem::path at :
       {std::filesystem::read_symlink("/proc/self/exe").parent_path(), std::filesystem::current_path()}) {
    for (; at.has_relative_path(); at = at.parent_path()) {
      if (std::filesystem::exists(at / wanted)) return at / wanted;
    }
  }
  return wanted;
}

Buffer from_hex(std::string_view hex) {
  std::string text;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    unsigned byte = 0;
    std::from_chars(hex.data() + i, hex.data() + i + 2, byte, 16);
    text.push_back(static_cast<char>(byte));
  }
  return Buffer::copy_of(as_bytes(text));
}

std::string to_hex(ByteSpan bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (const std::byte byte : bytes) {
    hex.push_back(kDigits[std::to_integer<unsigned>(byte) >> 4U]);
    hex.push_back(kDigits[std::to_integer<unsigned>(byte) & 15U]);
  }
  return hex;
}

/// Lines of a vector file, split at spaces into `fields` words, the last of which takes the rest.
std::vector<std::vector<std::string>> read_vectors(std::string_view file, std::size_t fields) {
  std::ifstream in(testdata(file));
  EXPECT_TRUE(in.good()) << testdata(file);
  std::vector<std::vector<std::string>> lines;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with('#')) continue;
    auto& words = lines.emplace_back();
    std::string_view rest = line;
    while (words.size() + 1 < fields && rest.find(' ') != std::string_view::npos) {
      words.emplace_back(rest.substr(0, rest.find(' ')));
      rest.remove_prefix(rest.find(' ') + 1);
    }
    words.emplace_back(rest);
  }
  return lines;
}

const MessageOps* find_by_name(std::string_view name) {
  for (const MessageOps& ops : all_messages()) {
    if (name == ops.schema.name) return &ops;
  }
  return nullptr;
}

TEST(Golden, messages_of_apache_kafka_read_and_write_the_same_in_every_version) {
  std::set<std::string> seen;
  for (const auto& words : read_vectors("golden.txt", 4)) {
    ASSERT_EQ(words.size(), 4U);
    SCOPED_TRACE(words[0] + " v" + words[1]);
    const MessageOps* ops = find_by_name(words[0]);
    ASSERT_NE(ops, nullptr);
    const auto version = static_cast<std::int16_t>(std::stoi(words[1]));
    const Buffer body = from_hex(words[2] == "-" ? "" : words[2]);
    const auto text = ops->to_text(body, version);
    ASSERT_TRUE(text) << text.error().message();
    EXPECT_EQ(*text, words[3]);
    const auto again = ops->reencode(body, version);
    ASSERT_TRUE(again) << again.error().message();
    EXPECT_EQ(to_hex(again->span()), to_hex(body.span()));
    seen.insert(words[0] + " " + words[1]);
  }
  for (const MessageOps& ops : all_messages()) {
    for (int version = ops.schema.min; version <= ops.schema.max; ++version) {
      if (ops.schema.name == std::string_view("OffsetCommitKey") && version == 0) continue;  // the same as 1, long gone
      EXPECT_TRUE(seen.contains(std::string(ops.schema.name) + " " + std::to_string(version)))
          << ops.schema.name << " v" << version << " has no vector: run tests/golden/Golden.java";
    }
  }
}

std::string show(const std::optional<ByteSpan>& bytes) {
  if (!bytes) return "null";
  if (bytes->size() <= 100) return "'" + to_hex(*bytes) + "'";
  std::uint32_t hash = 1;  // java.util.Arrays.hashCode(byte[])
  for (const std::byte byte : *bytes) hash = 31 * hash + static_cast<std::uint32_t>(static_cast<std::int8_t>(byte));
  return std::to_string(bytes->size()) + "#" + std::to_string(hash);
}

std::string describe_batch(ByteSpan batch) {
  auto reader = RecordReader::open(batch, 1 << 20);
  if (!reader) return reader.error().message();
  const RecordBatchHeader& header = reader->header();
  std::string text = "base=" + std::to_string(header.base_offset.value());
  text += " last=" + std::to_string(header.last_offset().value());
  text += " epoch=" + std::to_string(header.leader_epoch.value()) + " codec=" + std::string(to_string(header.codec()));
  text += " producer=" + std::to_string(header.producer_id.value()) + "/";
  text += std::to_string(header.producer_epoch.value()) + "/" + std::to_string(header.base_sequence) + "-";
  text += std::to_string(header.last_sequence()) + " max=" + std::to_string(header.max_timestamp.value());
  if (header.is_transactional()) text += " transactional";
  if (header.is_control()) text += " control";
  RecordView record;
  for (;;) {
    const auto more = reader->next(record);
    if (!more) return more.error().message();
    if (!*more) return text;
    text += " | " + std::to_string(record.offset.value()) + " " + std::to_string(record.timestamp.value()) + " ";
    text += show(record.key) + "=" + show(record.value);
    for (const RecordHeaderView& h : record.headers) text += " [" + std::string(h.key) + ":" + show(h.value) + "]";
  }
}

TEST(Golden, batches_of_apache_kafka_are_read_as_it_reads_them) {
  int batches = 0;
  for (const auto& words : read_vectors("golden_batches.txt", 3)) {
    ASSERT_EQ(words.size(), 3U);
    SCOPED_TRACE(words[0]);
    const Buffer batch = from_hex(words[1]);
    EXPECT_TRUE(batch_crc_holds(batch.span()));
    EXPECT_EQ(describe_batch(batch.span()), words[2]);
    const auto valid = validate_produced_batch(batch.span(), 1 << 20);
    if (words[0] == "control") {
      ASSERT_FALSE(valid);
      EXPECT_EQ(valid.error().code, ErrorCode::invalid_record);
    } else if (words[0] == "log-append-time") {
      ASSERT_FALSE(valid);
      EXPECT_EQ(valid.error().code, ErrorCode::invalid_timestamp);
    } else {
      ASSERT_TRUE(valid) << valid.error().detail;
      EXPECT_EQ(valid->max_timestamp, valid->header.max_timestamp);
    }
    ++batches;
  }
  EXPECT_EQ(batches, 13);
}

}  // namespace
}  // namespace chronik::wire
