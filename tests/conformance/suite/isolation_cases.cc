// What the store refuses is rejected with its cause, and nobody else notices: whatever kind it is,
// wherever it stands. Groups are all or nothing.
#include <string>
#include <utility>
#include <vector>

#include "tests/conformance/suite/bench.h"

namespace onelane::inline v0::testing::conformance {

namespace {

// Which of the units are refused.
const std::vector<std::pair<std::string, std::vector<bool>>>& places() {
  static const std::vector<std::pair<std::string, std::vector<bool>>> kPlaces{
      {"first", {true, false, false, false, false}},
      {"middle", {false, false, true, false, false}},
      {"last", {false, false, false, false, true}},
      {"two beside each other", {false, true, true, false, false}},
      {"all", {true, true, true, true, true}},
      {"alone", {true}},
  };
  return kPlaces;
}

// For each kind of refusal and each place, one after the other on one store.
class Scenes {
 public:
  explicit Scenes(Bench& bench) : bench_(bench) {}

  template <class Unit>
  void each(const Unit& unit) {
    for (const Ability kind : bench_.refusals()) {
      for (const auto& [place, refused] : places()) {
        bench_.about(std::string(name(kind)) + ", " + place);
        const TimePoint began = bench_.now();
        std::string ends;
        for (const bool refuse : refused) {
          ends += (ends.empty() ? "" : " ") + std::string(refuse ? "rejected" : "committed");
          unit(refuse, kind);
        }
        bench_.run();
        bench_.expect_ends(ends);
        bench_.expect_things(must_);
        expect_causes(refused);
        // As long as the store is blamed a unit is tried again, later.
        bench_.expect(bench_.now() == began, "a refusal takes time");
      }
    }
    bench_.about("");
    bench_.expect_all_settled();
  }
  std::int64_t next_id() { return ++id_; }
  void stored(std::int64_t id, const std::string& text = "x") {
    must_ += (must_.empty() ? "" : " ") + std::to_string(id) + ":" + text;
  }

 private:
  void expect_causes(const std::vector<bool>& refused) {
    const std::size_t first = bench_.receipts().size() - refused.size();
    for (std::size_t i = 0; i < refused.size(); ++i) {
      if (!refused[i]) continue;
      const Status cause = bench_.outcome(first + i).cause;
      bench_.expect(cause.code() == Errc::record && !cause.message().empty(),
                    "the cause is " + cause.to_string());
    }
  }

  Bench& bench_;
  std::int64_t id_ = 0;
  std::string must_;
};

void records(Bench& bench, const ClassOptions& options) {
  Things things = bench.add_class(options);
  Scenes scenes(bench);
  scenes.each([&](bool refuse, Ability kind) {
    const std::int64_t id = scenes.next_id();
    if (refuse) return void(things.refused(kind, id));
    things.put(id);
    scenes.stored(id);
  });
}

// Groups of three, refused for the row at `at`.
void groups(Bench& bench, std::size_t at) {
  bench.open();
  Things things = bench.add_class("things");
  Scenes scenes(bench);
  scenes.each([&](bool refuse, Ability kind) {
    std::vector<Filled> rows;
    for (std::size_t i = 0; i < 3; ++i) {
      const std::int64_t id = scenes.next_id();
      rows.push_back(refuse && i == at ? bench.refused(kind, id) : bench.thing(id));
      if (!refuse) scenes.stored(id);
    }
    things.group(rows);
  });
}

}  // namespace

void add_isolation_cases(Cases& cases) {
  add_case(cases, "Isolation", "ARefusedRecordIsNobodyElsesMatter", [](Bench& bench) {
    bench.open();
    records(bench, {.name = "things", .guarantee = kGuarantee});
  });

  add_case(cases, "Isolation", "ARefusedRecordOfAClassThatCoalescesIsNobodyElsesMatter",
           [](Bench& bench) {
             bench.open();
             records(bench, {.name = "things", .guarantee = kGuarantee, .coalesce = true});
           });

  add_case(cases, "Isolation", "ARefusedRecordOfAClassWithAnIntakeIsNobodyElsesMatter",
           [](Bench& bench) {
             bench.open_with_intake();
             records(bench, {.name = "things", .guarantee = kGuarantee, .intake = true});
             const std::optional<std::size_t> letters = bench.dead_letters();
             const std::uint64_t told = bench.journal().stats().classes.back().dead_letters;
             bench.expect(!letters || *letters == told, std::to_string(letters.value_or(0)) +
                                                            " dead letters are stored, and " +
                                                            std::to_string(told) + " told");
           });

  add_case(cases, "Isolation", "AGroupIsRefusedWholeForItsFirstRow",
           [](Bench& bench) { groups(bench, 0); });
  add_case(cases, "Isolation", "AGroupIsRefusedWholeForARowInTheMiddle",
           [](Bench& bench) { groups(bench, 1); });
  add_case(cases, "Isolation", "AGroupIsRefusedWholeForItsLastRow",
           [](Bench& bench) { groups(bench, 2); });

  add_case(cases, "Isolation", "OneInTwoOfALongTickIsRefused", [](Bench& bench) {
    const std::vector<Ability> kinds = bench.refusals();
    bench.open();
    Things things = bench.add_class("things");
    std::string ends;
    std::string must;
    for (std::int64_t id = 1; id <= 200; ++id) {
      const bool refuse = id % 2 == 0;
      ends += (id == 1 ? "" : " ") + std::string(refuse ? "rejected" : "committed");
      if (refuse) {
        things.refused(kinds[static_cast<std::size_t>(id / 2) % kinds.size()], id);
      } else {
        things.put(id);
        must += (id == 1 ? "" : " ") + std::to_string(id) + ":x";
      }
    }
    bench.run();
    bench.expect_ends(ends);
    bench.expect_things(must);
    bench.expect_all_settled();
  });

  add_case(cases, "Isolation", "ClassesBesideARefusedRecordDoNotNotice", [](Bench& bench) {
    const std::vector<Ability> kinds = bench.refusals();
    bench.open();
    Things good = bench.add_class("good");
    Things bad = bench.add_class("bad");
    std::string ends;
    std::int64_t id = 0;
    for (int round = 0; round < 20; ++round) {
      for (const Ability kind : kinds) {
        good.put(++id);
        bad.refused(kind, 1000 + id);
        ends += (id == 1 ? "" : " ") + std::string("committed rejected");
      }
    }
    bench.run();
    bench.expect_ends(ends);
    bench.expect_things(Bench::numbered(1, id));
  });

  add_case(cases, "Groups", "AGroupIsCommittedInTheOrderOfItsRows", [](Bench& bench) {
    bench.open();
    Things things = bench.add_class("things");
    things.put(1);
    things.group({bench.thing(3), bench.thing(2), bench.thing(4)});
    things.put(5);
    bench.run();
    bench.expect_ends("committed committed committed");
    bench.expect_things("1:x 3:x 2:x 4:x 5:x");
    if (bench.has(Ability::changes)) {
      bench.expect(bench.outcome(1).changes == 3, "the group's changes are not 3");
    }
  });

  add_case(cases, "Groups", "AGroupMayMendWhatIsDeferredByItsEnd", [](Bench& bench) {
    bench.need(Ability::deferred);
    bench.open();
    Things things = bench.add_class("things");
    things.group({bench.child(1, 2), bench.thing(2)});
    things.group({bench.child(3, 4), bench.thing(5)});
    things.put(4);
    bench.run();
    bench.expect_ends("committed rejected committed");
    bench.expect_things("1:child 2:x 4:x");
  });
}

}  // namespace onelane::inline v0::testing::conformance
