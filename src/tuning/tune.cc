// Searches budgets by prediction. From the recorded ones it takes, again and again, the one change
// that helps most; then it takes back what turned out to be of no use. The order is fixed, so that
// the same trace gives the same budgets. Of settings that do equally well the nearest to the
// recorded one is taken: the further from what was recorded, the less a prediction is worth.
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "onelane/option_text.h"
#include "onelane/trace.h"
#include "src/tuning/disk.h"
#include "src/tuning/judge.h"

namespace onelane::inline v0 {

namespace {

using std::chrono::milliseconds;

constexpr std::size_t kRoundsMax = 10;
// Of one search.
constexpr std::uint64_t kPredictionsMax = 400;
// How many changes of each round, those that look best, are judged by all draws.
constexpr std::size_t kJudged = 6;

constexpr std::array kHolds = {milliseconds(1),  milliseconds(2),  milliseconds(3),
                               milliseconds(5),  milliseconds(8),  milliseconds(10),
                               milliseconds(15), milliseconds(20), milliseconds(30),
                               milliseconds(50), milliseconds(100)};
constexpr std::array kWindows = {milliseconds(0),  milliseconds(1),  milliseconds(2),
                                 milliseconds(5),  milliseconds(10), milliseconds(20),
                                 milliseconds(50), milliseconds(100)};
constexpr std::array<std::uint32_t, 7> kWeights = {1, 2, 4, 8, 16, 64, 256};
constexpr std::array<std::uint64_t, 7> kGuarantees = {4, 16, 32, 64, 128, 256, 1024};
constexpr std::array<std::uint32_t, 5> kPercents = {0, 2, 4, 8, 16};

class Search {
 public:
  explicit Search(const Trace& trace) : trace_(trace), judge_(trace) {
    const Budgets& recorded = trace.budgets;
    add_settings(kHolds, recorded.tick.hold,
                 [](Budgets& budgets, auto hold) { budgets.tick.hold = hold; });
    if (trace.drive == Drive::thread) {
      add_settings(kPercents, recorded.commit_percent,
                   [](Budgets& budgets, auto percent) { budgets.commit_percent = percent; });
    }
    for (std::size_t i = 0; i < recorded.classes.size(); ++i) add_class_settings(i);
  }

  Budgets run(const std::vector<Want>& wants);
  tuning::Judge& judge() { return judge_; }

 private:
  template <class Values, class Value, class Set>
  void add_settings(Values values, Value recorded, const Set& set);
  void add_class_settings(std::size_t klass);
  std::vector<Budgets> promising(const Budgets& from, const std::vector<Want>& wants);
  std::optional<Budgets> best_change(const Budgets& from, const std::vector<Want>& wants);
  void take_back(Budgets& found, const std::vector<Want>& wants);

