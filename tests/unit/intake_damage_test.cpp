// What is found of an intake whose bytes are not as they were written.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tests/support/intake_fixture.h"

namespace onelane::test {
namespace {

using intake::kBlockBytes;
using intake::kHeaderBytes;

class IntakeDamage : public IntakeOnDisk {
 protected:
  using Image = std::map<std::string, MemoryStorage::Bytes>;

  void write_groups(const std::string& names) {
    for (const char each : names) put_ok(std::string(1, each));
  }
  // A second segment, in a folder of three.
  void write_two_segments() {
    opened();
    fill_segment("a");
    ASSERT_TRUE(*intake_->keep_spare());
    write_groups("bcd");
    ASSERT_TRUE(*intake_->keep_spare());
  }
  static Lines first(const Lines& lines, std::size_t count) {
    return {lines.begin(), lines.begin() + static_cast<std::ptrdiff_t>(count)};
  }
  bool refused() { return verdict().starts_with("corrupt: intake/segment-"); }
  // Where the last group that was written ends, and in which file.
  intake::Contents::Segment newest() {
    const auto contents = read();
    EXPECT_TRUE(contents.ok()) << contents.status().to_string();
    return (*contents)->segments().back();
  }
  std::span<std::byte> newest_bytes() { return *storage_.files("intake").at(newest().file); }
  static void clear(std::byte* from, std::size_t count) { std::fill_n(from, count, std::byte{}); }
};

TEST_F(IntakeDamage, AGroupThatIsCutAtAnyByteIsATornTail) {
  opened();
  write_groups("ab");
  const Lines before = found();
  put_ok(std::string(5000, 'c'));
  const Image whole = storage_.image("intake");
  for (std::size_t cut = 0; cut<2 * kBlockBytes; cut += cut> 5200 ? 191 : 1) {
    storage_.restore("intake", whole);
    auto& file = bytes(1);
    clear(file.data() + 2 * kBlockBytes + cut, 2 * kBlockBytes - cut);
    const Lines left = found();
    ASSERT_TRUE(left == before || left.size() == 3) << cut << " " << left.back();
    ASSERT_EQ(left.size(), cut < 5000 + kHeaderBytes ? 2U : left.size()) << cut;
    file.resize(2 * kBlockBytes + cut);
    ASSERT_EQ(found(), left) << cut << ", and the file ends there";
  }
}

TEST_F(IntakeDamage, ZeroedSectorsInTheLastGroupAreATornTail) {
  opened();
  write_groups("ab");
  const Lines before = found();
  put_ok(std::string(6000, 'c'));
  const Image whole = storage_.image("intake");
  for (std::size_t sector = 0; sector < 12; ++sector) {
    storage_.restore("intake", whole);
    clear(bytes(1).data() + 2 * kBlockBytes + sector * 512, 512);
    EXPECT_EQ(found(), before) << sector;
  }
}

TEST_F(IntakeDamage, AnyFlippedBitInAnEarlierGroupIsRefused) {
  opened();
  write_groups("abc");
  const Lines whole = found();
  for (std::size_t at = 0; at < 2 * kBlockBytes; at += at % kBlockBytes < 300 ? 1 : 97) {
    const auto group = std::span(bytes(1)).subspan(at - at % kBlockBytes);
    const std::uint64_t filled = kHeaderBytes + intake::read_header(group).header.payload_bytes;
    for (int bit = 0; bit < 8; ++bit) {
      flip(bytes(1)[at], bit);
      const Lines left = found();
      const bool said = left.size() == 1 && (left[0].starts_with("corrupt: intake/segment-") ||
                                             left[0].starts_with("invalid_argument: "));
      const bool padding = at % kBlockBytes >= filled;
      ASSERT_TRUE(said || (padding && left == whole)) << at << " " << bit << " " << left.front();
      flip(bytes(1)[at], bit);
    }
  }
  EXPECT_EQ(found(), whole);
}

TEST_F(IntakeDamage, AnyFlippedBitInALaterSegmentIsRefusedOrATornTail) {
  write_two_segments();
  const Lines whole = found();
  for (std::size_t at = 0; at < 3 * kBlockBytes; at += at % kBlockBytes < 250 ? 3 : 501) {
    flip(bytes(2)[at], 5);
    const Lines left = found();
    const bool torn = at >= 2 * kBlockBytes && left == first(whole, whole.size() - 1);
    ASSERT_TRUE(torn || left == whole || left.size() == 1) << at << " " << left.size();
    flip(bytes(2)[at], 5);
  }
}

TEST_F(IntakeDamage, DamageInASegmentWithASuccessorIsRefused) {
  write_two_segments();
  const std::size_t last = kSegment - kBlockBytes;
  flip(bytes(1)[last + kHeaderBytes + 3], 0);
  EXPECT_EQ(verdict(),
            "corrupt: intake/segment-000001: damaged at offset 61440: the payload's checksum is "
            "wrong, but segment-000002 goes on after group 16");
}

TEST_F(IntakeDamage, ASegmentThatEndsAtAGroupIsRefusedIfALaterOneGoesOn) {
  write_two_segments();
  bytes(1).resize(kSegment - kBlockBytes);
  EXPECT_EQ(verdict(),
            "corrupt: intake/segment-000001: damaged at offset 61440: the file ends, but "
            "segment-000002 goes on after group 16");
}

TEST_F(IntakeDamage, AMissingSegmentBetweenTwoIsRefused) {
  write_two_segments();
  fill_segment("e");
  storage_.files("intake").erase("segment-000002");
  EXPECT_EQ(
      verdict(),
      "corrupt: intake/segment-000003: damaged at offset 0: segment 2, before it, is missing");
}

TEST_F(IntakeDamage, AFirstGroupWithLaterOnesBehindItIsNoTornTail) {
  write_two_segments();
  flip(bytes(2)[kHeaderBytes], 0);
  EXPECT_EQ(verdict(),
            "corrupt: intake/segment-000002: damaged at offset 0: the payload's checksum is wrong, "
            "but later groups of the segment are there");
  flip(bytes(2)[5], 0);
  EXPECT_EQ(verdict(),
            "corrupt: intake/segment-000002: damaged at offset 0: the first group is not whole, "
            "but later ones of segment 2 are there");
}

TEST_F(IntakeDamage, AHeaderInTheMiddleIsNamed) {
  write_two_segments();
  fill_segment("e");
  flip(bytes(2)[9], 7);
  EXPECT_TRUE(verdict().starts_with("invalid_argument: intake/segment-000002: written by a newer"));
  flip(bytes(2)[9], 7);
  flip(bytes(2)[60], 7);
  EXPECT_EQ(verdict(),
            "corrupt: intake/segment-000002: damaged at offset 0: the header of segment 2");
}

TEST_F(IntakeDamage, ALostOldestSegmentShowsInThePositions) {
  opened();
  put_ok("x", 1);
  for (int i = 0; i < 15; ++i) put_ok("a");
  ASSERT_TRUE(*intake_->keep_spare());
  for (int i = 0; i < 10; ++i) put_ok("b");
  flip(bytes(1)[30], 1);
  const auto contents = read();
  ASSERT_TRUE(contents.ok()) << "it may as well be a segment that was being recycled";
  for (const auto& klass : (*contents)->classes()) {
    const bool gap =
        klass.first == 0 ? klass.newest > klass.applied : klass.first > klass.applied + 1;
    EXPECT_TRUE(gap) << klass.name;
  }
}

TEST_F(IntakeDamage, AMissingOrEmptyNewestSegmentAfterACleanCloseIsNotSealed) {
  opened();
  fill_segment("a");
  ASSERT_TRUE(*intake_->keep_spare());
  ASSERT_TRUE(intake_->seal().ok());
  const Image whole = storage_.image("intake");
  storage_.files("intake").erase("segment-000002");
  EXPECT_FALSE((*read())->sealed());
  storage_.restore("intake", whole);
  bytes(2).clear();
  EXPECT_FALSE((*read())->sealed());
  storage_.restore("intake", whole);
  clear(bytes(2).data(), kSegment);
  EXPECT_FALSE((*read())->sealed());
}

TEST_F(IntakeDamage, NothingMayFollowASealedGroup) {
  opened();
  write_groups("ab");
  const MemoryStorage::Bytes before = bytes(1);
  put_ok("c");
  const MemoryStorage::Bytes after = bytes(1);
  bytes(1) = before;
  intake::GroupHeader seal = intake::read_header(std::span(after).subspan(2 * kBlockBytes)).header;
  seal.sealed = true;
  seal.items = 0;
  seal.payload_bytes = 0;
  seal.payload_checksum = intake::checksum_of({}, intake::seed_of(seal.uuid, seal.segment));
  write_header(seal, std::span(bytes(1)).subspan(2 * kBlockBytes).first<kHeaderBytes>());
  ASSERT_TRUE((*read())->sealed());
  seal.group += 1;
  seal.previous = seal.checksum;
  write_header(seal, std::span(bytes(1)).subspan(3 * kBlockBytes).first<kHeaderBytes>());
  EXPECT_TRUE(refused()) << verdict();
}

TEST_F(IntakeDamage, AHealthyRecycledTailIsNoDamage) {
  opened();
  for (int i = 0; i < 3; ++i) {
    fill_segment("a");
    apply();
    ASSERT_TRUE(*intake_->keep_spare());
  }
  const Lines before = found();
  put_ok("new");
  const auto old = intake::read_header(newest_bytes().subspan(kBlockBytes));
  ASSERT_EQ(old.state, intake::HeaderState::whole);
  ASSERT_LT(old.header.segment, newest().number) << "of the segment that the file was before";
  EXPECT_EQ(found().size(), before.size() + 1);
  EXPECT_EQ(found().back(), "c0:49 insert 0(new)");
}

TEST_F(IntakeDamage, AWholeOldGroupInTheNextOnesPlaceNeverPasses) {
  opened();
  for (int i = 0; i < 3; ++i) {
    fill_segment("a");
    apply();
    ASSERT_TRUE(*intake_->keep_spare());
  }
  put_ok("new");
  const std::span tail = newest_bytes().subspan(kBlockBytes);
  intake::GroupHeader old = intake::read_header(tail).header;
  const Lines before = found();
  // It is in order by itself, and would follow if its checksums were not seeded.
  const std::size_t payload = old.payload_bytes;
  const auto sum = intake::checksum_of(tail.subspan(kHeaderBytes, payload),
                                       intake::seed_of(old.uuid, old.segment));
  ASSERT_EQ(sum, old.payload_checksum);
  const auto contents = read();
  old.segment = newest().number;
  old.group = (*contents)->last_group() + 1;
  old.previous = (*contents)->last_checksum();
  write_header(old, tail.first<kHeaderBytes>());
  EXPECT_EQ(found(), before);
  old.payload_checksum = intake::checksum_of(tail.subspan(kHeaderBytes, payload),
                                             intake::seed_of(old.uuid, old.segment));
  write_header(old, tail.first<kHeaderBytes>());
  EXPECT_NE(found(), before) << "the control";
}

TEST_F(IntakeDamage, AnotherIntakesGroupNeverPasses) {
  opened();
  write_groups("ab");
  const Image other = storage_.image("intake");
  storage_.files("intake").clear();
  uuid_ = intake::make_uuid();
  next_.clear();
  opened();
  write_groups("a");
  const auto& old = other.at("segment-000001");
  std::copy_n(old.begin() + kBlockBytes, kBlockBytes, bytes(1).begin() + kBlockBytes);
  EXPECT_EQ(found(), Lines{"c0:1 insert 0(a)"});
  storage_.files("intake")["segment-000002"] = std::make_shared<MemoryStorage::Bytes>(old);
  EXPECT_TRUE(refused());
  EXPECT_NE(verdict().find(intake::to_string(uuid_)), std::string::npos) << verdict();
}

TEST_F(IntakeDamage, TheSameSegmentTwiceIsRefused) {
  opened();
  write_groups("ab");
  storage_.files("intake")["segment-000009"] = std::make_shared<MemoryStorage::Bytes>(bytes(1));
  EXPECT_TRUE(refused());
}

TEST_F(IntakeDamage, ANewerFormatIsRefusedUntouched) {
  opened();
  write_groups("ab");
  bytes(1)[8] = std::byte{7};
  const Image before = storage_.image("intake");
  EXPECT_EQ(verdict(),
            "invalid_argument: intake/segment-000001: written by a newer onelane, in format 7; "
            "this one reads up to 1");
  EXPECT_EQ(storage_.image("intake"), before);
}

TEST_F(IntakeDamage, ATornTailThatWasReopenedAndWrittenOnMayBeCutAgain) {
  opened();
  write_groups("ab");
  for (int i = 0; i < 6; ++i) {
    put_ok("torn");
    --next_["c0"];
    flip(newest_bytes()[newest().end - kBlockBytes + kHeaderBytes], 0);
    const auto cut = read();
    ASSERT_TRUE(cut.ok()) << cut.status().to_string();
    opened();
    put_ok("c" + std::to_string(i));
    put_ok("d");
    EXPECT_EQ(found().size(), 2U);
  }
}

TEST_F(IntakeDamage, WhatIsLeftOfEarlierOpeningsDoesNotMatter) {
  write_two_segments();
  fill_segment("e");
  const std::string newest_then = newest().file;
  opened();
  ASSERT_EQ(found().size(), 35U) << "all of it counts until a group was written";
  put_ok("f");
  flip((*storage_.files("intake").at(newest_then))[kHeaderBytes + 1], 0);
  EXPECT_EQ(found(), Lines{"c0:36 insert 0(f)"});
  storage_.files("intake").erase(newest_then);
  EXPECT_EQ(found(), Lines{"c0:36 insert 0(f)"});
}

TEST_F(IntakeDamage, APositionThatIsLeftOutIsRefused) {
  opened();
  put_ok("a");
  const MemoryStorage::Bytes one = bytes(1);
  put_ok("b");
  auto header = intake::read_header(std::span(bytes(1)).subspan(kBlockBytes)).header;
  std::vector<std::byte> rows, payload;
  put_row(rows, 0, "b");
  intake::put_unit(payload, {.position = 3, .rows = rows});
  ASSERT_EQ(payload.size(), header.payload_bytes);
  header.payload_checksum =
      intake::checksum_of(payload, intake::seed_of(header.uuid, header.segment));
  write_header(header, std::span(bytes(1)).subspan(kBlockBytes).first<kHeaderBytes>());
  std::copy(payload.begin(), payload.end(), bytes(1).begin() + kBlockBytes + kHeaderBytes);
  EXPECT_EQ(verdict(),
            "corrupt: intake/segment-000001: damaged at offset 4096: a unit does not follow the "
            "one before it in its class");
}

}  // namespace
}  // namespace onelane::test
