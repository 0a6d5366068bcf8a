// Searches budgets by prediction. From the recorded ones it takes, again and again, the one change
// that helps most; then it takes back what turned out to be of no use. The order is fixed, so that
// the same trace gives the same budgets.
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "onelane/option_text.h"
#include "onelane/trace.h"
#include "src/model/limits.h"
#include "src/schedule/predict.h"

namespace onelane::inline v0 {

namespace {

using std::chrono::milliseconds;

// A change is of no use if it does not bring the wants nearer by this part.
constexpr double kGainMin = 0.02;
constexpr std::size_t kRoundsMax = 10;
constexpr std::uint64_t kPredictionsMax = 400;
// No recorded figure is believed to be further off its prediction: it was chance then.
constexpr double kOffMost = 4;
// The search aims at so much better than what is wanted: a real run differs from its prediction.
constexpr double kMargin = 0.15;
// What is lost of other classes' rates counts this much of a want that is not met.
constexpr double kLossWeight = 0.05;

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

// One budget that can be set, and to what.
struct Knob {
  std::string name;
  std::vector<std::function<void(Budgets&)>> settings;
};

double figure_of(const ReplayedClass& of, Metric metric) {
  Histogram total = of.total_ns;
  total.merge(of.unsettled_ns);
  switch (metric) {
    case Metric::p50:
      return static_cast<double>(total.p50());
    case Metric::p90:
      return static_cast<double>(total.p90());
    case Metric::p99:
      return static_cast<double>(total.p99());
    case Metric::max:
      return static_cast<double>(total.max());
    case Metric::rate:
      return of.units_per_s;
  }
  return 0;
}

bool met(const Want& want, double figure) {
  return want.metric == Metric::rate ? figure >= want.value : figure <= want.value;
}

// How far from what is aimed at, in factors of e; 0 if it is reached.
double miss(Want want, double figure) {
  want.value *= want.metric == Metric::rate ? 1 + kMargin : 1 - kMargin;
  if (met(want, figure)) return 0;
  constexpr double kLeast = 1e-9;
  return std::abs(std::log(std::max(figure, kLeast) / std::max(want.value, kLeast)));
}

std::string key_of(const Budgets& budgets) {
  std::string out = std::to_string(budgets.commit_percent);
  const auto add = [&out](auto value) { out += "," + std::to_string(value); };
  add(budgets.tick.hold.count());
  for (const ClassOptions& each : budgets.classes) {
    add(each.weight);
    add(each.guarantee.records);
    add(each.guarantee.bytes);
    add(each.gather.count());
    add(each.max_delay.count());
  }
  return out;
}

class Search {
 public:
  explicit Search(const Trace& trace) : trace_(trace), recorded_(replay(trace)) {
    for (std::size_t i = 0; i < trace.budgets.classes.size(); ++i) add_class_knobs(i);
    add_knob("tick.hold", kHolds, [](Budgets& budgets, auto hold) { budgets.tick.hold = hold; });
    if (trace.drive == Drive::thread) {
      add_knob("commit-percent", kPercents,
               [](Budgets& budgets, auto percent) { budgets.commit_percent = percent; });
    }
  }

  struct Found {
    Budgets budgets;
    Replay replay;
    double miss = 0;
  };
  Found run(const std::vector<Want>& wants);
  bool meets(const Found& found, const std::vector<Want>& wants) {
    return std::all_of(wants.begin(), wants.end(),
                       [&](const Want& each) { return met(each, figure(found.replay, each)); });
  }
  const Replay& predicted(const Budgets& budgets);
  // As predicted, times what the recorded run was off its own prediction.
  double figure(const Replay& replay, const Want& want) {
    const std::size_t klass = index_of(want);
    const double own = figure_of(predicted(trace_.budgets).classes[klass], want.metric);
    const double measured = figure_of(recorded_.classes[klass], want.metric);
    const double predicted = figure_of(replay.classes[klass], want.metric);
    if (own <= 0 || measured <= 0) return predicted;
    return predicted * std::clamp(measured / own, 1 / kOffMost, kOffMost);
  }
  std::size_t index_of(const Want& want) const {
    const auto& classes = trace_.budgets.classes;
    const auto at = std::find_if(classes.begin(), classes.end(), [&](const ClassOptions& each) {
      return each.name == want.write_class;
    });
    return static_cast<std::size_t>(at - classes.begin());
  }
  std::uint64_t predictions() const { return predictions_; }

