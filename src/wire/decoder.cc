// The parts of Decoder that do not depend on the message.
#include "wire/decoder.h"

#include <algorithm>

namespace chronik::wire {

Status Decoder::finish(const Schema& schema) {
  if (ok() && at_ != end_ && !trailing_bytes_allowed_) {
    field_ = "end";
    problem_ = "trailing bytes";
  }
  if (ok()) return {};
  std::string detail(schema.name);
  detail.append(" v").append(std::to_string(version())).append(", ").append(field_).append(": ").append(problem_);
  detail.append(" at byte ").append(std::to_string(at_ - body_.data()));
  return fail(Errc::corrupt, std::move(detail));
}

void Decoder::fail_field(const char* problem) {
  if (problem_ == nullptr) problem_ = problem;
}

void Decoder::uuid(TopicId& value) {
  if (remaining() < value.bytes.size()) return fail_field("truncated");
  std::memcpy(value.bytes.data(), at_, value.bytes.size());
  at_ += value.bytes.size();
}

void Decoder::records(Records& value) {
  std::int64_t length = bytes_length();
  if (length == kNull) length = 0;
  Buffer all;
  take_bytes(all, length);
  value.pieces.clear();
  if (!all.empty()) value.pieces.push_back(std::move(all));
}

std::uint32_t Decoder::unsigned_varint() {
  std::uint32_t value = 0;
  for (unsigned shift = 0; shift < 35; shift += 7) {
    if (at_ == end_) {
      fail_field("truncated");
      return 0;
    }
    const auto byte = std::to_integer<std::uint32_t>(*at_++);
    if (shift == 28 && byte > 0x0f) break;  // more than 32 bits
    value |= (byte & 0x7fU) << shift;
    if ((byte & 0x80U) == 0) return value;
  }
  fail_field("varint too long");
  return 0;
}

std::int64_t Decoder::compact_length() {
  return static_cast<std::int64_t>(unsigned_varint()) - 1;  // 0 announces null
}

std::int64_t Decoder::string_length() {
  if (flexible()) return compact_length();
  std::int16_t length = 0;
  scalar(length);
  return length;
}

std::int64_t Decoder::bytes_length() {
  if (flexible()) return compact_length();
  std::int32_t length = 0;
  scalar(length);
  return length;
}

std::int64_t Decoder::array_length() {
  return bytes_length();
}

bool Decoder::admit(std::int64_t count, std::size_t element_size_min, std::size_t element_memory) {
  if (!ok()) return false;
  const char* problem = nullptr;
  const auto elements = static_cast<std::size_t>(count);
  if (count < 0) {
    problem = count == kNull ? "array is null" : "negative array length";
  } else if (elements > remaining() / std::max<std::size_t>(element_size_min, 1)) {
    problem = "array longer than the message";
  } else if (elements > memory_left_ / element_memory) {
    problem = "arrays exceed the memory allowed for one message";
  }
  if (problem != nullptr) {
    fail_field(problem);
    return false;
  }
  memory_left_ -= elements * element_memory;
  return true;
}

bool Decoder::admit_bytes(std::int64_t length) {
  if (!ok()) return false;
  if (length >= 0 && static_cast<std::uint64_t>(length) <= remaining()) return true;
  fail_field(length == kNull ? "null" : (length < 0 ? "negative length" : "longer than the message"));
  return false;
}

void Decoder::take_string(std::string& value, std::int64_t length) {
  if (!admit_bytes(length)) return;
  value.assign(reinterpret_cast<const char*>(at_), static_cast<std::size_t>(length));
  at_ += length;
}

void Decoder::take_bytes(Buffer& value, std::int64_t length) {
  if (!admit_bytes(length)) return;
  value = body_.slice(static_cast<std::size_t>(at_ - body_.data()), static_cast<std::size_t>(length));
  at_ += length;
}

}  // namespace chronik::wire
