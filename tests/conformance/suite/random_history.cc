// Random histories: units of all kinds in three classes, failures of the store, crashes and closes.
// Each receipt says what the store must hold of its unit.
#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/conformance/suite/bench.h"

namespace onelane::inline v0::testing::conformance {

namespace {

using std::chrono::milliseconds;

enum class Kind : std::uint8_t { plain, newest, journaled };

struct Unit {
  Kind kind = Kind::plain;
  std::vector<std::int64_t> ids{};  // that it puts, in order; of a job, one each step
  std::string text = "x";
  bool refused = false;
  bool job = false;
  // Once it is known: how many of the ids are stored. At most `most` where a crash came between.
  std::size_t least = 0;
  std::size_t most = 0;
};

class History {
 public:
  History(Bench& bench, std::uint64_t seed)
      : bench_(bench), random_(seed), refusals_(bench.refusals()) {}

  void run() {
    const bool reopens = bench_.has(Ability::reopening);
    const std::uint64_t openings = reopens ? 2 + roll(3) : 1;
    for (std::uint64_t opening = 0; opening < openings; ++opening) {
      open();
      for (std::uint64_t steps = 30 + roll(60); steps > 0 && !lost_; --steps) step();
      end(reopens && (lost_ || roll(2) == 0));
      check();
    }
    if (!reopens || !bench_.has(Ability::positions)) return;
    open();  // what was carried is applied
    for (Unit& each : units_) {
      if (each.kind == Kind::journaled) each.least = each.most;
    }
    check();
  }

 private:
  std::uint64_t roll(std::uint64_t sides) { return random_() % sides; }

  void open() {
    lost_ = false;
    open_from_ = units_.size();
    classes_.clear();
    if (bench_.has(Ability::positions) && bench_.has(Ability::reopening)) {
      bench_.open_with_intake();
      classes_.emplace(Kind::journaled,
                       bench_.add_journaled_class("journaled", milliseconds(roll(3))));
    } else {
      bench_.open();
    }
    classes_.emplace(Kind::plain, bench_.add_class("plain"));
    if (!bench_.has(Ability::updates)) return;
    classes_.emplace(Kind::newest, bench_.add_class({.name = "newest",
                                                     .guarantee = kGuarantee,
                                                     .gather = milliseconds(roll(3)),
                                                     .coalesce = true}));
  }

  void step() {
    switch (roll(16)) {
      case 0:
      case 1:
      case 2:
        (void)bench_.tick();
        return;
      case 3:
        return bench_.advance(milliseconds(1 + roll(4)));
      case 4:
        return fail();
      case 5:
        return cancel();
      case 6:
        return push_job();
      case 7:
      case 8:
        return push_group();
      case 9:
      case 10:
        return push_newest();
      default:
        return push_record();
    }
  }

  Kind any_kind() {
    return classes_.contains(Kind::journaled) && roll(2) == 0 ? Kind::journaled : Kind::plain;
  }
  std::int64_t next_id(Kind kind) {
    return static_cast<std::int64_t>(kind) * 1'000'000 + ++newest_id_;
  }
  PushOptions any_options() {
    if (roll(8) != 0) return {};
    return {.timeout = milliseconds(roll(5))};
  }
  // Of the store; a record that a lock or a failure holds up is tried again.
  void fail() {
    const bool reopens = bench_.has(Ability::reopening);
    switch (roll(5)) {
      case 0:
        return bench_.line().fail_begins(roll(2) == 0 ? Fault::busy : Fault::environment,
                                         1 + static_cast<int>(roll(3)));
      case 1:
        if (bench_.has(Ability::durability)) bench_.line().next_commit(CommitFate::unknown);
        return;
      case 2:
        if (!reopens || roll(4) != 0) return;
        lost_ = true;
        lost_committed_ = roll(2) == 0;
        bench_.line().next_commit(lost_committed_ ? CommitFate::lost_committed
                                                  : CommitFate::lost_undone);
        return (void)bench_.tick();
      default:
        return bench_.line().next_commit(CommitFate::undone);
    }
  }
  void cancel() {
    if (bench_.receipts().empty()) return;
    (void)bench_.receipts()[roll(bench_.receipts().size())].cancel();
  }

  void push_record() {
    const Kind kind = any_kind();
    Unit unit{.kind = kind, .ids = {next_id(kind)}, .refused = roll(6) == 0};
    const Filled row =
        unit.refused ? bench_.refused(any_refusal(), unit.ids[0]) : bench_.thing(unit.ids[0]);
    classes_.at(kind).submit(row, any_options());
    units_.push_back(std::move(unit));
  }
  void push_newest() {
    if (!classes_.contains(Kind::newest)) return push_record();
    const auto key =
        static_cast<std::int64_t>(Kind::newest) * 1'000'000 + static_cast<std::int64_t>(roll(4));
    Unit unit{.kind = Kind::newest, .ids = {key}, .refused = roll(5) == 0};
    unit.refused = unit.refused && bench_.has(Ability::check);
    unit.text = unit.refused ? "refused" : "t" + std::to_string(++newest_id_);
    classes_.at(Kind::newest).submit({bench_.specs().set(), row_of(key, unit.text)}, any_options());
    units_.push_back(std::move(unit));
  }
  void push_group() {
    const Kind kind = any_kind();
    const std::size_t rows = 2 + roll(4);
    const std::size_t bad = roll(4) == 0 ? roll(rows) : rows;
    Unit unit{.kind = kind, .refused = bad < rows};
    std::vector<Filled> filled;
    for (std::size_t i = 0; i < rows; ++i) {
      unit.ids.push_back(next_id(kind));
      filled.push_back(i == bad ? bench_.refused(any_refusal(), unit.ids[i])
                                : bench_.thing(unit.ids[i]));
    }
    classes_.at(kind).group(filled);
    units_.push_back(std::move(unit));
  }
  // Of one to three steps, the last of which may fail.
  void push_job() {
    if (!bench_.has(Ability::jobs)) return push_record();
    Unit unit{.job = true};
    const std::uint64_t steps = 1 + roll(3);
    const bool fails = roll(3) == 0;
    for (std::uint64_t i = 0; i < steps; ++i) unit.ids.push_back(next_id(Kind::plain));
    classes_.at(Kind::plain).job([this, fails, ids = unit.ids](Transaction& step) -> Result<Step> {
      const bool last = step.steps() + 1 == ids.size();
      auto put = step.execute(bench_.specs().sql.put, ids[step.steps()], "x");
      if (!put) return put.status();
      if (last && fails) return Status(Errc::record, "the last step fails");
      return last ? Step::done : Step::more;
    });
    if (fails) unit.refused = steps == 1;
    units_.push_back(std::move(unit));
  }
  Ability any_refusal() { return refusals_[roll(refusals_.size())]; }

