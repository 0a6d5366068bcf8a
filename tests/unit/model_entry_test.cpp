// What an entry keeps, and for how long.
#include <gtest/gtest.h>

#include <memory>

#include "tests/support/lane.h"

namespace onelane::test {
namespace {

using Entries = QuietLane;

// A callback may hold a handle to the journal: kept in the journal, it would keep it for ever.
TEST_F(Entries, ASettledJobLetsGoOfWhatItsCallbackHolds) {
  open();
  Writes peers = add_class("peers");
  auto held = std::make_shared<int>();
  const auto step = [held, peers](Transaction&) -> Result<Step> { return Step::done; };
  PushOptions options = expiring_in(seconds(1));
  Receipt committed = ok(peers.handle().submit(Job{.name = "job", .step = step}, options));
  run_ticks();
  Receipt cancelled = ok(peers.handle().submit(Job{.name = "job", .step = step}, options));
  EXPECT_TRUE(cancelled.cancel());
  run_ticks();
  EXPECT_EQ(held.use_count(), 2) << "the test's own and that in its step";
}

}  // namespace
}  // namespace onelane::test
