// Handles that are another journal's, or that were moved from: refused by name, and nothing runs.
#include <string_view>
#include <tuple>

#include "tests/support/lane.h"

namespace onelane {

namespace {
struct Line {
  std::int64_t id = 0;
};
}  // namespace

template <>
struct RecordTraits<Line> {
  static constexpr std::string_view sql = "line";
  static auto columns(const Line& line) { return std::tuple(line.id); }
};

namespace test {
namespace {

// Two journals, each with a class and statements of the same numbers and columns.
class Handles : public QuietLane {
 protected:
  Handles() {
    open();
    JournalOptions options;
    options.drive = Drive::manual;
    options.clock = clock_;
    other_sink_->calls_do_not_matter();
    other_.emplace(ok(Journal::open(std::make_unique<RecordingSink>(other_sink_), options)));
    theirs_ = ok(other_->add_statement({"theirs", {{ColumnType::integer}}, {}}));
  }
  static bool refused(const Status& status, std::string_view word) {
    return status.code() == Errc::invalid_argument &&
           status.message().find(word) != std::string::npos;
  }

  std::shared_ptr<Recording> other_sink_ = std::make_shared<Recording>(clock_.get());
  std::optional<Journal> other_;
  Statement theirs_;
  const Row row_ = Row().integer(1);
};

TEST_F(Handles, AStatementOfAnotherJournalIsRefusedAndNothingRuns) {
  Writes ours = add_class("ours");
  ASSERT_EQ(ours.one().index, theirs_.index) << "the number alone does not tell them apart";
  EXPECT_TRUE(refused(ours.handle().push(theirs_, row_), "is not this journal's"));
  EXPECT_TRUE(refused(ours.handle().submit(theirs_, row_).status(), "is not this journal's"));
  Group group;
  group.add(theirs_, row_);
  EXPECT_TRUE(refused(ours.handle().push(group), "is not this journal's"));
  EXPECT_TRUE(refused(ours.handle().submit(group).status(), "is not this journal's"));
  tick();
  EXPECT_EQ(committed(), "");
}

TEST_F(Handles, AGroupWithStatementsOfTwoJournalsIsRefused) {
  Writes ours = add_class("ours");
  Group group;
  group.add(ours.one(), row_);
  group.add(theirs_, row_);
  EXPECT_TRUE(refused(ours.handle().push(group), "row 2 of the group is of another journal"));
  group.clear();
  group.add(ours.one(), row_);
  EXPECT_TRUE(ours.handle().push(group).ok());
}

TEST_F(Handles, AProducerOnAClassOfAnotherJournalIsRefusedAndNoStatementIsAdded) {
  WriteClass ours = add_class("ours").handle();
  EXPECT_TRUE(refused(other_->producer<Line>(ours).status(), "\"ours\" is of another journal"));
  EXPECT_EQ(ok(other_->add_statement({"next", {}, {}})).index, theirs_.index + 1);
}

TEST_F(Handles, AJournalsNumberIsNotUsedAgain) {
  Writes ours = add_class("ours");
  const Statement gone = ours.one();
  open();
  Writes anew = add_class("ours");
  ASSERT_EQ(anew.one().index, gone.index);
  EXPECT_TRUE(refused(anew.handle().push(gone, row_), "is not this journal's"));
}

// What a moved-from handle answers is promised.
// NOLINTBEGIN(bugprone-use-after-move)

TEST_F(Handles, AJournalThatWasMovedFromSaysSo) {
  const WriteClass ours = add_class("ours").handle();
  const Journal taken = std::move(*journal_);
  EXPECT_TRUE(refused(journal_->tick().status(), "the journal is empty"));
  EXPECT_TRUE(refused(journal_->flush(), "the journal is empty"));
  EXPECT_TRUE(refused(journal_->sync(), "the journal is empty"));
  EXPECT_TRUE(refused(journal_->commits_of(1).status(), "the journal is empty"));
  EXPECT_TRUE(refused(journal_->add_class({.name = "c"}).status(), "the journal is empty"));
  EXPECT_TRUE(refused(journal_->add_statement({"s", {}, {}}).status(), "the journal is empty"));
  EXPECT_TRUE(refused(journal_->producer<Line>(ours).status(), "the journal is empty"));
  EXPECT_TRUE(refused(journal_->close(seconds(1)).status, "the journal is empty"));
  EXPECT_TRUE(journal_->stats().classes.empty());
  EXPECT_EQ(journal_->now(), TimePoint());
}

TEST_F(Handles, AWriteClassOrAProducerThatWasMovedFromSaysSo) {
  Writes ours = add_class("ours");
  WriteClass from = ours.handle();
  Producer<Line> producer = ok(journal_->producer<Line>(from));
  const WriteClass to = std::move(from);
  EXPECT_TRUE(refused(from.push(ours.one(), row_), "the write class is empty"));
  EXPECT_TRUE(refused(from.submit(ours.one(), row_).status(), "the write class is empty"));
  EXPECT_TRUE(refused(from.write(ours.one(), row_).status(), "the write class is empty"));
  EXPECT_TRUE(refused(from.push(ours.group_of({1})), "the write class is empty"));
  EXPECT_TRUE(refused(from.submit(Job{}).status(), "the write class is empty"));
  EXPECT_TRUE(refused(journal_->producer<Line>(from).status(), "the write class is empty"));
  EXPECT_EQ(from.name(), "");
  EXPECT_EQ(from.now(), TimePoint());
  Producer<Line> taken = std::move(producer);
  EXPECT_TRUE(refused(producer.push({1}), "the write class is empty"));
  EXPECT_TRUE(taken.push({1}).ok());
}

TEST_F(Handles, AReceiptThatWasMovedFromSaysSo) {
  Receipt from = add_class("ours").submit(1);
  const Receipt to = std::move(from);
  EXPECT_TRUE(refused(from.wait().status(), "the receipt is empty"));
  EXPECT_TRUE(refused(from.wait_durable_for(seconds(1)).status(), "the receipt is empty"));
  EXPECT_FALSE(from.poll());
  EXPECT_FALSE(from.cancel());
}

TEST_F(Handles, AGroupThatWasMovedFromIsRefusedAsEmpty) {
  Writes ours = add_class("ours");
  Group from = ours.group_of({1, 2});
  const Group to = std::move(from);
  EXPECT_TRUE(refused(ours.handle().push(from), "the group is empty"));
  EXPECT_TRUE(ours.handle().push(to).ok());
  tick();
  EXPECT_EQ(committed(), "ours(1) ours(2)");
}

// NOLINTEND(bugprone-use-after-move)

}  // namespace
}  // namespace test
}  // namespace onelane
