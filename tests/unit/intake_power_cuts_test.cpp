// The power is cut at each call that an intake makes of its disk; then it is read.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <map>
#include <string>

#include "src/intake/contents.h"
#include "src/intake/intake.h"
#include "tests/sim/disk_storage.h"
#include "tests/sim/power_cut.h"
#include "tests/support/intake_fixture.h"

namespace onelane::test {
namespace {

using intake::Applied;
using intake::Contents;
using intake::Intake;
using intake::Position;

constexpr std::uint32_t kAppliedNote = 100;  // and the class; a note of the class alone: journaled
constexpr std::uint16_t kClasses = 3;
constexpr const char* kFolder = "/db-intake";

// What was promised of each class, as the notes say it up to some event.
struct Promised {
  std::map<std::string, Position> journaled;
  std::map<std::string, Position> applied;
};

std::string text_at(const std::string& klass, Position position) {
  return klass + std::to_string(position) +
         std::string(position % 7 == 0 ? 9000 : position % 5 * 900, 'x');
}

// A journal's use of an intake: opened, what is left applied, groups written, applied now and then.
class Life {
 public:
  Life(std::shared_ptr<Disk> disk, Random& random) : disk_(std::move(disk)), random_(random) {}

  // What the last life promised and the database has.
  Promised promised;

  std::string open() {
    storage_.mount(disk_);
    auto folder = std::move(storage_.make(kFolder)).value();
    auto lock = std::move(folder->lock()).value();
    const auto left = Contents::read(*folder);
    if (!left) return left.status().to_string();
    for (const auto& each : (*left)->classes()) {
      promised.applied[each.name] = std::max(promised.applied[each.name], each.newest);
    }
    for (std::uint16_t i = 0; i < kClasses; ++i) {
      const std::string name(names_.klass(i));
      next_[i] = std::max(promised.applied[name], promised.journaled[name]) + 1;
      note_applied(i, promised.applied[name]);
    }
    intake::IntakeSetup setup{.folder = std::move(folder),
                              .lock = std::move(lock),
                              .uuid = (*left)->uuid().value_or(intake::Uuid{std::byte{1}}),
                              .limits = {.segment_bytes = kSegment, .most_bytes = 3 * kSegment}};
    auto opened = Intake::open(std::move(setup), names_, left->get());
    if (!opened) return opened.status().to_string();
    intake_ = std::move(*opened);
    return "";
  }

  void write_groups(std::size_t groups) {
    for (std::size_t i = 0; i < groups; ++i) {
      for (std::size_t units = 1 + below(random_, 4); units > 0; --units) add();
      if (!intake_->write().ok()) return;
      for (std::uint16_t klass = 0; klass < kClasses; ++klass) disk_->note(klass, next_[klass] - 1);
      if (chance(random_, 60)) apply_all();
      (void)intake_->keep_spare();
    }
  }
  void seal() { (void)intake_->seal(); }

 private:
  void add() {
    const auto klass = static_cast<std::uint16_t>(below(random_, kClasses));
    std::vector<std::byte> rows;
    put_row(rows, static_cast<std::uint16_t>(below(random_, 8)),
            text_at(std::string(names_.klass(klass)), next_[klass]));
    const intake::Unit unit{.klass = klass, .position = next_[klass], .rows = rows};
    switch (intake_->add(unit)) {
      case Intake::Added::yes:
        ++next_[klass];
        return;
      case Intake::Added::group_is_full:
        return;  // the rest is for the next group
      case Intake::Added::no_segment:
        apply_all();
        EXPECT_TRUE(*intake_->keep_spare());
        return;
      case Intake::Added::too_large:
        FAIL() << rows.size();
    }
  }
  void apply_all() {
    if (!intake_->empty()) return;
    for (std::uint16_t i = 0; i < kClasses; ++i) {
      note_applied(i, next_[i] - 1);
      const Applied applied{.klass = i, .up_to = next_[i] - 1};
      intake_->applied({&applied, 1});
    }
  }
  void note_applied(std::uint16_t klass, Position up_to) {
    disk_->note(kAppliedNote + klass, up_to);
  }

