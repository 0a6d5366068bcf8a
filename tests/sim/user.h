// The producers of a simulation. Pushes units of every kind, takes in the answers, and finds
// answers that cannot be true.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "onelane/onelane.h"
#include "tests/sim/features.h"
#include "tests/sim/foreign_process.h"
#include "tests/sim/history.h"
#include "tests/sim/trace.h"
#include "tests/support/fake_clock.h"

namespace onelane::test {

class User {
 public:
  struct World {
    Random& random;
    Trace& trace;
    History& history;
    FakeClock& clock;
    const NeededIndex& index;
  };
  User(const World& world, const Features& features) : world_(world), features_(features) {}

  // Adds classes and statements to a journal that was just opened, which must outlive its use.
  Status begin(Journal& journal);
  // Forgets the journal, and the answers that it has not given.
  void end();

  bool push();  // whether it was accepted
  // Takes in what is journaled by now. In the middle of a call, too.
  void watch();
  void cancel();
  // Waits until a unit that is settled is durable.
  void wait_durable();
  // Takes in the answers of settled units. `calm`: nothing has failed since the journal was opened.
  void listen(bool calm);
  // Checks that the statistics agree with all answers so far. Not in the middle of a call.
  void check_stats();

  // From now on units may end as closed.
  void closing() { closing_ = true; }

  std::size_t unsettled() const;
  // Whether a unit that was promised to be durable is only committed.
  bool undurable() const;
  const JournalStats& stats() const noexcept { return stats_; }
  // The first answer that cannot be true; empty if there is none.
  const std::string& wrong() const noexcept { return wrong_; }

 private:
  struct Intent {
    std::uint32_t klass = 0;
    bool job = false;
    std::optional<std::uint64_t> key{};  // of a record that coalesces
    bool cancelled = false;
    bool asked_to_stop = false;  // a job, once it had begun
    std::optional<TimePoint> deadline{};
    std::optional<std::uint32_t> fails_at{};  // the part that cannot be applied
    // The index's drops so far, where a part needs it and it is there.
    std::optional<std::uint64_t> needs_index{};
    bool may_fail = false;  // a part needs the index, and it is not there
    bool inserted = false;  // the last part inserted a row itself, and no trigger did
    std::vector<std::uint64_t> values{};
  };
  struct Flight {
    std::uint64_t unit;
    Intent intent;
    std::shared_ptr<Receipt> receipt;  // waited for while others look at it
    bool durable_wanted;
    bool journaled = false;
    std::optional<Outcome> outcome{};
  };
  struct Class {
    ClassOptions options;
    std::optional<WriteClass> handle;
    std::uint64_t accepted = 0;
    std::uint64_t refused = 0;
    std::array<std::uint64_t, kEndCount> told{};
    std::map<std::uint64_t, std::uint64_t> committed{};  // by key, the newest unit
  };

  ClassOptions class_options(std::size_t number);
  std::string words(std::size_t size);
  Result<Receipt> submit_rows(Class& to, Intent& intent, std::uint32_t rows,
                              const PushOptions& options);
  Result<Receipt> submit_job(Class& to, Intent& intent, std::uint32_t steps,
                             const PushOptions& options);
  enum class Way : std::uint8_t { plain, keyed, watched, several, audited, upsert, chained };
  static constexpr std::size_t kWays = 7;
  bool used(Way way) const;
  Way way(const Intent& intent);
  const char* bad_word(Way way);
  Statement fill(Row& row, Intent& intent, std::uint32_t part);
  bool fit_to_be_rejected(const Intent& intent) const;
  PushOptions push_options(Intent& intent);
  void refused(Class& by, const Status& why);
  void take_in(Flight& flight, bool calm);
  bool newer_is_committed(const Flight& flight) const;
  const char* impossible(const Flight& flight, bool calm) const;
  void complain(const std::string& what);
  void complain(const Flight& flight, const char* what);

  World world_;
  const Features& features_;
  Journal* journal_ = nullptr;
  bool closing_ = false;
  std::vector<Class> classes_;
  std::array<Statement, kWays> statements_{};
  std::vector<Flight> flights_;
  JournalStats stats_;  // as of the last listening
  std::string wrong_;
};

}  // namespace onelane::test
