// What a program was told about each unit that it pushed to a journal, over all its lives, and
// whether the rows that a database holds can be what became of them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "onelane/onelane.h"

namespace onelane::test {

// One row that was applied, in the order of applying. A unit's parts count from 0: a group's rows,
// a job's steps.
struct AppliedRow {
  std::uint64_t unit = 0;
  std::uint32_t part = 0;
  std::uint64_t value = 0;  // of all else that is in it
};

// What a database holds, or what somebody reads there.
struct Content {
  std::vector<AppliedRow> rows;
  std::vector<std::uint64_t> foreign;  // another process's rows, in their order
};

// What became of a commit of another process.
enum class ForeignEnd : std::uint8_t { committed, gone, unknown };

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
    // What each part is to hold, as in AppliedRow; empty: it is not looked at.
    std::vector<std::uint64_t> values{};
    // Of a record that coalesces: it may be applied in the place of a newer one with this key in
    // its class, which is not applied.
    std::optional<std::uint64_t> key{};
  };

  // A unit that was just accepted: its number, in the order of pushes.
  std::uint64_t accept(const Unit& unit);
  void tell(std::uint64_t unit, const Outcome& outcome);
  // Commits up to this number of this life are durable.
  void durable(std::uint64_t commit);

  // Another process begins to commit a row, whose number this is, and is told what became of it
  // when so many of this life's commits were known.
  std::uint64_t begin_foreign();
  void tell_foreign(std::uint64_t row, ForeignEnd end, std::uint64_t committed);

  // Empty if the content can be what is left, else what is wrong with it. If it can, another life
  // begins with it, and what is there stays.
  std::string look(const Content& content, Break after);
  // The same of what somebody reads in the middle of a life, and began to when so much was told().
  // What they saw was committed, whatever is told of it later.
  std::string read(const Content& content, std::uint64_t told);
  std::uint64_t told() const noexcept { return told_; }
  // What was told of a unit although somebody had seen that it is otherwise, or nothing.
  const std::string& wrong() const noexcept { return wrong_; }

  std::uint64_t units() const noexcept { return records_.size(); }

 private:
  struct Record {
    Unit unit;
    // How many parts may be there while nothing is lost.
    std::uint32_t least = 0;
    std::uint32_t most = 0;
    std::uint64_t told_at = 0;  // as told() was then
    std::uint32_t seen = 0;     // by somebody who reads, so that it is committed
    bool settled = false;       // told, or found, so that it stays as it is
    // Commits are counted on from life to life. Nothing of it is lost where this one is kept; 0 if
    // nothing can lose it any more.
    std::uint64_t commit = 0;
    std::uint64_t told_commit = 0;  // 0: it was found, and may be of any commit
    std::optional<End> end{};
  };

  struct ForeignRow {
    ForeignEnd end = ForeignEnd::unknown;
    // Commits of the journal, counted as above: up to which came before it, and with which of them
    // it is kept.
    std::uint64_t after = 0;
    std::uint64_t kept_with = 0;
  };

  std::string count(const std::vector<AppliedRow>& rows, std::vector<std::uint32_t>& found) const;
  std::uint64_t place(std::uint64_t unit, std::uint64_t after,
                      const std::vector<bool>& applied) const;
  // Who looks: what of it must be kept, of what was told by then.
  struct View {
    std::uint64_t kept = UINT64_MAX;
    std::uint64_t told = UINT64_MAX;
  };
  std::string judge_all(const Content& content, const std::vector<std::uint32_t>& found,
                        const View& view) const;
  std::string judge(std::uint64_t number, std::uint32_t found, const View& view) const;
  std::string judge_foreign(const std::vector<std::uint64_t>& rows, std::uint64_t kept) const;
  std::uint64_t kept_by_cut(const Content& content, const std::vector<std::uint32_t>& found) const;
  void begin_life(const Content& content, const std::vector<std::uint32_t>& found, Break after);
  std::uint64_t order(std::uint64_t commit) const;

  std::vector<Record> records_;
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::vector<std::uint64_t>> keys_;  // by class
  std::vector<ForeignRow> foreign_;
  std::uint64_t told_ = 0;
  std::string wrong_;
  std::uint64_t life_ = 1;
  std::uint64_t durable_ = 0;
};

}  // namespace onelane::test
