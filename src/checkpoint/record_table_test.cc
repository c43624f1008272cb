// RecordTable against a map, in all mixtures of packed and loose blocks; RowBlock there and back; RowGatherer.
#include "checkpoint/record_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "base/prng.h"
#include "checkpoint/codec.h"
#include "checkpoint/row_gatherer.h"

namespace chronik::checkpoint {
namespace {

CheckpointId id_of(std::uint64_t sequence) {
  CheckpointId id;
  for (int i = 0; i < 8; ++i) id.bytes[static_cast<std::size_t>(15 - i)] = static_cast<std::uint8_t>(sequence >> 8 * i);
  return id;
}

Time time_of(std::uint64_t sequence) {
  return Time(std::chrono::milliseconds(1000 + sequence / 3));
}

std::string record(std::uint64_t sequence, const std::string& message) {
  Checkpoint c;
  c.id = id_of(sequence);
  c.sequence = sequence;
  c.branch = "main";
  c.message = message;
  c.created_at = time_of(sequence);
  c.size = sequence % 100;
  if (sequence % 5 == 0) c.idempotency_key = "key " + std::to_string(sequence);
  return encode(c);
}

using Model = std::map<std::uint64_t, std::pair<std::string, std::string>>;

/// The same rows in a new table, as an opening makes it.
RecordTable reloaded(const RecordTable& table) {
  RecordTable fresh;
  std::uint64_t from = 0;
  while (auto block = table.packed_from(from)) {
    EXPECT_LE(block->rows, RowBlock::kRowsMax);
    from = block->last + 1;
    const std::string bytes = encode_rows({}, *block);
    auto decoded = decode_rows(bytes);
    EXPECT_TRUE(decoded);
    EXPECT_EQ(encode_rows({}, decoded->second), bytes);
    const auto owner = std::make_shared<const std::string>(decoded->second.packed);
    decoded->second.packed = *owner;
    decoded->second.owner = owner;
    fresh.append(std::move(decoded->second));
  }
  return fresh;
}

void expect_same(const RecordTable& table, const Model& model, Prng& prng) {
  ASSERT_EQ(table.size(), model.size());
  ASSERT_EQ(table.last(), model.empty() ? 0 : model.rbegin()->first);
  auto at = model.begin();
  table.for_each(0, UINT64_MAX, [&](const RecordTable::View& row) {
    ASSERT_NE(at, model.end());
    ASSERT_EQ(row.sequence, at->first);
    ASSERT_EQ(row.record, at->second.first);
    ASSERT_EQ(row.locator, at->second.second);
    ++at;
  });
  ASSERT_EQ(at, model.end());
  for (int i = 0; i < 50; ++i) {
    const std::uint64_t asked = prng.below(700);
    const auto above = model.lower_bound(asked);
    const auto found = table.at_or_above(asked);
    ASSERT_EQ(found.has_value(), above != model.end());
    if (found) ASSERT_EQ(found->sequence, above->first);
    const auto below = table.at_or_below(asked);
    const auto behind = model.upper_bound(asked);
    ASSERT_EQ(below.has_value(), behind != model.begin());
    if (below) ASSERT_EQ(below->sequence, std::prev(behind)->first);
    const auto by_id = table.find(id_of(asked));
    ASSERT_EQ(by_id.has_value(), model.contains(asked));
    if (by_id) ASSERT_EQ(by_id->sequence, asked);
    const auto late = table.first_from(time_of(asked));
    const auto wanted =
        std::ranges::find_if(model, [&](const auto& row) { return time_of(row.first) >= time_of(asked); });
    ASSERT_EQ(late.has_value(), wanted != model.end());
    if (late) ASSERT_EQ(late->sequence, wanted->first);
  }
}

TEST(RecordTable, is_a_map_whatever_is_packed) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Prng prng(seed);
    RecordTable table;
    Model model;
    std::uint64_t next = 1;
    for (int round = 0; round < 12; ++round) {
      for (std::uint64_t i = prng.below(120); i > 0; --i) {
        next += 1 + prng.below(2);
        model[next] = {record(next, "new"), "at " + std::to_string(next)};
        table.put(next, model[next].first, model[next].second);
      }
      for (std::uint64_t i = prng.below(30); i > 0 && !model.empty(); --i) {
        const auto victim = model.lower_bound(prng.below(next + 1));
        if (victim == model.end()) continue;
        if (prng.below(2) == 0) {
          victim->second.first = record(victim->first, std::string(prng.below(40), 'x'));
          table.put(victim->first, victim->second.first, {});
        } else {
          ASSERT_TRUE(table.erase(victim->first));
          ASSERT_FALSE(table.erase(victim->first));
          model.erase(victim);
        }
      }
      if (prng.below(3) == 0) table = reloaded(table);
      if (prng.below(4) == 0 && !model.empty() && table.block_at(model.begin()->first) != nullptr) {
        const std::uint64_t last = table.block_at(model.begin()->first)->last;
        table.erase_block(model.begin()->first);
        model.erase(model.begin(), model.upper_bound(last));
      }
      expect_same(table, model, prng);
      if (HasFatalFailure()) return;
    }
  }
}

