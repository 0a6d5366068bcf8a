// Another process that has the database open: it commits, reads, holds the lock, changes the schema
// and goes away again, at any moment. Its commits are entered in the history, and what it reads is
// compared with that.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "onelane/onelane.h"
#include "tests/sim/features.h"
#include "tests/sim/foreign.h"
#include "tests/sim/machine.h"
#include "tests/sim/trace.h"

namespace onelane::test {

// The index that upserts need, as far as other processes know.
struct NeededIndex {
  bool missing = false;     // or may be
  std::uint64_t drops = 0;  // so far
};

class ForeignProcess {
 public:
  struct World {
    Random& random;
    Trace& trace;
    History& history;
    NeededIndex& index;
  };
  ForeignProcess(const World& world, const Features& features, const Machine& machine)
      : world_(world),
        features_(features),
        connection_(machine.database(), machine.foreign_vfs()) {}

  // Does one thing, unless it is in the middle of another.
  void act(const Disk& disk, const Journal& journal);
  // The process ends.
  void close();

  // The first thing that it read and that cannot be true; empty if there is none.
  const std::string& wrong() const noexcept { return wrong_; }

 private:
  bool begin(const Disk& disk, std::size_t what);
  bool run(const Disk& disk, const std::string& sql);
  std::string insertion();
  void settle(bool done, bool unhurt, const Journal& journal);
  bool read(const Disk& disk);
  bool change_schema(const Disk& disk);

  const World world_;
  const Features& features_;
  Foreign connection_;
  std::optional<std::uint64_t> pending_;  // a row that is not committed
  std::string wrong_;
};

}  // namespace onelane::test
