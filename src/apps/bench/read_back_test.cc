// ReadBack: each kind of broken promise gives exactly one line, and what was not promised gives none.
#include "apps/bench/read_back.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/bench/stamp.h"

namespace chronik::bench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::uint32_t kRun = 77;

class SilentClient : public Client {
 public:
  using Client::Client;
  void run_sender() override {}
};

/// One client that had 5 records acknowledged in one partition, at offsets 0 to 4.
class ReadBackTest : public testing::Test {
 protected:
  ReadBackTest() {
    load_.size = 100;
    run_.filler.assign(load_.size, 'f');
    clients_.push_back(std::make_unique<SilentClient>(run_));
    ledger().sent = 5;
    ledger().acked = 5;
    for (int i = 0; i < 5; ++i) ledger().placement += placement_digest(0, static_cast<std::uint64_t>(i), i);
  }

  PartitionLedger& ledger() { return clients_[0]->record.ledger[0]; }

  std::string payload(std::uint64_t sequence, std::uint32_t run = kRun) const {
    auto bytes = run_.filler;
    write_stamp(bytes.data(), {run, 0, sequence});
    return bytes;
  }
  std::vector<std::string> judge(const std::vector<std::string>& payloads, std::int64_t first_offset = 0) {
    ReadBack checker(run_, clients_);
    for (const auto& bytes : payloads) checker.record(0, first_offset++, bytes);
    return checker.finish();
  }
  std::vector<std::string> judge_sequences(std::initializer_list<std::uint64_t> sequences) {
    std::vector<std::string> payloads;
    for (auto sequence : sequences) payloads.push_back(payload(sequence));
    return judge(payloads);
  }

  Connection connection_;
  Workload load_;
  bench::Run run_{connection_, load_, kRun, 1, 0, 0, {}};
  std::vector<std::unique_ptr<Client>> clients_;
};

TEST_F(ReadBackTest, what_was_acknowledged_reconciles) {
  EXPECT_THAT(judge_sequences({0, 1, 2, 3, 4}), IsEmpty());
}

TEST_F(ReadBackTest, a_lost_record_in_the_middle_or_at_the_end_is_named) {
  EXPECT_THAT(judge_sequences({0, 1, 3, 4}), ElementsAre(HasSubstr("1 acknowledged records lost, first sequence 2")));
  EXPECT_THAT(judge_sequences({0, 1, 2}), ElementsAre(HasSubstr("2 acknowledged records lost, first sequence 3")));
}

TEST_F(ReadBackTest, a_duplicate_is_named) {
  EXPECT_THAT(judge_sequences({0, 1, 1, 2, 3, 4}), ElementsAre(HasSubstr("1 records read twice")));
}

TEST_F(ReadBackTest, a_reordering_is_named) {
  EXPECT_THAT(judge_sequences({0, 2, 1, 3, 4}), ElementsAre(HasSubstr("1 records out of order")));
}

TEST_F(ReadBackTest, other_offsets_than_acknowledged_are_named) {
  std::vector<std::string> payloads;
  for (std::uint64_t i = 0; i < 5; ++i) payloads.push_back(payload(i));
  EXPECT_THAT(judge(payloads, 7), ElementsAre(HasSubstr("other offsets")));
}

TEST_F(ReadBackTest, a_foreign_or_damaged_record_is_named) {
  std::vector<std::string> payloads;
  for (std::uint64_t i = 0; i < 5; ++i) payloads.push_back(payload(i));
  auto foreign = payloads;
  foreign.push_back(payload(0, kRun + 1));
  EXPECT_THAT(judge(foreign), ElementsAre(HasSubstr("1 records not of this run, or damaged")));
  auto damaged = payloads;
  damaged[4].back() = '?';
  EXPECT_THAT(judge(damaged), ElementsAre(HasSubstr("lost"), HasSubstr("damaged")));
  auto shortened = payloads;
  shortened.push_back("x");
  EXPECT_THAT(judge(shortened), ElementsAre(HasSubstr("damaged")));
}

TEST_F(ReadBackTest, a_record_whose_fate_is_unknown_may_be_there_or_not) {
  ledger().acked = 4;
  ledger().failed.insert(4);
  ledger().placement -= placement_digest(0, 4, 4);
  EXPECT_THAT(judge_sequences({0, 1, 2, 3}), IsEmpty());
  EXPECT_THAT(judge_sequences({0, 1, 2, 3, 4}), IsEmpty());
}

}  // namespace
}  // namespace chronik::bench
