// The WAL-reset bug of SQLite 3.7.0 to 3.51.2: a commit restarts the WAL inside a checkpoint. Each
// way into it is walked twice. On bare SQLite, without the rule that prevents it, the database must
// be damaged where the version has the bug; otherwise the test has no teeth. Then on the sink.
#include <functional>
#include <string>
#include <utility>

#include "src/sqlite/log/wal_log.h"
#include "tests/support/faulty_vfs.h"
#include "tests/support/sink_fixture.h"

namespace onelane {
namespace {

using test::FaultyVfs;
using test::OtherConnection;
using test::succeeded;
using test::VfsCall;
using test::VfsFile;

constexpr const char* kPadded =
    "CREATE TABLE IF NOT EXISTS t(id INTEGER PRIMARY KEY, v TEXT UNIQUE, pad)";
constexpr const char* kInsert = "INSERT INTO t(v, pad) VALUES(hex(randomblob(16)), zeroblob(900))";

constexpr const char* kInsertMany =
    "WITH n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 20) "
    "INSERT INTO t(v, pad) SELECT hex(randomblob(16)), zeroblob(900) FROM n";

bool affected() { return sqlite::has_reset_bug(sqlite3_libversion_number()); }

int checkpoint(OtherConnection& connection, int mode, int* copied = nullptr) {
  int frames = 0;
  int unused = 0;
  return sqlite3_wal_checkpoint_v2(connection.handle(), "main", mode, &frames,
                                   copied == nullptr ? &unused : copied);
}

// Three connections to one database, none of which checkpoints by itself.
struct Bare {
  explicit Bare(const std::filesystem::path& database)
      : writer(database, OtherConnection::Missing::created),
        checkpointer(database),
        foreigner(database),
        path(database) {
    for (OtherConnection* each : {&writer, &checkpointer, &foreigner}) {
      EXPECT_EQ(each->query("PRAGMA journal_mode=WAL"), "wal");
      EXPECT_EQ(each->query("PRAGMA synchronous=NORMAL"), "");
      sqlite3_wal_autocheckpoint(each->handle(), 0);
    }
    EXPECT_EQ(writer.query(kPadded), "");
  }

  std::string rows() const { return test::query(path, "SELECT count(*) FROM t NOT INDEXED"); }
  std::string integrity() const { return test::query(path, "PRAGMA integrity_check"); }

  void commit(OtherConnection& by, const std::string& sql = kInsert) {
    const std::string answer = by.query(sql);
    EXPECT_TRUE(answer.empty() || shut) << answer;
    if (answer.empty()) committed += sqlite3_changes(by.handle());
  }
  void commit(OtherConnection& by, int times) {
    for (int i = 0; i < times; ++i) commit(by);
  }
  // A WAL that is checkpointed to its end, and a pass that the next deed meets. The database is
  // whole.
  void fill_and_copy() {
    commit(writer, 60);
    EXPECT_EQ(checkpoint(checkpointer, SQLITE_CHECKPOINT_PASSIVE), SQLITE_OK);
    EXPECT_EQ(rows(), "60");
    EXPECT_EQ(integrity(), "ok");
  }
  // From here on a commit that meets the pass is wanted, and counts if it succeeded.
  void meet(test::FaultyVfs& vfs, std::function<void()> deed) {
    vfs.meanwhile(VfsCall::unfetch, VfsFile::database, [this, deed = std::move(deed)] {
      const int before = committed;
      deed();
      met = committed > before;
    });
  }
  // Commits that were answered with success must be there.
  bool damaged() {
    EXPECT_TRUE(met) << "no commit met the pass";
    shut = true;  // a database that is found damaged answers with an error
    commit(writer, 80);
    (void)checkpoint(checkpointer, SQLITE_CHECKPOINT_PASSIVE);
    commit(writer, 1);
    return integrity() != "ok" || rows() != std::to_string(committed);
  }

