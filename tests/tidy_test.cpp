// The rules of the house, held against every file of it, and each rule against a planted violation.
#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>

#include "onelane/version.h"
#include "tests/support/tidy_rules.h"

namespace onelane::tidy {
namespace {

const std::filesystem::path kRoot = ONELANE_SOURCE_DIR;

std::string joined(const Findings& findings) {
  std::ostringstream out;
  for (const auto& line : findings) out << "\n  " << line;
  return out.str();
}

std::vector<std::string> words(const std::string& text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), {}};
}

void hold(const Findings& findings) { EXPECT_TRUE(findings.empty()) << joined(findings); }

void hold_everywhere(Rule rule) {
  const auto files = read_sources(kRoot);
  ASSERT_GT(files.size(), 30U) << "the sources were not found";
  Findings all;
  for (const auto& file : files) {
    for (auto& line : rule(file)) all.push_back(std::move(line));
  }
  hold(all);
}

void expect_found(Rule rule, const File& planted) {
  EXPECT_EQ(rule(planted).size(), 1U) << planted.text << joined(rule(planted));
}

void expect_allowed(Rule rule, const File& file) { hold(rule(file)); }

TEST(HouseRules, IncludesPointDownAndSiblingsAreBlindToEachOther) { hold_everywhere(floors); }
TEST(HouseRules, EachDependencyStaysInItsModule) { hold_everywhere(dependencies); }
TEST(HouseRules, ProgramsUseThePublicHeadersOnly) { hold_everywhere(public_headers_only); }
TEST(HouseRules, NothingCallsWhatIsBanned) { hold_everywhere(banned_calls); }
TEST(HouseRules, LinesFitAHundredColumns) { hold_everywhere(line_length); }
TEST(HouseRules, AFileIsOneIdeaLong) { hold_everywhere(file_length); }
TEST(HouseRules, AFunctionHasAtMostFourParameters) { hold_everywhere(parameters); }
TEST(HouseRules, AClassOfTheEngineHasAtMostThirtyFunctions) { hold_everywhere(class_size); }
TEST(HouseRules, PublicHeadersNameNothingOfTheInside) { hold_everywhere(public_words); }
TEST(HouseRules, HeadersAreGuardedAndSayWhatTheyAreFor) { hold_everywhere(header_opening); }

TEST(HouseRules, EveryTestFileIsBuilt) {
  const auto built = words(read_text(ONELANE_TEST_SOURCES));
  hold(tests_not_built(read_sources(kRoot), kRoot, built));
}

TEST(HouseRules, EveryModuleHasItsUnitTest) { hold(modules_without_test(read_sources(kRoot))); }

TEST(HouseRules, TheTopLevelHoldsOnlyWhatBelongsThere) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kRoot)) {
    names.push_back(entry.path().filename().string());
  }
  hold(top_level(names));
}

TEST(HouseRules, TheReadmeShowsTheProgramThatTheConsumerTestRuns) {
  EXPECT_EQ(cpp_block(read_text(kRoot / "README.md")), read_text(kRoot / "tests/consumer/main.cc"));
}

TEST(HouseRules, TheVersionMacrosAreThoseOfTheBuild) {
  const std::string macros = std::to_string(ONELANE_VERSION_MAJOR) + "." +
                             std::to_string(ONELANE_VERSION_MINOR) + "." +
                             std::to_string(ONELANE_VERSION_PATCH);
  EXPECT_EQ(macros, ONELANE_VERSION_STRING);
  EXPECT_EQ(ONELANE_VERSION,
            ONELANE_VERSION_MAJOR * 10000 + ONELANE_VERSION_MINOR * 100 + ONELANE_VERSION_PATCH);
  EXPECT_NE(read_text(kRoot / "CMakeLists.txt").find("project(onelane VERSION " + macros + " "),
            std::string::npos);
}