TEST(RowBlock, what_does_not_unpack_is_lost_and_says_so) {
  RecordTable table;
  for (std::uint64_t i = 1; i <= 64; ++i) table.put(i, record(i, "m"), "l");
  RowBlock block = table.packed_from(0).value();
  EXPECT_EQ(block.keyed, 12U);
  std::string bytes(block.packed);
  std::uint64_t refused = 0;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
    RowBlock hurt = block;
    hurt.packed = bytes;
    refused += unpack_rows(hurt) ? 0 : 1;
    RecordTable lost;
    lost.append(hurt);
    EXPECT_EQ(lost.size(), 64U);
    EXPECT_EQ(lost.at_or_below(UINT64_MAX)->sequence, 64U);
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
  }
  EXPECT_GT(refused, 0U);
}

std::shared_ptr<const Delta> added(const SessionId& session, std::uint64_t sequence) {
  Delta delta;
  delta.session = session;
  delta.head.events = delta.head.last_sequence = sequence;
  delta.puts.push_back({sequence, record(sequence, "m"), "l"});
  delta.events.push_back({sequence, EventKind::created, sequence, 1, time_of(sequence)});
  return std::make_shared<const Delta>(std::move(delta));
}

TEST(RowGatherer, packs_full_blocks_and_leaves_the_order_of_a_session) {
  const SessionId many{{1}};
  const SessionId few{{2}};
  std::vector<std::shared_ptr<const Delta>> deltas;
  for (std::uint64_t i = 1; i <= 150; ++i) {
    deltas.push_back(added(many, i));
    if (i % 50 == 0) deltas.push_back(added(few, i));
  }
  Delta removal;
  removal.session = many;
  removal.head.events = 151;
  removal.deletes = {7};
  deltas.push_back(std::make_shared<const Delta>(removal));
  deltas.push_back(added(many, 152));

  RowGatherer gatherer(10);
  for (const auto& delta : deltas) gatherer.count(*delta);
  std::vector<RowGatherer::Made> made;
  std::uint64_t lsn = 0;
  for (const auto& delta : deltas) {
    for (auto& one : gatherer.add(++lsn, delta, nullptr)) made.push_back(std::move(one));
  }
  for (auto& one : gatherer.finish()) made.push_back(std::move(one));

  std::vector<std::string> order;
  for (const auto& one : made) {
    if (one.kind == EntryKind::rows) {
      const auto rows = decode_rows(one.payload).value();
      EXPECT_EQ(rows.first, many);
      order.push_back(std::to_string(rows.second.first) + "-" + std::to_string(rows.second.last));
      EXPECT_EQ(unpack_rows(rows.second).value().slots.size(), 64U);
      continue;
    }
    const Delta delta = decode_delta(one.payload).value();
    if (delta.session == few) continue;
    if (!delta.deletes.empty()) {
      order.emplace_back("removal");
    } else if (delta.puts.empty()) {
      EXPECT_EQ(delta.events.size(), 10U);
      EXPECT_EQ(delta.events.back().number, 128U);
      order.push_back("head " + std::to_string(delta.head.events));
    } else {
      order.push_back(std::to_string(delta.puts[0].sequence));
    }
  }
  std::vector<std::string> wanted{"1-64", "65-128", "head 128"};
  for (std::uint64_t i = 129; i <= 150; ++i) wanted.push_back(std::to_string(i));
  wanted.insert(wanted.end(), {"removal", "152"});
  EXPECT_EQ(order, wanted);
  EXPECT_EQ(std::ranges::count(made, EntryKind::delta, &RowGatherer::Made::kind), 3 + 1 + 22 + 2);
}

}  // namespace
}  // namespace chronik::checkpoint
