// The language of the suite's cases: a store of its own, journals on it that are moved by hand, and
// words for what became of units.
//
//   bench.open();
//   Things peers = bench.add_class("peers");
//   peers.put(1);
//   peers.refused(Ability::check, 2);
//   bench.run();
//   bench.expect_ends("committed rejected");
//   bench.expect_things("1:x");
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "onelane/conformance.h"
#include "onelane/onelane.h"
#include "onelane/testing.h"
#include "tests/conformance/suite/line.h"

namespace onelane::inline v0::testing::conformance {

// Thrown: the case ends as skipped.
struct Skipped {
  std::string reason;
};
// Thrown: what is wrong is noted, and the case cannot go on.
struct Stopped {};

// The kinds of rows that a store refuses.
inline constexpr std::array kRefusals{Ability::unique, Ability::not_null, Ability::check,
                                      Ability::type, Ability::deferred};

// Small enough for ticks of 16 records.
inline constexpr Guarantee kGuarantee{.records = 4, .bytes = 4 * kKiB};

template <class... Values>
Row row_of(const Values&... values) {
  Row row;
  put(row, values...);
  return row;
}

// The suite's statements, as a journal or a sink knows them.
struct SpecOf {
  const ConformanceSql& sql;
  StatementSpec put() const;
  StatementSpec set() const;
  StatementSpec remove() const;
  StatementSpec put_child() const;
  StatementSpec put_mistyped() const;
  StatementSpec put_values() const;
};

// A statement and a row for it.
struct Filled {
  StatementSpec spec;
  Row row;
};

class Bench;

// A write class, and units for it. Each receipt is the bench's, for expect_ends().
class Things {
 public:
  Things(Bench& bench, WriteClass handle) : bench_(&bench), handle_(std::move(handle)) {}

  // Give the place of the unit among the bench's receipts. What is not accepted, since the store
  // takes no commits at the moment, has an empty one.
  std::size_t put(std::int64_t id, const PushOptions& options = {});
  std::size_t put(std::int64_t id, const std::string& text, const PushOptions& options = {});
  std::size_t submit(const Filled& filled, const PushOptions& options = {});
  std::size_t refused(Ability kind, std::int64_t id);
  std::size_t group(const std::vector<Filled>& rows);
  std::size_t job(StepFunction step);

  WriteClass& handle() { return handle_; }

 private:
  std::size_t keep(Result<Receipt> receipt);

  Bench* bench_;
  WriteClass handle_;
};

class Bench {
 public:
  explicit Bench(const SinkUnderTest& sink);
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;
  ~Bench();

  // --- What the sink can do.
  bool has(Ability ability) const { return reason_of(ability) == nullptr; }
  // Skips the case where it cannot.
  void need(Ability ability) const;
  // The kinds of refusals that it has; skips the case where there are none.
  std::vector<Ability> refusals() const;
  SpecOf specs() const { return {sink_.sql}; }
  const std::string& select() const { return sink_.sql.select; }

  // --- The rows that units are made of.
  Filled thing(std::int64_t id, const std::string& text = "x") const;
  Filled refused(Ability kind, std::int64_t id) const;
  Filled child(std::int64_t id, std::int64_t parent) const;

  // --- The sink alone.
  Sink& open_sink();
  void close_sink(CloseMode mode);

  // --- A journal on it. Opening again needs a close, or a crash.
  void open(JournalOptions options = {});
  // With an intake in a folder of its own, which crashes survive.
  void open_with_intake();
  // With its own threads, in real time.
  void open_with_threads();
  Status try_open(JournalOptions options);
  Status try_open_with_intake();
  // Of the first commit that the next opening makes.
  void fail_next_opening(CommitFate fate) { opening_fate_ = fate; }
  void close();
  CloseReport close_within(Duration timeout);
  // The process dies: what the store and the intake have is what the next opening finds.
  void crash();
  Line& line() { return *line_; }
  void break_next_commit() { store_->break_next_commit(); }
  Journal& journal() { return *journal_; }
  Things add_class(const std::string& name);
  Things add_class(const ClassOptions& options);
  Things add_journaled_class(const std::string& name, Duration gather = Duration(0));
  Statement statement(const StatementSpec& spec);

  void advance(Duration by) { clock_->advance(by); }
  TimePoint now() const { return clock_->now(); }
  TickReport tick();
  // Ticks until nothing is left to do; where time is needed, it passes.
  void run();

  // --- What came of it.
  std::vector<Receipt>& receipts() { return receipts_; }
  std::string end_of(std::size_t unit) const;
  Outcome outcome(std::size_t unit);
  // Of all units since the last time, in order: "committed rejected".
  void expect_ends(const std::string& must);
  // Of the store, as others see it: "1:x 2:x". Without the first of all, which open() puts there.
  std::string things();
  std::string all_things();
  std::vector<StoredThing> stored() { return store_->things(); }
  void expect_things(const std::string& must);
  // How many rows; none if they cannot be counted.
  std::optional<std::size_t> dead_letters() { return store_->dead_letters(); }
  // "1:x 2:x ... n:x".
  static std::string numbered(std::int64_t first, std::int64_t last);
  // Whether all that was accepted has ended, once.
  void expect_all_settled();

  // --- Whether it is right. `what` reads as a title: "the ends".
  void expect(bool holds, const std::string& what);
  void expect_equal(const std::string& is, const std::string& must, const std::string& what);
  void expect_ok(const Status& status, const std::string& what);
  void expect_ok(const Reply& reply, const std::string& what) { expect_ok(reply.cause, what); }
  void expect_failed(const Reply& reply, Fault fault, const std::string& what);
  // The same, and the case ends there if it does not hold.
  void require(bool holds, const std::string& what);
  template <class T>
  T value(Result<T> result, const std::string& what) {
    require(result.ok(), what + ": " + result.status().to_string());
    return *std::move(result);
  }
  // Is put in front of what is wrong from now on.
  void about(std::string scene) { scene_ = std::move(scene); }
  std::string faults() const { return faults_; }

 private:
  const std::string* reason_of(Ability ability) const;
  void check_abilities(Sink& sink);
  void connect();
  Status make_journal(const JournalOptions& options);
  JournalOptions with_intake();
  void add_statements();
  void put_taken();

  const SinkUnderTest& sink_;
  std::unique_ptr<StoreUnderTest> store_;
  std::shared_ptr<FakeClock> clock_ = std::make_shared<FakeClock>();
  std::shared_ptr<Line> line_;
  std::optional<Journal> journal_;
  std::vector<Journal> crashed_;
  std::vector<std::pair<StatementSpec, Statement>> statements_;
  std::vector<Receipt> receipts_;
  std::size_t ends_seen_ = 0;
  bool taken_ = false;  // a thing that unique refusals meet is in the store
  std::filesystem::path folder_;
  int crashes_ = 0;
  CommitFate opening_fate_ = CommitFate::passes;
  std::string scene_;
  std::string faults_;
};

// The cases of one file.
using Cases = std::vector<ConformanceCase>;
void add_case(Cases& cases, std::string group, std::string name, void (*body)(Bench&));

void add_sink_cases(Cases& cases);
void add_part_cases(Cases& cases);
void add_lane_cases(Cases& cases);
void add_isolation_cases(Cases& cases);
void add_job_cases(Cases& cases);
void add_outcome_cases(Cases& cases);
void add_intake_cases(Cases& cases);

// For any seed.
void random_history(Bench& bench, std::uint64_t seed);

}  // namespace onelane::inline v0::testing::conformance