  const std::shared_ptr<Disk> disk_;
  Random& random_;
  DiskStorage storage_;
  SomeNames names_;
  std::map<std::uint16_t, Position> next_;
  std::unique_ptr<Intake> intake_;
};

Promised promised_until(const Disk& disk, std::size_t event) {
  const SomeNames names;
  Promised out;
  for (std::size_t i = 0; i < event; ++i) {
    const DiskEvent& each = disk.log().events()[i];
    if (each.deed != Deed::note) continue;
    const bool applied = each.file >= kAppliedNote;
    const std::string name(names.klass(static_cast<std::uint16_t>(each.file % kAppliedNote)));
    (applied ? out.applied : out.journaled)[name] = each.at;
  }
  return out;
}

// What is wrong with what is found, or nothing. The reader itself refuses gaps.
std::string examine(const std::shared_ptr<Disk>& disk, const Promised& promised) {
  DiskStorage storage(disk);
  auto folder = std::move(storage.open(kFolder)).value();
  std::map<std::string, Position> first, last;
  std::string wrong;
  if (folder != nullptr) {
    const auto contents = Contents::read(*folder);
    if (!contents) return contents.status().to_string();
    const Status status = (*contents)->for_each([&](const intake::FoundUnit& unit) {
      const std::string klass = (*contents)->classes()[unit.klass].name;
      if (text_of(**contents, unit).find("(" + text_at(klass, unit.position) + ")") ==
          std::string::npos) {
        wrong = klass + std::to_string(unit.position) + " is another unit";
      }
      first.try_emplace(klass, unit.position);
      last[klass] = unit.position;
      return Status{};
    });
    if (!status.ok()) return status.to_string();
  }
  for (const auto& [klass, journaled] : promised.journaled) {
    const auto found = promised.applied.find(klass);
    const Position applied = found == promised.applied.end() ? 0 : found->second;
    if (applied >= journaled) continue;
    if (!first.contains(klass)) return klass + " has no units";
    if (first[klass] > applied + 1) return klass + " begins too late";
    if (last[klass] < journaled) return klass + " ends too early";
  }
  return wrong;
}

class IntakePowerCuts : public ::testing::TestWithParam<std::uint64_t> {
 protected:
  // Cuts before each event from `from` on, with each kind of crash.
  std::string cut_everywhere(const Disk& disk, std::size_t from, bool lives_on) {
    PowerCut cut(disk);
    for (std::size_t event = from; event <= disk.log().size(); ++event) {
      const bool last = event == disk.log().size();
      if (!last && disk.log().events()[event].deed == Deed::note) continue;
      cut.advance_to(event);
      const Promised promised = promised_until(disk, event);
      for (std::size_t kind = 0; kind < kCrashKindCount; ++kind) {
        const Image image = cut.image(static_cast<CrashKind>(kind), random_);
        const std::shared_ptr<Disk> left = Disk::make(image, {.syncs_directory = false});
        std::string wrong = examine(left, promised);
        if (wrong.empty() && lives_on && chance(random_, 3)) wrong = live_on(image, promised);
        if (!wrong.empty())
          return std::to_string(event) + " " + std::to_string(kind) + ": " + wrong;
      }
    }
    return "";
  }
  // A second life, on what the crash left, and its crashes.
  std::string live_on(const Image& image, const Promised& promised) {
    const std::shared_ptr<Disk> disk = Disk::make(image, {.syncs_directory = false});
    for (const auto& [klass, position] : promised.journaled) {
      disk->note(static_cast<std::uint32_t>(klass[1] - '0'), position);
    }
    for (const auto& [klass, position] : promised.applied) {
      disk->note(kAppliedNote + static_cast<std::uint32_t>(klass[1] - '0'), position);
    }
    const std::size_t from = disk->log().size();
    Life life(disk, random_);
    life.promised = promised;
    if (std::string wrong = life.open(); !wrong.empty()) return "second life: " + wrong;
    life.write_groups(8);
    const std::string wrong = cut_everywhere(*disk, from, false);
    return wrong.empty() ? "" : "second life: " + wrong;
  }

  Random random_{GetParam()};
};

TEST_P(IntakePowerCuts, AllThatWasAcknowledgedIsFoundInOrder) {
  const std::shared_ptr<Disk> disk = Disk::make({}, {.syncs_directory = false});
  Life life(disk, random_);
  ASSERT_EQ(life.open(), "");
  life.write_groups(40);
  life.seal();
  ASSERT_EQ(life.open(), "");
  life.write_groups(5);
  EXPECT_EQ(cut_everywhere(*disk, 0, true), "");
}

// What a killed process had written, and not synced, when the power is cut after the next opening.
class IntakeKilled : public ::testing::Test {
 protected:
  IntakeKilled() { storage_.mount(disk_); }

