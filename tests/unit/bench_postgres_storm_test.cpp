// The storm on a PostgreSQL server that this program starts: each strategy, what the verifier makes
// of it, and what the flags say.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "bench/contestants/pg_schema.h"
#include "bench/kit/errors.h"
#include "bench/storm.h"
#include "bench/storm/pg_session.h"
#include "bench/storm/place.h"
#include "bench/storm/run.h"
#include "bench/storm/verify.h"
#include "tests/support/postgres_server.h"
#include "tests/support/temp_directory.h"

namespace onelane::bench::storm {
namespace {

using namespace std::chrono_literals;

class StormOnAServer : public ::testing::Test {
 protected:
  void SetUp() override {
#ifdef ONELANE_POSTGRES_SERVER
    static test::PostgresServer server(ONELANE_POSTGRES_SERVER);
    options_.postgres = server.conninfo() + " dbname=postgres";
#else
    GTEST_SKIP() << "there is no PostgreSQL server here to start";
#endif
    for (unsigned i = 0; i < 40; ++i) {
      std::ofstream(files_ / ("file-" + std::to_string(100 + i)), std::ios::binary)
          << std::string(4096 + i, static_cast<char>('0' + i));
    }
    options_.duration = 400ms;
    options_.grace = 20s;
    options_.connects_per_second = 100;
    options_.heavy = 2;
    options_.block_wait = 1ms;
    options_.direct_hold = 20ms;
    options_.callers = 8;
    options_.seed = 1;
    input_ = load_input(files_.path(), 16 << 20);
  }

  std::string ask(const std::string& sql) { return PgConnection(options_.postgres).ask(sql); }
  std::string schema() {
    return ask(
        "SELECT coalesce(min(nspname), '') FROM pg_namespace WHERE nspname LIKE "
        "'onelane_bench_%'");
  }
  // In the storm's schema.
  void execute(const std::string& sql) {
    PgConnection connection(options_.postgres);
    connection.execute("SET search_path TO " + schema());
    connection.execute(sql);
  }

  void run(StrategyKind kind) {
    const std::filesystem::path database = folder_ / "storm.db";
    place_ = make_pg_place(options_, database);
    result_ = run_storm({kind, *place_, database}, options_, input_);
  }
  Verdict verdict() { return verify(*place_->reader(), input_, result_.ledger, result_.journal); }
  std::uint64_t acknowledged(Source source) { return result_.ledger.of(source).acknowledged; }
  // What the verifier says of it, once the SQL was run behind its back.
  void expect_lost(Source source, const std::string& sql) {
    execute(sql);
    const Verdict found = verdict();
    EXPECT_FALSE(found.verified()) << sql;
    EXPECT_GE(found.lost_of(source), 1U) << sql;
  }

