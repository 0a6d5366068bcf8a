// What a paced tick leaves out: who waits for what it added to the log, and what that costs it.
#include <gtest/gtest.h>

#include <chrono>
#include <memory>

#include "src/ack/settle.h"
#include "src/engine/selection.h"
#include "tests/support/recording_sink.h"

namespace onelane::engine {
namespace {

using std::chrono::milliseconds;

constexpr TimePoint kNow{std::chrono::seconds(100)};

class LanePace : public ::testing::Test {
 protected:
  LanePace() {
    add("heavy");
    add("small");
    add("another");
    add("journaled", true);
  }
  ~LanePace() override {
    const std::scoped_lock shared(lanes_);
    lanes_.settle_all({Errc::closed, "the test is over"}, kNow, wakes_);
  }

  void push(std::uint32_t klass, std::uint32_t rows) {
    detail::Entry* entry = detail::Entry::make();
    entry->klass = klass;
    entry->rows = rows;
    entry->bytes = rows;
    entry->pushed = kNow;
    lanes_[klass].queue.push(entry);
    const std::scoped_lock shared(lanes_);
    ASSERT_TRUE(lanes_.stage(kNow, wakes_));
  }
  // As the pen does: one record of the class with an intake, or a barrier.
  void hand_on(Promise promise, detail::EntryKind kind = detail::EntryKind::record) {
    detail::Entry* entry = detail::Entry::make();
    entry->klass = kJournaled;
    entry->kind = kind;
    entry->rows = kind == detail::EntryKind::barrier ? 0 : 1;
    entry->bytes = entry->rows;
    entry->pushed = kNow;
    entry->promise = promise;
    EntryList one;
    one.push(entry);
    lanes_[kJournaled].handed_on.hold();
    (void)lanes_[kJournaled].handed_on.add(one, 1, true, kNow);
    const std::scoped_lock shared(lanes_);
    ASSERT_TRUE(lanes_.stage(kNow, wakes_));
  }
  // The classes of a tick of guarantees, as digits.
  std::string classes(bool paced, Duration since = {}) {
    std::string out;
    for (const schedule::Slice& slice : plan(paced, since).slices) {
      out += std::to_string(slice.klass);
    }
    return out;
  }
  schedule::Plan plan(bool paced, Duration since = {}) {
    return selection_.plan({.hold = Duration(0), .paced = paced}, kNow + since);
  }
  // For 100 ms.
  void pause(std::uint32_t klass) {
    schedule::Plan of_it;
    of_it.slices = {{.klass = klass, .first = 0, .count = 1}};
    commit::TickResult result;
    result.slices = {{.elapsed = milliseconds(9)}};
    selection_.learn(of_it, result);
    selection_.pause(kNow, milliseconds(100));
  }
  // As if all that is planned were committed.
  void commit(const schedule::Plan& plan, std::initializer_list<Duration> took = {}) {
    selection_.select(plan);
    for (commit::Work& work : selection_.work()) work.verdict = commit::Verdict::applied;
    commit::TickResult result;
    for (const Duration elapsed : took) result.slices.push_back({.elapsed = elapsed});
    selection_.keep_state(plan);
    selection_.learn(plan, result);
  }

  static constexpr std::uint32_t kJournaled = 3;

  ack::Wakes wakes_;
  LaneState state_;
  CallSites sites_;
  Lanes lanes_;
  test::RecordingSink sink_{std::make_shared<test::Recording>()};
  Recovery recovery_{sink_, lanes_, state_};
  Selection selection_{lanes_, recovery_, JournalOptions{.tick = kDefaultTick}};

