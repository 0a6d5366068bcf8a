// An intake on a disk in memory, and words for what a test does with it.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "src/intake/contents.h"
#include "src/intake/format.h"
#include "src/intake/intake.h"
#include "src/model/row.h"
#include "tests/support/memory_storage.h"

namespace onelane::test {

inline constexpr std::uint64_t kSegment = 16 * 4096;

// Classes c0, c1, ...; statement n is "insert n" and takes a text, and n integers.
class SomeNames final : public intake::Names {
 public:
  SomeNames() {
    for (std::uint16_t i = 0; i < 8; ++i) {
      classes_.push_back("c" + std::to_string(i));
      StatementSpec spec{.sql = "insert " + std::to_string(i), .columns = {{ColumnType::text}}};
      for (std::uint16_t j = 0; j < i; ++j) spec.columns.push_back({ColumnType::integer, true});
      if (i > 0) spec.key_columns = {0, i};
      statements_.push_back(std::move(spec));
    }
  }
  std::string_view klass(std::uint16_t number) const override { return classes_[number]; }
  const StatementSpec& statement(std::uint16_t number) const override {
    return statements_[number];
  }

  std::vector<std::string> classes_;
  std::vector<StatementSpec> statements_;
};

inline void put_row(std::vector<std::byte>& rows, std::uint16_t statement, std::string_view text) {
  Row row;
  row.text(text);
  const std::size_t at = rows.size();
  rows.resize(at + model::kFrameHeaderBytes);
  model::write_frame_header(rows.data() + at, {.index = statement}, row.bytes().size());
  rows.insert(rows.end(), row.bytes().begin(), row.bytes().end());
}

// A unit as text: "c0:3 insert 0(abc)"; a group is "c0:4 [insert 0(a) insert 1(b)]".
inline std::string text_of(const intake::Contents& contents, const intake::FoundUnit& unit) {
  std::string out = contents.classes().at(unit.klass).name + ":" + std::to_string(unit.position);
  model::FrameReader frames(unit.rows);
  std::string rows;
  for (model::Frame frame; frames.next(frame);) {
    model::RowReader reader(frame.row);
    model::RowValue value;
    EXPECT_TRUE(reader.next(value));
    rows += (rows.empty() ? "" : " ") + contents.statements().at(frame.statement.index).sql + "(" +
            std::string(reinterpret_cast<const char*>(value.bytes.data()), value.bytes.size()) +
            ")";
  }
  return out + (unit.group ? " [" + rows + "]" : " " + rows);
}

inline std::vector<std::string> units_of(const intake::Contents& contents) {
  std::vector<std::string> out;
  const Status status = contents.for_each([&](const intake::FoundUnit& unit) {
    out.push_back(text_of(contents, unit));
    return Status{};
  });
  EXPECT_TRUE(status.ok()) << status.to_string();
  return out;
}

class IntakeOnDisk : public ::testing::Test {
 protected:
  using Added = intake::Intake::Added;
  using Contents = std::unique_ptr<intake::Contents>;
  using Lines = std::vector<std::string>;

  std::unique_ptr<intake::Folder> folder() { return std::move(storage_.make("intake")).value(); }
  intake::IntakeSetup setup() {
    intake::IntakeSetup out{.folder = folder(), .uuid = uuid_, .limits = limits_};
    out.lock = std::move(out.folder->lock()).value();
    return out;
  }

  // As a journal does it: read, apply all, go on.
  Status open() {
    intake_.reset();
    reader_ = folder();
    auto left = intake::Contents::read(*reader_);
    if (!left) return left.status();
    for (const auto& each : (*left)->classes()) next_[each.name] = each.newest + 1;
    auto opened = intake::Intake::open(setup(), names_, left->get());
    if (!opened) return opened.status();
    intake_ = std::move(*opened);
    return {};
  }
  void opened() { ASSERT_EQ(open().to_string(), "ok"); }

  Added add_rows(std::uint16_t klass, const std::vector<std::byte>& rows, bool group = false) {
    intake::Position& next = next_[names_.classes_[klass]];
    if (next == 0) next = 1;
    const Added added =
        intake_->add({.klass = klass, .group = group, .position = next, .rows = rows});
    if (added == Added::yes) ++next;
    return added;
  }
  Added add(const std::string& text, std::uint16_t klass = 0, std::uint16_t statement = 0) {
    std::vector<std::byte> rows;
    put_row(rows, statement, text);
    return add_rows(klass, rows);
  }
  // A group of one unit.
  Status put(const std::string& text, std::uint16_t klass = 0) {
    const Added added = add(text, klass);
    if (added != Added::yes) return {Errc::full, std::to_string(static_cast<int>(added))};
    return intake_->write();
  }
  void put_ok(const std::string& text, std::uint16_t klass = 0) {
    ASSERT_EQ(put(text, klass).to_string(), "ok") << text;
  }
  // Everything of the class so far.
  void apply(std::uint16_t klass = 0) {
    const intake::Applied applied{.klass = klass, .up_to = next_[names_.classes_[klass]] - 1};
    intake_->applied({&applied, 1});
  }
  // Groups of one unit, each a block, until the segment is full.
  void fill_segment(const std::string& text) {
    for (std::uint64_t i = 0; i < kSegment / 4096; ++i) put_ok(text + std::to_string(i));
  }

  Result<Contents> read() {
    reader_ = folder();
    return intake::Contents::read(*reader_);
  }
  // The units that are found; or the failure, alone.
  Lines found() {
    auto contents = read();
    return contents ? units_of(**contents) : Lines{contents.status().to_string()};
  }
  // "ok", or the code and the message.
  std::string verdict() { return read().status().to_string(); }

  MemoryStorage::Bytes& bytes(std::uint64_t index) {
    return *storage_.files("intake").at(intake::segment_name(index));
  }
  static void flip(std::byte& byte, int bit) { byte ^= static_cast<std::byte>(1 << bit); }

  MemoryStorage storage_;
  SomeNames names_;
  intake::Uuid uuid_ = intake::make_uuid();
  intake::IntakeLimits limits_{.segment_bytes = kSegment, .most_bytes = 4 * kSegment};
  std::map<std::string, intake::Position> next_;
  std::unique_ptr<intake::Folder> reader_;
  std::unique_ptr<intake::Intake> intake_;
};

}  // namespace onelane::test
