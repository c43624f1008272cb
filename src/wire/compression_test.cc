// Codecs: round trips, bounds, damage, and the two framings of snappy.
#include "wire/compression.h"

#include <gtest/gtest.h>
#include <snappy.h>

#include <string>

#include "base/prng.h"

namespace chronik::wire {
namespace {

std::string compressible(std::size_t size) {
  Prng prng(size + 1);
  std::string text;
  while (text.size() < size) text.append("word" + std::to_string(prng.below(50)) + " ");
  text.resize(size);
  return text;
}

std::string noise(std::size_t size) {
  Prng prng(size + 2);
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(prng.next());
  return text;
}

class EveryCodec : public testing::TestWithParam<Codec> {};

TEST_P(EveryCodec, gives_back_what_it_got) {
  for (const std::size_t size : {0UL, 1UL, 100UL, 32'768UL, 32'769UL, 1'000'000UL}) {
    for (const std::string& text : {compressible(size), noise(size), std::string(size, 'z')}) {
      const auto packed = compress(GetParam(), as_bytes(text));
      ASSERT_TRUE(packed);
      const auto unpacked = decompress(GetParam(), packed->span(), size);
      ASSERT_TRUE(unpacked) << size << ": " << unpacked.error().message();
      ASSERT_TRUE(as_text(unpacked->span()) == text) << size;
    }
  }
}

TEST_P(EveryCodec, stops_at_the_bound) {
  const std::string bomb(10'000'000, 'a');
  const auto packed = compress(GetParam(), as_bytes(bomb));
  ASSERT_TRUE(packed);
  for (const std::size_t bound : {0UL, 1UL, 65'536UL, bomb.size() - 1}) {
    const auto unpacked = decompress(GetParam(), packed->span(), bound);
    ASSERT_FALSE(unpacked) << bound;
    EXPECT_EQ(unpacked.error().code, Errc::invalid_argument) << unpacked.error().message();
  }
  EXPECT_TRUE(decompress(GetParam(), packed->span(), bomb.size()));
}

TEST_P(EveryCodec, damage_is_an_error_or_other_bytes_but_never_more) {
  const std::string text = compressible(5'000);
  const Buffer packed = compress(GetParam(), as_bytes(text)).value();
  Prng prng(99);
  for (int round = 0; round < 3000; ++round) {
    std::string copy(as_text(packed.span()));
    copy[prng.below(copy.size())] = static_cast<char>(prng.next());
    if (round % 3 == 0) copy.resize(prng.below(copy.size()));
    const auto unpacked = decompress(GetParam(), as_bytes(copy), 8'000);
    if (unpacked) EXPECT_LE(unpacked->size(), 8'000U);
  }
}

TEST_P(EveryCodec, cut_off_data_is_an_error) {
  if (GetParam() == Codec::none) return;  // has no structure to miss
  const Buffer packed = compress(GetParam(), as_bytes(compressible(100'000))).value();
  for (const std::size_t size : {packed.size() - 1, packed.size() / 2, std::size_t{20}}) {
    EXPECT_FALSE(decompress(GetParam(), packed.span().first(size), 200'000)) << size;
  }
}

INSTANTIATE_TEST_SUITE_P(All, EveryCodec, testing::ValuesIn(kAllCodecs),
                         [](const auto& info) { return std::string(to_string(info.param)); });

TEST(Snappy, raw_blocks_are_read_too) {
  const std::string text = compressible(10'000);
  std::string raw;
  snappy::Compress(text.data(), text.size(), &raw);
  const auto unpacked = decompress(Codec::snappy, as_bytes(raw), text.size());
  ASSERT_TRUE(unpacked);
  EXPECT_EQ(as_text(unpacked->span()), text);
  EXPECT_FALSE(decompress(Codec::snappy, as_bytes(raw), text.size() - 1));
}

TEST(Gzip, several_members_are_one_stream) {
  std::string two(as_text(compress(Codec::gzip, as_bytes("one")).value().span()));
  two.append(as_text(compress(Codec::gzip, as_bytes("two")).value().span()));
  EXPECT_EQ(as_text(decompress(Codec::gzip, as_bytes(two), 100).value().span()), "onetwo");
  EXPECT_EQ(as_text(decompress(Codec::gzip, as_bytes(two), 6).value().span()), "onetwo");
  EXPECT_FALSE(decompress(Codec::gzip, as_bytes(two), 5));
}

TEST(Codec, unknown_ones_are_unsupported) {
  EXPECT_EQ(decompress(static_cast<Codec>(5), {}, 10).error().code, Errc::unsupported);
  EXPECT_EQ(compress(static_cast<Codec>(7), {}).error().code, Errc::unsupported);
}

}  // namespace
}  // namespace chronik::wire
