// The model that power cuts are tried on: what it may lose and what it must keep.
#include "tests/sim/disk.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <memory>
#include <optional>
#include <set>
#include <string>

#include "tests/sim/disk_handle.h"
#include "tests/sim/power_cut.h"

namespace onelane::test {
namespace {

constexpr CrashKind kKinds[] = {CrashKind::none,   CrashKind::all,  CrashKind::prefix,
                                CrashKind::subset, CrashKind::torn, CrashKind::shuffled};

class DiskModel : public ::testing::Test {
 protected:
  std::unique_ptr<DiskHandle> open(const std::string& name, VfsFile kind = VfsFile::log) {
    return std::make_unique<DiskHandle>(disk_, name, kind);
  }
  static void write(DiskHandle& file, const std::string& text, std::uint64_t at = 0) {
    file.write(std::as_bytes(std::span(text)), at);
  }
  static std::string text(const Image& image, const std::string& name) {
    const auto found = image.find(name);
    if (found == image.end()) return "no file";
    const char* first = reinterpret_cast<const char*>(found->second.data());
    return {first, first + found->second.size()};
  }
  Image crash(CrashKind kind) {
    PowerCut cut(*disk_);
    cut.advance_to(disk_->log().size());
    return cut.image(kind, random_);
  }
  // All that a crash of this kind was seen to leave of the file.
  std::set<std::string> left(CrashKind kind, const std::string& name) {
    std::set<std::string> out;
    for (int i = 0; i < 200; ++i) out.insert(text(crash(kind), name));
    return out;
  }

