// The system's folders and files, as an intake uses them.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "src/intake/folder.h"
#include "tests/support/intake_fixture.h"
#include "tests/support/temp_directory.h"

namespace onelane::test {
namespace {

class IntakeFiles : public ::testing::Test {
 protected:
  std::unique_ptr<intake::Folder> make() {
    return std::move(intake::storage().make(directory_ / "intake")).value();
  }
  static std::span<const std::byte> bytes(std::string_view text) {
    return std::as_bytes(std::span(text));
  }
  mode_t mode(const std::string& name) {
    struct stat found = {};
    EXPECT_EQ(::stat((directory_ / name).c_str(), &found), 0);
    return found.st_mode & 0777;
  }

  TempDirectory directory_;
};

TEST_F(IntakeFiles, ThereIsNoFolderUntilItIsMade) {
  EXPECT_EQ(intake::storage().open(directory_ / "intake").value(), nullptr);
  EXPECT_NE(make(), nullptr);
  EXPECT_NE(make(), nullptr) << "it is there already";
  EXPECT_NE(intake::storage().open(directory_ / "intake").value(), nullptr);
}

TEST_F(IntakeFiles, AFileOrALinkIsNoFolder) {
  std::ofstream(directory_ / "file") << "x";
  std::filesystem::create_directory_symlink(directory_.path(), directory_ / "link");
  for (const char* name : {"file", "link"}) {
    EXPECT_EQ(intake::storage().open(directory_ / name).status().code(), Errc::invalid_argument);
    EXPECT_EQ(intake::storage().make(directory_ / name).status().code(), Errc::invalid_argument);
  }
}

TEST_F(IntakeFiles, AreTheUsersAlone) {
  const auto folder = make();
  ASSERT_TRUE(folder->create("a").ok());
  EXPECT_EQ(mode("intake"), 0700U);
  EXPECT_EQ(mode("intake/a"), 0600U);
}

TEST_F(IntakeFiles, HaveWhatWasWritten) {
  const auto folder = make();
  const auto file = std::move(folder->create("a")).value();
  EXPECT_TRUE(file->write(3, bytes("defg")).ok());
  EXPECT_TRUE(file->write(0, bytes("abc")).ok());
  EXPECT_TRUE(file->sync().ok());
  EXPECT_EQ(file->size().value(), 7U);
  std::array<std::byte, 10> read{};
  EXPECT_EQ(file->read(2, read).value(), 5U);
  EXPECT_EQ(read[0], std::byte{'c'});
  EXPECT_EQ(file->read(100, read).value(), 0U);
}

TEST_F(IntakeFiles, AreListedRenamedAndRemoved) {
  const auto folder = make();
  for (const char* name : {"c", "a", "b"}) ASSERT_TRUE(folder->create(name).ok());
  EXPECT_EQ(folder->list().value(), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_TRUE(folder->rename("c", "a").ok());
  EXPECT_TRUE(folder->remove("b").ok());
  EXPECT_TRUE(folder->sync().ok());
  EXPECT_EQ(folder->list().value(), std::vector<std::string>{"a"});
  EXPECT_EQ(folder->open("b").status().code(), Errc::storage);
  EXPECT_FALSE(folder->remove("b").ok());
  EXPECT_FALSE(folder->rename("b", "a").ok());
}

TEST_F(IntakeFiles, WhatIsNoRegularFileIsRefused) {
  const auto folder = make();
  ASSERT_EQ(::mkfifo((directory_ / "intake/pipe").c_str(), 0600), 0);
  std::filesystem::create_symlink("elsewhere", directory_ / "intake/link");
  EXPECT_EQ(folder->open("pipe").status().code(), Errc::storage);
  EXPECT_EQ(folder->open("link").status().code(), Errc::storage);
  EXPECT_EQ(folder->create("link").status().code(), Errc::storage);
}

TEST_F(IntakeFiles, ASecondLockIsRefusedInTheSameProcess) {
  const auto folder = make();
  auto lock = folder->lock();
  ASSERT_TRUE(lock.ok());
  EXPECT_EQ(make()->lock().status().code(), Errc::already_open);
  std::ifstream(directory_ / "intake/lock").close();
  EXPECT_EQ(make()->lock().status().code(), Errc::already_open) << "whoever closes the file";
  lock = Status(Errc::closed, "");
  EXPECT_TRUE(make()->lock().ok());
}

TEST_F(IntakeFiles, AnIntakeLivesOnThem) {
  const SomeNames names;
  std::vector<std::byte> rows;
  put_row(rows, 1, "a");
  for (intake::Position position = 1; position <= 3; ++position) {
    auto folder = make();
    auto lock = std::move(folder->lock()).value();
    const auto left = intake::Contents::read(*folder);
    ASSERT_TRUE(left.ok()) << left.status().to_string();
    EXPECT_EQ((*left)->units(), position == 1 ? 0U : 1U);
    auto opened =
        intake::Intake::open({.folder = std::move(folder),
                              .lock = std::move(lock),
                              .uuid = (*left)->uuid().value_or(intake::make_uuid()),
                              .limits = {.segment_bytes = kSegment, .most_bytes = 2 * kSegment}},
                             names, left->get());
    ASSERT_TRUE(opened.ok()) << opened.status().to_string();
    ASSERT_EQ((*opened)->add({.position = position, .rows = rows}), intake::Intake::Added::yes);
    EXPECT_EQ((*opened)->write().to_string(), "ok");
    EXPECT_EQ((*opened)->seal().to_string(), "ok");
  }
  const auto folder = make();
  const auto contents = intake::Contents::read(*folder);
  EXPECT_EQ(units_of(**contents), std::vector<std::string>{"c0:3 insert 1(a)"});
  EXPECT_TRUE((*contents)->sealed());
}

TEST(IntakeUuids, AreRandomAndPrintAsDigits) {
  const intake::Uuid uuid = intake::make_uuid();
  EXPECT_NE(uuid, intake::make_uuid());
  EXPECT_EQ(intake::to_string(intake::Uuid{std::byte{0x0f}, std::byte{0xa3}}),
            "0fa30000000000000000000000000000");
}

}  // namespace
}  // namespace onelane::test