  OtherConnection writer, checkpointer, foreigner;
  std::filesystem::path path;
  int committed = 0;
  bool met = false;
  bool shut = false;
};

class WalReset : public test::SinkFixture {
 protected:
  // Another process's commit in the middle of the next pass.
  void foreign_commit_in_the_next_pass(OtherConnection& by) {
    vfs_.meanwhile(VfsCall::unfetch, VfsFile::database, [this, &by] {
      met_ = true;
      answer_ = by.query(kInsert);
      if (answer_.empty()) ++committed_;
    });
  }
  void commit(int times) {
    for (int i = 0; i < times; ++i) {
      ASSERT_TRUE(succeeded(sink_->begin()));
      ASSERT_TRUE(succeeded(execute(kInsert)));
      ASSERT_TRUE(succeeded(sink_->commit()));
      ++committed_;
    }
  }
  LogPass close_in() {
    EXPECT_TRUE(succeeded(sink_->begin()));
    LogPass pass = sink_->log()->close_in();
    EXPECT_TRUE(succeeded(sink_->rollback()));
    return pass;
  }
  void TearDown() override { sink_.reset(); }  // before the VFS
  void expect_whole() {
    vfs_.meanwhile(VfsCall::unfetch, VfsFile::other, nullptr);
    commit(80);
    EXPECT_TRUE(sink_->log()->copy_back(kMiB).ok());
    commit(1);
    EXPECT_EQ(outside("PRAGMA integrity_check"), "ok");
    EXPECT_EQ(outside("SELECT count(*) FROM t NOT INDEXED"), std::to_string(committed_));
    EXPECT_TRUE(close_healthy().ok());
    EXPECT_EQ(outside("PRAGMA integrity_check"), "ok");
  }

