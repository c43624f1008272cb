// Frames: headers of every kind, and the table of handlers.
#include "wire/header.h"

#include <gtest/gtest.h>

#include <string>

#include "wire/handler_table.h"
#include "wire/messages/fetch.h"
#include "wire/messages/metadata.h"
#include "wire/messages/produce.h"

namespace chronik::wire {
namespace {

/// A frame without its length, which is checked.
Buffer unframe(const std::vector<Buffer>& pieces) {
  const Buffer all = flatten(pieces);
  EXPECT_EQ(load_be<std::uint32_t>(all.data()), all.size() - kFrameLengthSize);
  return all.slice(kFrameLengthSize, all.size() - kFrameLengthSize);
}

TEST(Header, request_round_trips_with_and_without_tags) {
  for (const std::int16_t version : {std::int16_t{8}, std::int16_t{9}}) {
    const Buffer frame = unframe(encode_request(42, "client", MetadataRequest{}, version).value());
    const auto request = parse_request(frame);
    ASSERT_TRUE(request) << request.error().message();
    EXPECT_TRUE(request->supported);
    EXPECT_EQ(request->header.key, ApiKey::metadata);
    EXPECT_EQ(request->header.version, version);
    EXPECT_EQ(request->header.correlation_id, 42);
    EXPECT_EQ(request->header.client_id, "client");
    EXPECT_TRUE(decode<MetadataRequest>(request->body, version));
    for (std::size_t size = 0; size < frame.size(); ++size) {
      const auto cut = parse_request(Buffer::copy_of(frame.span().first(size)));
      if (cut) EXPECT_FALSE(decode<MetadataRequest>(cut->body, version)) << size;
    }
  }
}

TEST(Header, response_round_trips_and_api_versions_keeps_the_old_header) {
  const auto answer = parse_response(unframe(encode_response(7, MetadataResponse{}, 12).value()), ApiKey::metadata, 12);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->correlation_id, 7);
  EXPECT_TRUE(decode<MetadataResponse>(answer->body, 12));
  EXPECT_EQ(response_header_bytes(ApiKey::metadata, 12, 1).size(), 5U);
  EXPECT_EQ(response_header_bytes(ApiKey::metadata, 8, 1).size(), 4U);
  EXPECT_EQ(response_header_bytes(ApiKey::api_versions, 4, 1).size(), 4U);
}

TEST(Header, unknown_version_keeps_its_correlation_id_and_unknown_key_is_an_error) {
  const std::string api_versions("\0\x12\0\x63\0\0\0\x09\xff", 9);
  const auto request = parse_request(Buffer::copy_of(as_bytes(api_versions)));
  ASSERT_TRUE(request);
  EXPECT_FALSE(request->supported);
  EXPECT_EQ(request->header.correlation_id, 9);
  const std::string unknown("\x7f\x12\0\0\0\0\0\x09\xff\xff", 10);
  EXPECT_EQ(parse_request(Buffer::copy_of(as_bytes(unknown))).error().code, Errc::unsupported);
}

TEST(Api, produce_is_advertised_from_zero_but_decoded_from_three) {
  const ApiInfo* produce = find_api(ApiKey::produce);
  ASSERT_NE(produce, nullptr);
  EXPECT_EQ(produce->advertised_min, 0);
  EXPECT_FALSE(is_supported(ApiKey::produce, 2));
  EXPECT_TRUE(is_supported(ApiKey::produce, 3));
}

TEST(HandlerTable, advertises_exactly_what_has_a_handler) {
  using Handler = int (*)();
  HandlerTable<Handler> table;
  EXPECT_TRUE(table.advertised().empty());
  table.serve<ProduceRequest>([] { return 1; }).serve<FetchRequest>([] { return 2; });
  const auto advertised = table.advertised();
  ASSERT_EQ(advertised.size(), 2U);
  EXPECT_EQ(advertised[0].api_key, ApiKey::produce);
  EXPECT_EQ(advertised[0].min_version, 0);
  EXPECT_EQ(advertised[0].max_version, 13);
  EXPECT_EQ((*table.find(ApiKey::fetch))(), 2);
  EXPECT_EQ(table.find(ApiKey::metadata), nullptr);
  EXPECT_EQ(table.find(ApiKey::none), nullptr);
}

TEST(HandlerTableDeathTest, refuses_an_empty_handler) {
  using Handler = int (*)();
  EXPECT_DEATH(HandlerTable<Handler>().serve<ProduceRequest>(nullptr), "handler");
}

}  // namespace
}  // namespace chronik::wire
