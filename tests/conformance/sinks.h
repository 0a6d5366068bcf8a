// The sinks that the conformance suite is run on here.
#pragma once

#include "onelane/conformance.h"

namespace onelane::test {

// The sink of Journal::open(path), on a database in a temporary folder.
testing::SinkUnderTest sqlite_under_test();
// testing::MemorySink.
testing::SinkUnderTest memory_under_test();
// The same sink, behind a queue of calls.
testing::SinkUnderTest sent_on(testing::SinkUnderTest sink);

}  // namespace onelane::test
