// An intake's files and other processes: a second opener, forked children, limits and signals.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/intake/folder.h"
#include "tests/support/child.h"
#include "tests/support/temp_directory.h"

namespace onelane::test {
namespace {

class IntakeProcesses : public ::testing::Test {
 protected:
  std::unique_ptr<intake::Folder> make() const {
    return std::move(intake::storage().make(directory_ / "intake")).value();
  }
  // 0: it can be locked.
  int lock_code() const { return static_cast<int>(make()->lock().status().code()); }

  TempDirectory directory_;
};

constexpr int kRefused = static_cast<int>(Errc::already_open);

TEST_F(IntakeProcesses, ASecondProcessIsRefused) {
  Standby other([this] { return lock_code(); });
  auto lock = make()->lock();
  ASSERT_TRUE(lock.ok());
  EXPECT_EQ(other.run(), kRefused);
  lock = Status(Errc::closed, "");
  EXPECT_EQ(other.run(), 0);
}

TEST_F(IntakeProcesses, AForkedChildIsNoSecondOpenerAndKeepsNoLock) {
  Standby other([this] { return lock_code(); });
  auto lock = make()->lock();
  ASSERT_TRUE(lock.ok());
  Pipe asks, answers;
  Child child([&] {
    const int before = lock_code();
    lock = Status(Errc::closed, "");  // which it inherited
    answers.write(before == kRefused && lock_code() == kRefused ? 1 : 0);
    return asks.read() ? 0 : 2;
  });
  EXPECT_EQ(answers.read(), 1);
  EXPECT_EQ(other.run(), kRefused);
  lock = Status(Errc::closed, "");
  EXPECT_EQ(other.run(), 0) << "while the child lives";
  EXPECT_TRUE(asks.write(0));
  EXPECT_EQ(child.wait(), 0);
}

TEST_F(IntakeProcesses, ALimitOnFilesIsNoRoomAndEndsNobody) {
  Child child([this] {
    const auto file = std::move(make()->create("a")).value();
    const rlimit limit{.rlim_cur = 6000, .rlim_max = 6000};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 1;
    const std::vector<std::byte> block(4096);
    if (!file->write(0, block).ok()) return 2;
    const intake::Done done = file->write(4096, block);
    if (done.ok() || !done.no_room) return 3;
    return file->write(1000, block).ok() ? 0 : 4;
  });
  EXPECT_EQ(child.wait(), 0);
}

TEST_F(IntakeProcesses, NoFileBecomesAStandardStream) {
  Child child([this] {
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::close(fd);
    const auto folder = make();
    const auto lock = folder->lock();
    const auto file = folder->create("a");
    if (!lock || !file) return 1;
    struct stat found = {};
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
      if (::fstat(fd, &found) == 0) return 2;
    }
    return 0;
  });
  EXPECT_EQ(child.wait(), 0);
}

}  // namespace
}  // namespace onelane::test
