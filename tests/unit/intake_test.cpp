// What an intake writes, and what is found of it.
#include "src/intake/intake.h"

#include <gtest/gtest.h>

#include "tests/support/intake_fixture.h"

namespace onelane::test {
namespace {

using intake::Applied;
using intake::Position;

class IntakeWriter : public IntakeOnDisk {};

TEST_F(IntakeWriter, WhatIsWrittenIsFound) {
  opened();
  ASSERT_EQ(add("a"), Added::yes);
  ASSERT_EQ(add("b", 1, 2), Added::yes);
  std::vector<std::byte> rows;
  put_row(rows, 0, "c");
  put_row(rows, 2, "d");
  ASSERT_EQ(add_rows(0, rows, true), Added::yes);
  ASSERT_TRUE(intake_->write().ok());
  put_ok("e");
  EXPECT_EQ(found(), (Lines{"c0:1 insert 0(a)", "c1:1 insert 2(b)",
                            "c0:2 [insert 0(c) insert 2(d)]", "c0:3 insert 0(e)"}));
  const auto contents = read();
  ASSERT_EQ((*contents)->statements().size(), 2U);
  EXPECT_EQ((*contents)->statements()[1].columns, names_.statements_[2].columns);
  EXPECT_EQ((*contents)->statements()[1].key_columns, names_.statements_[2].key_columns);
  EXPECT_EQ((*contents)->groups(), 2U);
  EXPECT_EQ((*contents)->units(), 4U);
  EXPECT_EQ((*contents)->uuid(), uuid_);
}

TEST_F(IntakeWriter, NothingIsFoundOfAGroupThatWasNotWritten) {
  opened();
  put_ok("a");
  ASSERT_EQ(add("b"), Added::yes);
  EXPECT_FALSE(intake_->empty());
  EXPECT_EQ(found(), Lines{"c0:1 insert 0(a)"});
}

TEST_F(IntakeWriter, AGroupIsSyncedBeforeItIsAcknowledged) {
  opened();
  storage_.calls();
  put_ok("a");
  EXPECT_EQ(storage_.calls(), (Lines{"write segment-000001", "sync segment-000001"}));
}

TEST_F(IntakeWriter, AUnitCostsAtMostFortyBytes) {
  opened();
  for (int i = 0; i < 100; ++i) ASSERT_EQ(add("0123456789"), Added::yes);
  ASSERT_TRUE(intake_->write().ok());
  const auto one = intake_->figures();
  for (int i = 0; i < 200; ++i) ASSERT_EQ(add("0123456789"), Added::yes);
  ASSERT_TRUE(intake_->write().ok());
  const auto two = intake_->figures();
  const std::uint64_t bytes = two.written - two.padding - (one.written - one.padding);
  const std::uint64_t row = 1 + 5 + 10;
  EXPECT_LE(bytes - intake::kHeaderBytes, 200 * (row + 30));
}

TEST_F(IntakeWriter, PositionsOfAClassGoOnInEachSegment) {
  opened();
  fill_segment("a");
  ASSERT_TRUE(*intake_->keep_spare());
  put_ok("b");
  put_ok("c", 1);
  const auto contents = read();
  ASSERT_TRUE(contents.ok()) << contents.status().to_string();
  EXPECT_EQ((*contents)->segments().size(), 2U);
  EXPECT_EQ((*contents)->classes()[0].last, 17U);
  EXPECT_EQ(units_of(**contents).back(), "c1:1 insert 0(c)");
}

TEST_F(IntakeWriter, PositionsGoOnBeyondWhatAUnitHasRoomFor) {
  constexpr intake::Position kNext = 3 * (intake::Position{1} << 32) - 1;
  next_[names_.classes_[0]] = kNext;
  opened();
  put_ok("a");
  put_ok("b");
  EXPECT_EQ(found(), (Lines{"c0:12884901887 insert 0(a)", "c0:12884901888 insert 0(b)"}));
  opened();
  put_ok("c");
  EXPECT_EQ(found(), (Lines{"c0:12884901889 insert 0(c)"}));
}

TEST_F(IntakeWriter, AClassIsFullWhenNoSegmentIsFree) {
  opened();
  for (int i = 0; i < 4; ++i) {
    fill_segment("a");
    EXPECT_EQ(*intake_->keep_spare(), i < 3);
  }
  EXPECT_EQ(add("b"), Added::no_segment);
  EXPECT_TRUE(intake_->wants_spare());
  EXPECT_EQ(intake_->holds_up(0), 16U);
  const Applied most{.klass = 0, .up_to = 15};
  intake_->applied({&most, 1});
  EXPECT_FALSE(*intake_->keep_spare());
  const Applied all{.klass = 0, .up_to = 16};
  intake_->applied({&all, 1});
  EXPECT_TRUE(*intake_->keep_spare());
  EXPECT_EQ(intake_->holds_up(0), 32U);
  put_ok("b");
  EXPECT_EQ(found().size(), 3U * 16 + 1);
  EXPECT_EQ(intake_->figures().segments, 4U);
}

TEST_F(IntakeWriter, WhatIsAppliedIsSaidWithTheNextGroup) {
  opened();
  put_ok("a");
  put_ok("b");
  apply();
  EXPECT_EQ((*read())->classes()[0].applied, 0U);
  put_ok("c");
  EXPECT_EQ((*read())->classes()[0].applied, 2U);
  for (int i = 0; i < 13; ++i) put_ok("d");
  ASSERT_TRUE(*intake_->keep_spare());
  put_ok("e");
  apply();
  ASSERT_TRUE(*intake_->keep_spare()) << "the first segment is recycled";
  EXPECT_EQ((*read())->classes()[0].applied, 2U) << "the second one says it, too";
}

TEST_F(IntakeWriter, AClassWhoseUnitsAreAllRecycledIsStillKnown) {
  opened();
  put_ok("a", 1);
  apply(1);
  for (int i = 0; i < 40; ++i) {
    (void)intake_->keep_spare();
    put_ok("b");
    apply();
  }
  const auto contents = read();
  ASSERT_TRUE(contents.ok()) << contents.status().to_string();
  ASSERT_EQ((*contents)->classes().size(), 2U);
  const auto& klass = (*contents)->classes()[(*contents)->classes()[0].name == "c1" ? 0 : 1];
  EXPECT_EQ(klass.name, "c1");
  EXPECT_EQ(klass.last, 0U);
  EXPECT_EQ(klass.newest, 1U);
  EXPECT_EQ(klass.applied, 1U);
}

TEST_F(IntakeWriter, ASmallUnitWaitsForTheNextGroupOnceThisOneIsLarge) {
  limits_ = {.segment_bytes = 1024 * 4096, .most_bytes = 2048 * 4096};
  opened();
  ASSERT_EQ(add(std::string(2 << 20, 'x')), Added::yes) << "a larger one goes alone";
  EXPECT_EQ(add("a"), Added::group_is_full);
  ASSERT_TRUE(intake_->write().ok());
  std::size_t units = 0;
  while (add(std::string(1000, 'x')) == Added::yes) ++units;
  EXPECT_GT(units, 1000U);
  EXPECT_LT(units, 1049U);
}

TEST_F(IntakeWriter, TheLargestUnitFitsAnySegment) {
  opened();
  for (int i = 0; i < 5; ++i) put_ok("a");
  const std::uint64_t most = intake::unit_bytes_max(kSegment);
  const std::string text(most - model::kFrameHeaderBytes - 6, 'x');
  EXPECT_EQ(add(text), Added::no_segment);
  ASSERT_TRUE(*intake_->keep_spare());
  put_ok(text);
  EXPECT_EQ(found().back().size(), text.size() + std::string("c0:6 insert 0()").size());
  ASSERT_TRUE(*intake_->keep_spare());
  EXPECT_EQ(add(std::string(kSegment, 'x')), Added::too_large);
  put_ok("b");
}

TEST_F(IntakeWriter, ACleanCloseIsSeen) {
  opened();
  put_ok("a");
  EXPECT_FALSE((*read())->sealed());
  ASSERT_TRUE(intake_->seal().ok());
  EXPECT_TRUE((*read())->sealed());
  opened();
  EXPECT_TRUE((*read())->sealed()) << "nothing was written since";
  ASSERT_TRUE(intake_->seal().ok());
  EXPECT_TRUE((*read())->sealed());
  put_ok("b");
  EXPECT_FALSE((*read())->sealed());
}

TEST_F(IntakeWriter, ACloseOfNothingIsSeen) {
  opened();
  ASSERT_TRUE(intake_->seal().ok());
  EXPECT_TRUE((*read())->sealed());
  EXPECT_EQ((*read())->units(), 0U);
}

TEST_F(IntakeWriter, AFullSegmentIsSealedInTheNext) {
  opened();
  fill_segment("a");
  ASSERT_TRUE(*intake_->keep_spare());
  ASSERT_TRUE(intake_->seal().ok());
  EXPECT_TRUE((*read())->sealed());
  EXPECT_EQ(found().size(), 16U);
}

TEST_F(IntakeWriter, WithoutAFreeSegmentACloseLeavesTheIntakeUnsealed) {
  opened();
  fill_segment("a");
  ASSERT_TRUE(intake_->seal().ok());
  EXPECT_FALSE((*read())->sealed());
}

TEST_F(IntakeWriter, AnOpeningGoesOnAboveAllThatWasUsed) {
  opened();
  put_ok("a");
  put_ok("b");
  opened();
  put_ok("c");
  const auto contents = read();
  EXPECT_EQ(units_of(**contents), Lines{"c0:3 insert 0(c)"}) << "the others are applied";
  EXPECT_EQ((*contents)->last_group(), 3U);
}

TEST_F(IntakeWriter, ManyOpeningsNeedNoMoreFiles) {
  for (int i = 0; i < 20; ++i) {
    opened();
    put_ok("a");
    ASSERT_TRUE(*intake_->keep_spare());
    if (i % 3 == 0) {
      ASSERT_TRUE(intake_->seal().ok());
    }
  }
  EXPECT_LE(storage_.files("intake").size(), 3U);
  EXPECT_EQ(found(), Lines{"c0:20 insert 0(a)"});
}

TEST_F(IntakeWriter, SegmentsOfAnotherSizeGoOnceTheyAreNotNeeded) {
  opened();
  for (int i = 0; i < 3; ++i) {
    fill_segment("a");
    ASSERT_TRUE(*intake_->keep_spare());
  }
  limits_ = {.segment_bytes = 8 * 4096, .most_bytes = 16 * 4096};
  opened();
  EXPECT_EQ(found().size(), 48U) << "all are kept until a group was written";
  put_ok("b");
  EXPECT_TRUE(*intake_->keep_spare());
  EXPECT_EQ(found(), Lines{"c0:49 insert 0(b)"});
  EXPECT_EQ(storage_.files("intake").size(), 2U);
  for (const auto& [name, bytes] : storage_.files("intake")) EXPECT_EQ(bytes->size(), 8U * 4096);
}

TEST_F(IntakeWriter, ForeignFilesStayAndTemporaryOnesGo) {
  auto& files = storage_.files("intake");
  for (const char* name : {"notes", "segment-", "segment-1", "segment-00000x", "new-notes"}) {
    files[name] = std::make_shared<MemoryStorage::Bytes>(5);
  }
  files["new-segment-000007"] = std::make_shared<MemoryStorage::Bytes>(5);
  opened();
  put_ok("a");
  EXPECT_EQ(found(), Lines{"c0:1 insert 0(a)"});
  EXPECT_FALSE(files.contains("new-segment-000007"));
  EXPECT_EQ(files.size(), 6U);
}

}  // namespace
}  // namespace onelane::test
