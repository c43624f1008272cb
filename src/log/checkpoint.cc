#include "log/checkpoint.h"

#include "base/crc32c.h"

namespace chronik::log {

namespace {

constexpr std::uint64_t kMagicWithoutTransactions = 0x4348524b434b5031ULL;       // "CHRKCKP1"
constexpr std::uint64_t kMagicWithoutCoordinatorEpochs = 0x4348524b434b5032ULL;  // "CHRKCKP2"
constexpr std::uint64_t kMagic = 0x4348524b434b5033ULL;                          // "CHRKCKP3"
constexpr std::size_t kCrcBytes = 4;

class Writer {
 public:
  template <class T>
  void put(T value) {
    bytes_.resize(bytes_.size() + sizeof value);
    store_be(bytes_.data() + bytes_.size() - sizeof value, value);
  }
  void put_bytes(ByteSpan bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }
  Buffer finish() {
    put(crc32c(bytes_));
    return Buffer::copy_of(bytes_);
  }

 private:
  std::vector<std::byte> bytes_;
};

class Reader {
 public:
  explicit Reader(ByteSpan bytes) : left_(bytes) {}
  template <class T>
  T get() {
    if (left_.size() < sizeof(T)) {
      failed_ = true;
      left_ = {};
      return T{};
    }
    const T value = load_be<T>(left_.data());
    left_ = left_.subspan(sizeof(T));
    return value;
  }
  ByteSpan get_bytes(std::size_t n) {
    if (left_.size() < n) {
      failed_ = true;
      left_ = {};
      return {};
    }
    const ByteSpan bytes = left_.first(n);
    left_ = left_.subspan(n);
    return bytes;
  }
  bool failed() const { return failed_; }
  bool at_end() const { return left_.empty(); }

