#include "bench/storm/ledger.h"

namespace onelane::bench::storm {

void Tally::answered(Nanoseconds after) {
  total.record(after);
  moments.push_back({std::chrono::steady_clock::now(), after});
}

Tally& Ledger::of(Source source) {
  if (index(source) >= tallies_.size()) tallies_.resize(index(source) + 1);
  return tallies_[index(source)];
}

const Tally& Ledger::of(Source source) const {
  static const Tally kNone;
  return index(source) < tallies_.size() ? tallies_[index(source)] : kNone;
}

void Ledger::acknowledge(const Mark& mark, std::uint64_t rows, Nanoseconds total) {
  Tally& tally = of(mark.source);
  ++tally.offered;
  ++tally.acknowledged;
  tally.rows += rows;
  tally.answered(total);
  marks_.push_back(mark);
}

void Ledger::refuse(Source source, Refusal why, Nanoseconds total, const std::string& error) {
  Tally& tally = of(source);
  ++tally.offered;
  ++tally.refused[static_cast<std::size_t>(why)];
  tally.answered(total);
  if (why == Refusal::failed && first_error_.empty()) first_error_ = error;
}

void Ledger::held(Nanoseconds hold) { hold_.record(hold); }

void Ledger::merge(const Ledger& other) {
  if (tallies_.size() < other.tallies_.size()) tallies_.resize(other.tallies_.size());
  for (std::size_t source = 0; source < other.tallies_.size(); ++source) {
    Tally& mine = tallies_[source];
    const Tally& theirs = other.tallies_[source];
    mine.offered += theirs.offered;
    mine.acknowledged += theirs.acknowledged;
    for (std::size_t i = 0; i < kRefusals; ++i) mine.refused[i] += theirs.refused[i];
    mine.rows += theirs.rows;
    mine.total.merge(theirs.total);
    mine.wait.merge(theirs.wait);
    mine.moments.insert(mine.moments.end(), theirs.moments.begin(), theirs.moments.end());
  }
  marks_.insert(marks_.end(), other.marks_.begin(), other.marks_.end());
  hold_.merge(other.hold_);
  if (first_error_.empty()) first_error_ = other.first_error_;
}

}  // namespace onelane::bench::storm
