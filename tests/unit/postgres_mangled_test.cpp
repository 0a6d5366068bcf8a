// A server that speaks the wire badly: nothing crashes, nothing hangs, and once it speaks well
// again everything has been committed once.
#include "tests/support/mangling_proxy.h"
#include "tests/support/postgres_journal_fixture.h"
#include "tests/support/resident.h"
#include "tests/support/scale.h"
#include "tests/support/temp_directory.h"

#if defined(ONELANE_TEST_UNDER_ASAN)
// libpq loses a result of its own where a message that must not come makes it begin another one.
extern "C" const char* __lsan_default_suppressions() { return "leak:PQisBusy\n"; }
#endif

namespace onelane::test {
namespace {

using Harm = ManglingProxy::Harm;

// What a tick may take whatever the server does: to connect, and a few replies, with this machine's
// own delays.
constexpr std::chrono::seconds kTickMax{8};
constexpr long kGrowthMaxKb = 256 * 1024;

class PostgresMangled : public PostgresJournal {
 protected:
  void SetUp() override {
    PostgresTest::SetUp();
    if (IsSkipped()) return;
    const std::string socket = "/.s.PGSQL.5432";
    proxy_.emplace(folder_.path().native() + socket, server_->host().native() + socket);
    direct_ = conninfo_;
    conninfo_.replace(5, server_->host().native().size(), folder_.path().native());
  }
  void TearDown() override { journal_ = {}; }

  static postgres::Options impatient() {
    constexpr int kSlower = static_cast<int>(kSlowdown);
    return {.connect_timeout = kSlower * 300ms,
            .lock_timeout = kSlower * 200ms,
            .statement_timeout = kSlower * 300ms,
            .reply_timeout = kSlower * 300ms};
  }
  // Some cost a time-out each.
  static std::uint64_t step_of(Harm harm) {
    const bool waits = harm == Harm::length_more || harm == Harm::length_huge ||
                       harm == Harm::left_out || harm >= Harm::silence;
    return (waits ? 11 : 2) * kSlowdown;
  }
  // Two records and a group, of which a message is spoiled; false if there were not as many.
  bool tick_with(Harm harm, std::uint64_t message, char letter = '?') {
    for (int i = 0; i < 2; ++i) receipts_.emplace_back(1, submit(++id_));
    receipts_.emplace_back(2, submit_group({id_ + 1, id_ + 2}));
    id_ += 2;
    proxy_->spoil(harm, message, letter);
    const auto began = steady_clock().now();
    EXPECT_TRUE(journal_.tick().ok());
    const auto took = steady_clock().now() - began;
    EXPECT_LT(took, kTickMax) << static_cast<int>(harm) << " at " << message;
    const bool spoiled = proxy_->spoiled();
    proxy_->spoil_no_more();
    tick_until_idle();
    for (std::size_t n = receipts_.size() - 3; n < receipts_.size(); ++n) {
      const Receipt& receipt = receipts_[n].second;
      EXPECT_EQ(end_of(receipt), "committed") << static_cast<int>(harm) << " (" << letter << ") at "
                                              << message << ": " << receipt.poll()->to_string();
    }
    return spoiled;
  }
  void expect_all_once() {
    std::uint64_t rows = 0;
    for (auto& [size, receipt] : receipts_) {
      if (receipt.poll()->committed()) rows += size;
    }
    EXPECT_EQ(Neighbour(direct_).ask("SELECT count(*), count(DISTINCT id) FROM peers"),
              std::to_string(rows) + "|" + std::to_string(rows));
  }

  TempDirectory folder_;
  std::optional<ManglingProxy> proxy_;
  std::string direct_;
  std::int64_t id_ = 100;
  std::vector<std::pair<std::uint64_t, Receipt>> receipts_;
};

TEST_F(PostgresMangled, WhicheverMessageOfATickIsSpoiledItsRecordsAreCommittedOnce) {
  open(by_hand(), impatient());
  const long before = resident_kb();
  for (const Harm harm : ManglingProxy::kHarms) {
    std::uint64_t message = 0;
    while (tick_with(harm, message)) message += step_of(harm);
    EXPECT_GT(message, 20U);
  }
  EXPECT_TRUE(!kResidentTells || resident_kb() < before + kGrowthMaxKb);
  expect_all_once();
}

TEST_F(PostgresMangled, WhateverTypeAMessageIsGivenNothingIsCommittedTwice) {
  open(by_hand(), impatient());
  for (const char letter : std::string("12CDEGHIKNRSTVWZdnst\0\xFF", 22)) {
    for (std::uint64_t message = 0; tick_with(Harm::other_type, message, letter);) {
      message += 5;
    }
  }
  expect_all_once();
}

TEST_F(PostgresMangled, AnOpeningThatIsSpoiledEndsInTimeAndSaysWhy) {
  for (const Harm harm : ManglingProxy::kHarms) {
    bool spoiled = true;
    for (std::uint64_t message = 0; spoiled; message += 4 * step_of(harm)) {
      proxy_->spoil(harm, message);
      const auto began = steady_clock().now();
      const auto opened = postgres::open_sink(conninfo_, impatient());
      EXPECT_LT(steady_clock().now() - began, kTickMax)
          << static_cast<int>(harm) << " at " << message;
      EXPECT_TRUE(opened.ok() || !opened.status().message().empty())
          << static_cast<int>(harm) << " at " << message;
      spoiled = proxy_->spoiled();
      proxy_->spoil_no_more();
    }
  }
  const auto opened = postgres::open_sink(conninfo_, impatient());
  EXPECT_TRUE(opened.ok()) << opened.status().to_string();
}

TEST_F(PostgresMangled, AServerThatTalksUnaskedIsGivenUp) {
  for (const Harm harm : {Harm::notices, Harm::statuses}) {
    journal_ = {};
    open(by_hand(), impatient());
    proxy_->spoil(harm, 0);
    Receipt receipt = submit(++id_);
    ASSERT_TRUE(journal_.tick().ok());
    const auto began = steady_clock().now();
    tick_until_idle();
    EXPECT_LT(steady_clock().now() - began, kTickMax);
    EXPECT_EQ(end_of(receipt), "committed");
  }
}

TEST_F(PostgresMangled, ASilentHostDoesNotKeepTheJournalFromTheNext) {
  conninfo_ = "host=" + folder_.path().native() + ',' + server_->host().native() +
              direct_.substr(direct_.find(' '));
  proxy_->spoil(Harm::silence, 0);
  open(by_hand(), impatient());
  EXPECT_TRUE(proxy_->spoiled());
  Receipt receipt = submit(1);
  ASSERT_TRUE(journal_.tick().ok());
  EXPECT_EQ(end_of(receipt), "committed");
}

}  // namespace
}  // namespace onelane::test
