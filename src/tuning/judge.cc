#include "src/tuning/judge.h"

#include <algorithm>
#include <cmath>

#include "src/tuning/disk.h"

namespace onelane::inline v0::tuning {

namespace {

// No recorded figure is believed to be further off its prediction: it was chance then. One that was
// better than its prediction is not believed to be so again.
constexpr double kOffMost = 4;
// The search aims at so much better than what is wanted: a real run differs from its prediction. On
// a disk that is behind, shorter ticks make more of the passes long that close the log, which no
// prediction shows; so there just enough is safer than more than enough.
constexpr double kMargin = 0.15;
constexpr double kMarginBehind = 0.05;
// What is lost of other classes' rates counts this much of a want that is not met.
constexpr double kLossWeight = 0.05;
// So many of the draws may be worse.
constexpr std::size_t kWorse = 1;

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

// How far from what is aimed at, in factors of e; 0 if it is reached.
double miss_of(Want want, double figure, double margin) {
  want.value *= want.metric == Metric::rate ? 1 + margin : 1 - margin;
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

Forecast forecast_of(std::vector<double> figures, Metric metric) {
  std::sort(figures.begin(), figures.end());
  if (metric == Metric::rate) std::reverse(figures.begin(), figures.end());
  return {.median = figures[figures.size() / 2], .worse = figures[figures.size() - 1 - kWorse]};
}

}  // namespace

bool met(const Want& want, double figure) {
  return want.metric == Metric::rate ? figure >= want.value : figure <= want.value;
}

double Judge::Score::sum() const { return miss + kLossWeight * loss; }

Judge::Judge(const Trace& trace)
    : trace_(trace),
      predictor_(trace),
      recorded_(replay(trace)),
      margin_(was_behind(trace) ? kMarginBehind : kMargin) {}

std::size_t Judge::index_of(const Want& want) const {
  const auto& classes = trace_.budgets.classes;
  const auto at = std::find_if(classes.begin(), classes.end(), [&](const ClassOptions& each) {
    return each.name == want.write_class;
  });
  return static_cast<std::size_t>(at - classes.begin());
}

const Replay& Judge::predicted(const Budgets& budgets, std::uint32_t draw) {
  std::optional<Replay>& known = known_[key_of(budgets)][draw];
  if (!known) {
    ++predictions_;
    known = predictor_.predict(budgets, {.draw = draw});
  }
  return *known;
}

double Judge::recorded(const Want& want) const {
  return figure_of(recorded_.classes[index_of(want)], want.metric);
}

double Judge::off(const Want& want) {
  const auto [at, fresh] = off_.try_emplace({index_of(want), want.metric}, 1.0);
  if (!fresh) return at->second;
  std::vector<double> own;
  for (std::uint32_t draw = 0; draw < kDraws; ++draw) {
    own.push_back(figure_of(predicted(trace_.budgets, draw).classes[index_of(want)], want.metric));
  }
  const double median = forecast_of(own, want.metric).median;
  const double measured = recorded(want);
  if (median <= 0 || measured <= 0) return at->second;
  at->second = want.metric == Metric::rate ? std::clamp(measured / median, 1 / kOffMost, 1.0)
                                           : std::clamp(measured / median, 1.0, kOffMost);
  return at->second;
}

// As predicted, times what the recorded run was off its own prediction.
double Judge::figure(const Replay& replay, const Want& want) {
  return figure_of(replay.classes[index_of(want)], want.metric) * off(want);
}

Forecast Judge::forecast(const Budgets& budgets, const Want& want) {
  std::vector<double> figures;
  for (std::uint32_t draw = 0; draw < kDraws; ++draw) {
    figures.push_back(figure(predicted(budgets, draw), want));
  }
  return forecast_of(std::move(figures), want.metric);
}

double Judge::with_quick_disk(const Budgets& budgets, const Want& want) {
  std::vector<double> figures;
  for (std::uint32_t draw = 0; draw < kDraws; ++draw) {
    ++predictions_;
    const Chance chance{.draw = draw, .disk_keeps_up = true};
    const Replay replay = predictor_.predict(budgets, chance);
    figures.push_back(figure_of(replay.classes[index_of(want)], want.metric));
  }
  return forecast_of(std::move(figures), want.metric).median;
}

bool Judge::meets(const Budgets& budgets, const std::vector<Want>& wants) {
  return std::all_of(wants.begin(), wants.end(),
                     [&](const Want& each) { return met(each, forecast(budgets, each).worse); });
}

Judge::Score Judge::score(const Budgets& budgets, const std::vector<Want>& wants,
                          std::uint32_t draw) {
  const Replay& replay = predicted(budgets, draw);
  const Replay& before = predicted(trace_.budgets, draw);
  Score out;
  for (const Want& each : wants) out.miss += miss_of(each, figure(replay, each), margin_);
  for (std::size_t i = 0; i < replay.classes.size(); ++i) {
    const double was = before.classes[i].units_per_s;
    if (was > 0) out.loss += std::max(0.0, 1 - replay.classes[i].units_per_s / was);
  }
  return out;
}

bool Judge::reaches(const Budgets& budgets, const std::vector<Want>& wants) {
  std::size_t missed = 0;
  for (std::uint32_t draw = 0; draw < kDraws; ++draw) {
    missed += score(budgets, wants, draw).miss > 0 ? 1 : 0;
  }
  return missed <= kWorse;
}

std::uint32_t Judge::telling_draw(const Budgets& budgets, const std::vector<Want>& wants) {
  std::vector<std::pair<double, std::uint32_t>> draws;
  for (std::uint32_t draw = 0; draw < kDraws; ++draw) {
    draws.emplace_back(score(budgets, wants, draw).miss, draw);
  }
  std::sort(draws.begin(), draws.end());
  const auto& [miss, median] = draws[kDraws / 2];
  return miss > 0 ? median : draws[kDraws - 1 - kWorse].second;
}

bool Judge::better(const Budgets& budgets, const Budgets& than, const std::vector<Want>& wants) {
  std::size_t worse = 0;
  double gain = 0, missed = 0;
  for (std::uint32_t draw = 0; draw < kDraws; ++draw) {
    const Score one = score(budgets, wants, draw), other = score(than, wants, draw);
    worse += one.miss > other.miss ? 1 : 0;
    gain += other.sum() - one.sum();
    missed += other.miss;
  }
  return worse <= kWorse && missed > 0 && gain > kGainMin * missed;
}

}  // namespace onelane::inline v0::tuning
