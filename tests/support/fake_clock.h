// The clock that programs test with is ours, too.
#pragma once

#include "onelane/testing.h"

namespace onelane::test {

using onelane::testing::FakeClock;

}  // namespace onelane::test
