// A database is one file, whatever happens to its names, descriptors and processes. A journal never
// acknowledges writes to a file that has no name any more, and never shares its database with
// another journal.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "onelane/onelane.h"
#include "tests/support/child.h"
#include "tests/support/sqlite_support.h"
#include "tests/support/temp_directory.h"

namespace onelane::test {
namespace {

namespace fs = std::filesystem;

constexpr Duration kTooLong = std::chrono::seconds(20);
constexpr const char* kSchema = "CREATE TABLE IF NOT EXISTS t(a)";

// A journal whose class asks for durable.
class Owner {
 public:
  explicit Owner(const fs::path& path, JournalOptions options = {}) {
    options.schema = kSchema;
    Result<Journal> opened = Journal::open(path, options);
    EXPECT_TRUE(opened.ok()) << opened.status().to_string();
    journal_.emplace(*std::move(opened));
    class_.emplace(*journal_->add_class({.name = "c", .promise = Promise::durable}));
    insert_ = *journal_->add_statement(
        {.sql = "INSERT INTO t VALUES(?1)", .columns = {{ColumnType::integer}}});
  }

  Result<Outcome> write(std::int64_t value) {
    Row row;
    row.integer(value);
    return class_->write(insert_, row);
  }
  // By a commit that is not synced.
  bool committed(std::int64_t value) {
    Row row;
    row.integer(value);
    const Result<Outcome> outcome = class_->write(insert_, row, {.promise = Promise::committed});
    return outcome.ok() && outcome->committed();
  }
  bool durable(std::int64_t value) {
    const Result<Outcome> outcome = write(value);
    return outcome.ok() && outcome->committed() && outcome->durable;
  }
  bool run(StepFunction step) {
    Result<Receipt> receipt = class_->submit(Job{.name = "job", .step = std::move(step)});
    if (!receipt.ok()) return false;
    const Result<Outcome> outcome = receipt->wait();
    return outcome.ok() && outcome->committed();
  }
  Status close() { return journal_->close(kTooLong).status; }
  Status poison() const { return journal_->stats().poison; }

 private:
  std::optional<Journal> journal_;
  std::optional<WriteClass> class_;
  Statement insert_;
};

class FileIdentity : public ::testing::Test {
 protected:
  static Status open_status(const fs::path& path) {
    return Journal::open(path, {.schema = kSchema}).status();
  }
  fs::path with(const char* suffix) const { return database_.native() + suffix; }
  std::string seen(const std::string& sql) { return query(database_, sql); }