  test::TempDirectory files_;
  test::TempDirectory folder_;
  StormOptions options_;
  Input input_;
  std::unique_ptr<Place> place_;
  StrategyResult result_;
};

class EveryStrategyOnAServer : public StormOnAServer,
                               public ::testing::WithParamInterface<StrategyKind> {};

TEST_P(EveryStrategyOnAServer, WritesWhatItAcknowledgesAndLeavesNoSchema) {
  run(GetParam());
  const Verdict found = verdict();
  EXPECT_TRUE(found.verified()) << (found.examples.empty() ? "" : found.examples.front());
  EXPECT_GE(acknowledged(kBlobs), 1U);
  EXPECT_GE(acknowledged(kSync), 1U);
  const bool silent = GetParam() == StrategyKind::heavy;
  EXPECT_EQ(acknowledged(kConnect) == 0, silent);
  EXPECT_EQ(acknowledged(kDomains) == 0, silent);
  EXPECT_EQ(result_.ledger.first_error(), "");
  EXPECT_NE(schema(), "");
  place_.reset();
  EXPECT_EQ(schema(), "");
}

TEST_P(EveryStrategyOnAServer, ARowThatIsTakenAwayBehindItIsMissed) {
  run(GetParam());
  expect_lost(kBlobs, "DELETE FROM links WHERE ctid = (SELECT min(ctid) FROM links)");
  expect_lost(kSync, "DELETE FROM sync_state WHERE ctid = (SELECT min(ctid) FROM sync_state)");
  if (GetParam() == StrategyKind::heavy) return;
  expect_lost(kConnect,
              "DELETE FROM peers WHERE id = (SELECT min(id) FROM peers WHERE connects>0)");
  expect_lost(kDomains, "UPDATE domains SET updates = updates - 1");
}

INSTANTIATE_TEST_SUITE_P(OfAll, EveryStrategyOnAServer,
                         ::testing::Values(StrategyKind::direct, StrategyKind::onelane,
                                           StrategyKind::heavy, StrategyKind::journaled,
                                           StrategyKind::pool),
                         [](const auto& tested) { return std::string(name(tested.param)); });

TEST_F(StormOnAServer, ContentsAgentsAndRowsTooManyAreSeen) {
  run(StrategyKind::onelane);
  ASSERT_TRUE(verdict().verified());
  execute("UPDATE peers SET identified = identified - 1 WHERE identifies > 0");
  execute("UPDATE blocks SET data = data || '\\x00'");
  execute("INSERT INTO domains VALUES(100000, '', 1)");
  const Verdict found = verdict();
  // At least one of each.
  EXPECT_GE(found.faults, 3U);
  EXPECT_EQ(found.lost_of(kDomains), 0U);
}

TEST_F(StormOnAServer, AJournalOnlyTellsOfItsServer) {
  run(StrategyKind::onelane);
  EXPECT_TRUE(result_.server);
  EXPECT_EQ(result_.journal->server.connections, 1U);
  EXPECT_GE(result_.journal->server.answer_ns.count(), result_.journal->ticks);
  EXPECT_EQ(result_.pragmas[1], std::pair(std::string("synchronous_commit"), std::string("off")));
  run(StrategyKind::journaled);
  EXPECT_EQ(result_.pragmas[1], std::pair(std::string("synchronous_commit"), std::string("on")));
}

// What a session says of SQL that the server refuses with that code.
TEST_F(StormOnAServer, ARefusalIsBusyOrFailedAndTheSessionGoesOn) {
  PgSchema schema({.postgres = options_.postgres}, kPgSchema);
  PgSession session(schema.conninfo());
  const Arrival seventh{kDomains, 7, 1, {}};
  for (const auto& [code, why] : {std::pair("55P03", Refusal::busy),
                                  {"40P01", Refusal::busy},
                                  {"40001", Refusal::busy},
                                  {"23514", Refusal::failed}}) {
    schema.owner().execute(
        "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'no room' USING ERRCODE = '" +
        std::string(code) +
        "'; END $$;"
        "CREATE OR REPLACE TRIGGER refuse BEFORE INSERT ON domains FOR EACH ROW "
        "EXECUTE FUNCTION refuse()");
    try {
      session.write(seventh);
      ADD_FAILURE() << code;
    } catch (const PgRefused& refused) {
      EXPECT_EQ(refused.why, why) << code;
      EXPECT_NE(refused.text.find("no room"), std::string::npos) << refused.text;
    }
  }
  schema.owner().execute("DROP TRIGGER refuse ON domains");
  EXPECT_EQ(session.write(seventh), 1U);
}

TEST_F(StormOnAServer, TheNumberOfAnIdentifyIsItsPlaceAmongThePeers) {
  PgSchema schema({.postgres = options_.postgres}, kPgSchema);
  PgSession one(schema.conninfo());
  PgSession other(schema.conninfo());
  EXPECT_EQ(one.write_identify({kIdentify, 3, 10, {}}), 1U);
  EXPECT_EQ(other.write_identify({kIdentify, 3, 9, {}}), 2U);
  EXPECT_EQ(other.write_identify({kIdentify, 4, 11, {}}), 1U);
  EXPECT_EQ(schema.owner().ask("SELECT identified FROM peers WHERE id = 3"), "9");
}

TEST_F(StormOnAServer, ItIsAQuestionWithTheServerInItsAnswer) {
  const std::string file = folder_ / "result.json";
  ASSERT_EQ(storm_main({"--postgres",
                        options_.postgres + " password=sesame",
                        "--seconds",
                        "0.5",
                        "--input",
                        files_.path().string(),
                        "--callers",
                        "4",
                        "--connects-per-second",
                        "50",
                        "--added-round-trip",
                        "4ms",
                        "--json",
                        file,
                        "--fail-if",
                        "onelane.server.answer_ms.p50 < 4",
                        "--fail-if",
                        "onelane.server.conflicts > 0",
                        "--fail-if",
                        "environment.server.round_trip_us < 4000",
                        "--fail-if",
                        "direct.connect.total_ms.p50 < 4"}),
            kExitOk);
  const nlohmann::json result = nlohmann::json::parse(std::ifstream(file));
  EXPECT_EQ(result["settings"]["added_round_trip_ms"], 4);
  EXPECT_EQ(result["strategies"][1]["pragmas"]["fsync"], "off");
  EXPECT_FALSE(result["strategies"][0].contains("server"));
  EXPECT_EQ(result.dump().find("sesame"), std::string::npos);
  EXPECT_EQ(schema(), "");
}

std::string said_to(const std::vector<std::string>& flags) {
  try {
    storm_main(flags);
  } catch (const std::exception& error) {
    return error.what();
  }
  return "nothing";
}

TEST(StormOnAServerFlags, WhatMakesNoSenseThereIsRefused) {
  EXPECT_EQ(said_to({"--postgres", "dbname=bench", "--strategy", "onelane,durable"}),
            "--strategy: durable is not for a server, where a commit is durable at once with "
            "--synchronous full, and never with normal; onelane is right");
  EXPECT_EQ(said_to({"--postgres", "dbname=bench", "--database", "storm.db"}),
            "--database: a file is not for --postgres, whose schemas are dropped");
  EXPECT_EQ(said_to({"--postgres", ""}), "--postgres: a conninfo is needed, such as dbname=bench");
  const std::string said = said_to({"--postgres", "host=/nowhere password=ope sesame"});
  EXPECT_NE(said.find("--postgres: libpq cannot read this conninfo"), std::string::npos) << said;
  EXPECT_EQ(said.find("ope"), std::string::npos) << said;
}

TEST(StormOnAServerFlags, WhatNeedsAServerIsRefusedWithout) {
  EXPECT_EQ(said_to({"--strategy", "direct,pool"}),
            "--strategy: pool needs a server's connections, so --postgres");
  EXPECT_EQ(said_to({"--added-round-trip", "5ms"}),
            "--added-round-trip: there is no round trip without --postgres");
}

}  // namespace
}  // namespace onelane::bench::storm