 private:
  template <class Values, class Set>
  void add_knob(std::string name, const Values& values, const Set& set) {
    Knob knob{.name = std::move(name)};
    for (const auto value : values) {
      knob.settings.push_back([set, value](Budgets& budgets) { set(budgets, value); });
    }
    knobs_.push_back(std::move(knob));
  }
  void add_class_knobs(std::size_t klass);
  double miss_of(const Replay& replay, const std::vector<Want>& wants);
  double loss_of(const Replay& replay) const;
  std::optional<Found> best_change(const Found& from, const std::vector<Want>& wants);
  void take_back(Found& found, const std::vector<Want>& wants);

  const Trace& trace_;
  const Replay recorded_;
  std::vector<Knob> knobs_;
  std::map<std::string, Replay> known_;
  std::uint64_t predictions_ = 0;
};

void Search::add_class_knobs(std::size_t klass) {
  const ClassOptions& recorded = trace_.budgets.classes[klass];
  const std::string& name = recorded.name;
  add_knob(name + ":weight", kWeights, [klass](Budgets& budgets, std::uint32_t weight) {
    budgets.classes[klass].weight = weight;
  });
  const std::uint64_t bytes_each =
      std::max<std::uint64_t>(1, recorded.guarantee.bytes / recorded.guarantee.records);
  add_knob(name + ":guarantee", kGuarantees,
           [klass, bytes_each](Budgets& budgets, std::uint64_t records) {
             budgets.classes[klass].guarantee = {.records = records, .bytes = records * bytes_each};
           });
  add_knob(name + ":gather", kWindows,
           [klass](Budgets& budgets, Duration window) { budgets.classes[klass].gather = window; });
  add_knob(name + ":max-delay", kWindows, [klass](Budgets& budgets, Duration delay) {
    if (delay == Duration(0) || delay >= budgets.classes[klass].interval) {
      budgets.classes[klass].max_delay = delay;
    }
  });
}

const Replay& Search::predicted(const Budgets& budgets) {
  const auto [at, fresh] = known_.try_emplace(key_of(budgets));
  if (fresh) {
    ++predictions_;
    at->second = *predict(trace_, budgets);
  }
  return at->second;
}

double Search::miss_of(const Replay& replay, const std::vector<Want>& wants) {
  double out = 0;
  for (const Want& each : wants) out += miss(each, figure(replay, each));
  return out;
}

// What the classes get less than with the recorded budgets, as a part of it.
double Search::loss_of(const Replay& replay) const {
  const Replay& before = known_.at(key_of(trace_.budgets));
  double loss = 0;
  for (std::size_t i = 0; i < replay.classes.size(); ++i) {
    const double was = before.classes[i].units_per_s;
    if (was > 0) loss += std::max(0.0, 1 - replay.classes[i].units_per_s / was);
  }
  return loss;
}

std::optional<Search::Found> Search::best_change(const Found& from,
                                                 const std::vector<Want>& wants) {
  std::optional<Found> best;
  double best_score = from.miss + kLossWeight * loss_of(from.replay) - kGainMin * from.miss;
  for (const Knob& knob : knobs_) {
    for (const auto& set : knob.settings) {
      Budgets budgets = from.budgets;
      set(budgets);
      if (!validate(budgets).ok() || predictions_ >= kPredictionsMax) continue;
      const Replay& replay = predicted(budgets);
      const double missed = miss_of(replay, wants);
      const double score = missed + kLossWeight * loss_of(replay);
      if (missed >= from.miss || score >= best_score) continue;
      best_score = score;
      best = Found{.budgets = budgets, .replay = replay, .miss = missed};
    }
  }
  return best;
}

// Each class's options as they were recorded, where the wants are met all the same.
void Search::take_back(Found& found, const std::vector<Want>& wants) {
  const auto keep_if_met = [&](const Budgets& budgets) {
    if (!validate(budgets).ok()) return;
    const Replay& replay = predicted(budgets);
    const double missed = miss_of(replay, wants);
    if (missed <= found.miss) found = Found{.budgets = budgets, .replay = replay, .miss = missed};
  };
  for (std::size_t i = 0; i < found.budgets.classes.size(); ++i) {
    const ClassOptions& recorded = trace_.budgets.classes[i];
    Budgets budgets = found.budgets;
    budgets.classes[i].weight = recorded.weight;
    keep_if_met(budgets);
    budgets = found.budgets;
    budgets.classes[i].guarantee = recorded.guarantee;
    keep_if_met(budgets);
    budgets = found.budgets;
    budgets.classes[i].gather = recorded.gather;
    keep_if_met(budgets);
    budgets = found.budgets;
    budgets.classes[i].max_delay = recorded.max_delay;
    keep_if_met(budgets);
  }
  Budgets budgets = found.budgets;
  budgets.tick = trace_.budgets.tick;
  keep_if_met(budgets);
  budgets = found.budgets;
  budgets.commit_percent = trace_.budgets.commit_percent;
  keep_if_met(budgets);
}

Search::Found Search::run(const std::vector<Want>& wants) {
  Found found{.budgets = trace_.budgets, .replay = predicted(trace_.budgets)};
  found.miss = miss_of(found.replay, wants);
  for (std::size_t round = 0; round < kRoundsMax && found.miss > 0; ++round) {
    std::optional<Found> better = best_change(found, wants);
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
    return to_string(each.want) +
           " cannot be reached by any budgets that were tried, whatever the others get";
  }
  for (std::size_t out = 0; out < results.size(); ++out) {
    std::vector<Want> others;
    for (std::size_t i = 0; i < results.size(); ++i) {
      if (i != out) others.push_back(results[i].want);
    }
    if (!search.meets(search.run(others), others)) continue;
    return to_string(results[out].want) + " is in the way: without it the others can be met";
  }
  return "each can be met alone, but not together, and leaving out one of them does not do";
}

}  // namespace

Result<Tuning> tune(const Trace& trace, const std::vector<Want>& wants) {
  if (Status why = validate(trace.budgets); !why.ok()) return why;
  Search search(trace);
  std::vector<std::string> names;
  for (const ClassOptions& each : trace.budgets.classes) names.push_back(each.name);
  for (const Want& each : wants) {
    if (search.index_of(each) != names.size()) continue;
    const std::string meant = nearest(each.write_class, names);
    return Status(Errc::invalid_argument,
                  "want \"" + to_string(each) + "\": the trace has no class \"" + each.write_class +
                      "\"" + (meant.empty() ? "" : "; is \"" + meant + "\" meant?"));
  }
  Tuning out;
  out.before = search.predicted(trace.budgets);
  const Search::Found found = search.run(wants);
  out.budgets = found.budgets;
  out.after = found.replay;
  out.met = search.meets(found, wants);
  for (const Want& each : wants) {
    WantResult result{.want = each,
                      .before = search.figure(out.before, each),
                      .after = search.figure(out.after, each)};
    result.met = met(each, result.after);
    if (!out.met) {
      const Search::Found alone = search.run({each});
      result.best_alone = search.figure(alone.replay, each);
      result.met_alone = search.meets(alone, {each});
    }
    out.wants.push_back(result);
  }
  if (!out.met) out.in_the_way = blame(search, out.wants);
  out.predictions = search.predictions();
  return out;
}

}  // namespace onelane::inline v0