  TempDirectory directory_;
  const fs::path database_ = directory_ / "a.db";
};

bool names(const Status& status, const std::string& what) {
  EXPECT_NE(status.message().find(what), std::string::npos) << status.to_string();
  return status.message().find(what) != std::string::npos;
}

// --- The files.

// The file's suffix, and whether another file replaces it.
class LostFile : public FileIdentity,
                 public ::testing::WithParamInterface<std::tuple<const char*, bool>> {
 protected:
  void lose() {
    const auto [suffix, replaced] = GetParam();
    fs::rename(with(suffix), with(".away"));
    if (replaced) std::ofstream(with(suffix)) << "another file";
  }
};

TEST_P(LostFile, IsNoticedBeforeTheNextAnswerAndNamed) {
  Owner owner(database_);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(owner.durable(i));
  lose();
  EXPECT_FALSE(owner.durable(3));
  EXPECT_TRUE(names(owner.poison(), with(std::get<0>(GetParam())).native() + ": it was "));
  EXPECT_FALSE(owner.durable(4)) << "nor is anything answered later";
  EXPECT_FALSE(owner.close().ok());
}

TEST_P(LostFile, IsNoticedByACloseThatWouldCopyTheLogBack) {
  Owner owner(database_);
  ASSERT_TRUE(owner.durable(0));
  lose();
  const bool there = fs::exists(database_);
  const auto size = there ? fs::file_size(database_) : 0;
  EXPECT_TRUE(names(owner.close(), with(std::get<0>(GetParam())).native() + ": it was "));
  EXPECT_EQ(there ? fs::file_size(database_) : 0, size);
}

INSTANTIATE_TEST_SUITE_P(Files, LostFile,
                         ::testing::Combine(::testing::Values("", "-wal", "-shm"),
                                            ::testing::Bool()));

TEST_F(FileIdentity, AFileThatComesAndGoesBesideTheDatabaseIsNobodysBusiness) {
  Owner owner(database_);
  for (int i = 0; i < 5; ++i) {
    std::ofstream(directory_ / "other") << i;
    EXPECT_TRUE(owner.durable(i));
    fs::remove(directory_ / "other");
  }
  EXPECT_TRUE(owner.close().ok());
}

// --- The lock.

TEST_F(FileIdentity, ABindMountedDatabaseIsTheSameDatabase) {
  const fs::path second = directory_ / "mounted" / "a.db";
  fs::create_directory(directory_ / "mounted");
  std::ofstream(second).close();
  Child child([&] {
    if (::unshare(CLONE_NEWNS) != 0) return 1;
    ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
    std::ofstream(database_).close();
    if (::mount(database_.c_str(), second.c_str(), nullptr, MS_BIND, nullptr) != 0) return 1;
    Standby other([&] { return static_cast<int>(open_status(second).code()); });
    Owner owner(database_);
    if (!owner.durable(1)) return 2;
    if (open_status(second).code() != Errc::already_open) return 3;
    if (other.run() != static_cast<int>(Errc::already_open)) return 4;
    return owner.durable(2) && owner.close().ok() && other.run() == 0 ? 0 : 5;
  });
  const int code = child.wait();
  if (code == 1) GTEST_SKIP() << "needs root to mount";
  EXPECT_EQ(code, 0);
}

TEST_F(FileIdentity, AForkedChildIsRefusedADatabaseThatItsParentHadOpen) {
  Pipe closed;
  Owner owner(database_);
  ASSERT_TRUE(owner.durable(1));
  Child child([&] {
    closed.close_writing();
    const bool before = names(open_status(database_), "exec");
    (void)closed.read();  // until the parent has closed its journal
    return before && open_status(database_).code() == Errc::forked ? 0 : 1;
  });
  EXPECT_TRUE(owner.close().ok());
  closed.close_writing();
  EXPECT_EQ(child.wait(), 0);
}

TEST_F(FileIdentity, AForkedChildMayOpenWhatItsParentHadClosedBefore) {
  Owner owner(database_);
  ASSERT_TRUE(owner.close().ok());
  Child child([&] {
    Owner mine(database_);
    return mine.durable(1) && mine.close().ok() ? 0 : 1;
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_EQ(seen("SELECT a FROM t"), "1");
}

TEST_F(FileIdentity, TheLockEndsWithItsOwnerThoughAChildOfItLivesOn) {
  Pipe opened, ended;
  Child owner([&] {
    Owner mine(database_);
    const pid_t heir = ::fork();
    if (heir == 0) {
      ended.close_writing();
      (void)ended.read();
      ::_exit(0);
    }
    mine.run([&](Transaction&) -> Result<Step> {
      opened.write(heir);
      for (;;) ::pause();  // with all its locks
    });
    return 0;
  });
  const std::optional<std::int64_t> heir = opened.read();
  ASSERT_TRUE(heir);
  EXPECT_EQ(open_status(database_).code(), Errc::already_open);
  owner.kill();
  EXPECT_EQ(::kill(static_cast<pid_t>(*heir), 0), 0) << "it must outlive the owner here";
  for (int i = 0; i < 2; ++i) {
    Owner next(database_);
    EXPECT_TRUE(next.durable(i));
    EXPECT_TRUE(next.close().ok()) << "what the child inherited is in nobody's way";
  }
  ended.close_writing();
}

// The redirection that daemons do, of descriptors that were closed when the journal was opened.
TEST_F(FileIdentity, ALockIsNotLostWhereTheStandardStreamsAreOpenedAfterwards) {
  Standby other([&] { return static_cast<int>(open_status(database_).code()); });
  Child child([&] {
    for (int fd = 0; fd <= STDERR_FILENO; ++fd) ::close(fd);
    Owner owner(database_);
    if (other.run() != static_cast<int>(Errc::already_open)) return 1;
    const int null = ::open("/dev/null", O_RDWR);
    for (int fd = 0; fd <= STDERR_FILENO; ++fd) ::dup2(null, fd);
    if (other.run() != static_cast<int>(Errc::already_open)) return 2;
    return owner.durable(1) ? 0 : 3;
  });
  EXPECT_EQ(child.wait(), 0);
}

// A program that opens and closes the database's file drops all locks that its process has on it.
// Without them, another process that closes the database takes itself for the last and deletes the
// log.
class LostLocks : public FileIdentity {
 protected:
  static constexpr const char* kBusy = "error 5";
  void lose() const {
    fs::copy_file(database_, with(".copy"), fs::copy_options::overwrite_existing);
  }
  std::string rows() { return seen("SELECT group_concat(a, ' ') FROM t"); }

  Standby reader_{[this] { return std::stoi(seen("SELECT count(*) FROM t")); }};
  Standby opener_{[this] { return static_cast<int>(open_status(database_).code()); }};
  Standby leaver_{[this] { return seen("PRAGMA journal_mode = DELETE") == kBusy ? 0 : 1; }};
};

TEST_F(LostLocks, LeaveTheLogWhereItIs) {
  Owner owner(database_);
  ASSERT_TRUE(owner.durable(1));
  lose();
  EXPECT_EQ(reader_.run(), 1);
  ASSERT_TRUE(fs::exists(with("-wal"))) << "the other process took itself for the last";
  EXPECT_EQ(leaver_.run(), 0) << "it left WAL mode under the journal";
  EXPECT_TRUE(owner.committed(2));
  lose();
  EXPECT_EQ(reader_.run(), 2);
  EXPECT_TRUE(owner.durable(3));
  EXPECT_TRUE(owner.close().ok());
  EXPECT_EQ(rows(), "1 2 3");
}

TEST_F(LostLocks, AreTakenAgain) {
  Owner owner(database_);
  lose();
  ASSERT_TRUE(owner.durable(1));
  EXPECT_EQ(opener_.run(), static_cast<int>(Errc::already_open));
  EXPECT_TRUE(owner.close().ok());
  EXPECT_EQ(opener_.run(), static_cast<int>(Errc::ok));
}

TEST_F(LostLocks, AreTakenAgainForAClose) {
  Standby writer([this] {
    OtherConnection other(database_);
    other.query("INSERT INTO t VALUES(2)");
    return 0;
  });
  Owner owner(database_);
  ASSERT_TRUE(owner.durable(1));
  OtherConnection own(database_);
  own.query("SELECT * FROM t");
  lose();
  ASSERT_TRUE(owner.close().ok());
  EXPECT_EQ(writer.run(), 0);
  EXPECT_TRUE(fs::exists(with("-wal"))) << "the program's own connection still has it";
  EXPECT_EQ(own.query("SELECT group_concat(a, ' ') FROM t"), "1 2");
}

TEST_F(LostLocks, ThatAnotherJournalHasTakenAreTheEnd) {
  std::shared_ptr<Owner> theirs;
  Standby other([&] {
    if (theirs) return theirs->close().ok() ? 0 : 1;
    theirs = std::make_shared<Owner>(database_);
    return theirs->durable(2) ? 0 : 1;
  });
  Owner owner(database_);
  ASSERT_TRUE(owner.durable(1));
  lose();
  ASSERT_EQ(other.run(), 0) << "nothing kept it out: see that the test still loses the lock";
  EXPECT_FALSE(owner.durable(3));
  EXPECT_TRUE(names(owner.poison(), "another journal, in process " + std::to_string(other.pid())));
  EXPECT_TRUE(names(owner.poison(), "opened and closed the file"));
  EXPECT_FALSE(owner.close().ok());
  EXPECT_EQ(other.run(), 0) << "the other one goes on";
  EXPECT_TRUE(rows().starts_with("1 2")) << rows();
}

// The same for the log's index. Its locks are those of transactions, and they also say that it is
// in use: a process that finds no user truncates it, under the memory that the journal has mapped.
class LostIndexLocks : public LostLocks {
 protected:
  void lose_index() const {
    fs::copy_file(with("-shm"), with(".copy"), fs::copy_options::overwrite_existing);
  }
  // Whether it is, asked as SQLite does.
  bool in_use() const {
    constexpr off_t kUse = 128;
    struct flock asked = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = kUse, .l_len = 1};
    const int fd = ::open(with("-shm").c_str(), O_RDWR | O_CLOEXEC);
    EXPECT_EQ(::fcntl(fd, F_GETLK, &asked), 0);
    ::close(fd);
    return asked.l_type != F_UNLCK;
  }

  Standby asker_{[this] { return in_use() ? 0 : 1; }};
  Standby writer_{[this] { return seen("INSERT INTO t VALUES(2)") == kBusy ? 0 : 1; }};
};

TEST_F(LostIndexLocks, LeaveItInUse) {
  Owner owner(database_);
  ASSERT_TRUE(owner.durable(1));
  lose_index();
  EXPECT_EQ(asker_.run(), 0);
  EXPECT_TRUE(owner.close().ok());
  EXPECT_FALSE(fs::exists(with("-shm"))) << "not even by the journal that has closed it";
}

TEST_F(LostIndexLocks, AreNotMadeByAJournalThatCloses) {
  Owner owner(database_);
  OtherConnection own(database_);
  ASSERT_EQ(own.query("SELECT count(*) FROM t"), "0");
  ASSERT_TRUE(owner.close().ok());
  EXPECT_EQ(asker_.run(), 0) << "the program's own connection has lost its locks";
}

TEST_F(LostIndexLocks, LeaveTheTransactionItsPlaceInTheLog) {
  Owner owner(database_);
  ASSERT_TRUE(owner.durable(1));
  EXPECT_TRUE(owner.run([&](Transaction& transaction) -> Result<Step> {
    EXPECT_TRUE(transaction.execute("INSERT INTO t VALUES(3)").ok());
    lose_index();
    EXPECT_EQ(writer_.run(), 0) << "another process writes in the midst of a transaction";
    return Step::done;
  }));
  EXPECT_EQ(writer_.run(), 1) << "nor is it kept out afterwards";
  EXPECT_TRUE(owner.close().ok());
  EXPECT_EQ(rows(), "1 3 2");
}

TEST_F(FileIdentity, AJournalThatClosesLeavesTheProgramsOwnConnectionItsLocks) {
  Standby reader([&] { return seen("SELECT count(*) FROM t") == "2" ? 0 : 1; });
  Owner owner(database_);
  OtherConnection own(database_);
  ASSERT_TRUE(owner.durable(1));
  ASSERT_EQ(own.query("SELECT count(*) FROM t"), "1");
  ASSERT_TRUE(owner.close().ok());
  own.query("INSERT INTO t VALUES(2)");
  EXPECT_EQ(reader.run(), 0);
  EXPECT_TRUE(fs::exists(with("-wal"))) << "the other process took itself for the last";
  EXPECT_TRUE(Owner(database_).durable(3)) << "by the same descriptor";
}

// --- Descriptors.

std::ptrdiff_t descriptors() {
  return std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator());
}

TEST_F(FileIdentity, ClosedJournalsKeepNoDescriptors) {
  ASSERT_TRUE(Owner(database_).close().ok());  // closes what earlier tests could not
  const std::ptrdiff_t before = descriptors();
  for (int i = 0; i < 20; ++i) {
    Owner owner(directory_ / (std::to_string(i) + ".db"));
    ASSERT_TRUE(owner.close().ok());
  }
  EXPECT_EQ(descriptors(), before);
}

TEST_F(FileIdentity, AnOpeningWithoutDescriptorsIsTheStoragesFault) {
  Child child([&] {
    rlimit limit = {};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    const auto first = static_cast<rlim_t>(::dup(0));
    for (rlim_t left = 0; left < 9; ++left) {
      limit.rlim_cur = first + left;
      ::setrlimit(RLIMIT_NOFILE, &limit);
      const Status status = open_status(database_);
      const bool said = status.message().find("Too many open files") != std::string::npos;
      if (status.code() != Errc::storage || !said) return static_cast<int>(left) + 1;
    }
    return 0;
  });
  EXPECT_EQ(child.wait(), 0);
}

}  // namespace
}  // namespace onelane::test
