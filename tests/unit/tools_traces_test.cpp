// onelane replay and onelane tune, on the trace of a quiet lane.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/support/tool.h"
#include "tests/support/traced_lane.h"
#include "tools/command.h"
#include "tools/kit/errors.h"

namespace onelane::test {
namespace {

class OnATrace : public TracedLane {
 protected:
  // Rows whose commits take 4 ms each.
  void SetUp() override {
    open_traced();
    commits_take(milliseconds(4));
    Writes peers = add_class("peers");
    for (std::int64_t row = 0; row < 200; ++row) {
      peers.push(row);
      tick();
    }
    (void)close_and_read();
  }

  // With --json -: the text goes to stderr.
  void run(std::string_view command, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), path_);
    arguments.insert(arguments.end(), {"--json", "-"});
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    code_ = tools::command_called(command).run(arguments);
    text_ = ::testing::internal::GetCapturedStderr();
    json_ = nlohmann::json::parse(::testing::internal::GetCapturedStdout());
  }

  int code_ = 0;
  std::string text_;
  nlohmann::json json_;
};

TEST_F(OnATrace, EachJsonSaysOfWhichSchemaItIs) {
  run("replay", {});
  EXPECT_EQ(json_["schema"], 1);
  run("replay", {"--tick.hold", "5ms"});
  EXPECT_EQ(json_["schema"], 1);
  run("tune", {"--want", "peers:p99<=1s"});
  EXPECT_EQ(json_["schema"], 1);
}

TEST_F(OnATrace, WhatCannotBeReachedIsSaidWithTheBestThatWasFound) {
  run("tune", {"--want", "peers:p99<=1us"});
  EXPECT_EQ(code_, kit::kExitThreshold);
  expect_contains(text_,
                  "NOT MET peers:p99<=1us: 4.00 ms, or 4.00 ms by chance; 4.00 ms as recorded; "
                  "4.00 ms, or 4.00 ms by chance if it alone is wanted\n");
  expect_contains(text_,
                  "peers:p99<=1us cannot be reached by any budgets that were tried, "
                  "whatever the others get.\n");
}

TEST_F(OnATrace, WhatIsMetIsSaidWithoutABestOne) {
  run("tune", {"--want", "peers:p99<=1s"});
  EXPECT_EQ(code_, kit::kExitOk);
  expect_contains(text_,
                  "met     peers:p99<=1s: 4.00 ms, or 4.00 ms by chance; 4.00 ms as recorded\n");
}

}  // namespace
}  // namespace onelane::test
