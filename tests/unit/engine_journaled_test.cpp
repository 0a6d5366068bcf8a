// Classes with an intake, on real SQLite and the real file system.
#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include "tests/support/intake_journal_fixture.h"

namespace onelane::test {
namespace {

using std::chrono::milliseconds;

using Intake = IntakeJournal;

TEST_F(Intake, AUnitIsJournaledBeforeItIsCommitted) {
  gather_for_ever();
  const Receipt peer = submit(insert_, 1);
  EXPECT_FALSE(peer.poll_journaled());
  tick();
  ASSERT_TRUE(peer.poll_journaled());
  EXPECT_EQ(peer.poll_journaled()->position, 1U);
  EXPECT_FALSE(peer.poll());
  EXPECT_EQ(ids(), "NULL");
}

TEST_F(Intake, AJournaledUnitIsCommittedOnceByTheNextOpening) {
  gather_for_ever();
  for (const int id : {1, 2, 2, 3}) (void)submit(insert_, id);  // equal records stay two
  tick();
  crash();
  ASSERT_TRUE(succeeded(reopened()));
  EXPECT_EQ(ids(), "1,2,2,3");
  EXPECT_EQ(journal_->stats().intake.replayed, 4U);
  ASSERT_TRUE(succeeded(reopened()));
  EXPECT_EQ(ids(), "1,2,2,3");
  EXPECT_EQ(journal_->stats().intake.replayed, 0U);
}

TEST_F(Intake, WhatIsCommittedBeforeACrashIsNotCommittedAgain) {
  open_with_intake();
  for (const int id : {1, 2}) (void)submit(insert_, id);
  run();
  (void)submit(insert_, 3);
  tick();
  crash();
  ASSERT_TRUE(succeeded(reopened()));
  EXPECT_EQ(ids(), "1,2,3");
  EXPECT_EQ(journal_->stats().intake.replayed, 0U);
}

TEST_F(Intake, ACommittedUnitIsDurable) {
  open_with_intake();
  const std::uint64_t syncs = journal_->stats().sync_ns.count();
  const Outcome peer = outcome(submit(insert_, 1));
  EXPECT_TRUE(peer.committed());
  EXPECT_TRUE(peer.durable);
  EXPECT_EQ(journal_->stats().sync_ns.count(), syncs) << "SQLite's log was synced for it";
}

TEST_F(Intake, WhatCloseHasNoTimeForIsCarriedToTheNextOpening) {
  gather_for_ever();
  const Receipt peer = submit(insert_, 1);
  tick();
  const CloseReport report = journal_->close(Duration(0));
  EXPECT_EQ(report.end(End::carried), 1U);
  EXPECT_EQ(settled(peer).end, End::carried);
  EXPECT_EQ(ids(), "NULL");
  ASSERT_TRUE(succeeded(reopened()));
  EXPECT_EQ(ids(), "1");
}

TEST_F(Intake, WhatWasNotWrittenYetIsClosed) {
  gather_for_ever();
  const Receipt peer = submit(insert_, 1);
  EXPECT_EQ(journal_->close(Duration(0)).end(End::closed), 1U);
  EXPECT_EQ(settled(peer).end, End::closed);
  ASSERT_TRUE(succeeded(reopened()));
  EXPECT_EQ(ids(), "NULL");
}

TEST_F(Intake, ARefusedUnitIsADeadLetterFromItsCommitOn) {
  open_with_intake();
  const Receipt good = submit(insert_, 1);
  const Receipt bad = submit(insert_, 13);
  run();
  EXPECT_EQ(settled(good).end, End::committed);
  EXPECT_EQ(settled(bad).end, End::rejected);
  EXPECT_EQ(outside("SELECT class, position, statement, row, cause FROM dead"),
            "peers|2|INSERT INTO peers VALUES(?1)|13|record: CHECK constraint failed: id <> 13 "
            "(sqlite 275)");
  EXPECT_EQ(position(), "2");
  EXPECT_EQ(journal_->stats().classes[0].dead_letters, 1U);
}

TEST_F(Intake, ARefusedUnitAloneIsCommittedAsADeadLetter) {
  open_with_intake();
  const Receipt bad = submit(insert_, 13);
  run();
  EXPECT_EQ(settled(bad).end, End::rejected);
  EXPECT_EQ(outside("SELECT count(*) FROM dead"), "1");
  EXPECT_EQ(position(), "1");
}

TEST_F(Intake, AUnitThatTheNextOpeningRefusesStopsNobody) {
  gather_for_ever();
  for (const int id : {1, 13, 2}) (void)submit(insert_, id);
  tick();
  crash();
  ASSERT_TRUE(succeeded(reopened()));
  EXPECT_EQ(ids(), "1,2");
  EXPECT_EQ(outside("SELECT position FROM dead"), "2");
  EXPECT_EQ(journal_->stats().intake.replayed, 3U);
  EXPECT_EQ(journal_->stats().intake.replayed_letters, 1U);
}

TEST_F(Intake, StatisticsSayHowFarItIs) {
  gather_for_ever();
  EXPECT_FALSE(journal_->stats().intake.oldest);
  const TimePoint first = journal_->now();
  (void)submit(insert_, 1);
  tick();
  clock_->advance(milliseconds(5));
  (void)submit(insert_, 2);
  tick();
  const JournalStats stats = journal_->stats();
  EXPECT_EQ(stats.classes[0].journaled_position, 2U);
  EXPECT_EQ(stats.classes[0].applied_position, 0U);
  EXPECT_EQ(stats.intake.units, 2U);
  EXPECT_EQ(stats.intake.units_per_group.count(), 2U);
  EXPECT_EQ(stats.intake.sync_ns.count(), 2U);
  EXPECT_EQ(stats.intake.oldest, first);
  clock_->advance(std::chrono::hours(2));
  run();
  EXPECT_EQ(journal_->stats().classes[0].applied_position, 2U);
  EXPECT_FALSE(journal_->stats().intake.oldest);
}

// A deferred violation is found by the check behind each unit, or by COMMIT.
TEST_F(Intake, AUnitThatEndsItsTransactionIsRefusedAndTheOthersAreCommitted) {
  open_with_intake();
  const Statement rollback =
      add("INSERT OR ROLLBACK INTO peers VALUES(?1)", {{ColumnType::integer, false}});
  const Receipt before = submit(insert_, 1);
  const Receipt bad = submit(rollback, 13);
  const Receipt after = submit(insert_, 2);
  run();
  EXPECT_EQ(settled(bad).end, End::rejected);
  EXPECT_TRUE(settled(before).committed() && settled(after).committed());
  EXPECT_EQ(ids(), "1,2");
  EXPECT_EQ(outside("SELECT position FROM dead"), "2");
}

TEST_F(Intake, AGroupIsWholeInTheNextOpeningOrADeadLetter) {
  gather_for_ever();
  Row row;
  for (const int bad : {3, 13}) {
    Group group;
    for (const int id : {1, 2, bad}) {
      row.clear();
      put(row, id);
      group.add(insert_, row);
    }
    (void)submit(group);
  }
  tick();
  crash();
  ASSERT_TRUE(succeeded(reopened()));
  EXPECT_EQ(ids(), "1,2,3");
  EXPECT_EQ(outside("SELECT group_concat(row) FROM dead WHERE position = 2"), "1,2,13");
}

TEST_F(Intake, PositionsGoOnAboveAllThatWereUsed) {
  gather_for_ever();
  for (const int id : {1, 2}) (void)submit(insert_, id);
  tick();
  crash();
  open_with_intake();
  const Receipt peer = submit(insert_, 3);
  tick();
  ASSERT_TRUE(peer.poll_journaled());
  EXPECT_EQ(peer.poll_journaled()->position, 3U);
  EXPECT_EQ(position(), "3");
}

TEST_F(Intake, ANewerRecordSupersedesAnOlderOneOfItsKey) {
  ClassOptions options = journaled("peers");
  options.coalesce = true;
  open_with_intake(options);
  Result<Statement> keyed = journal_->add_statement(
      {"INSERT INTO peers VALUES(?1)", {{ColumnType::integer, false}}, {0}});
  const Receipt older = submit(*keyed, 1);
  const Receipt newer = submit(*keyed, 1);
  run();
  EXPECT_EQ(settled(older).end, End::superseded);
  EXPECT_EQ(settled(newer).end, End::committed);
  EXPECT_EQ(ids(), "1");
  EXPECT_EQ(position(), "2");
}

// A tick with room for one record passes over the older one of the pair.
TEST_F(Intake, WhatWaitsBehindANewerRecordIsAppliedBeforeItAfterACrash) {
  options_.tick.records = 1;
  ClassOptions options = journaled("peers");
  options.guarantee.records = 1;
  options.coalesce = true;
  options_.schema = "";
  open_with_intake(options);
  Result<Statement> keyed = journal_->add_statement(
      {"INSERT INTO peers VALUES(?1)", {{ColumnType::integer, false}}, {0}});
  (void)submit(*keyed, 1);
  (void)submit(*keyed, 2);
  (void)submit(*keyed, 1);
  tick();
  EXPECT_EQ(ids(), "2");
  EXPECT_EQ(outside("SELECT position, waiting FROM onelane_intake WHERE class = 'peers'"), "2|1");
  crash();
  ASSERT_TRUE(succeeded(reopened()));
  EXPECT_EQ(ids(), "2,1,1") << "the older of the pair, and then the newer";
  EXPECT_EQ(position(), "3");
}

// A flush waits for the older one, so it cannot wait behind the newer one; and the class is full.
TEST_F(Intake, WhatIsSupersededForItsRoomIsNotAppliedAgain) {
  ClassOptions options = journaled("peers");
  options.coalesce = true;
  options.capacity_records = 1;
  options.when_full = WhenFull::reject;
  options.gather = std::chrono::hours(1);
  open_with_intake(options);
  Result<Statement> keyed = journal_->add_statement(
      {"INSERT INTO peers VALUES(?1)", {{ColumnType::integer, false}}, {0}});
  OtherConnection other(database_);
  other.query("BEGIN IMMEDIATE");  // nothing can be committed
  const Receipt older = submit(*keyed, 1);
  EXPECT_FALSE(succeeded(journal_->flush(milliseconds(1))));
  const Receipt newer = submit(*keyed, 1);
  tick();
  other.query("ROLLBACK");
  clock_->advance(std::chrono::hours(2));
  run();
  EXPECT_TRUE(settled(newer).committed());
  EXPECT_EQ(settled(older).end, End::superseded);
  EXPECT_EQ(ids(), "1");
  EXPECT_EQ(outside("SELECT position, waiting FROM onelane_intake WHERE class = 'peers'"),
            "2|NULL");
}

TEST_F(Intake, AFullOneHoldsItsUnitsUntilSegmentsAreFree) {
  gather_for_ever();
  const Statement blob = add("INSERT INTO peers VALUES(length(?1))", {{ColumnType::blob, false}});
  const std::vector<std::byte> large(30'000);
  std::vector<Receipt> peers;
  for (int i = 0; i < 12; ++i) peers.push_back(submit(blob, std::span<const std::byte>(large)));
  OtherConnection other(database_);
  other.query("BEGIN IMMEDIATE");  // nothing can be committed
  for (int i = 0; i < 20; ++i) {
    tick();
    clock_->advance(std::chrono::minutes(3));
  }
  const auto written = static_cast<std::size_t>(std::count_if(
      peers.begin(), peers.end(), [](const Receipt& each) { return each.poll_journaled(); }));
  EXPECT_GT(written, 0U);
  EXPECT_LT(written, peers.size());
  EXPECT_LE(journal_->stats().intake.bytes, options_.intake.most_bytes);
  other.query("ROLLBACK");
  for (int i = 0; i < 20; ++i) {
    clock_->advance(std::chrono::minutes(3));
    run();
  }
  for (const Receipt& each : peers) EXPECT_EQ(settled(each).end, End::committed);
}

TEST_F(Intake, ACancelledUnitIsNotJournaledAndAJournaledOneIsNotCancelled) {
  gather_for_ever();
  Receipt early = submit(insert_, 1);
  EXPECT_TRUE(early.cancel());
  Receipt late = submit(insert_, 2);
  tick();
  EXPECT_FALSE(late.cancel());
  EXPECT_TRUE(late.poll_journaled());
  EXPECT_FALSE(early.poll_journaled());
  crash();
  ASSERT_TRUE(succeeded(reopened()));
  EXPECT_EQ(ids(), "2");
}

TEST_F(Intake, ADeadlineEndsWhatIsNotWrittenByThenAndNothingElse) {
  gather_for_ever();
  Row row;
  put(row, 1);
  const PushOptions soon{.deadline = journal_->now() + milliseconds(5)};
  const Receipt late = accepted(writes_->submit(insert_, row, soon));
  clock_->advance(milliseconds(5));
  tick();
  EXPECT_EQ(settled(late).end, End::expired);
  const PushOptions again{.deadline = journal_->now() + milliseconds(5)};
  const Receipt in_time = accepted(writes_->submit(insert_, row, again));
  tick();
  clock_->advance(std::chrono::hours(2));
  run();
  EXPECT_EQ(settled(in_time).end, End::committed);
}

TEST_F(Intake, AFlushWaitsForWhatIsJournaled) {
  gather_for_ever();
  const Receipt peer = submit(insert_, 1);
  EXPECT_TRUE(succeeded(journal_->flush()));
  EXPECT_EQ(settled(peer).end, End::committed);
}

TEST_F(Intake, AUnitThatPromisesMoreEndsTheGathering) {
  gather_for_ever();
  const Receipt patient = submit(insert_, 1);
  tick();
  EXPECT_FALSE(patient.poll());
  Row row;
  put(row, 2);
  const PushOptions hurried{.promise = Promise::committed};
  const Receipt hurry = accepted(writes_->submit(insert_, row, hurried));
  run();
  EXPECT_EQ(settled(hurry).end, End::committed);
}

TEST_F(Intake, NoFileIsMadeIfNoClassHasOne) {
  open();
  EXPECT_FALSE(std::filesystem::exists(folder()));
  EXPECT_EQ(outside("SELECT count(*) FROM sqlite_schema"), "0");
}

// --- What is refused.

TEST_F(Intake, IsRefusedWhereItCannotBe) {
  open();
  ClassOptions dropping = journaled("dropping");
  dropping.when_full = WhenFull::drop_oldest;
  EXPECT_TRUE(says(journal_->add_class(dropping).status(), Errc::invalid_argument,
                   {"dropping", "drop-oldest", "intake"}));
  ClassOptions without = journaled("without");
  without.intake = false;
  EXPECT_TRUE(says(journal_->add_class(without).status(), Errc::invalid_argument,
                   {"without", "promise is journaled", "intake"}));
}

TEST_F(Intake, NeedsATableOfDeadLetters) {
  options_.intake.dead_letters = "";
  open();
  EXPECT_TRUE(says(journal_->add_class(journaled("peers")).status(), Errc::invalid_argument,
                   {"peers", "IntakeOptions::dead_letters"}));
  EXPECT_FALSE(std::filesystem::exists(folder()));
}

TEST_F(Intake, TakesNoJobsAndNoUnitThatDoesNotFitASegment) {
  open_with_intake();
  Result<Receipt> job =
      writes_->submit(Job{.name = "work", .step = [](Transaction&) { return Step::done; }});
  EXPECT_TRUE(says(job.status(), Errc::invalid_argument, {"work", "peers", "intake"}));
  const Statement blob = add("INSERT INTO peers VALUES(length(?1))", {{ColumnType::blob, false}});
  const std::vector<std::byte> large(70'000);
  Row row;
  put(row, std::span<const std::byte>(large));
  EXPECT_TRUE(says(writes_->submit(blob, row).status(), Errc::invalid_argument,
                   {"peers", "70012", "segment"}));
}

TEST_F(Intake, JournaledIsRefusedInAClassWithoutOne) {
  open("CREATE TABLE t(x)");
  const Statement any = add("INSERT INTO t VALUES(1)");
  const PushOptions options{.promise = Promise::journaled};
  EXPECT_TRUE(
      says(writes_->push(any, Row(), options), Errc::invalid_argument, {"writes", "no intake"}));
  Receipt plain = accepted(writes_->submit(any, Row()));
  EXPECT_TRUE(says(plain.wait_journaled().status(), Errc::invalid_argument, {"no intake"}));
}

// --- Identity.

TEST_F(Intake, ADatabaseWhoseIntakeIsGoneIsRefused) {
  gather_for_ever();
  (void)submit(insert_, 1);
  tick();
  (void)journal_->close(Duration(0));
  std::filesystem::remove_all(folder());
  EXPECT_TRUE(says(reopened(), Errc::invalid_argument, {"test.db-intake", "is gone"}));
  options_.intake.on_mismatch = IntakeMismatch::discard;
  open_with_intake();
  (void)submit(insert_, 2);
  run();
  EXPECT_EQ(ids(), "2");
  options_.intake.on_mismatch = IntakeMismatch::refuse;
  open_with_intake();
  EXPECT_EQ(ids(), "2");
}

TEST_F(Intake, ADatabaseThatWasClosedInGoodOrderNeedsItNoMore) {
  open_with_intake();
  (void)submit(insert_, 1);
  run();
  EXPECT_TRUE(succeeded(close().status));
  std::filesystem::remove_all(folder());
  open_with_intake();
  (void)submit(insert_, 2);
  run();
  EXPECT_EQ(ids(), "1,2");
}

// By VACUUM INTO and by the backup API, while a unit is journaled and not committed.
TEST_F(Intake, ABackupIsADatabaseWithoutAnIntake) {
  open_with_intake();
  (void)submit(insert_, 1);
  run();
  (void)submit(insert_, 2);
  run();
  ClassOptions gathering = journaled("gathering");
  gathering.gather = std::chrono::hours(1);
  writes_.emplace(add_class(gathering));
  (void)submit(insert_, 3);
  tick();
  const std::filesystem::path vacuumed = directory_ / "vacuumed.db";
  query(database_, "VACUUM INTO '" + vacuumed.string() + "'");
  const std::filesystem::path backup = directory_ / "backup.db";
  {
    const OtherConnection from(database_);
    const OtherConnection to(backup, OtherConnection::Missing::created);
    sqlite3_backup* const copying = sqlite3_backup_init(to.handle(), "main", from.handle(), "main");
    ASSERT_NE(copying, nullptr);
    EXPECT_EQ(sqlite3_backup_step(copying, -1), SQLITE_DONE);
    sqlite3_backup_finish(copying);
  }
  for (const std::filesystem::path& copy : {vacuumed, backup}) {
    database_ = copy;
    open_with_intake();
    (void)submit(insert_, 4);
    run();
    EXPECT_EQ(ids(), "1,2,4");
    EXPECT_TRUE(succeeded(journal_->stats().poison));
  }
}

TEST_F(Intake, ACopyByOtherMeansIsRefusedWithoutItsIntake) {
  gather_for_ever();
  (void)submit(insert_, 1);
  tick();
  crash();
  std::filesystem::remove_all(folder());
  EXPECT_TRUE(says(reopened(), Errc::invalid_argument, {"is gone"}));
}

TEST_F(Intake, ACrashBeforeAnythingIsJournaledLosesNothingAndRefusesNothing) {
  open_with_intake();
  crash();
  EXPECT_TRUE(succeeded(reopened()));
}

TEST_F(Intake, ARestoredDatabaseIsRefusedUnlessItIsToBeRolledForward) {
  const std::filesystem::path backup = back_up_with_one_unit();
  open_with_intake();
  for (int id = 2; id < 400; ++id) {
    (void)submit(insert_, id);
    run();
  }
  EXPECT_TRUE(succeeded(journal_->sync()));
  for (int i = 0; i < 5; ++i) tick();
  (void)submit(insert_, 400);
  run();
  EXPECT_TRUE(succeeded(close().status));
  std::filesystem::copy(backup, database_, std::filesystem::copy_options::overwrite_existing);
  std::filesystem::remove(database_.string() + "-wal");
  EXPECT_TRUE(says(reopened(), Errc::invalid_argument, {"peers", "older"}));
  // Some of what the backup lacks is not in the intake any more, either.
  options_.intake.on_mismatch = IntakeMismatch::roll_forward;
  EXPECT_TRUE(says(reopened(), Errc::invalid_argument, {"peers"}));
}

// All that the intake has of its units is how many there were.
TEST_F(Intake, ARestoredDatabaseIsRefusedWhereNothingIsKeptOfWhatItLacks) {
  const std::filesystem::path backup = back_up_with_one_unit();
  open_with_intake();
  (void)submit(insert_, 2);
  run();
  EXPECT_TRUE(succeeded(close().status));
  open_with_intake();
  EXPECT_TRUE(succeeded(close().status));
  std::filesystem::copy(backup, database_, std::filesystem::copy_options::overwrite_existing);
  EXPECT_TRUE(says(reopened(), Errc::invalid_argument, {"peers", "older"}));
}

TEST_F(Intake, ARestoredDatabaseIsRolledForwardWithWhatTheIntakeHas) {
  open_with_intake();
  (void)submit(insert_, 1);
  run();
  crash();  // the backup, with its intake
  const std::filesystem::path backup = database_;
  database_ = directory_ / "test.db";
  journal_.emplace(*std::move(crashed_));
  (void)submit(insert_, 2);
  run();
  crash();
  std::filesystem::copy(backup, database_, std::filesystem::copy_options::overwrite_existing);
  std::filesystem::remove(database_.string() + "-wal");
  std::filesystem::copy(backup.string() + "-wal", database_.string() + "-wal");
  options_.intake.on_mismatch = IntakeMismatch::roll_forward;
  EXPECT_TRUE(succeeded(reopened()));
  EXPECT_EQ(ids(), "1,2");
}

TEST_F(Intake, AnotherDatabasesIntakeIsRefused) {
  open_with_intake();
  (void)submit(insert_, 1);
  run();
  (void)close();
  const std::filesystem::path first = folder();
  database_ = directory_ / "other.db";
  open_with_intake();
  (void)submit(insert_, 2);
  run();
  (void)close();
  std::filesystem::remove_all(folder());
  std::filesystem::copy(first, folder(), std::filesystem::copy_options::recursive);
  EXPECT_TRUE(says(reopened(), Errc::invalid_argument, {"another database's", "UUID"}));
}

TEST_F(Intake, OfAClassThatTheProgramHasNoMoreIsApplied) {
  gather_for_ever();
  (void)submit(insert_, 1);
  tick();
  crash();
  open();  // with another class
  EXPECT_EQ(ids(), "1");
}

TEST_F(Intake, WhoseStatementDoesNotPrepareAnyMoreRefusesTheOpeningOrIsADeadLetter) {
  gather_for_ever();
  for (const int id : {1, 2}) (void)submit(insert_, id);
  tick();
  crash();
  query(database_, "DROP TABLE peers");
  options_.schema = "";
  options_.intake.dead_letters = "";
  EXPECT_TRUE(says(reopened(), Errc::invalid_argument,
                   {"INSERT INTO peers", "no such table", "IntakeOptions::dead_letters"}));
  options_.intake.dead_letters = "dead";
  EXPECT_TRUE(succeeded(reopened()));
  EXPECT_EQ(outside("SELECT group_concat(row) FROM dead"), "1,2");
}

TEST_F(Intake, PositionsThatSomebodyElseChangedPoisonTheJournal) {
  open_with_intake();
  (void)submit(insert_, 1);
  run();
  query(database_, "UPDATE onelane_intake SET position = 7 WHERE class = 'peers'");
  const Receipt peer = submit(insert_, 2);
  EXPECT_TRUE(says(journal_->tick().status(), Errc::poisoned, {"peers", "somebody else"}));
  EXPECT_EQ(settled(peer).end, End::carried);
}

}  // namespace
}  // namespace onelane::test