 private:
  ByteSpan left_;
  bool failed_ = false;
};

void put_producer(Writer& out, ProducerId id, const ProducerEntry& entry) {
  out.put(id.value());
  out.put(entry.epoch.value());
  out.put(entry.last_seen.value());
  out.put(entry.coordinator_epoch);
  out.put(entry.count);
  for (std::uint8_t i = 0; i < entry.count; ++i) {
    const ProducerBatch& batch = entry.batches[i];
    out.put(batch.base_sequence);
    out.put(batch.last_sequence);
    out.put(batch.base.value());
    out.put(batch.last.value());
    out.put(batch.timestamp.value());
  }
}

bool get_producer(Reader& in, std::uint64_t magic, ProducerState& producers) {
  const ProducerId id(in.get<std::int64_t>());
  ProducerEntry entry;
  entry.epoch = ProducerEpoch(in.get<std::int16_t>());
  entry.last_seen = UnixMillis(in.get<std::int64_t>());
  if (magic >= kMagic) entry.coordinator_epoch = in.get<std::int32_t>();
  entry.count = in.get<std::uint8_t>();
  if (in.failed() || entry.count > entry.batches.size()) return false;
  for (std::uint8_t i = 0; i < entry.count; ++i) {
    ProducerBatch& batch = entry.batches[i];
    batch.base_sequence = in.get<std::int32_t>();
    batch.last_sequence = in.get<std::int32_t>();
    batch.base = Offset(in.get<std::int64_t>());
    batch.last = Offset(in.get<std::int64_t>());
    batch.timestamp = UnixMillis(in.get<std::int64_t>());
  }
  producers.restore(id, entry);
  return !in.failed();
}

void put_transactions(Writer& out, const TransactionSnapshot& transactions) {
  out.put(static_cast<std::uint32_t>(transactions.open.size()));
  for (const auto& [producer, open] : transactions.open) {
    out.put(producer.value());
    out.put(open.first.value());
    out.put(open.since.value());
  }
  out.put(static_cast<std::uint32_t>(transactions.aborted.size()));
  for (const AbortedTransaction& aborted : transactions.aborted) {
    out.put(aborted.producer.value());
    out.put(aborted.first.value());
    out.put(aborted.marker.value());
    out.put(aborted.stable_at.value());
  }
}

void get_transactions(Reader& in, TransactionSnapshot& transactions) {
  const auto open = in.get<std::uint32_t>();
  for (std::uint32_t i = 0; i < open && !in.failed(); ++i) {
    const ProducerId producer(in.get<std::int64_t>());
    const Offset first(in.get<std::int64_t>());
    transactions.open[producer] = {first, UnixMillis(in.get<std::int64_t>())};
  }
  const auto aborted = in.get<std::uint32_t>();
  for (std::uint32_t i = 0; i < aborted && !in.failed(); ++i) {
    AbortedTransaction& entry = transactions.aborted.emplace_back();
    entry.producer = ProducerId(in.get<std::int64_t>());
    entry.first = Offset(in.get<std::int64_t>());
    entry.marker = Offset(in.get<std::int64_t>());
    entry.stable_at = LastStableOffset(in.get<std::int64_t>());
  }
}

bool get_partition(Reader& in, std::uint64_t magic, PartitionCheckpoint& partition) {
  const ByteSpan topic = in.get_bytes(partition.id.topic.bytes.size());
  if (in.failed()) return false;
  std::memcpy(partition.id.topic.bytes.data(), topic.data(), topic.size());
  partition.id.partition = PartitionIndex(in.get<std::int32_t>());
  partition.topic = std::string(as_text(in.get_bytes(in.get<std::uint16_t>())));
  partition.log_start = LogStartOffset(in.get<std::int64_t>());
  if (in.get<std::uint8_t>() != 0) {
    FilePosition position;
    position.end = LogEndOffset(in.get<std::int64_t>());
    position.segment = Offset(in.get<std::int64_t>());
    position.bytes = in.get<std::uint64_t>();
    partition.files = position;
  }
  const auto producers = in.get<std::uint32_t>();
  for (std::uint32_t i = 0; i < producers && !in.failed(); ++i) {
    if (!get_producer(in, magic, partition.producers)) return false;
  }
  if (magic >= kMagicWithoutCoordinatorEpochs) get_transactions(in, partition.transactions);
  return !in.failed();
}

}  // namespace

Buffer encode(const CheckpointRecord& record) {
  Writer out;
  out.put(kMagic);
  out.put(record.generation.value());
  out.put(static_cast<std::uint32_t>(record.partitions.size()));
  for (const PartitionCheckpoint& partition : record.partitions) {
    out.put_bytes(std::as_bytes(std::span(partition.id.topic.bytes)));
    out.put(partition.id.partition.value());
    out.put(static_cast<std::uint16_t>(partition.topic.size()));
    out.put_bytes(as_bytes(partition.topic));
    out.put(partition.log_start.value());
    out.put(static_cast<std::uint8_t>(partition.files ? 1 : 0));
    if (partition.files) {
      out.put(partition.files->end.value());
      out.put(partition.files->segment.value());
      out.put(partition.files->bytes);
    }
    out.put(static_cast<std::uint32_t>(partition.producers.entries().size()));
    for (const auto& [id, entry] : partition.producers.entries()) put_producer(out, id, entry);
    put_transactions(out, partition.transactions);
  }
  return out.finish();
}

Result<CheckpointRecord> decode_checkpoint(ByteSpan bytes) {
  const auto corrupt = [](const char* why) { return fail(Errc::corrupt, std::string("checkpoint record: ") + why); };
  if (bytes.size() < kCrcBytes) return corrupt("too short");
  const ByteSpan body = bytes.first(bytes.size() - kCrcBytes);
  if (crc32c(body) != load_be<std::uint32_t>(bytes.data() + body.size())) return corrupt("its checksum does not hold");
  Reader in(body);
  const auto magic = in.get<std::uint64_t>();
  // Formats that each hold more than the one before.
  if (magic < kMagicWithoutTransactions || magic > kMagic) return corrupt("not one of ours, or of a newer format");
  CheckpointRecord record;
  record.generation = wal::Generation(in.get<std::uint64_t>());
  const auto count = in.get<std::uint32_t>();
  for (std::uint32_t i = 0; i < count; ++i) {
    PartitionCheckpoint partition;
    if (!get_partition(in, magic, partition)) return corrupt("malformed entry");
    record.partitions.push_back(std::move(partition));
  }
  if (in.failed() || !in.at_end()) return corrupt("trailing bytes");
  return record;
}

}  // namespace chronik::log
