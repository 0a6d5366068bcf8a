// The answers that a program got about each unit that it pushed, over all lives of its journal; and
// the check whether a database's rows agree with them.
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

// What a database holds, or what another process reads there.
struct Content {
  std::vector<AppliedRow> rows;
  std::vector<std::uint64_t> foreign;                // another process's rows, in their order
  std::map<std::uint64_t, std::uint32_t> refused{};  // rows among the dead letters, by unit
};

// What became of a commit of another process.
enum class ForeignEnd : std::uint8_t { committed, gone, unknown };

// What happened between the journal's last answer and the look at the database.
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
    // The value that each part must have, as in AppliedRow; empty: it is not checked.
    std::vector<std::uint64_t> values{};
    // The key of a coalescing record. It may be applied instead of a newer record of its class and
    // key that is not applied.
    std::optional<std::uint64_t> key{};
    bool intake = false;     // its class has one
    bool refusable = false;  // the database may refuse it: then it is among the dead letters
  };

  // Enters a unit that was just accepted. Gives its number, in the order of pushes.
  std::uint64_t accept(const Unit& unit);
  void tell(std::uint64_t unit, const Outcome& outcome);
  // It is in the intake: whatever happens, an opening finds it there, or it is done.
  void journaled(std::uint64_t unit) { records_[unit].journaled = true; }
  // Commits up to this number of this life are durable.
  void durable(std::uint64_t commit);

  // Another process begins to commit a row; gives the row's number. tell_foreign() says how that
  // commit ended, and how many of this life's commits were known by then.
  std::uint64_t begin_foreign();
  void tell_foreign(std::uint64_t row, ForeignEnd end, std::uint64_t committed);

  // Empty if the content agrees with all answers, else what is wrong with it. If it agrees, the
  // next life begins with it, and nothing that is there may be lost any more. Where a class has an
  // intake, it is the content after another opening, which applies what is left there.
  std::string look(const Content& content, Break after);
  // The same for content that another process reads in the middle of a life. `told` is what told()
  // gave when it began to read. The units that it saw are committed: a later answer that says
  // otherwise is wrong.
  std::string read(const Content& content, std::uint64_t told);
  std::uint64_t told() const noexcept { return told_; }
  // The first answer that contradicts what another process had read before; empty if there is none.
  const std::string& wrong() const noexcept { return wrong_; }

  std::uint64_t units() const noexcept { return records_.size(); }

 private:
  struct Record {
    Unit unit;
    // How many parts are there at least and at most, if nothing is lost.
    std::uint32_t least = 0;
    std::uint32_t most = 0;
    std::uint64_t told_at = 0;  // told() when it was answered
    std::uint32_t seen = 0;     // parts that another process read, so that they are committed
    bool journaled = false;
    bool settled = false;  // answered, or found in a database: it stays as it is
    // The last commit of its parts, counted on from life to life: if that survives, so do all of
    // them. 0 if nothing can lose them any more.
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
  bool may_come_late(std::uint64_t unit) const;
  std::uint64_t place(std::uint64_t unit, std::uint64_t after,
                      const std::vector<bool>& applied) const;
  // How a look judges: what must be there, of what had been answered by then.
  struct View {
    std::uint64_t kept = UINT64_MAX;
    std::uint64_t told = UINT64_MAX;
    bool opened = false;  // what was journaled is done
  };
  std::string judge_all(const Content& content, const std::vector<std::uint32_t>& found,
                        const View& view) const;
  std::string judge(std::uint64_t number, std::uint32_t found, const View& view) const;
  std::string judge_journaled(const Content& content,
                              const std::vector<std::uint32_t>& found) const;
  bool newer_is_there(std::uint64_t number, const std::vector<std::uint32_t>& found) const;
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