  FaultyVfs vfs_;
  bool met_ = false;
  std::string answer_;
  int committed_ = 0;
};

// A foreign commit inside a pass that runs between two ticks, without the write lock.

TEST_F(WalReset, BareAPassBetweenTicksIsMetByAForeignCommitAndDamages) {
  Bare bare(database_);
  bare.fill_and_copy();
  bare.meet(vfs_, [&] { bare.commit(bare.foreigner); });
  (void)checkpoint(bare.checkpointer, SQLITE_CHECKPOINT_PASSIVE);
  EXPECT_EQ(bare.damaged(), affected()) << sqlite3_sourceid();
}

TEST_F(WalReset, AClosingPassKeepsForeignCommitsOut) {
  ASSERT_NO_FATAL_FAILURE(open(kPadded));
  OtherConnection foreigner(database_);
  commit(60);
  EXPECT_TRUE(sink_->log()->copy_back(kMiB).ok());
  foreign_commit_in_the_next_pass(foreigner);
  EXPECT_TRUE(close_in().ok());
  EXPECT_TRUE(met_);
  EXPECT_EQ(answer_, "error 5");
  expect_whole();
}

TEST_F(WalReset, TheLastPassOfAHealthyCloseKeepsForeignCommitsOut) {
  ASSERT_NO_FATAL_FAILURE(open(kPadded));
  OtherConnection foreigner(database_);
  commit(60);
  EXPECT_TRUE(sink_->log()->copy_back(kMiB).ok());
  foreign_commit_in_the_next_pass(foreigner);
  EXPECT_TRUE(close_healthy().ok());
  EXPECT_TRUE(met_);
  EXPECT_EQ(answer_, "error 5");
}

TEST_F(WalReset, APassBesideCommitsDoesNotRunWhileNothingIsLeftToCopy) {
  ASSERT_NO_FATAL_FAILURE(open(kPadded));
  OtherConnection foreigner(database_);
  commit(60);
  EXPECT_TRUE(sink_->log()->copy_back(kMiB).ok());
  foreign_commit_in_the_next_pass(foreigner);
  EXPECT_TRUE(sink_->log()->copy_back(kMiB).ok());
  EXPECT_FALSE(met_);
  expect_whole();
}

// TRUNCATE takes the write lock first, but not if somebody has it: then it goes on without.

TEST_F(WalReset, BareTruncateUnderAForeignLockIsMetByItsCommitAndDamages) {
  Bare bare(database_);
  bare.fill_and_copy();
  EXPECT_EQ(bare.foreigner.query("BEGIN IMMEDIATE"), "");
  EXPECT_EQ(bare.foreigner.query(kInsert), "");
  bare.meet(vfs_, [&] { bare.commit(bare.foreigner, "COMMIT"); });
  (void)checkpoint(bare.checkpointer, SQLITE_CHECKPOINT_TRUNCATE);
  EXPECT_EQ(bare.damaged(), affected()) << sqlite3_sourceid();
}

TEST_F(WalReset, UnderAForeignLockThereIsNoClosingPassAtAll) {
  ASSERT_NO_FATAL_FAILURE(open(kPadded));
  OtherConnection foreigner(database_);
  commit(60);
  EXPECT_TRUE(sink_->log()->copy_back(kMiB).ok());
  foreigner.query("BEGIN IMMEDIATE");
  foreigner.query(kInsert);
  vfs_.meanwhile(VfsCall::unfetch, VfsFile::database, [&] { met_ = true; });
  EXPECT_EQ(sink_->begin().fault, Fault::busy);
  EXPECT_TRUE(sink_->log()->copy_back(kMiB).ok());
  EXPECT_FALSE(met_);
  EXPECT_EQ(foreigner.query("COMMIT"), "");
  ++committed_;
  expect_whole();
}

// A transaction that wrote no frames is no proof that there is something to copy.

TEST_F(WalReset, BareAPassAfterACommitWithoutFramesIsMetAndDamages) {
  Bare bare(database_);
  bare.fill_and_copy();
  EXPECT_EQ(bare.writer.query("INSERT OR IGNORE INTO t SELECT * FROM t LIMIT 1"), "");
  bare.meet(vfs_, [&] { bare.commit(bare.writer); });
  (void)checkpoint(bare.checkpointer, SQLITE_CHECKPOINT_PASSIVE);
  EXPECT_EQ(bare.damaged(), affected()) << sqlite3_sourceid();
}

TEST_F(WalReset, ACommitWithoutFramesAllowsNoPass) {
  ASSERT_NO_FATAL_FAILURE(open(kPadded));
  OtherConnection foreigner(database_);
  commit(60);
  EXPECT_TRUE(sink_->log()->copy_back(kMiB).ok());
  ASSERT_TRUE(succeeded(sink_->begin()));
  ASSERT_TRUE(succeeded(execute("INSERT OR IGNORE INTO t SELECT * FROM t LIMIT 1")));
  ASSERT_TRUE(succeeded(sink_->commit()));
  foreign_commit_in_the_next_pass(foreigner);
  EXPECT_TRUE(sink_->log()->copy_back(kMiB).ok());
  EXPECT_FALSE(met_);
  expect_whole();
}

// The writer's count of frames is stale, since another connection has restarted the WAL: it differs
// from what was copied last, although everything is copied.

TEST_F(WalReset, BareComparingFrameCountsAcrossAResetIsMetAndDamages) {
  Bare bare(database_);
  int frames = 0;  // as the writer's hook says
  sqlite3_wal_hook(
      bare.writer.handle(),
      [](void* to, sqlite3*, const char*, int now) {
        *static_cast<int*>(to) = now;
        return SQLITE_OK;
      },
      &frames);
  bare.fill_and_copy();
  // More frames than the commit that meets the pass: only what is behind its end is passed over.
  bare.commit(bare.foreigner, kInsertMany);
  int copied = 0;
  EXPECT_EQ(checkpoint(bare.checkpointer, SQLITE_CHECKPOINT_PASSIVE, &copied), SQLITE_OK);
  ASSERT_NE(frames, copied) << "so there is something to copy, if counts are believed";
  ASSERT_EQ(bare.integrity(), "ok");
  bare.meet(vfs_, [&] { bare.commit(bare.foreigner); });
  (void)checkpoint(bare.checkpointer, SQLITE_CHECKPOINT_PASSIVE);
  EXPECT_EQ(bare.damaged(), affected()) << sqlite3_sourceid();
}

TEST_F(WalReset, AFrameCountOfAnOlderLogAllowsNoPass) {
  ASSERT_NO_FATAL_FAILURE(open(kPadded));
  OtherConnection foreigner(database_);
  commit(60);
  EXPECT_TRUE(sink_->log()->copy_back(kMiB).ok());
  EXPECT_EQ(foreigner.query(kInsert), "");
  ++committed_;
  EXPECT_LT(close_in().copied, sink_->log()->state().bytes);
  foreign_commit_in_the_next_pass(foreigner);
  EXPECT_TRUE(sink_->log()->copy_back(kMiB).ok());
  EXPECT_FALSE(met_);
  expect_whole();
}

// A transaction that began before the previous pass had returned may be part of what that copied.

TEST_F(WalReset, ACommitThatBeganBeforeThePassReturnedAllowsNoPass) {
  ASSERT_NO_FATAL_FAILURE(open(kPadded));
  commit(60);
  ASSERT_TRUE(succeeded(sink_->begin()));
  ASSERT_TRUE(succeeded(execute(kInsert)));
  EXPECT_TRUE(sink_->log()->copy_back(kMiB).ok());
  ASSERT_TRUE(succeeded(sink_->commit()));
  ++committed_;
  EXPECT_FALSE(sink_->log()->state().may_copy);
  commit(1);
  EXPECT_TRUE(sink_->log()->state().may_copy);
  expect_whole();
}

}  // namespace
}  // namespace onelane
