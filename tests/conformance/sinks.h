// The sinks that the conformance suite is run on here.
#pragma once

#include <string>

#include "onelane/conformance.h"

namespace onelane::test {

// The sink of Journal::open(path), on a database in a temporary folder.
testing::SinkUnderTest sqlite_under_test();
// testing::MemorySink.
testing::SinkUnderTest memory_under_test();
#ifdef ONELANE_WITH_POSTGRES
// The sink of postgres::open_sink, in a schema of the program's one server.
testing::SinkUnderTest postgres_under_test();
// Why it cannot be run here; empty if it can.
std::string no_postgres();
#endif
// The same sink, behind a queue of calls.
testing::SinkUnderTest sent_on(testing::SinkUnderTest sink);

}  // namespace onelane::test
