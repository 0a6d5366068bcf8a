// A ticket is settled once, and whoever waits for it is woken once.
#include <gtest/gtest.h>

#include <deque>
#include <string>

#include "src/ack/settle.h"

namespace onelane::ack {
namespace {

using detail::EntryRef;

class Sleeper final : public detail::Waiter {
 public:
  Sleeper(std::string& log, char letter) : log_(log), letter_(letter) {}
  void wake() noexcept override { log_ += letter_; }
  void wake_followers() { wake_all(followers); }

 private:
  std::string& log_;
  const char letter_;
};

using Watch = Entry::Watch;

EntryRef make_entry() { return EntryRef(Entry::make()); }

class Settling : public ::testing::Test {
 protected:
  EntryRef with_receipt() {
    EntryRef entry = make_entry();
    receipts_.push_back(entry->share());
    return entry;
  }

  std::deque<EntryRef> receipts_;
  std::string woken_;
  Sleeper a_{woken_, 'a'}, b_{woken_, 'b'};
};

TEST_F(Settling, WaitersAreWokenAfterwardsTheFirstByTheTickAndTheOthersByEachOther) {
  const EntryRef first = with_receipt(), second = with_receipt();
  ASSERT_EQ(first->watch(a_), Watch::begun);
  ASSERT_EQ(second->watch(b_), Watch::begun);
  {
    Wakes wakes;
    ASSERT_TRUE(first->take() && second->take());
    settle_taken(*first, End::committed, wakes);
    settle_taken(*second, End::rejected, wakes);
    EXPECT_EQ(woken_, "");
  }
  EXPECT_EQ(woken_, "a");
  a_.wake_followers();
  EXPECT_EQ(woken_, "ab");
  EXPECT_EQ(second->outcome().end, End::rejected);
}

TEST_F(Settling, EveryWaiterIsWokenOnceAndByAnEarlierOne) {
  std::deque<Sleeper> sleepers;
  {
    Wakes wakes;
    for (char letter = 'a'; letter <= 'z'; ++letter) {
      wakes.add(&sleepers.emplace_back(woken_, letter));
    }
  }
  EXPECT_EQ(woken_, "a");
  for (std::size_t i = 0; i < sleepers.size(); ++i) {
    ASSERT_GT(woken_.size(), i);
    sleepers[static_cast<std::size_t>(woken_[i] - 'a')].wake_followers();
  }
  EXPECT_EQ(woken_, "abcdefghijklmnopqrstuvwxyz");
}

TEST_F(Settling, WhoComesAfterwardsIsNotWokenButTold) {
  const EntryRef entry = with_receipt();
  Wakes wakes;
  ASSERT_TRUE(entry->take());
  settle_taken(*entry, End::committed, wakes);
  EXPECT_EQ(entry->watch(a_), Watch::settled);
  wakes.fire();
  EXPECT_EQ(woken_, "");
}

TEST_F(Settling, WhoGaveUpInTimeIsNotWoken) {
  const EntryRef entry = with_receipt();
  Wakes wakes;
  ASSERT_EQ(entry->watch(a_), Watch::begun);
  ASSERT_TRUE(entry->unwatch(a_) && entry->take());
  settle_taken(*entry, End::committed, wakes);
  wakes.fire();
  EXPECT_EQ(woken_, "");
}

TEST_F(Settling, WhoGaveUpTooLateIsWoken) {
  const EntryRef entry = with_receipt();
  Wakes wakes;
  ASSERT_EQ(entry->watch(a_), Watch::begun);
  ASSERT_TRUE(entry->take());
  settle_taken(*entry, End::committed, wakes);
  EXPECT_FALSE(entry->unwatch(a_));
  wakes.fire();
  EXPECT_EQ(woken_, "a");
}

TEST_F(Settling, CancelAndExpiryWinOnlyWhileQueued) {
  const EntryRef entry = with_receipt();
  ASSERT_TRUE(entry->take());
  EXPECT_FALSE(entry->settle_queued(End::cancelled));
  entry->put_back();
  EXPECT_TRUE(entry->settle_queued(End::cancelled));
  EXPECT_FALSE(entry->take());
  EXPECT_EQ(entry->outcome().end, End::cancelled);
}

// As of a push, which made no receipt.
TEST_F(Settling, WhatNobodyElseRefersToIsSettledLikewise) {
  const EntryRef entry = make_entry();
  Wakes wakes;
  ASSERT_TRUE(entry->take());
  settle_taken(*entry, End::committed, wakes);
  EXPECT_EQ(entry->outcome().end, End::committed);
}

TEST(SettlingDeathTest, ATicketIsSettledOnce) {
  const EntryRef entry = make_entry();
  Wakes wakes;
  ASSERT_TRUE(entry->take());
  settle_taken(*entry, End::committed, wakes);
  EXPECT_DEATH(settle_taken(*entry, End::committed, wakes), "was == kTaken");
}

}  // namespace
}  // namespace onelane::ack
