// When a tick is run, and what it waits for.
#include "tests/support/lane.h"

namespace onelane::test {
namespace {

class Idle : public Lane {};

TEST_F(Idle, ALoneWriteCommitsInTheFirstTick) {
  open();
  Writes peers = add_class("peers");
  Receipt lone = peers.submit(1);
  EXPECT_EQ(tick().units, 1U);
  EXPECT_EQ(end_of(lone), "committed");
  EXPECT_EQ(calls(), "begin, apply peers(1), verify, commit");
}

}  // namespace
}  // namespace onelane::test
