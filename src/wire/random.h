// Fills a message by chance, within what its version can say: the generator behind the round-trip tests and fuzz seeds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/prng.h"
#include "wire/description.h"

namespace chronik::wire {

class RandomFiller : public Visitor<RandomFiller> {
 public:
  static constexpr bool kReads = true;

  RandomFiller(std::int16_t version, bool flexible, Prng& prng) : Visitor(version, flexible), prng_(prng) {}

  void enter(const char*) {}
  void open_struct() {}
  void close_struct() {}

  template <class T>
  void scalar(T& value) {
    value = static_cast<T>(number());
  }
  void uuid(TopicId& value);
  void string(std::string& value);
  void bytes(Buffer& value);
  void records(Records& value);
  template <class T>
  void array(std::vector<T>& value) {
    value.resize(prng_.below(4));
    for (T& element : value) visit(element);
  }
  template <class T>
  bool is_present(std::optional<T>& value) {
    value.reset();
    if (prng_.chance(1, 4)) return false;
    value.emplace();
    return true;
  }
  template <class Fields>
  void tagged_section(Fields& fields) {
    fields(*this);
  }
  void empty_tagged_section() {}
  template <class T>
  void tag(std::uint32_t, const char*, T& value, std::int16_t since, const T& standard = {}) {
    if (version() < since) return;
    value = standard;
    if (prng_.chance(1, 2)) visit(value);
  }

 private:
  std::int64_t number();
  std::size_t length();

  Prng& prng_;
};

}  // namespace chronik::wire
