// What budgets come to, measured by what is wanted.
//
// One prediction is one throw of the dice: of many changes that do nothing the best one looks like
// a gain. So what is to be believed is predicted several times, with chance falling otherwise.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "onelane/trace.h"
#include "src/tuning/predictor.h"

namespace onelane::inline v0::tuning {

bool met(const Want& want, double figure);

class Judge {
 public:
  static constexpr std::uint32_t kDraws = 7;

  // The trace must outlive it, and have items.
  explicit Judge(const Trace& trace);

  // Each is predicted once.
  const Replay& predicted(const Budgets& budgets, std::uint32_t draw = 0);
  std::uint64_t predictions() const { return predictions_; }

  double recorded(const Want& want) const;
  Forecast forecast(const Budgets& budgets, const Want& want);
  // Whether all but one of the draws keep them.
  bool meets(const Budgets& budgets, const std::vector<Want>& wants);
  // What it would be, had the disk kept up.
  double with_quick_disk(const Budgets& budgets, const Want& want);

  // How far it is from the wants, and a bit for what the classes get less than now.
  struct Score {
    double miss = 0;  // in factors of e
    double loss = 0;
    double sum() const;
  };
  Score score(const Budgets& budgets, const std::vector<Want>& wants, std::uint32_t draw = 0);
  // Whether all but one of the draws keep the wants, and by enough.
  bool reaches(const Budgets& budgets, const std::vector<Want>& wants);
  // One that says whether changes help: neither among the best nor the worst, if it can be.
  std::uint32_t telling_draw(const Budgets& budgets, const std::vector<Want>& wants);
  // Whether they are nearer to the wants than the others by more than chance.
  bool better(const Budgets& budgets, const Budgets& than, const std::vector<Want>& wants);

  // The class's number; that of classes, if there is none of the want's name.
  std::size_t index_of(const Want& want) const;

 private:
  double figure(const Replay& replay, const Want& want);
  double off(const Want& want);

  const Trace& trace_;
  const Predictor predictor_;
  const Replay recorded_;
  const double margin_;
  std::map<std::string, std::array<std::optional<Replay>, kDraws>> known_;
  // By class and metric: what the recorded run was off the median of its own predictions.
  std::map<std::pair<std::size_t, Metric>, double> off_;
  std::uint64_t predictions_ = 0;
};

// A change is of no use if it does not bring the wants nearer by this part.
inline constexpr double kGainMin = 0.05;

}  // namespace onelane::inline v0::tuning