  // The units of this opening have ended, or the process dies.
  void end(bool crashes) {
    // A close at a time that stands still does not wait for a store that is away.
    if (!crashes || (roll(2) == 0 && !lost_)) bench_.run();
    if (!crashes) bench_.close();
    for (std::size_t i = open_from_; i < units_.size(); ++i) {
      note(units_[i], bench_.receipts()[i - open_from_], i);
    }
    if (crashes) bench_.crash();
  }

  void note(Unit& unit, const Receipt& receipt, std::size_t index) {
    const std::optional<Outcome> outcome = receipt.poll();
    const std::size_t all = unit.ids.size();
    const auto stores = [&unit](std::size_t least, std::size_t most) {
      unit.least = least;
      unit.most = most;
    };
    if (!outcome) {
      if (unit.job) return stores(0, all - 1);
      const bool journaled = unit.kind == Kind::journaled && receipt.poll_journaled().has_value();
      return stores(0, journaled && !unit.refused ? all : 0);
    }
    bench_.expect(!(unit.refused && outcome->committed()),
                  "unit " + std::to_string(index) + " is refused, and committed");
    bench_.expect(unit.refused || unit.job || outcome->end != End::rejected,
                  "unit " + std::to_string(index) + " is rejected: " + outcome->cause.to_string());
    if (unit.refused) return stores(0, 0);
    switch (outcome->end) {
      case End::committed:
        return stores(all, all);
      case End::incomplete:
        return stores(outcome->steps, outcome->steps);
      case End::unknown:
        if (unit.job) return stores(0, all);
        return lost_committed_ ? stores(all, all) : stores(0, 0);
      case End::carried:
        return stores(0, all);
      default:
        return stores(0, 0);
    }
  }

  // Of the store: each unit's rows, once each and in the order of pushes; and of each key of the
  // class that coalesces, what was committed last.
  void check() {
    std::map<Kind, std::vector<std::int64_t>> stored;
    std::map<std::int64_t, std::string> values;
    for (const StoredThing& each : bench_.stored()) {
      if (each.id < 0) continue;
      const Kind kind = static_cast<Kind>(each.id / 1'000'000);
      if (kind != Kind::newest) stored[kind].push_back(each.id);
      const auto [at, is_new] = values.emplace(each.id, each.text);
      bench_.expect(is_new, "thing " + std::to_string(at->first) + " is stored twice");
    }
    for (const auto& [kind, ids] : stored) {
      bench_.expect(kind == Kind::newest || std::is_sorted(ids.begin(), ids.end()),
                    "class " + std::to_string(static_cast<int>(kind)) +
                        " is not stored in the order of pushes");
    }
    std::size_t known = 0;
    std::map<std::int64_t, std::string> newest;
    for (std::size_t i = 0; i < units_.size(); ++i) {
      if (units_[i].kind != Kind::newest) {
        known += check_unit(units_[i], values, i);
      } else if (units_[i].least == 1) {
        newest[units_[i].ids[0]] = units_[i].text;
      }
    }
    for (const auto& [key, text] : newest) {
      bench_.expect_equal(values[key], text, "key " + std::to_string(key));
    }
    bench_.expect(known + newest.size() == values.size(),
                  std::to_string(values.size()) + " things are stored, of which units know " +
                      std::to_string(known + newest.size()));
  }

  std::size_t check_unit(const Unit& unit, const std::map<std::int64_t, std::string>& values,
                         std::size_t index) {
    const auto is_stored = [&values](std::int64_t id) { return values.contains(id); };
    const auto stored =
        static_cast<std::size_t>(std::count_if(unit.ids.begin(), unit.ids.end(), is_stored));
    const bool whole = unit.job || stored == 0 || stored == unit.ids.size();
    bench_.expect(whole && stored >= unit.least && stored <= unit.most,
                  std::to_string(stored) + " rows are stored of unit " + std::to_string(index) +
                      ", must be " + std::to_string(unit.least) + " to " +
                      std::to_string(unit.most) + " of " + std::to_string(unit.ids.size()));
    return stored;
  }

  Bench& bench_;
  std::mt19937_64 random_;
  const std::vector<Ability> refusals_;
  std::map<Kind, Things> classes_;
  std::vector<Unit> units_;
  std::size_t open_from_ = 0;  // the first unit of this opening
  std::int64_t newest_id_ = 0;
  bool lost_ = false;
  bool lost_committed_ = false;
};

}  // namespace

void random_history(Bench& bench, std::uint64_t seed) {
  bench.about("seed " + std::to_string(seed));
  History(bench, seed).run();
}

}  // namespace onelane::inline v0::testing::conformance