TEST(HouseRules, TheReadmeOfTheTestsShowsATestThatIsBuilt) {
  const std::string shown = cpp_block(read_text(kRoot / "tests/README.md"));
  ASSERT_FALSE(shown.empty());
  EXPECT_NE(read_text(kRoot / "tests/unit/engine_deadlines_test.cpp").find(shown),
            std::string::npos);
}

TEST(FloorRule, FindsAnIncludeThatPointsUp) {
  expect_found(floors, {"src/model/row.cc", "#include \"src/engine/pipeline.h\"\n"});
  expect_found(floors, {"src/queue/queue.h", "#include \"onelane/journal.h\"\n"});
  expect_found(floors, {"include/onelane/record.h", "#include \"onelane/sink.h\"\n"});
}

TEST(FloorRule, FindsASiblingOnTheSameFloor) {
  expect_found(floors, {"src/commit/committer.cc", "#include \"src/sqlite/sink/sqlite_sink.h\"\n"});
}

TEST(FloorRule, FindsAWayBackFromRoomToRoom) {
  const std::string log = "#include \"src/sqlite/log/wal_log.h\"\n";
  expect_found(floors, {"src/sqlite/connection/files.cc", log});
  expect_allowed(floors, {"src/sqlite/log/log_sync.cc", log});
  expect_allowed(floors, {"src/sqlite/sink/opening.cc", log});
}

TEST(FloorRule, FindsWhatHasNoFloor) {
  expect_found(floors, {"src/cellar/rat.cc", ""});
  expect_found(floors, {"src/sqlite/rat.cc", ""});
  expect_found(floors, {"src/engine/tick.cc", "#include \"src/cellar/rat.h\"\n"});
}

TEST(FloorRule, AllowsTheOwnModuleAndWhatIsBelow) {
  expect_allowed(floors, {"src/api/journal.cc",
                          "#include \"onelane/journal.h\"\n#include \"src/engine/tick.h\"\n"});
  expect_allowed(floors, {"tests/unit/api_test.cpp", "#include \"src/engine/tick.h\"\n"});
}

TEST(DependencyRule, FindsADependencyOutsideItsModule) {
  expect_found(dependencies, {"src/engine/tick.cc", "#include <sqlite3.h>\n"});
  expect_found(dependencies, {"src/sqlite/sink/rat.cc", "#include <concurrentqueue.h>\n"});
  expect_found(dependencies, {"src/base/text.cc", "#include <fmt/format.h>\n"});
  expect_found(dependencies, {"src/base/text.cc", "#include <boost/any.hpp>\n"});
}

TEST(DependencyRule, FindsAnythingButTheStandardLibraryInAPublicHeader) {
  expect_found(dependencies, {"include/onelane/sink.h", "#include <sys/stat.h>\n"});
  expect_found(dependencies, {"include/onelane/sink.h", "#include \"src/base/check.h\"\n"});
}

TEST(DependencyRule, AllowsADependencyInItsModule) {
  expect_allowed(dependencies, {"src/sqlite/sink/rat.cc", "#include <sqlite3.h>\n"});
  expect_allowed(dependencies, {"src/queue/queue.h", "#include <concurrentqueue.h>\n"});
  expect_allowed(dependencies, {"bench/main.cc", "#include <boost/program_options.hpp>\n"});
}

TEST(PublicHeaderRule, FindsAnInternalHeaderInAProgram) {
  expect_found(public_headers_only, {"bench/storm.cc", "#include \"src/base/check.h\"\n"});
}

