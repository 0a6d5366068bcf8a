// A user of a manual journal with an intake: pushes to two classes that have one and to one that
// has none, ticks, and writes down the answers, and on the disk's log what becomes journaled.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "onelane/onelane.h"
#include "tests/prove/intake_ledger.h"
#include "tests/prove/ledger.h"
#include "tests/sim/power_cut.h"
#include "tests/support/fake_clock.h"

namespace onelane::prove {

// What is done around each call that a writer makes of its journal.
struct Around {
  void (*begin)() = [] {};
  void (*end)() = [] {};
};

// Every opening of one life's database is told the same of its intake, but for its sizes.
struct IntakeWriterOptions {
  Synchronous synchronous = Synchronous::normal;
  std::uint64_t segment_bytes = 64 * kKiB;
  std::uint64_t segments = 2;
  Duration gather{0};
  bool acks_pushed = false;      // a control: calls journaled what is only queued
  std::size_t huge_percent = 2;  // of the units that take nearly a segment
  Drive drive = Drive::manual;   // with threads the clock is the system's
  Around around{};
};

JournalOptions intake_journal_options(const IntakeWriterOptions& options);

class IntakeWriter {
 public:
  struct Ledgers {
    Ledger plain;
    IntakeLedger intake;
  };
  // All must outlive it.
  IntakeWriter(std::shared_ptr<test::Disk> disk, Ledgers& ledgers, test::Random& random,
               const IntakeWriterOptions& options);

  Status open(const std::string& database);
  // One thing that a program may do.
  void act();
  void pass_time() { clock_->advance(std::chrono::milliseconds(300)); }
  void tick();
  // Notes on the disk's log what is journaled by now; in the middle of the disk's calls, too.
  void watch();
  // Lets time pass and runs ticks until all units are settled. False if that does not happen.
  bool settles_within(std::size_t ticks);
  std::size_t unsettled() const;
  JournalStats stats() const { return journal_->stats(); }
  CloseReport close(Duration deadline);
  // As when the process is killed: it gives no further answer.
  void abandon();
  // The first answer that cannot be true; empty if there is none.
  const std::string& wrong() const { return wrong_; }

 private:
  struct Waiting {
    Receipt receipt;
    std::uint64_t unit = 0;
    bool plain = false;
    bool journaled = false;
    bool settled = false;
    std::optional<Outcome> outcome{};  // as last asked for
  };

  // Makes a call of the journal.
  template <class Call>
  auto call(const Call& what) {
    const Within within(options_.around);
    return what();
  }
  class Within {
   public:
    explicit Within(const Around& around) : end_(around.end) { around.begin(); }
    ~Within() { end_(); }
    Within(const Within&) = delete;
    Within& operator=(const Within&) = delete;

   private:
    void (*end_)();
  };

  Status add_statements();
  void push();
  void push_plain();
  std::string words();
  void fill(Row& row, std::uint64_t number, std::uint32_t part, bool bad);
  Result<Receipt> submit(const IntakeLedger::Unit& unit, std::uint64_t number,
                         const PushOptions& options);
  void cancel();
  void listen();
  bool listen(Waiting& each);
  void complain(const std::string& what);

  const std::shared_ptr<test::Disk> disk_;
  Ledgers& ledgers_;
  test::Random& random_;
  const IntakeWriterOptions options_;
  const std::shared_ptr<test::FakeClock> clock_ = std::make_shared<test::FakeClock>();
  std::optional<Journal> journal_;
  std::vector<WriteClass> classes_;  // those with an intake, and the one without
  Statement insert_{}, arrive_{}, arrive_key_{}, alike_{};
  std::vector<Waiting> waiting_;
  bool ends_ = false;
  std::string wrong_;
};

}  // namespace onelane::prove