  const Trace& trace_;
  tuning::Judge judge_;
  std::vector<std::function<void(Budgets&)>> settings_;
  std::uint64_t most_ = 0;  // predictions, in the search that runs
};

template <class Values, class Value, class Set>
void Search::add_settings(Values values, Value recorded, const Set& set) {
  const auto off = [&](Value value) {
    return value < recorded ? recorded - value : value - recorded;
  };
  std::stable_sort(values.begin(), values.end(),
                   [&](const auto& a, const auto& b) { return off(a) < off(b); });
  for (const auto value : values) {
    settings_.push_back([set, value](Budgets& budgets) { set(budgets, value); });
  }
}

void Search::add_class_settings(std::size_t klass) {
  const ClassOptions& recorded = trace_.budgets.classes[klass];
  add_settings(kWeights, recorded.weight, [klass](Budgets& budgets, std::uint32_t weight) {
    budgets.classes[klass].weight = weight;
  });
  const std::uint64_t bytes_each =
      std::max<std::uint64_t>(1, recorded.guarantee.bytes / recorded.guarantee.records);
  add_settings(kGuarantees, recorded.guarantee.records,
               [klass, bytes_each](Budgets& budgets, std::uint64_t records) {
                 budgets.classes[klass].guarantee = {.records = records,
                                                     .bytes = records * bytes_each};
               });
  add_settings(kWindows, recorded.gather, [klass](Budgets& budgets, Duration window) {
    budgets.classes[klass].gather = window;
  });
  add_settings(kWindows, recorded.max_delay, [klass](Budgets& budgets, Duration delay) {
    if (delay == Duration(0) || delay >= budgets.classes[klass].interval) {
      budgets.classes[klass].max_delay = delay;
    }
  });
}

// The changes that look best by one draw, in the order of the settings.
std::vector<Budgets> Search::promising(const Budgets& from, const std::vector<Want>& wants) {
  struct Candidate {
    double rank = 0;  // what is nearly the same has the same
    std::size_t setting = 0;
    Budgets budgets;
  };
  const std::uint32_t draw = judge_.telling_draw(from, wants);
  const auto now = judge_.score(from, wants, draw);
  std::vector<Candidate> all;
  for (std::size_t i = 0; i < settings_.size(); ++i) {
    Budgets budgets = from;
    settings_[i](budgets);
    if (!validate(budgets).ok() || judge_.predictions() >= most_) continue;
    const auto score = judge_.score(budgets, wants, draw);
    if (score.miss >= now.miss) continue;
    all.push_back({std::floor(score.sum() / (tuning::kGainMin * now.miss)), i, std::move(budgets)});
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const auto& a, const auto& b) { return a.rank < b.rank; });
  all.resize(std::min(all.size(), kJudged));
  std::sort(all.begin(), all.end(),
            [](const auto& a, const auto& b) { return a.setting < b.setting; });
  std::vector<Budgets> out;
  out.reserve(all.size());
  for (Candidate& each : all) out.push_back(std::move(each.budgets));
  return out;
}

std::optional<Budgets> Search::best_change(const Budgets& from, const std::vector<Want>& wants) {
  std::optional<Budgets> best;
  for (Budgets& each : promising(from, wants)) {
    if (judge_.better(each, best.value_or(from), wants)) best = std::move(each);
    if (best && judge_.reaches(*best, wants)) break;
  }
  return best;
}

// Each class's options as they were recorded, where that is no worse.
void Search::take_back(Budgets& found, const std::vector<Want>& wants) {
  const bool meets = judge_.meets(found, wants);
  const auto keep_if_no_worse = [&](const Budgets& budgets) {
    if (!validate(budgets).ok() || judge_.better(found, budgets, wants)) return;
    if (!meets || judge_.meets(budgets, wants)) found = budgets;
  };
  for (std::size_t i = 0; i < found.classes.size(); ++i) {
    const ClassOptions& recorded = trace_.budgets.classes[i];
    Budgets budgets = found;
    budgets.classes[i].weight = recorded.weight;
    keep_if_no_worse(budgets);
    budgets = found;
    budgets.classes[i].guarantee = recorded.guarantee;
    keep_if_no_worse(budgets);
    budgets = found;
    budgets.classes[i].gather = recorded.gather;
    keep_if_no_worse(budgets);
    budgets = found;
    budgets.classes[i].max_delay = recorded.max_delay;
    keep_if_no_worse(budgets);
  }
  Budgets budgets = found;
  budgets.tick = trace_.budgets.tick;
  keep_if_no_worse(budgets);
  budgets = found;
  budgets.commit_percent = trace_.budgets.commit_percent;
  keep_if_no_worse(budgets);
}

Budgets Search::run(const std::vector<Want>& wants) {
  Budgets found = trace_.budgets;
  most_ = judge_.predictions() + kPredictionsMax;
  for (std::size_t round = 0; round < kRoundsMax && !judge_.reaches(found, wants); ++round) {
    std::optional<Budgets> better = best_change(found, wants);
    if (!better) break;
    found = *std::move(better);
  }
  take_back(found, wants);
  return found;
}

// Of wants that are not all met: which of them is in the way of the others.
std::string blame(Search& search, const std::vector<WantResult>& results) {
  for (const WantResult& each : results) {
    if (each.met || each.met_alone) continue;
    const std::string out =
        to_string(each.want) + " cannot be reached by any budgets that were tried";
    if (each.with_quick_disk != 0 && tuning::met(each.want, each.with_quick_disk)) {
      return out + ": the disk is in the way, which was behind";
    }
    return out + ", whatever the others get";
  }
  for (std::size_t out = 0; out < results.size(); ++out) {
    std::vector<Want> others;
    for (std::size_t i = 0; i < results.size(); ++i) {
      if (i != out) others.push_back(results[i].want);
    }
    if (!search.judge().meets(search.run(others), others)) continue;
    return to_string(results[out].want) + " is in the way: without it the others can be met";
  }
  return "each can be met alone, but not together, and leaving out one of them does not do";
}

Status check(const Trace& trace, const std::vector<Want>& wants) {
  if (Status why = validate(trace.budgets); !why.ok()) return why;
  if (trace.items == nullptr) return {Errc::invalid_argument, "the trace was not read from a file"};
  std::vector<std::string> names;
  for (const ClassOptions& each : trace.budgets.classes) names.push_back(each.name);
  for (const Want& each : wants) {
    if (std::find(names.begin(), names.end(), each.write_class) != names.end()) continue;
    const std::string meant = nearest(each.write_class, names);
    return {Errc::invalid_argument, "want \"" + to_string(each) + "\": the trace has no class \"" +
                                        each.write_class + "\"" +
                                        (meant.empty() ? "" : "; is \"" + meant + "\" meant?")};
  }
  return {};
}

}  // namespace

Result<Tuning> tune(const Trace& trace, const std::vector<Want>& wants) {
  if (Status why = check(trace, wants); !why.ok()) return why;
  Search search(trace);
  tuning::Judge& judge = search.judge();
  Tuning out;
  out.budgets = search.run(wants);
  out.before = judge.predicted(trace.budgets);
  out.after = judge.predicted(out.budgets);
  out.met = judge.meets(out.budgets, wants);
  const bool was_behind = tuning::was_behind(trace);
  for (const Want& each : wants) {
    WantResult result{
        .want = each, .before = judge.recorded(each), .after = judge.forecast(out.budgets, each)};
    result.met = judge.meets(out.budgets, {each});
    if (result.met) {
      result.met_alone = true;
      result.best_alone = result.after;
    } else {
      const Budgets alone = search.run({each});
      result.best_alone = judge.forecast(alone, each);
      result.met_alone = judge.meets(alone, {each});
      if (was_behind) result.with_quick_disk = judge.with_quick_disk(alone, each);
    }
    out.wants.push_back(result);
  }
  if (!out.met) out.in_the_way = blame(search, out.wants);
  out.predictions = judge.predictions();
  return out;
}

}  // namespace onelane::inline v0
