// Whether a sink keeps to sink.h, and a journal on it to what journals promise: a suite of cases
// that any sink can be put through (target onelane::conformance, installed with onelane::testing).
//
//   const SinkUnderTest mine{
//       .name = "mine",
//       .sql = {.put = "INSERT INTO things(id, text) VALUES($1, $2)", ...},
//       .absences = {{Ability::watermark, "a commit has no room for it"}},
//       .make_store = [] { return std::make_unique<MyStore>(); }};
//   return run_conformance(mine, std::cout) == 0 ? 0 : 1;
//
// Each case gets a new store, opens journals on it, and looks at what the store holds afterwards.
// But for one with threads, cases move their journals by hand, at a time that stands still.
// Failures of the store (an unknown COMMIT, a crash, a lock) are made between the journal and the
// sink, so the sink needs no means for them.
//
// What a sink cannot do it declares with a reason, and the cases that need it are skipped with that
// reason. A part that is missing and not declared fails, and so does one that is declared missing
// and is there.
//
// The suite needs no framework. To make each case a test of GoogleTest:
//
//   for (const ConformanceCase& each : conformance_cases()) {
//     ::testing::RegisterTest(each.group.c_str(), each.name.c_str(), nullptr, nullptr, __FILE__,
//                             __LINE__, [&each]() -> ::testing::Test* { return new Mine(each); });
//   }
//
// where Mine::TestBody() calls run_case(each, mine), and is GTEST_SKIP() << verdict.text or
// FAIL() << verdict.text by its result.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "onelane/sink.h"
#include "onelane/status.h"

namespace onelane::inline v0::testing {

// What a sink may do without.
enum class Ability : std::uint8_t {
  savepoints,  // Sink::savepoints()
  jobs,        // Sink::job_statements()
  migrations,  // Sink::schema_version()
  watermark,   // Sink::watermark()
  positions,   // Sink::applied_positions(), with dead letters
  durability,  // Sink::commit_is_durable(), or commit_sync()
  reopening,   // a sink that is opened on the store of a closed one finds what that committed
  preparing,   // add_statement() refuses a statement that the store cannot run
  updates,     // ConformanceSql::set and remove
  changes,     // Reply::changes is what the store says
  rowids,      // Reply::rowid of what put has inserted
  returning,   // ConformanceSql::put_values
  outages,     // StoreUnderTest::break_next_commit()
  pipelining,  // Sink::pipelined_calls()
  // Kinds of rows that the store refuses.
  unique,
  not_null,
  check,
  type,
  deferred,  // found out by Sink::verify(), at the end of the unit
};
inline constexpr std::size_t kAbilityCount = static_cast<std::size_t>(Ability::deferred) + 1;

// The ability's name as it is written above. Stable.
std::string_view name(Ability ability) noexcept;

struct Absence {
  Ability ability;
  std::string reason;  // one line, for the table of skips
};

// A row of the table `things`.
struct StoredThing {
  std::int64_t id = 0;
  std::string text{};
};

// The statements of the suite, in the store's own language. They are about two tables, as in SQL:
//
//   things(seq, id UNIQUE NOT NULL, text NOT NULL CHECK(text <> 'refused'),
//          parent REFERENCES things(id) DEFERRABLE INITIALLY DEFERRED)
//   samples(i, r, t, b)    of an integer, a real, a text and a blob; each may be NULL
//
// where seq counts the rows in the order in which they are inserted. Texts that belong to a
// declared absence stay empty.
struct ConformanceSql {
  std::string put{};           // (id, text): inserts it
  std::string set{};           // (id, text): inserts it; or sets the text of the one with this id
  std::string remove{};        // (id): deletes it
  std::string put_child{};     // (id, parent): inserts it with the text 'child'
  std::string put_mistyped{};  // (id, text), where id is a text: refused if it is no number
  std::string put_values{};    // (i, r, t, b), each may be NULL: inserts a sample and returns it
  std::string select{};        // for jobs: id and text of all things in the order of seq
};

// A store with both tables. Used by one thread at a time.
class StoreUnderTest {
 public:
  StoreUnderTest() = default;
  StoreUnderTest(const StoreUnderTest&) = delete;
  StoreUnderTest& operator=(const StoreUnderTest&) = delete;
  virtual ~StoreUnderTest() = default;

  // A sink on it. Called again only after the sink before was closed, healthy or poisoned; that one
  // may still exist. It keeps a watermark and positions wherever it can.
  virtual Result<std::unique_ptr<Sink>> open() = 0;
  // What others see in it, in the order of seq. By other means than the sink, while that is open.
  virtual std::vector<StoredThing> things() = 0;
  // How many rows the dead letters have; none if they cannot be counted.
  virtual std::optional<std::size_t> dead_letters() { return std::nullopt; }
  // Makes the store fail in the next commit of units, once, by means of its own: so that the sink
  // loses it there. Called while a sink is open, only where outages are not declared absent.
  virtual void break_next_commit() {}
};

struct SinkUnderTest {
  std::string name;
  ConformanceSql sql;
  std::vector<Absence> absences{};
  // A new store, empty but for the tables.
  std::function<std::unique_ptr<StoreUnderTest>()> make_store{};
};

struct Verdict {
  enum class Kind : std::uint8_t { passed, skipped, failed };
  Kind kind = Kind::passed;
  std::string text{};  // why it was skipped, or what is wrong: a line for each
};

struct ConformanceCase {
  std::string group;  // "Order"
  std::string name;   // a proposition, in letters and digits: "RecordsCommitInTheOrderOfPushes"
  std::function<Verdict(const SinkUnderTest&)> run;
};

// All cases, always the same.
const std::vector<ConformanceCase>& conformance_cases();

// Runs one. Never throws but std::bad_alloc.
Verdict run_case(const ConformanceCase& conformance_case, const SinkUnderTest& sink);

// One history of random units, failures and crashes, for more seeds than the cases have.
Verdict run_random_history(const SinkUnderTest& sink, std::uint64_t seed);

// A table of the skips: each reason with how many cases it took. Empty if none were skipped.
struct Skip {
  std::string sink;
  std::string reason;
};
std::string table_of_skips(const std::vector<Skip>& skips);

// Runs all cases, writes what failed and the table of skips, and returns how many failed.
std::size_t run_conformance(const SinkUnderTest& sink, std::ostream& out);

}  // namespace onelane::inline v0::testing