  Random random_{7};
  std::shared_ptr<Disk> disk_ = Disk::make({{"f", {}}});
};

TEST_F(DiskModel, WhatWasSyncedIsLeftByEveryCrash) {
  const auto file = open("f");
  write(*file, "kept");
  ASSERT_EQ(file->sync(), SQLITE_OK);
  for (const CrashKind kind : kKinds) EXPECT_EQ(text(crash(kind), "f"), "kept");
}

TEST_F(DiskModel, WhatWasNotSyncedIsLeftInPart) {
  const auto file = open("f");
  write(*file, "a");
  write(*file, "b", 1);
  EXPECT_EQ(left(CrashKind::none, "f"), std::set<std::string>{""});
  EXPECT_EQ(left(CrashKind::all, "f"), std::set<std::string>{"ab"});
  EXPECT_EQ(left(CrashKind::prefix, "f"), (std::set<std::string>{"", "a", "ab"}));
  const std::string hole("\0b", 2);
  EXPECT_EQ(left(CrashKind::subset, "f"), (std::set<std::string>{"", "a", "ab", hole}));
}

TEST_F(DiskModel, AWriteIsTornBetweenSectorsAndAnOldOneMayWin) {
  const auto file = open("f");
  write(*file, std::string(512, 'a') + std::string(512, 'b'));
  const std::set<std::string> torn = left(CrashKind::torn, "f");
  EXPECT_TRUE(torn.contains(std::string(512, 'a')));
  EXPECT_TRUE(torn.contains(std::string(512, '\0') + std::string(512, 'b')));
  EXPECT_EQ(torn.size(), 4U);
  write(*file, std::string(512, 'c'));
  EXPECT_TRUE(
      left(CrashKind::shuffled, "f").contains(std::string(512, 'a') + std::string(512, 'b')));
}

TEST_F(DiskModel, ASyncCoversWhatCameBeforeItBegan) {
  const auto file = open("f");
  const auto other = open("f");
  write(*file, "before");
  disk_->meanwhile([&](VfsCall call, VfsFile) {
    if (call == VfsCall::sync) write(*other, " after", 6);
  });
  ASSERT_EQ(file->sync(), SQLITE_OK);
  EXPECT_EQ(text(disk_->content(), "f"), "before after");
  EXPECT_EQ(text(crash(CrashKind::none), "f"), "before");
}

TEST_F(DiskModel, AFileIsThereOnceTheDirectoryIsSynced) {
  const auto file = open("new", VfsFile::database);
  write(*file, "x");
  ASSERT_EQ(file->sync(), SQLITE_OK);
  EXPECT_EQ(text(crash(CrashKind::none), "new"), "no file");
  EXPECT_EQ(left(CrashKind::subset, "new"), (std::set<std::string>{"no file", "x"}));
  ASSERT_EQ(disk_->sync_directory(), 0);
  for (const CrashKind kind : kKinds) EXPECT_EQ(text(crash(kind), "new"), "x");
}

TEST_F(DiskModel, AFileThatWasRemovedMayComeBackUntilTheDirectoryIsSynced) {
  ASSERT_EQ(disk_->remove("f"), SQLITE_OK);
  EXPECT_EQ(left(CrashKind::subset, "f"), (std::set<std::string>{"", "no file"}));
  ASSERT_EQ(disk_->sync_directory(), 0);
  EXPECT_EQ(left(CrashKind::subset, "f"), std::set<std::string>{"no file"});
}

TEST_F(DiskModel, AFailedSyncLosesWritesThatNoLaterSyncBringsBack) {
  const auto file = open("f");
  for (std::uint64_t i = 0; i < 10; ++i) write(*file, "x", i);
  disk_->fail({.call = VfsCall::sync, .code = SQLITE_IOERR_FSYNC});
  EXPECT_EQ(file->sync(), SQLITE_IOERR_FSYNC);
  EXPECT_EQ(file->sync(), SQLITE_OK);
  EXPECT_EQ(text(disk_->content(), "f"), std::string(10, 'x'));
  EXPECT_NE(text(crash(CrashKind::all), "f"), std::string(10, 'x'));
}

TEST_F(DiskModel, AFailedSyncIsToldOnceToEachWhoHadTheFileOpen) {
  const auto first = open("f");
  const auto second = open("f");
  disk_->fail({.call = VfsCall::sync, .code = SQLITE_IOERR_FSYNC});
  EXPECT_EQ(first->sync(), SQLITE_IOERR_FSYNC);
  const auto late = open("f");
  EXPECT_EQ(second->sync(), SQLITE_IOERR_FSYNC);
  for (const auto* each : {&first, &second, &late}) EXPECT_EQ((*each)->sync(), SQLITE_OK);
}

TEST_F(DiskModel, WithoutPowersafeOverwriteAWriteMayRuinItsDurableNeighbours) {
  const auto file = open("f");
  write(*file, "neighbour");
  ASSERT_EQ(file->sync(), SQLITE_OK);
  write(*file, "x", 9);
  bool ruined = false;
  for (const std::string& each : left(CrashKind::damaged, "f")) {
    ruined = ruined || !each.starts_with("neighbour");
  }
  EXPECT_TRUE(ruined);
}

TEST_F(DiskModel, AKillKeepsTheCacheAndDropsTheLocks) {
  const auto file = open("f", VfsFile::database);
  write(*file, "cached");
  ASSERT_EQ(file->lock(SQLITE_LOCK_SHARED), SQLITE_OK);
  ASSERT_EQ(file->lock(SQLITE_LOCK_EXCLUSIVE), SQLITE_OK);
  disk_ = disk_->survivor();
  EXPECT_EQ(text(disk_->content(), "f"), "cached");
  EXPECT_EQ(text(crash(CrashKind::none), "f"), "");
  EXPECT_EQ(open("f", VfsFile::database)->lock(SQLITE_LOCK_SHARED), SQLITE_OK);
  EXPECT_NE(file->sync(), SQLITE_OK) << "the dead process's handle";
}

TEST_F(DiskModel, LogLocksAreSharedByReadersAndExclusiveToAWriter) {
  constexpr int kLockShared = SQLITE_SHM_LOCK | SQLITE_SHM_SHARED;
  constexpr int kLockExclusive = SQLITE_SHM_LOCK | SQLITE_SHM_EXCLUSIVE;
  const auto one = open("f", VfsFile::database);
  auto two = open("f", VfsFile::database);
  EXPECT_EQ(one->shm_lock(4, kLockShared), SQLITE_OK);
  EXPECT_EQ(two->shm_lock(4, kLockShared), SQLITE_OK);
  EXPECT_EQ(one->shm_lock(4, kLockExclusive), SQLITE_BUSY);
  two.reset();
  EXPECT_EQ(one->shm_lock(4, kLockExclusive), SQLITE_OK);
  EXPECT_EQ(open("f", VfsFile::database)->shm_lock(4, kLockShared), SQLITE_BUSY);
}

// A process that opens a file and closes it again loses all of its locks on it.
TEST_F(DiskModel, LocksThatAProcessLostAreSeenByItselfAlone) {
  const int one = 0;
  const int two = 0;
  const auto open_as = [&](Process process) {
    return std::make_unique<DiskHandle>(disk_, "f", VfsFile::database, process);
  };
  const auto journal = open_as(&one);
  const auto sibling = open_as(&one);
  const auto stranger = open_as(&two);
  ASSERT_EQ(journal->lock(SQLITE_LOCK_SHARED), SQLITE_OK);
  ASSERT_EQ(stranger->lock(SQLITE_LOCK_SHARED), SQLITE_OK);
  ASSERT_EQ(stranger->lock(SQLITE_LOCK_EXCLUSIVE), SQLITE_BUSY);
  stranger->unlock(SQLITE_LOCK_SHARED);
  disk_->drop_locks("f", &one);
  ASSERT_EQ(sibling->lock(SQLITE_LOCK_SHARED), SQLITE_OK) << "which asks the system for nothing";
  ASSERT_EQ(stranger->lock(SQLITE_LOCK_EXCLUSIVE), SQLITE_OK);
  stranger->unlock(SQLITE_LOCK_NONE);
  EXPECT_EQ(sibling->lock(SQLITE_LOCK_EXCLUSIVE), SQLITE_BUSY);
}

TEST_F(DiskModel, SharedMemoryThatWasUnlinkedIsNotTheOneThatComesAfter) {
  const int one = 0;
  const int two = 0;
  const auto open_as = [&](Process process) {
    return std::make_unique<DiskHandle>(disk_, "f", VfsFile::database, process);
  };
  const auto journal = open_as(&one);
  auto stranger = open_as(&two);
  const volatile void* const first = journal->shared(0, 16, true);
  ASSERT_EQ(stranger->shared(0, 16, true), first);
  stranger->shm_unmap(true);
  EXPECT_NE(stranger->shared(0, 16, true), first);
  EXPECT_EQ(open_as(&one)->shared(0, 16, true), first) << "its process has it still";
}

}  // namespace
}  // namespace onelane::test