TEST(BannedCallRule, FindsABannedCallAndSaysWhatToDoInstead) {
  const File planted{"src/engine/worker.cc", "void f() {\n  std::this_thread::sleep_for(d);\n}\n"};
  EXPECT_EQ(banned_calls(planted),
            Findings{"src/engine/worker.cc:2: sleep_for is banned; instead: wait for a condition, "
                     "or move a fake clock"});
  expect_found(banned_calls, {"tests/unit/a_test.cpp", "std::this_thread::sleep_for(d);\n"});
  expect_found(banned_calls, {"src/api/a.cc", "auto t = std::chrono::system_clock::now();\n"});
  expect_found(banned_calls, {"src/api/a.cc", "auto t = std::chrono::steady_clock::now();\n"});
  expect_found(banned_calls, {"src/api/a.cc", "int i = rand();\n"});
  expect_found(banned_calls, {"src/api/a.cc", "assert(i);\n"});
  expect_found(banned_calls, {"src/api/a.cc", "std::printf(s);\n"});
  expect_found(banned_calls, {"src/api/a.cc", "std::cout << i;\n"});
  expect_found(banned_calls, {"src/engine/a.cc", "std::thread([] { run(); }).join();\n"});
  expect_found(banned_calls, {"src/engine/a.h", "std::jthread thread_;\n"});
}

TEST(BannedCallRule, AllowsTheExceptionsAndWordsThatOnlyLookAlike) {
  expect_allowed(banned_calls, {"tests/race/a_test.cpp", "std::this_thread::sleep_for(d);\n"});
  expect_allowed(banned_calls, {"src/base/a.cc", "auto t = std::chrono::steady_clock::now();\n"});
  expect_allowed(banned_calls, {"src/api/a.cc", "static_assert(true);\nsnprintf(b, n, f);\n"});
}

TEST(BannedCallRule, ReadsCodeAndNotCommentsOrStrings) {
  expect_allowed(banned_calls, {"src/api/a.cc", "// assert(x)\n/* rand( */ f(\"cout\", 'x');\n"});
  expect_allowed(banned_calls, {"src/api/a.cc", "auto s = R\"sql(assert( \" cout)sql\";\n"});
  expect_found(banned_calls, {"src/api/a.cc", "f(\"\\\"//\", '\"', 1'000); rand();\n"});
}

TEST(LengthRules, FindALineOfAHundredAndOneColumns) {
  expect_found(line_length, {"src/a.cc", std::string(101, 'x') + "\n"});
  expect_allowed(line_length, {"src/a.cc", std::string(100, 'x') + "\n"});
}

TEST(LengthRules, FindAFileThatIsMoreThanOneIdea) {
  expect_found(file_length, {"src/a.cc", std::string(501, '\n')});
  expect_allowed(file_length, {"src/a.cc", std::string(500, '\n')});
  expect_found(file_length, {"tests/a.cc", std::string(801, '\n')});
}

TEST(ParameterRule, FindsAFifthParameter) {
  const std::string five =
      "(int a, const Unit& b, std::span<const A, 4> c, char* d, bool e = f(1))";
  const File planted{"src/a.h", "\nvoid f" + five + ";\n"};
  EXPECT_EQ(parameters(planted),
            Findings{"src/a.h:2: 5 parameters, more than 4: make them a struct"});
  expect_found(parameters, {"src/a.cc", "A::A" + five + " : a_(a) {}\n"});
  expect_found(parameters, {"src/a.cc", "auto f = [this]" + five + " { return a; };\n"});
  expect_found(parameters, {"include/onelane/a.h", "void f(int, A*, B&,\n  C c, D&& d);\n"});
}

TEST(ParameterRule, AllowsFourAndReadsNoCallAsADeclaration) {
  expect_allowed(parameters, {"src/a.h", "void f(int a, A<int, 2, 3> b, C c = {1, 2}, D* d);\n"});
  expect_allowed(parameters, {"src/a.cc", "f(a, b * c, std::move(d), e > g, \"x\");\n"});
  expect_allowed(parameters, {"src/a.cc", "A a(tick, shares, spans, costs, now);\n"});
  expect_allowed(parameters,
                 {"src/a.cc", "#define A(a, b, c, d, e) f(int a, int b, int c, int d, int e)\n"});
  expect_allowed(parameters, {"src/a.cc", "// f(int a, int b, int c, int d, int e)\n"});
}

