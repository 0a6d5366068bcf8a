// The conformance suite on each sink that onelane has: a test for each case. What a sink cannot do
// is skipped, and told at the end.
#include "tests/conformance/sinks.h"

#include <gtest/gtest.h>

#include <iostream>
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

class ConformanceTest : public ::testing::Test {
 public:
  ConformanceTest(const ConformanceCase& conformance_case, const SinkUnderTest& sink)
      : case_(conformance_case), sink_(sink) {}

  void TestBody() override {
    const Verdict verdict = run_case(case_, sink_);
    if (verdict.kind == Verdict::Kind::failed) FAIL() << verdict.text;
    if (verdict.kind == Verdict::Kind::passed) return;
    skips().push_back({sink_.name, verdict.text});
    GTEST_SKIP() << verdict.text;
  }

 private:
  const ConformanceCase& case_;
  const SinkUnderTest& sink_;
};

class TableOfSkips : public ::testing::EmptyTestEventListener {
  void OnTestProgramEnd(const ::testing::UnitTest&) override {
    std::cout << testing::table_of_skips(skips());
  }
};

// Once, before main().
bool register_all() {
  static const std::vector<SinkUnderTest> kSinks{
      test::sqlite_under_test(), test::memory_under_test(),
      test::sent_on(test::sqlite_under_test()), test::sent_on(test::memory_under_test())};
  for (const SinkUnderTest& sink : kSinks) {
    for (const ConformanceCase& each : conformance_cases()) {
      ::testing::RegisterTest((sink.name + "/" + each.group).c_str(), each.name.c_str(), nullptr,
                              nullptr, __FILE__, __LINE__, [&each, &sink]() -> ::testing::Test* {
                                return new ConformanceTest(each, sink);
                              });
    }
  }
  ::testing::UnitTest::GetInstance()->listeners().Append(new TableOfSkips);
  return true;
}

const bool kRegistered = register_all();

}  // namespace
}  // namespace onelane
