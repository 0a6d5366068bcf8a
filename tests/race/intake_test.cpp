// The pen's holder and the keeper of an intake, beside each other.
#include "src/intake/intake.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/sim/disk_storage.h"
#include "tests/support/intake_fixture.h"

namespace onelane::test {
namespace {

using intake::Intake;
using intake::Position;

TEST(IntakeRoles, ThePenAndTheKeeperNeedNotWaitForEachOther) {
  DiskStorage storage(Disk::make({}, {.syncs_directory = false}));
  const SomeNames names;
  auto folder = std::move(storage.make("/intake")).value();
  auto lock = std::move(folder->lock()).value();
  auto opened = Intake::open({.folder = std::move(folder),
                              .lock = std::move(lock),
                              .uuid = intake::make_uuid(),
                              .limits = {.segment_bytes = kSegment, .most_bytes = 3 * kSegment}},
                             names, nullptr);
  ASSERT_TRUE(opened.ok()) << opened.status().to_string();
  Intake& intake = **opened;
  constexpr Position kUnits = 3000;
  std::atomic<Position> written{0};
  std::thread keeper([&] {
    while (written.load() < kUnits) {
      const intake::Applied applied{.klass = 0, .up_to = written.load()};
      intake.applied({&applied, 1});
      EXPECT_TRUE(intake.keep_spare().ok());
      (void)intake.holds_up(0);
      EXPECT_LE(intake.figures().segments, 3U);
      std::this_thread::yield();
    }
  });
  std::vector<std::byte> rows;
  put_row(rows, 1, "a");
  for (Position position = 1; position <= kUnits;) {
    const auto added = intake.add({.position = position, .rows = rows});
    if (added == Intake::Added::no_segment) {
      std::this_thread::yield();
      continue;
    }
    ASSERT_EQ(added, Intake::Added::yes);
    ASSERT_TRUE(intake.write().ok());
    written.store(position++);
  }
  keeper.join();
  folder = std::move(storage.open("/intake")).value();
  const auto contents = intake::Contents::read(*folder);
  ASSERT_TRUE(contents.ok()) << contents.status().to_string();
  EXPECT_EQ((*contents)->classes()[0].last, kUnits);
}

}  // namespace
}  // namespace onelane::test
