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
  if (unit.key) keys_[{unit.klass, *unit.key}].push_back(records_.size());
  records_.push_back({.unit = unit, .least = 0, .most = unit.parts});
  return records_.size() - 1;
}

std::uint64_t History::order(std::uint64_t commit) const { return (life_ << kCommitBits) + commit; }

std::uint64_t History::begin_foreign() {
  foreign_.emplace_back();
  return foreign_.size() - 1;
}

// Of two commits that follow on those that are known the first may already be there unnoticed.
void History::tell_foreign(std::uint64_t row, ForeignEnd end, std::uint64_t committed) {
  foreign_[row] = {.end = end, .after = order(committed), .kept_with = order(committed + 2)};
}

void History::tell(std::uint64_t unit, const Outcome& outcome) {
  Record& record = records_[unit];
  record.end = outcome.end;
  record.told_at = ++told_;
  record.settled = outcome.end != End::unknown && outcome.end != End::carried;
  switch (outcome.end) {
    case End::committed:
    case End::incomplete:
      record.least = record.most = record.unit.atomic ? record.unit.parts : outcome.steps;
      record.commit = record.told_commit = order(outcome.commit);
      break;
    case End::unknown:
    case End::carried:
      break;
    case End::superseded:
      // A power cut may undo the commit of the newer one: then both are applied.
      if (!record.unit.intake) record.most = 0;
      break;
    default:
      record.most = 0;
  }
  if (record.most < record.seen && wrong_.empty()) {
    wrong_ = words(unit, "was read by another process, and then told to be ") +
             std::string(name(outcome.end));
  }
}

void History::durable(std::uint64_t commit) {
  if (commit > 0) durable_ = std::max(durable_, order(commit));
}

std::string History::look(const Content& content, Break after) {
  std::vector<std::uint32_t> found(records_.size());
  if (std::string wrong = count(content.rows, found); !wrong.empty()) return wrong;
  const bool cut = after == Break::power_cut;
  const View view{.kept = cut ? kept_by_cut(content, found) : UINT64_MAX, .opened = true};
  if (std::string wrong = judge_all(content, found, view); !wrong.empty()) return wrong;
  begin_life(content, found, after);
  return {};
}

std::string History::read(const Content& content, std::uint64_t told) {
  std::vector<std::uint32_t> found(records_.size());
  if (std::string wrong = count(content.rows, found); !wrong.empty()) return wrong;
  if (std::string wrong = judge_all(content, found, {.told = told}); !wrong.empty()) return wrong;
  for (std::size_t i = 0; i < found.size(); ++i) records_[i].seen = found[i];
  return {};
}

// Commits up to this one must be whole: all that are durable, or up to the last that left
// something.
std::uint64_t History::kept_by_cut(const Content& content,
                                   const std::vector<std::uint32_t>& found) const {
  std::uint64_t kept = durable_;
  for (std::size_t i = 0; i < found.size(); ++i) {
    // An intake's units are there whatever became of their commit.
    const bool whole = found[i] > 0 && found[i] == records_[i].most && !records_[i].unit.intake;
    if (whole) kept = std::max(kept, records_[i].told_commit);
  }
  for (const std::uint64_t row : content.foreign) {
    if (row < foreign_.size()) kept = std::max(kept, foreign_[row].after);
  }
  return kept;
}

std::string History::judge_all(const Content& content, const std::vector<std::uint32_t>& found,
                               const View& view) const {
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (std::string wrong = judge(i, found[i], view); !wrong.empty()) return wrong;
  }
  if (view.opened) {
    if (std::string wrong = judge_journaled(content, found); !wrong.empty()) return wrong;
  }
  return judge_foreign(content.foreign, view.kept);
}

// All that was journaled is there once, or among the dead letters once, or gave way to a newer one.
std::string History::judge_journaled(const Content& content,
                                     const std::vector<std::uint32_t>& found) const {
  for (const auto& [unit, rows] : content.refused) {
    if (unit >= records_.size()) return words(unit, "was never accepted, and was refused");
    const Unit& pushed = records_[unit].unit;
    if (!pushed.refusable) return words(unit, "was refused, and is in order");
    if (found[unit] != 0) return words(unit, "was applied and refused");
    if (rows != pushed.parts) return words(unit, "was refused twice, or in part");
  }
  for (std::uint64_t i = 0; i < records_.size(); ++i) {
    const Record& record = records_[i];
    const bool done = found[i] != 0 || content.refused.contains(i) || newer_is_there(i, found);
    const bool shed = record.end == End::superseded;  // by a full class, whatever became of others
    if (record.journaled && !done && !shed) return words(i, "was journaled, and is lost");
  }
  return {};
}

bool History::newer_is_there(std::uint64_t number, const std::vector<std::uint32_t>& found) const {
  const Unit& unit = records_[number].unit;
  if (!unit.key) return false;
  const std::vector<std::uint64_t>& same = keys_.at({unit.klass, *unit.key});
  return std::any_of(same.begin(), same.end(),
                     [&](std::uint64_t each) { return each > number && found[each] != 0; });
}

