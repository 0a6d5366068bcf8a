// Rows of bytes: what goes in comes out, and nothing else is taken for a row.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "src/model/row.h"

namespace onelane::model {
namespace {

using Bytes = std::vector<std::byte>;

constexpr std::array<std::byte, 3> kBlob{std::byte{0}, std::byte{1}, std::byte{255}};
constexpr Column kInteger{ColumnType::integer}, kReal{ColumnType::real}, kText{ColumnType::text},
    kBlobColumn{ColumnType::blob};

// One column of each kind.
Row full_row() {
  Row row;
  row.null().integer(-7).real(0.5).text("ada").blob(kBlob);
  return row;
}

Bytes bytes_of(const Row& row) { return {row.bytes().begin(), row.bytes().end()}; }

StatementSpec spec_of(std::vector<Column> columns, std::vector<std::uint16_t> keys = {}) {
  return {"INSERT ...", std::move(columns), std::move(keys)};
}

std::string text_of(const RowValue& value) {
  return {reinterpret_cast<const char*>(value.bytes.data()), value.bytes.size()};
}

// How many columns a reader gives before it stops, or -1 if what it stopped at is not a row.
int columns_read(std::span<const std::byte> bytes) {
  RowReader reader(bytes);
  RowValue value;
  int columns = 0;
  while (reader.next(value)) ++columns;
  return reader.ok() ? columns : -1;
}

TEST(RowEncoding, GivesBackEveryKindOfValue) {
  const Row row = full_row();
  RowReader reader(row.bytes());
  RowValue value;
  ASSERT_TRUE(reader.next(value));
  EXPECT_EQ(value.tag, Tag::null);
  ASSERT_TRUE(reader.next(value));
  EXPECT_EQ(value.integer, -7);
  ASSERT_TRUE(reader.next(value));
  EXPECT_EQ(value.real, 0.5);
  ASSERT_TRUE(reader.next(value));
  EXPECT_EQ(text_of(value), "ada");
  ASSERT_TRUE(reader.next(value));
  EXPECT_TRUE(std::equal(kBlob.begin(), kBlob.end(), value.bytes.begin(), value.bytes.end()));
  EXPECT_FALSE(reader.next(value));
  EXPECT_TRUE(reader.ok());
}

TEST(RowEncoding, GivesBackTheExtremesOfNumbers) {
  using Integers = std::numeric_limits<std::int64_t>;
  Row row;
  row.integer(Integers::min()).unsigned_integer(Integers::max()).real(-0.0);
  row.real(std::numeric_limits<double>::infinity());
  RowReader reader(row.bytes());
  RowValue value;
  EXPECT_TRUE(reader.next(value) && value.integer == Integers::min());
  EXPECT_TRUE(reader.next(value) && value.integer == Integers::max());
  EXPECT_TRUE(reader.next(value) && std::signbit(value.real));
  EXPECT_TRUE(reader.next(value) && value.real > std::numeric_limits<double>::max());
}

TEST(RowEncoding, EmptyTextAndEmptyBlobAreNotNull) {
  Row row;
  row.text("").blob({});
  RowReader reader(row.bytes());
  RowValue value;
  EXPECT_TRUE(reader.next(value) && value.tag == Tag::text && value.bytes.empty());
  EXPECT_TRUE(reader.next(value) && value.tag == Tag::blob && value.bytes.empty());
}

TEST(RowEncoding, NaNIsRefusedWithItsColumn) {
  Row row;
  row.integer(1).real(std::numeric_limits<double>::quiet_NaN());
  EXPECT_EQ(row.status().code(), Errc::invalid_argument);
  EXPECT_EQ(row.status().message(), "column ?2: NaN, which SQLite would store as NULL");
}

TEST(RowEncoding, AnIntegerPastSixtyThreeBitsIsRefusedWithItsValue) {
  Row row;
  row.unsigned_integer((1ULL << 63) - 1);
  EXPECT_TRUE(row.status().ok());
  row.unsigned_integer(1ULL << 63);
  EXPECT_EQ(row.status().message(),
            "column ?2: 9223372036854775808 is above 2^63 - 1, the largest integer that SQLite "
            "keeps");
}

// Nothing is read of a value that is too large.
TEST(RowEncoding, TextOrABlobThatMakesTheRowLargerThanSqliteKeepsIsRefused) {
  constexpr std::size_t kMost = 1'000'000'000;
  const std::byte byte{};
  const std::span<const std::byte> large(&byte, kMost - 20);
  Row row;
  row.text("twenty bytes of text");
  row.blob(large);
  EXPECT_EQ(row.status().message(),
            "column ?2: a blob of 999999980 bytes after 26; SQLite keeps at most 1000000000 in a "
            "row");
  row.clear();
  row.text("twenty bytes of text");
  row.text(std::string_view(reinterpret_cast<const char*>(&byte), kMost - 20));
  EXPECT_EQ(row.status().code(), Errc::invalid_argument);
}

TEST(RowEncoding, HasAtMostSoManyColumnsAsItCanCount) {
  Row row;
  for (int i = 0; i < 65'535; ++i) row.null();
  EXPECT_TRUE(row.status().ok());
  row.null();
  EXPECT_EQ(row.status().message(), "a row has at most 65535 columns");
  EXPECT_EQ(row.columns(), 65'535U);
  EXPECT_EQ(row.tags(), 0U);
}

TEST(RowEncoding, TheFirstErrorIsKeptAndClearForgetsIt) {
  Row row;
  row.real(std::numeric_limits<double>::quiet_NaN()).unsigned_integer(~0ULL);
  EXPECT_EQ(row.status().message().substr(0, 10), "column ?1:");
  row.clear();
  EXPECT_TRUE(row.status().ok());
  EXPECT_EQ(row.columns(), 0);
}

TEST(RowDecoder, NoTruncationReadsAsTheWholeRowOrPastItsEnd) {
  const Bytes whole = bytes_of(full_row());
  ASSERT_EQ(columns_read(whole), 5);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_LT(columns_read(cut), 5) << size;
  }
}

TEST(RowDecoder, ATruncationInsideAColumnIsNoRow) {
  for (const Row& row : {Row().integer(1), Row().real(1), Row().text("ada"), Row().blob(kBlob)}) {
    const Bytes whole = bytes_of(row);
    for (std::size_t size = 2; size < whole.size(); ++size) {
      const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
      EXPECT_EQ(columns_read(cut), -1) << size;
    }
  }
}

TEST(RowDecoder, AnUnknownTagIsNoRow) {
  for (int tag = static_cast<int>(Tag::blob) + 1; tag < 256; ++tag) {
    Bytes bytes = bytes_of(full_row());
    bytes[1] = static_cast<std::byte>(tag);
    EXPECT_EQ(columns_read(bytes), -1) << tag;
  }
}

TEST(RowDecoder, AnotherVersionIsNoRow) {
  for (int version = 0; version < 256; ++version) {
    Bytes bytes = bytes_of(full_row());
    bytes[0] = static_cast<std::byte>(version);
    EXPECT_EQ(columns_read(bytes), version == kRowVersion ? 5 : -1) << version;
  }
}

TEST(RowDecoder, ASizePastTheEndIsNoRow) {
  Bytes bytes = bytes_of(Row().text("ada"));
  const std::uint32_t lie = 4;
  std::memcpy(bytes.data() + 2, &lie, sizeof lie);
  EXPECT_EQ(columns_read(bytes), -1);
}

TEST(Frames, ComeBackInOrder) {
  Group group;
  group.add(Statement{3}, Row().integer(1));
  group.add(Statement{4}, full_row());
  FrameReader reader(group.bytes());
  Frame frame;
  ASSERT_TRUE(reader.next(frame));
  EXPECT_EQ(frame.statement.index, 3);
  ASSERT_TRUE(reader.next(frame));
  EXPECT_EQ(frame.statement.index, 4);
  EXPECT_EQ(columns_read(frame.row), 5);
  EXPECT_FALSE(reader.next(frame));
  EXPECT_TRUE(reader.ok());
}

TEST(Frames, NoTruncationReadsAsAFrame) {
  Group group;
  group.add(Statement{3}, full_row());
  for (std::size_t size = 1; size < group.bytes().size(); ++size) {
    FrameReader reader(group.bytes().first(size));
    Frame frame;
    EXPECT_FALSE(reader.next(frame)) << size;
    EXPECT_FALSE(reader.ok()) << size;
  }
}

TEST(Frames, AGroupKeepsTheFirstErrorOfItsRows) {
  Group group;
  group.add(Statement{0}, Row().integer(1));
  group.add(Statement{0}, Row().unsigned_integer(~0ULL));
  EXPECT_EQ(group.status().code(), Errc::invalid_argument);
  group.clear();
  EXPECT_TRUE(group.status().ok());
  EXPECT_EQ(group.size(), 0U);
}

TEST(CheckRow, TakesARowOfTheStatementsTypes) {
  const StatementSpec spec =
      spec_of({{ColumnType::text, true}, kInteger, kReal, kText, kBlobColumn});
  EXPECT_TRUE(check_row(spec, full_row().bytes()).ok());
}

TEST(CheckRow, NamesTheColumnAndBothTypes) {
  const StatementSpec spec = spec_of({kInteger, kText});
  EXPECT_EQ(check_row(spec, Row().integer(1).real(2).bytes()).message(),
            "column ?2 is real, but the statement takes text there: INSERT ...");
  EXPECT_EQ(check_row(spec, Row().null().text("x").bytes()).message(),
            "column ?1 is NULL, but the statement takes integer there: INSERT ...");
}

TEST(CheckRow, NamesBothNumbersOfColumns) {
  const StatementSpec spec = spec_of({kInteger, kText});
  EXPECT_EQ(check_row(spec, Row().integer(1).bytes()).message(),
            "the row has 1 columns, but the statement takes 2: INSERT ...");
  EXPECT_EQ(check_row(spec, Row().integer(1).text("").null().bytes()).code(),
            Errc::invalid_argument);
}

TEST(CheckRow, RefusesEveryTruncation) {
  const StatementSpec spec =
      spec_of({{ColumnType::text, true}, kInteger, kReal, kText, kBlobColumn});
  const Row row = full_row();
  for (std::size_t size = 0; size < row.bytes().size(); ++size) {
    EXPECT_FALSE(check_row(spec, row.bytes().first(size)).ok()) << size;
  }
}

std::string key_of(const StatementSpec& spec, Statement statement, const Row& row) {
  std::string key(key_size(spec, row.bytes()), '\0');
  write_key(spec, statement, row.bytes(), reinterpret_cast<std::byte*>(key.data()));
  return key;
}

TEST(Key, IsTheStatementAndTheKeyColumns) {
  const StatementSpec spec = spec_of({kText, kInteger, kText}, {0, 2});
  const auto key = [&](std::string_view a, std::int64_t b, std::string_view c) {
    return key_of(spec, Statement{1}, Row().text(a).integer(b).text(c));
  };
  EXPECT_EQ(key("ada", 1, "x"), key("ada", 2, "x"));
  EXPECT_NE(key("ada", 1, "x"), key("bob", 1, "x"));
  EXPECT_NE(key("ada", 1, "x"), key("ada", 1, "y"));
  EXPECT_NE(key("ada", 1, "x"), key("adax", 1, ""));
  EXPECT_NE(key("ada", 1, "x"), key_of(spec, Statement{2}, Row().text("ada").integer(1).text("x")));
}

TEST(Key, ANumberIsNotItsText) {
  const StatementSpec spec = spec_of({kBlobColumn}, {0});
  EXPECT_NE(key_of(spec, Statement{}, Row().text("")), key_of(spec, Statement{}, Row().blob({})));
  EXPECT_NE(key_of(spec, Statement{}, Row().text("")), key_of(spec, Statement{}, Row().null()));
}

// --- A row's types at a glance.

TEST(RowTags, AreTheStatementsForARowWithAValueInEachOfItsColumns) {
  const StatementSpec spec = spec_of({kText, kInteger, kBlobColumn, kReal});
  Row row;
  row.text("ada").integer(1).blob(kBlob).real(2);
  EXPECT_EQ(row.tags(), tags_of(spec));
  row.clear();
  row.text("bob").integer(2).blob({}).real(3);
  EXPECT_EQ(row.tags(), tags_of(spec));
}

TEST(RowTags, DifferForAnotherTypeANullAndAnotherNumberOfColumns) {
  const std::uint64_t wanted = tags_of(spec_of({kText, kInteger}));
  Row row;
  EXPECT_NE(row.tags(), wanted);
  EXPECT_NE(row.text("a").tags(), wanted);
  EXPECT_EQ(row.integer(1).tags(), wanted);
  EXPECT_NE(row.null().tags(), wanted);
  row.clear();
  EXPECT_NE(row.text("a").null().tags(), wanted);
  row.clear();
  EXPECT_NE(row.blob(kBlob).integer(1).tags(), wanted);
}

TEST(RowTags, SayNothingPastSixteenColumns) {
  Row row;
  for (int i = 0; i < 16; ++i) row.integer(i);
  EXPECT_EQ(row.tags(), tags_of(spec_of(std::vector<Column>(16, kInteger))));
  EXPECT_NE(row.tags(), 0U);
  EXPECT_EQ(row.integer(16).tags(), 0U);
  EXPECT_EQ(tags_of(spec_of(std::vector<Column>(17, kInteger))), 0U);
}

TEST(Rows, ThatWereMovedFromHaveNoColumnsAndCanBeFilledAgain) {
  Row moved = Row().integer(1).text(std::string(300, 'x'));
  const Row taken = std::move(moved);
  EXPECT_EQ(taken.columns(), 2);
  // What a moved-from row is, is promised.  NOLINTBEGIN(bugprone-use-after-move)
  EXPECT_EQ(moved.columns(), 0);
  EXPECT_EQ(bytes_of(moved), bytes_of(Row()));
  moved.integer(2);
  EXPECT_EQ(bytes_of(moved), bytes_of(Row().integer(2)));
  Row invalid = Row().unsigned_integer(~0ULL);
  const Row also = std::move(invalid);
  EXPECT_FALSE(also.status().ok());
  EXPECT_TRUE(invalid.status().ok());
  EXPECT_EQ(bytes_of(invalid), bytes_of(Row()));
  // NOLINTEND(bugprone-use-after-move)
}

TEST(Rows, AMovedFromGroupIsEmpty) {
  Group moved;
  moved.add(Statement{1, 7}, Row().integer(1));
  const Group taken = std::move(moved);
  EXPECT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken.journal(), 7U);
  // NOLINTBEGIN(bugprone-use-after-move)
  EXPECT_EQ(moved.size(), 0U);
  EXPECT_TRUE(moved.bytes().empty());
  moved.add(Statement{1, 8}, Row());
  EXPECT_TRUE(moved.status().ok());
  EXPECT_EQ(moved.journal(), 8U);
  // NOLINTEND(bugprone-use-after-move)
}

}  // namespace
}  // namespace onelane::model