  void open() {
    intake_.reset();
    folder_ = std::move(storage_.make(kFolder)).value();
    auto left = Contents::read(*folder_);
    ASSERT_TRUE(left.ok()) << left.status().to_string();
    intake::IntakeSetup setup{.folder = std::move(storage_.make(kFolder)).value(),
                              .lock = std::move(folder_->lock()).value(),
                              .uuid = (*left)->uuid().value_or(intake::Uuid{std::byte{1}}),
                              .limits = {.segment_bytes = kSegment, .most_bytes = 3 * kSegment}};
    intake_ = std::move(Intake::open(std::move(setup), names_, left->get())).value();
  }
  bool put(const std::string& text, Position position) {
    std::vector<std::byte> rows;
    put_row(rows, 0, text);
    EXPECT_EQ(intake_->add({.position = position, .rows = rows}), Intake::Added::yes);
    return intake_->write().ok();
  }
  void kill() {
    disk_ = disk_->survivor();
    storage_.mount(disk_);
  }
  // Of what was not synced, nothing is left.
  void cut_power() {
    PowerCut cut(*disk_);
    cut.advance_to(disk_->log().size());
    Random random{1};
    disk_ = Disk::make(cut.image(CrashKind::none, random), {.syncs_directory = false});
    storage_.mount(disk_);
  }
  std::vector<std::string> found() {
    folder_ = std::move(storage_.make(kFolder)).value();
    const auto contents = Contents::read(*folder_);
    if (!contents) return {contents.status().to_string()};
    return units_of(**contents);
  }

  std::shared_ptr<Disk> disk_ = Disk::make({}, {.syncs_directory = false});
  DiskStorage storage_;
  SomeNames names_;
  std::unique_ptr<intake::Folder> folder_;
  std::unique_ptr<Intake> intake_;
};

TEST_F(IntakeKilled, WhatAnOpeningHasReadIsNotLostByTheNextPowerCut) {
  open();
  ASSERT_TRUE(put("a", 1));
  disk_->fail({.call = VfsCall::write, .written = Written::all});
  ASSERT_FALSE(put("b", 2)) << "written, and not synced";
  kill();
  const std::vector<std::string> read = found();
  EXPECT_EQ(read, (std::vector<std::string>{"c0:1 insert 0(a)", "c0:2 insert 0(b)"}));
  cut_power();
  EXPECT_EQ(found(), read);
}

// A failed sync drops a part of what it covers, and the cache keeps all of it.
TEST_F(IntakeKilled, WhatAFailedSyncDroppedDoesNoHarmOnceItIsApplied) {
  std::size_t dropped = 0;
  for (std::uint64_t after = 0; after < 4; ++after) {
    disk_ = Disk::make({}, {.syncs_directory = false});
    storage_.mount(disk_);
    open();
    disk_->fail({.call = VfsCall::sync, .after = after});
    Position position = 1;
    while (put("b", position)) ++position;
    kill();
    ASSERT_EQ(found().size(), position);
    const std::shared_ptr<Disk> in_between = disk_;
    cut_power();
    dropped += found().size() < position ? 1U : 0U;
    disk_ = in_between;
    storage_.mount(disk_);
    open();
    ASSERT_TRUE(put("c", position + 1));
    cut_power();
    EXPECT_EQ(found(),
              std::vector<std::string>{"c0:" + std::to_string(position + 1) + " insert 0(c)"});
  }
  EXPECT_GT(dropped, 0U);
}

TEST_P(IntakePowerCuts, OnADiskThatOnlyPretendsToSyncSomethingIsLost) {
  const std::shared_ptr<Disk> disk =
      Disk::make({}, {.syncs_directory = false, .lies = Lies::every_sync});
  Life life(disk, random_);
  ASSERT_EQ(life.open(), "");
  life.write_groups(20);
  EXPECT_NE(cut_everywhere(*disk, 0, false), "");
}

INSTANTIATE_TEST_SUITE_P(Seeds, IntakePowerCuts, ::testing::Range<std::uint64_t>(1, 3));

}  // namespace
}  // namespace onelane::test
