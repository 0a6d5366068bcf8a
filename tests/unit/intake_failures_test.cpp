// An intake whose disk fails, or is full.
#include <gtest/gtest.h>

#include "tests/support/intake_fixture.h"

namespace onelane::test {
namespace {

class IntakeFailures : public IntakeOnDisk {
 protected:
  std::size_t count(const std::string& call) {
    std::size_t out = 0;
    for (const auto& each : storage_.calls()) out += each.starts_with(call) ? 1U : 0U;
    return out;
  }
};

TEST_F(IntakeFailures, AFailedSyncEndsTheIntakeThoughTheNextWouldSucceed) {
  opened();
  put_ok("a");
  storage_.fail({.call = FolderCall::sync});
  const Status failed = put("b");
  EXPECT_EQ(failed.to_string(), "storage: segment-000001: sync: failed");
  storage_.calls();
  EXPECT_EQ(add("c"), Added::yes);
  EXPECT_EQ(intake_->write().to_string(), failed.to_string());
  EXPECT_EQ(intake_->failure().to_string(), failed.to_string());
  EXPECT_EQ(intake_->keep_spare().status().to_string(), failed.to_string());
  EXPECT_FALSE(intake_->wants_spare());
  EXPECT_EQ(storage_.calls(), Lines{}) << "nothing is written or synced any more";
}

TEST_F(IntakeFailures, AFailedWriteEndsTheIntakeAndLeavesATornTail) {
  opened();
  put_ok("a");
  storage_.fail({.call = FolderCall::write, .written = 700});
  EXPECT_FALSE(put(std::string(900, 'b')).ok());
  EXPECT_EQ(count("sync segment"), 1U);
  EXPECT_EQ(found(), Lines{"c0:1 insert 0(a)"});
  --next_["c0"];
  opened();
  put_ok("c");
  EXPECT_EQ(found(), Lines{"c0:2 insert 0(c)"});
}

TEST_F(IntakeFailures, AfterAFailureAFullIntakeSaysSo) {
  opened();
  fill_segment("a");
  storage_.fail({.call = FolderCall::write, .for_ever = true});
  EXPECT_FALSE(intake_->keep_spare().ok());
  EXPECT_TRUE(intake_->failure().ok()) << "a spare that cannot be made ends nothing";
  storage_.heal();
  ASSERT_TRUE(*intake_->keep_spare());
  put_ok("b");
  storage_.fail({.call = FolderCall::sync});
  EXPECT_FALSE(put("c").ok());
  while (add("d") == Added::yes) continue;
  EXPECT_EQ(add("d"), Added::group_is_full) << "and write() says why";
  EXPECT_FALSE(intake_->write().ok());
}

TEST_F(IntakeFailures, NoRoomForASpareIsWaitedOut) {
  opened();
  put_ok("a");
  for (int i = 0; i < 15; ++i) put_ok("a");
  const FolderCall calls[] = {FolderCall::write, FolderCall::sync, FolderCall::rename,
                              FolderCall::sync_folder};
  for (const FolderCall call : calls) {
    storage_.fail({.call = call, .no_room = true, .written = 4096});
    const auto spare = intake_->keep_spare();
    ASSERT_TRUE(spare.ok()) << spare.status().to_string();
    EXPECT_FALSE(*spare);
    EXPECT_EQ(storage_.files("intake").size(), 1U) << "what was begun is removed";
    EXPECT_EQ(add("b"), Added::no_segment);
  }
  EXPECT_TRUE(*intake_->keep_spare());
  put_ok("b");
  put_ok("c");
  EXPECT_EQ(found().size(), 18U);
}

TEST_F(IntakeFailures, NoRoomAtAnOpeningLeavesTheIntakeWithoutASegment) {
  storage_.fail({.call = FolderCall::write, .for_ever = true, .no_room = true});
  opened();
  EXPECT_EQ(add("a"), Added::no_segment);
  EXPECT_TRUE(intake_->seal().ok());
  storage_.heal();
  EXPECT_TRUE(*intake_->keep_spare());
  put_ok("a");
  EXPECT_EQ(found().size(), 1U);
}

TEST_F(IntakeFailures, AnOpeningThatFailsSaysWhere) {
  opened();
  put_ok("a");
  for (const FolderCall call : {FolderCall::list, FolderCall::open, FolderCall::read,
                                FolderCall::sync, FolderCall::sync_folder, FolderCall::size}) {
    storage_.fail({.call = call});
    EXPECT_EQ(open().code(), Errc::storage) << static_cast<int>(call);
  }
  storage_.heal();
  EXPECT_EQ(open().to_string(), "ok");
}

TEST_F(IntakeFailures, ASegmentThatCannotBeRecycledEndsTheIntake) {
  opened();
  fill_segment("a");
  ASSERT_TRUE(*intake_->keep_spare());
  fill_segment("b");
  apply();
  storage_.fail({.call = FolderCall::sync, .file = "segment-000001"});
  EXPECT_FALSE(intake_->keep_spare().ok());
  EXPECT_FALSE(intake_->failure().ok()) << "whether its header is there is unknown";
  EXPECT_FALSE(put("c").ok());
}

TEST_F(IntakeFailures, ASecondOpenerIsRefused) {
  opened();
  EXPECT_EQ(folder()->lock().status().to_string(),
            "already_open: intake: this intake is open already");
  intake_.reset();
  EXPECT_TRUE(folder()->lock().ok());
}

// A header that was wiped and a group that was torn, at each call of three segments' lives.
TEST_F(IntakeFailures, WhateverCallFailsAllThatWasAcknowledgedIsFound) {
  for (const FolderCall call : {FolderCall::write, FolderCall::sync, FolderCall::create,
                                FolderCall::rename, FolderCall::sync_folder}) {
    for (std::uint64_t after = 0; after < 70; ++after) {
      storage_.files("intake").clear();
      next_.clear();
      storage_.fail({.call = call, .after = after, .for_ever = true, .written = after * 97 % 4096});
      std::size_t acknowledged = 0;
      if (open().ok()) {
        for (; acknowledged < 60; ++acknowledged) {
          if (!put("a").ok() || !intake_->keep_spare().ok()) break;
        }
      }
      intake_.reset();
      storage_.heal();
      const Lines left = found();
      ASSERT_GE(left.size(), acknowledged) << after << " " << (left.empty() ? "" : left.front());
      ASSERT_LE(left.size(), acknowledged + 1);
      for (std::size_t i = 0; i < left.size(); ++i) {
        ASSERT_EQ(left[i], "c0:" + std::to_string(i + 1) + " insert 0(a)");
      }
    }
  }
}

}  // namespace
}  // namespace onelane::test
