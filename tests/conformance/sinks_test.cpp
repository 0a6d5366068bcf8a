// The conformance suite on each sink that onelane has: a test for each case. What a sink cannot do
// is skipped, and told at the end.
#include "tests/conformance/sinks.h"

#include <gtest/gtest.h>

#include <iostream>
#include <string>
#include <vector>

namespace onelane {
namespace {

using testing::conformance_cases;
using testing::ConformanceCase;
using testing::SinkUnderTest;
using testing::Skip;
using testing::Verdict;

std::vector<Skip>& skips() {
  static std::vector<Skip> all;
  return all;
}

struct Listed {
  SinkUnderTest sink;
  std::string missing{};  // why it cannot be run here
};

class ConformanceTest : public ::testing::Test {
 public:
  ConformanceTest(const ConformanceCase& conformance_case, const Listed& listed)
      : case_(conformance_case), sink_(listed.sink), missing_(listed.missing) {}

  void TestBody() override {
    const Verdict verdict =
        missing_.empty() ? run_case(case_, sink_) : Verdict{Verdict::Kind::skipped, missing_};
    if (verdict.kind == Verdict::Kind::failed) FAIL() << verdict.text;
    if (verdict.kind == Verdict::Kind::passed) return;
    skips().push_back({sink_.name, verdict.text});
    GTEST_SKIP() << verdict.text;
  }

 private:
  const ConformanceCase& case_;
  const SinkUnderTest& sink_;
  const std::string& missing_;
};

class TableOfSkips : public ::testing::EmptyTestEventListener {
  void OnTestProgramEnd(const ::testing::UnitTest&) override {
    std::cout << testing::table_of_skips(skips());
  }
};

// Once, before main().
bool register_all() {
  static const std::vector<Listed> kSinks{
#ifdef ONELANE_WITH_POSTGRES
      {test::postgres_under_test(), test::no_postgres()},
#endif
      {test::sqlite_under_test()},
      {test::memory_under_test()},
      {test::sent_on(test::sqlite_under_test())},
      {test::sent_on(test::memory_under_test())}};
  for (const Listed& listed : kSinks) {
    for (const ConformanceCase& each : conformance_cases()) {
      ::testing::RegisterTest(
          (listed.sink.name + "/" + each.group).c_str(), each.name.c_str(), nullptr, nullptr,
          __FILE__, __LINE__,
          [&each, &listed]() -> ::testing::Test* { return new ConformanceTest(each, listed); });
    }
  }
  ::testing::UnitTest::GetInstance()->listeners().Append(new TableOfSkips);
  return true;
}

const bool kRegistered = register_all();

}  // namespace
}  // namespace onelane
