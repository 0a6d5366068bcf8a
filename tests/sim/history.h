// What a program was told about each unit that it pushed to a journal, over all its lives, and
// whether the rows that a database holds can be what became of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "onelane/onelane.h"

namespace onelane::test {

// One row that was applied, in the order of applying. A unit's parts count from 0: a group's rows,
// a job's steps.
struct AppliedRow {
  std::uint64_t unit = 0;
  std::uint32_t part = 0;
  friend bool operator==(const AppliedRow&, const AppliedRow&) = default;
};

// What came between the last word of the journal and the look at the database.
enum class Break : std::uint8_t {
  none,       // it was closed, or it was killed: what was committed is there
  power_cut,  // what was durable is there, and of the rest the first commits up to one of them
};

class History {
 public:
  struct Unit {
    std::uint32_t klass = 0;
    std::uint32_t parts = 1;  // of a job, all its steps
    bool atomic = true;       // all parts or none
  };

  // A unit that was just accepted: its number, in the order of pushes.
  std::uint64_t accept(const Unit& unit);
  void tell(std::uint64_t unit, const Outcome& outcome);
  // Commits up to this number of this life are durable.
  void durable(std::uint64_t commit);

  // Empty if the rows can be what is left, else what is wrong with them. If they can, another life
  // begins with them, and what is there stays.
  std::string look(const std::vector<AppliedRow>& rows, Break after);

  std::uint64_t units() const noexcept { return records_.size(); }

 private:
  struct Record {
    Unit unit;
    // How many parts may be there while nothing is lost.
    std::uint32_t least = 0;
    std::uint32_t most = 0;
    bool settled = false;  // told, or found, so that it stays as it is
    // Commits are counted on from life to life. Nothing of it is lost where this one is kept; 0 if
    // nothing can lose it any more.
    std::uint64_t commit = 0;
    std::uint64_t told_commit = 0;  // 0: it was found, and may be of any commit
    std::optional<End> end{};
  };

  std::string count(const std::vector<AppliedRow>& rows, std::vector<std::uint32_t>& found) const;
  std::string judge(std::uint64_t number, std::uint32_t found, std::uint64_t kept) const;
  std::uint64_t order(std::uint64_t commit) const;

  std::vector<Record> records_;
  std::uint64_t life_ = 1;
  std::uint64_t durable_ = 0;
};

}  // namespace onelane::test