TEST(ParameterRule, AllowsTheSignaturesThatSqliteGives) {
  const std::string rest = ", int a, int b, int c, int d) {\n}\n";
  expect_allowed(parameters, {"src/sqlite/log/a.cc", "int read(sqlite3_file* file" + rest});
  expect_allowed(parameters, {"src/sqlite/log/a.cc", "int hook(void* self" + rest});
  expect_found(parameters, {"src/sqlite/log/a.cc", "int f(sqlite3* db" + rest});
  expect_found(parameters, {"src/engine/a.cc", "int f(void* self" + rest});
}

// A class of so many functions, as declarations and with bodies, and of members that are none.
std::string class_of(int functions) {
  std::string text =
      "class Big : public A {\n public:\n  Big(const Big&) = delete;\n  ~Big() = default;\n"
      "  using F = void(int);\n  struct Nested {\n    void f();\n    int g() { return 1; }\n  };\n";
  for (int i = 0; i < functions; ++i) {
    const std::string name = "f" + std::to_string(i);
    text += i % 2 == 0
                ? "  int " + name + "(int a = g()) const;\n"
                : "  bool " + name + "() const {\n    if (a(1)) return b{2}; else c();\n  }\n";
  }
  return text +
         " private:\n  int a_ = f(1);\n  std::function<void(int)> b_{c(2)};\n"
         "  std::atomic<int> d_{0};\n};\n";
}

TEST(ClassRule, FindsTheThirtyFirstFunction) {
  EXPECT_EQ(class_size({"src/engine/a.h", class_of(31)}),
            Findings{"src/engine/a.h:1: Big has 31 functions, more than 30"});
  expect_allowed(class_size, {"src/engine/a.h", class_of(30)});
  expect_allowed(class_size, {"src/engine/a.h", class_of(20) + class_of(20)});
  expect_allowed(class_size, {"src/schedule/a.h", class_of(31)});
}

TEST(PublicHeaderRule, FindsANameOfTheInside) {
  expect_found(public_words, {"include/onelane/a.h", "struct A {\n  base::Calls calls;\n};\n"});
  expect_found(public_words, {"include/onelane/a.h", "int f(sqlite3_stmt* statement);\n"});
  expect_found(public_words, {"include/onelane/a.h", "moodycamel::ConcurrentQueue<int> queue;\n"});
  expect_allowed(public_words, {"include/onelane/a.h", "// As sqlite3_step() does.\n"});
  expect_allowed(public_words, {"src/base/a.h", "base::Calls calls;\n"});
}

TEST(HeaderRule, FindsAHeaderThatIsNotGuardedOrDoesNotOpenWithProse) {
  expect_found(header_opening, {"src/base/a.h", "// What it is for.\n"});
  expect_found(header_opening, {"include/onelane/a.h", "#pragma once\n"});
  expect_allowed(header_opening, {"include/onelane/a.h", "// What for.\n#pragma once\n"});
}

TEST(BuildRule, FindsATestThatNoProgramIsBuiltFrom) {
  const std::vector<File> files = {{"tests/unit/a_test.cpp", ""}, {"tests/odd/b_test.cpp", ""}};
  EXPECT_EQ(tests_not_built(files, "/r", {"/r/tests/unit/a_test.cpp"}),
            Findings{"tests/odd/b_test.cpp:1: no test program is built from it"});
}

TEST(BuildRule, FindsAModuleWithoutAUnitTest) {
  const std::vector<File> files = {
      {"src/ack/a.cc", ""}, {"src/api/b.cc", ""}, {"tests/unit/ack_test.cpp", ""}};
  EXPECT_EQ(modules_without_test(files), Findings{"src/api has no tests/unit/api*_test.cpp"});
}

TEST(TopLevelRule, FindsWhatDoesNotBelongThere) {
  EXPECT_EQ(top_level({"src", ".git", "notes.md"}), Findings{"notes.md is not for the top level"});
}

}  // namespace
}  // namespace onelane::tidy
