#include "tests/sim/history.h"

#include <algorithm>
#include <map>

namespace onelane::test {

namespace {

constexpr unsigned kCommitBits = 32;  // of a life

std::string words(std::uint64_t unit, const char* what) {
  return "unit " + std::to_string(unit) + " " + what;
}

}  // namespace

std::uint64_t History::accept(const Unit& unit) {
  records_.push_back({.unit = unit, .least = 0, .most = unit.parts});
  return records_.size() - 1;
}

std::uint64_t History::order(std::uint64_t commit) const { return (life_ << kCommitBits) + commit; }

void History::tell(std::uint64_t unit, const Outcome& outcome) {
  Record& record = records_[unit];
  record.end = outcome.end;
  record.settled = outcome.end != End::unknown;
  switch (outcome.end) {
    case End::committed:
    case End::incomplete:
      record.least = record.most = record.unit.atomic ? record.unit.parts : outcome.steps;
      record.commit = record.told_commit = order(outcome.commit);
      return;
    case End::unknown:
      return;
    default:
      record.most = 0;
  }
}

void History::durable(std::uint64_t commit) {
  if (commit > 0) durable_ = std::max(durable_, order(commit));
}

std::string History::look(const std::vector<AppliedRow>& rows, Break after) {
  std::vector<std::uint32_t> found(records_.size());
  if (std::string wrong = count(rows, found); !wrong.empty()) return wrong;
  // Commits up to this one must be whole: all, or up to the last that left something.
  std::uint64_t kept = after == Break::none ? UINT64_MAX : durable_;
  for (std::size_t i = 0; i < found.size() && after == Break::power_cut; ++i) {
    const bool whole = found[i] > 0 && found[i] == records_[i].most;
    if (whole) kept = std::max(kept, records_[i].told_commit);
  }
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (std::string wrong = judge(i, found[i], kept); !wrong.empty()) return wrong;
  }
  ++life_;
  for (std::size_t i = 0; i < found.size(); ++i) {
    Record& record = records_[i];
    record.least = record.most = found[i];
    if (after == Break::power_cut) record.commit = record.told_commit = 0;
    if (!record.settled && after == Break::none) record.commit = order(0);
    record.settled = true;
  }
  return {};
}

// Each part once, in a class in the order of the pushes.
std::string History::count(const std::vector<AppliedRow>& rows,
                           std::vector<std::uint32_t>& found) const {
  std::map<std::uint32_t, AppliedRow> last;  // by class
  for (const AppliedRow& row : rows) {
    if (row.unit >= records_.size()) return words(row.unit, "was never accepted, and is there");
    const auto [before, first] = last.try_emplace(records_[row.unit].unit.klass, row);
    if (!first) {
      if (before->second == row) return words(row.unit, "is there twice");
      if (row.unit < before->second.unit) {
        return words(row.unit, "was applied after unit ") + std::to_string(before->second.unit) +
               " of its class, which was pushed later";
      }
      before->second = row;
    }
    if (row.part != found[row.unit]++) return words(row.unit, "has its parts in a wrong order");
  }
  return {};
}

std::string History::judge(std::uint64_t number, std::uint32_t found, std::uint64_t kept) const {
  const Record& record = records_[number];
  const auto wrong = [&](const char* what) {
    return words(number, what) + ": " + std::to_string(found) + " of " +
           std::to_string(record.unit.parts) + " parts are there, at least " +
           std::to_string(record.least) + " and at most " + std::to_string(record.most) +
           " can be; " + (record.end ? std::string(name(*record.end)) : "not settled") +
           ", commit " + std::to_string(record.commit) + ", kept up to " + std::to_string(kept);
  };
  if (found > record.most) return wrong("was applied beyond what was told");
  if (record.unit.atomic && found != 0 && found != record.unit.parts) {
    return wrong("was applied in part");
  }
  if (found < record.least && record.commit <= kept) return wrong("is lost");
  return {};
}

}  // namespace onelane::test
