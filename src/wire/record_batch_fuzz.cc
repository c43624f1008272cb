// Fuzzes produce payloads: splitting, validation and reading of record batches. The checksum is made right first, as no
// fuzzer guesses it. Corpus: src/wire/corpus/record_batch.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/check.h"
#include "wire/batch_validation.h"
#include "wire/record_reader.h"

using namespace chronik;
using namespace chronik::wire;

namespace {

constexpr std::size_t kDecompressedMax = 1 << 18;

/// Records that can be read, or -1 when the batch is damaged.
std::int64_t count_records(ByteSpan batch) {
  auto reader = RecordReader::open(batch, kDecompressedMax);
  if (!reader) return -1;
  RecordView record;
  for (std::int64_t count = 0;; ++count) {
    const auto more = reader->next(record);
    if (!more) return -1;
    if (!*more) return count;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteSpan input = std::as_bytes(std::span(data, size));
  std::vector<std::byte> run(input.begin(), input.end());
  BatchSplitter splitter(run);
  for (;;) {
    const auto next = splitter.next();
    if (!next || !*next) return 0;
    const BatchView& view = **next;
    CHECK(view.bytes.size() == view.header.size());
    store_be(run.data() + view.position + kCrcAt, compute_batch_crc(view.bytes));
    const auto valid = validate_produced_batch(view.bytes, kDecompressedMax);
    const std::int64_t count = count_records(view.bytes);
    if (valid) CHECK(count == valid->header.record_count);
    if (!valid) CHECK(valid.error().records.size() <= kRecordFaultsMax);
  }
}
