// The contestants on PostgreSQL, on a server that this program starts; and their flags.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "bench/callers.h"
#include "bench/contestants/load.h"
#include "bench/contestants/pg_table.h"
#include "bench/contestants/store.h"
#include "bench/kit/errors.h"
#include "tests/support/postgres_server.h"
#include "tests/support/temp_directory.h"

namespace onelane::bench {
namespace {

using namespace std::chrono_literals;

class OnAServer : public ::testing::Test {
 protected:
  void SetUp() override {
#ifdef ONELANE_POSTGRES_SERVER
    static test::PostgresServer server(ONELANE_POSTGRES_SERVER);
    conninfo_ = server.conninfo() + " dbname=postgres";
#else
    GTEST_SKIP() << "there is no PostgreSQL server here to start";
#endif
  }

  std::unique_ptr<Store> open(std::string_view contestant, std::chrono::nanoseconds added = 0ns) {
    return make_store(contestant, {.acknowledgement = acknowledgement_,
                                   .value_bytes = 100,
                                   .rows_per_commit = rows_per_commit_,
                                   .postgres = conninfo_,
                                   .added_round_trip = added});
  }
  void expect_held(Store& store, const Load& load) {
    EXPECT_EQ(run_load(store, rows_, load, contents_).rows, load.rows);
    verify_contents(store, rows_, contents_);
  }
  std::string schemas() {
    return PgConnection(conninfo_).ask(
        "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'onelane_bench_%'");
  }

  std::string conninfo_;
  Acknowledgement acknowledgement_ = Acknowledgement::waited_for;
  std::uint64_t rows_per_commit_ = 7;
  Rows rows_{1, 100, KeyOrder::random};
  Contents contents_;
};

class EveryPostgresContestant : public OnAServer,
                                public ::testing::WithParamInterface<const char*> {
 protected:
  // A pipeline has a single writer.
  std::size_t threads() const { return std::string_view(GetParam()) == "pg_pipeline" ? 1 : 8; }
};

TEST_P(EveryPostgresContestant, HoldsTheRowsThatManyThreadsWaitedForAndLeavesNoSchema) {
  expect_held(*open(GetParam()), {.threads = threads(), .rows = 100});
  EXPECT_EQ(schemas(), "0");
}

TEST_P(EveryPostgresContestant, HoldsTheRowsThatNobodyWaitedFor) {
  acknowledgement_ = Acknowledgement::not_waited_for;
  expect_held(*open(GetParam()), {.threads = threads(), .rows = 1000, .timed = false});
}

TEST_P(EveryPostgresContestant, HoldsGroups) {
  acknowledgement_ = Acknowledgement::not_waited_for;
  expect_held(*open(GetParam()), {.rows = 200, .rows_per_write = 20, .keys = Keys::drawn});
}

INSTANTIATE_TEST_SUITE_P(OfAll, EveryPostgresContestant,
                         ::testing::Values("pg_autocommit", "pg_pool", "pg_pipeline", "pg_onelane"),
                         [](const auto& tested) { return std::string(tested.param); });

TEST_F(OnAServer, ItSaysWhatItIsAndHowLongARoundTripTakes) {
  const StoreOptions near{.synchronous = Synchronous::full, .postgres = conninfo_};
  const nlohmann::json server = server_of(near);
  EXPECT_EQ(server["synchronous_commit"], "on");
  EXPECT_EQ(server["fsync"], "off");  // as the test starts it
  EXPECT_GE(std::stoi(server["version"].get<std::string>()), 14);
  EXPECT_GT(server["round_trip_us"].get<double>(), 0);
  const StoreOptions far{
      .synchronous = Synchronous::normal, .postgres = conninfo_, .added_round_trip = 4ms};
  EXPECT_EQ(server_of(far)["synchronous_commit"], "off");
  EXPECT_GE(server_of(far)["round_trip_us"].get<double>(), 4000);
}

TEST_F(OnAServer, ALongWayCarriesMoreThanItsSocketsHold) {
  rows_per_commit_ = 40'000;
  expect_held(*open("pg_pipeline", 2ms), {.rows = rows_per_commit_, .timed = false});
}

TEST_F(OnAServer, AConninfosOwnOptionsStay) {
  const PgTable table({.postgres = conninfo_ + " options='-c statement_timeout=77s'"});
  PgConnection connection(table.conninfo());
  EXPECT_EQ(connection.ask("SHOW statement_timeout"), "77s");
  EXPECT_TRUE(connection.ask("SHOW search_path").starts_with("onelane_bench_"));
}

TEST_F(OnAServer, CallersIsAnsweredByAllOnPostgresIfNobodyIsNamed) {
  const test::TempDirectory directory;
  const std::string file = directory / "result.json";
  ASSERT_EQ(callers_main({"--size", "smoke", "--threads", "2", "--postgres", conninfo_,
                          "--added-round-trip", "1ms", "--json", file, "--directory",
                          directory.path().string(), "--fail-if",
                          "t2.pg_onelane_to_pg_pool.per_s.median <= 0", "--fail-if",
                          "environment.server.round_trip_us < 1000"}),
            kExitOk);
  std::vector<std::string> names;
  const nlohmann::json result = nlohmann::json::parse(std::ifstream(file));
  for (const nlohmann::json& one : result["cases"][0]["contestants"]) names.push_back(one["name"]);
  EXPECT_EQ(names,
            (std::vector<std::string>{"pg_autocommit", "pg_pool", "pg_pipeline", "pg_onelane"}));
  EXPECT_EQ(schemas(), "0");
}

// What callers says to wrong flags.
std::string said_to(std::vector<std::string> flags) {
  flags.insert(flags.end(), {"--size", "smoke"});
  try {
    callers_main(flags);
  } catch (const std::exception& error) {
    return error.what();
  }
  return "nothing";
}

TEST(PostgresFlags, ContestantsOnPostgresNeedAServer) {
  EXPECT_EQ(said_to({"--contestants", "onelane,pg_pool"}),
            "--contestants: those that begin with pg_ need --postgres");
  EXPECT_EQ(said_to({"--postgres", ""}), "--postgres: a conninfo is needed, such as dbname=bench");
}

TEST(PostgresFlags, ARoundTripIsAddedToThoseOnPostgresOnly) {
  EXPECT_EQ(said_to({"--added-round-trip", "5ms"}),
            "--added-round-trip: no contestant has a round trip without --postgres");
}

TEST(PostgresFlags, AConninfoThatCannotBeReadIsNotRepeated) {
  const std::string said = said_to({"--postgres", "host=/nowhere password=ope sesame"});
  EXPECT_EQ(said.find("ope"), std::string::npos) << said;
  EXPECT_EQ(said.find("sesame"), std::string::npos) << said;
  EXPECT_NE(said.find("--postgres: libpq cannot read this conninfo"), std::string::npos) << said;
}

TEST(PostgresFlags, AServerThatIsNotThereIsNamedWithoutThePassword) {
  const std::string said = said_to({"--postgres", "host=/nowhere password=sesame"});
  EXPECT_EQ(said.find("sesame"), std::string::npos) << said;
  EXPECT_NE(said.find("/nowhere"), std::string::npos) << said;
}

}  // namespace
}  // namespace onelane::bench
