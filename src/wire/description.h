// How a message is described. Every message struct has one function template
//
//   template <class V> void describe(V& v, ProduceRequest& m) {
//     v.field("transactional_id", m.transactional_id, {.since = 3, .nullable = 3});
//     v.field("acks", m.acks);
//     v.tagged([&](auto& t) { t.tag(0, "node_endpoints", m.node_endpoints, 10); });   // last, tags ascending
//   }
//
// and encoding, decoding, sizing, printing and random generation are visitors over it. The Visitor below does what they
// share: version gates and the choice by C++ type. A visitor provides
//
//   enter(name)                       the field about to be visited
//   scalar(T&), uuid(TopicId&), string(std::string&), bytes(Buffer&), records(Records&)
//   array(std::vector<T>&)
//   is_present(const std::optional<T>&, NullKind) -> bool    writes or reads the null marker
//   open_struct(), close_struct(), tagged_section(fields), empty_tagged_section()
//
// Nullable fields are std::optional. At versions that cannot say null, null is written as the empty value.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/strong.h"
#include "wire/api.h"
#include "wire/types.h"

namespace chronik::wire {

/// Versions in which a field exists, and from which on it may be null.
struct Field {
  std::int16_t since = 0;
  std::int16_t until = INT16_MAX;
  std::int16_t nullable = INT16_MAX;
};

template <class T>
inline constexpr bool kIsStrong = false;
template <class Tag, class Rep>
inline constexpr bool kIsStrong<Strong<Tag, Rep>> = true;
template <class T>
inline constexpr bool kIsVector = false;
template <class T>
inline constexpr bool kIsVector<std::vector<T>> = true;
template <class T>
inline constexpr bool kIsOptional = false;
template <class T>
inline constexpr bool kIsOptional<std::optional<T>> = true;

template <class T>
concept Leaf =
    std::same_as<T, TopicId> || std::same_as<T, std::string> || std::same_as<T, Buffer> || std::same_as<T, Records>;
template <class T>
concept Scalar = std::integral<T> || std::is_enum_v<T> || kIsStrong<T>;

/// Whether a tagged field may stay unwritten.
template <class T>
bool is_default(const T& value, const T& standard) {
  if constexpr (kIsVector<T>) {
    return value.empty();
  } else {
    return value == standard;
  }
}

template <class Self>
class Visitor {
 public:
  Visitor(std::int16_t version, bool flexible) : version_(version), flexible_(flexible) {}

  std::int16_t version() const { return version_; }
  bool flexible() const { return flexible_; }

  template <class T>
  void field(const char* name, T& value, Field spec = {}) {
    if (version_ < spec.since || version_ > spec.until) return;
    self().enter(name);
    visit(value, version_ >= spec.nullable);
  }

  /// `fields` is called with a visitor that has tag(number, name, value, since, standard = {}); perhaps more than once.
  template <class Fields>
  void tagged(Fields fields) {
    if (!flexible_) return;
    tags_done_ = true;
    self().tagged_section(fields);
  }

  template <class T>
  void visit(T& value, bool nullable = false) {
    if constexpr (kIsOptional<T>) {
      visit_optional(value, nullable);
    } else if constexpr (kIsStrong<T>) {
      auto rep = value.value();
      self().scalar(rep);
      value = T(rep);
    } else if constexpr (std::is_enum_v<T>) {
      self().enumeration(value);
    } else if constexpr (std::integral<T>) {
      self().scalar(value);
    } else if constexpr (std::same_as<T, TopicId>) {
      self().uuid(value);
    } else if constexpr (std::same_as<T, std::string>) {
      self().string(value);
    } else if constexpr (std::same_as<T, Buffer>) {
      self().bytes(value);
    } else if constexpr (std::same_as<T, Records>) {
      self().records(value);
    } else if constexpr (kIsVector<T>) {
      self().array(value);
    } else {
      structure(value);
    }
  }

  template <class T>
  void structure(T& value) {
    const bool outer = std::exchange(tags_done_, false);
    self().open_struct();
    describe(self(), value);
    if (flexible_ && !tags_done_) self().empty_tagged_section();
    self().close_struct();
    tags_done_ = outer;
  }

  /// Default for visitors that do not care for an enumeration's name.
  template <class E>
  void enumeration(E& value) {
    auto rep = static_cast<std::underlying_type_t<E>>(value);
    self().scalar(rep);
    value = static_cast<E>(rep);
  }

 private:
  Self& self() { return static_cast<Self&>(*this); }

  template <class T>
  void visit_optional(std::optional<T>& value, bool nullable) {
    if (!nullable) {
      // A version without null: read into, or write from, a plain value.
      if (value.has_value()) return visit(*value);
      T plain{};
      visit(plain);
      if (Self::kReads) value = std::move(plain);
      return;
    }
    if (!self().template is_present<T>(value)) return;
    visit(*value);
  }

  std::int16_t version_;
  bool flexible_;
  bool tags_done_ = false;
};

}  // namespace chronik::wire
