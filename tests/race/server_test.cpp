// Callers of a journal whose ticks take as long as a round trip to a server does.
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "onelane/onelane.h"
#include "tests/support/plain_sink.h"
#include "tests/support/served_sink.h"

namespace onelane::test {
namespace {

using namespace std::chrono_literals;

class FarSink final : public PlainSink {
 public:
  Reply commit() override {
    std::this_thread::sleep_for(100ms);
    return {};
  }
};

TEST(CallersOfAServer, AreInOneTickTogetherAgainAndAgain) {
  constexpr std::uint64_t kCallers = 8;
  constexpr std::uint64_t kWrites = 12;
  ToldServer server;
  Journal journal =
      Journal::open(std::make_unique<ServedSink>(std::make_unique<FarSink>(), server), {}).value();
  const WriteClass writes = journal.add_class({.name = "writes"}).value();
  const Statement insert =
      journal.add_statement({.sql = "-", .columns = {{ColumnType::integer}}}).value();
  std::vector<std::thread> callers;
  for (std::uint64_t i = 0; i < kCallers; ++i) {
    callers.emplace_back([&, own = writes]() mutable {
      for (std::uint64_t n = 0; n < kWrites; ++n) {
        Row row;
        row.integer(static_cast<std::int64_t>(n));
        EXPECT_TRUE(own.write(insert, row).ok());
      }
    });
  }
  for (std::thread& each : callers) each.join();
  const JournalStats stats = journal.stats();
  EXPECT_EQ(stats.classes[0].end(End::committed), kCallers * kWrites);
  // If the first to return had a tick alone, there would be two for each round of writes.
  EXPECT_LE(stats.ticks, kWrites * 3 / 2);
}

}  // namespace
}  // namespace onelane::test