std::string History::judge_foreign(const std::vector<std::uint64_t>& rows,
                                   std::uint64_t kept) const {
  const auto wrong = [](std::uint64_t row, const char* what) {
    return "row " + std::to_string(row) + " of another process " + what;
  };
  std::vector<bool> found(foreign_.size());
  for (const std::uint64_t row : rows) {
    if (row >= foreign_.size() || foreign_[row].end == ForeignEnd::gone) {
      return wrong(row, "was never committed, and is there");
    }
    found[row] = true;
  }
  // Of its commits, too, the first are left.
  const std::uint64_t last = rows.empty() ? 0 : rows.back();
  for (std::uint64_t row = 0; row < foreign_.size(); ++row) {
    if (found[row] || foreign_[row].end != ForeignEnd::committed) continue;
    if (foreign_[row].kept_with <= kept || row < last) return wrong(row, "is lost");
  }
  return {};
}

void History::begin_life(const Content& content, const std::vector<std::uint32_t>& found,
                         Break after) {
  ++life_;
  const bool cut = after == Break::power_cut;
  for (std::size_t i = 0; i < found.size(); ++i) {
    Record& record = records_[i];
    record.least = found[i];
    // What was superseded, or refused, is in the intake until that is durable.
    if (!record.journaled || found[i] != 0 || !(record.unit.key || record.unit.refusable)) {
      record.most = found[i];
    }
    record.seen = 0;
    if (cut) record.commit = record.told_commit = 0;
    if (!record.settled && !cut) record.commit = order(0);
    record.settled = true;
  }
  std::vector<bool> there(foreign_.size());
  for (const std::uint64_t row : content.foreign) there[row] = true;
  for (std::size_t row = 0; row < foreign_.size(); ++row) {
    ForeignRow& each = foreign_[row];
    if (there[row] && each.end == ForeignEnd::unknown) each.kept_with = order(1);
    each.end = there[row] ? ForeignEnd::committed : ForeignEnd::gone;
    if (cut) each.after = each.kept_with = 0;
  }
}

// The first place behind that one in which the unit may have been applied, or its own.
std::uint64_t History::place(std::uint64_t unit, std::uint64_t after,
                             const std::vector<bool>& applied) const {
  const Unit& pushed = records_[unit].unit;
  if (unit > after || !pushed.key) return unit;
  if (may_come_late(unit)) return after;
  const std::vector<std::uint64_t>& same = keys_.at({pushed.klass, *pushed.key});
  const auto newer = std::find_if(
      same.begin(), same.end(), [&](std::uint64_t each) { return each > after && !applied[each]; });
  return newer == same.end() ? unit : *newer;
}

// With an intake, one that had waited behind a newer one of its key is applied by an opening, which
// does not wait.
bool History::may_come_late(std::uint64_t unit) const {
  const Unit& pushed = records_[unit].unit;
  return pushed.intake && pushed.key && keys_.at({pushed.klass, *pushed.key}).back() > unit;
}

// Each part once, in a class in the order of the pushes.
std::string History::count(const std::vector<AppliedRow>& rows,
                           std::vector<std::uint32_t>& found) const {
  struct Last {
    AppliedRow row;
    std::uint64_t place;
  };
  std::map<std::uint32_t, Last> last;  // by class
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::uint64_t> newest_of_key;
  std::vector<bool> applied(records_.size());
  for (const AppliedRow& row : rows) {
    if (row.unit >= records_.size()) return words(row.unit, "was never accepted, and is there");
    applied[row.unit] = true;
  }
  for (const AppliedRow& row : rows) {
    const auto [before, first] =
        last.try_emplace(records_[row.unit].unit.klass, Last{row, row.unit});
    if (!first) {
      const auto [row_before, place_before] = before->second;
      if (row_before.unit == row.unit && row_before.part == row.part) {
        return words(row.unit, "is there twice");
      }
      const bool next_part = row_before.unit == row.unit;
      const std::uint64_t here = next_part ? place_before : place(row.unit, place_before, applied);
      if (here < place_before) {
        return words(row.unit, "was applied after unit ") + std::to_string(row_before.unit) +
               " of its class, which was pushed later";
      }
      before->second = {row, here};
    }
    if (row.part != found[row.unit]++) return words(row.unit, "has its parts in a wrong order");
    if (const Unit& unit = records_[row.unit].unit; unit.intake && unit.key) {
      std::uint64_t& newest = newest_of_key[{unit.klass, *unit.key}];
      if (row.unit < newest) return words(row.unit, "was applied after a newer one of its key");
      newest = row.unit;
    }
    const std::vector<std::uint64_t>& values = records_[row.unit].unit.values;
    if (row.part < values.size() && values[row.part] != row.value) {
      return words(row.unit, "was changed: part ") + std::to_string(row.part) +
             " does not hold what was pushed";
    }
  }
  return {};
}

std::string History::judge(std::uint64_t number, std::uint32_t found, const View& view) const {
  const Record& record = records_[number];
  const auto wrong = [&](const char* what) {
    return words(number, what) + ": " + std::to_string(found) + " of " +
           std::to_string(record.unit.parts) + " parts are there, at least " +
           std::to_string(record.least) + " and at most " + std::to_string(record.most) +
           " can be; " + (record.end ? std::string(name(*record.end)) : "not settled") +
           ", commit " + std::to_string(record.commit) + ", kept up to " +
           std::to_string(view.kept);
  };
  if (found > record.most) return wrong("was applied beyond what was told");
  if (record.unit.atomic && found != 0 && found != record.unit.parts) {
    return wrong("was applied in part");
  }
  const bool known = record.told_at <= view.told && record.commit <= view.kept;
  const bool seen = found < record.seen && view.kept == UINT64_MAX;
  if (seen || (known && found < record.least)) return wrong("is lost");
  return {};
}

}  // namespace onelane::test
