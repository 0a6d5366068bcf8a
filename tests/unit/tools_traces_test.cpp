// onelane replay and onelane tune, on the trace of a quiet lane.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/support/traced_lane.h"
#include "tools/command.h"

namespace onelane::test {
namespace {

class OnATrace : public TracedLane {
 protected:
  // Rows whose commits take 4 ms each.
  void SetUp() override {
    open_traced();
    sink_->on(Call::commit, [this](const std::string&) {
      advance(milliseconds(4));
      return Reply{};
    });
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
    (void)tools::command_called(command).run(arguments);
    (void)::testing::internal::GetCapturedStderr();
    json_ = nlohmann::json::parse(::testing::internal::GetCapturedStdout());
  }

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

}  // namespace
}  // namespace onelane::test