 private:
  void add(const char* name, bool intake = false) {
    ClassOptions options;
    options.name = name;
    options.intake = intake;
    options.guarantee = {.records = 1, .bytes = kKiB};
    auto lane = std::make_unique<ClassLane>(count_++, options, kDefaultTick, sites_);
    lanes_.prepare();
    recovery_.prepare();
    ASSERT_TRUE(selection_.prepare(*lane).ok());
    recovery_.add_class();
    selection_.add_class(*lane);
    lanes_.add(std::move(lane));
  }
  std::uint32_t count_ = 0;
};

// Of two, a class that takes a tenth waits for a fifth: its part of the room is a half.
TEST_F(LanePace, EachClassWaitsForWhatItAddedItself) {
  push(0, 1);
  push(1, 1);
  const schedule::Plan both = plan(true);
  ASSERT_EQ(both.slices.size(), 2U);
  commit(both, {milliseconds(9), milliseconds(1)});
  selection_.pause(kNow, milliseconds(100));
  EXPECT_EQ(classes(true, milliseconds(19)), "");
  EXPECT_EQ(classes(true, milliseconds(20)), "1");
  EXPECT_EQ(classes(true, milliseconds(99)), "1");
  EXPECT_EQ(classes(true, milliseconds(100)), "01");
  EXPECT_EQ(classes(false, milliseconds(9)), "01") << "where nothing is paced nobody waits";
  EXPECT_EQ(classes(true, milliseconds(9)), "01") << "nor afterwards, for what was";
}

TEST_F(LanePace, WhoWasNotInTheTickDoesNotWaitForIt) {
  push(0, 1);
  commit(plan(true), {milliseconds(9)});
  selection_.pause(kNow, milliseconds(100));
  push(1, 1);
  EXPECT_EQ(classes(true, milliseconds(1)), "1");
}

TEST_F(LanePace, AnEmptyTickIsTriedAgainWhenTheFirstPauseEndsOrAFullTickLater) {
  push(0, 1);
  commit(plan(true), {milliseconds(9)});
  selection_.pause(kNow, milliseconds(100));
  EXPECT_EQ(plan(true, milliseconds(95)).not_before, kNow + milliseconds(100));
  EXPECT_EQ(plan(true, milliseconds(1)).not_before, kNow + milliseconds(11)) << "it may be lifted";
}

TEST_F(LanePace, AFlushDoesNotWaitWhereNothingIsBeforeIt) {
  pause(0);
  push(0, 0);  // a barrier
  push(0, 1);
  push(0, 0);
  const schedule::Plan next = plan(true, milliseconds(1));
  ASSERT_EQ(next.slices.size(), 1U);
  EXPECT_EQ(next.slices[0].count, 1U);
  EXPECT_EQ(next.not_before, std::nullopt);
}

TEST_F(LanePace, WhatNobodyWaitsForWaitsUntilTheLogHasRoom) {
  hand_on(Promise::journaled);
  EXPECT_EQ(classes(true), "");
  EXPECT_EQ(plan(true).not_before, kNow + milliseconds(10)) << "nobody is told of the room";
  EXPECT_EQ(classes(false), "3");
  push(1, 1);
  EXPECT_EQ(classes(true), "13") << "it makes a tick no longer that others wait for";
}

TEST_F(LanePace, AFlushWaitsForNoRoom) {
  hand_on(Promise::journaled);
  hand_on(Promise::journaled, detail::EntryKind::barrier);
  EXPECT_EQ(classes(true), "3");
}

TEST_F(LanePace, WhatPromisesMoreThanJournaledWaitsForNoRoom) {
  hand_on(Promise::journaled);
  hand_on(Promise::committed);
  EXPECT_EQ(classes(true), "3");
}

TEST_F(LanePace, ATickThatNobodyWaitsForMayHaveTheWholeHold) {
  const Room room{.hold = milliseconds(1), .most = milliseconds(8)};
  hand_on(Promise::journaled);
  EXPECT_EQ(selection_.plan(room, kNow).hold, milliseconds(8)) << "what the log has room for";
  EXPECT_EQ(selection_.plan({}, kNow).hold, kDefaultTick.hold);
  push(1, 0);  // a flush's barrier takes no time
  EXPECT_EQ(selection_.plan(room, kNow).hold, milliseconds(8));
  push(1, 1);
  EXPECT_EQ(selection_.plan(room, kNow).hold, milliseconds(1));
  EXPECT_LT(selection_.plan({}, kNow).hold, kDefaultTick.hold);
}

// A unit larger than its guarantee waits as many ticks as it has guarantees.
TEST_F(LanePace, AClassThatPausesKeepsWhatItHasSavedUp) {
  push(0, 4);
  push(1, 4);
  push(2, 1);  // which is never done, so that no tick is empty without a large unit
  int ticks = 0;
  std::string taken;
  for (; taken.find('1') == std::string::npos && ticks < 20; ++ticks) {
    const bool paced = ticks == 2;
    if (paced) pause(1);
    const schedule::Plan next = plan(paced, milliseconds(1));
    for (const schedule::Slice& slice : next.slices) {
      if (slice.klass == 2) continue;
      taken += std::to_string(slice.klass) + "@" + std::to_string(ticks) + " ";
    }
    commit(next);
  }
  EXPECT_EQ(taken, "0@3 1@4 ") << "one tick later, for the one that it paused";
}

}  // namespace
}  // namespace onelane::engine
