// Two lives of a journal with an intake while something fails; the first one leaves units in the
// intake, so that the second one's opening has some to apply.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "tests/prove/intake_writer.h"

namespace onelane::prove {

class IntakeLives {
 public:
  struct Setup {
    std::string database;
    IntakeWriterOptions writer;
    std::size_t steps = 60;        // of each life
    std::function<void()> heal;    // nothing fails from now on
    std::function<bool()> failed;  // whether anything has, in these lives
  };
  struct Figures {
    std::uint64_t opened = 0;  // journals
    std::uint64_t poisoned = 0;
  };

  explicit IntakeLives(Setup setup) : setup_(std::move(setup)) {}

  // On a new disk that the database, and the intake if it is on one, was put on. The first thing
  // that was wrong, or nothing: everything has to be settled once nothing fails any more.
  std::string live(std::shared_ptr<test::Disk> disk, test::Random& random);
  // After that.
  const IntakeLedger& ledger() const { return ledgers_.intake; }
  // The units that the disk's log says were journaled, of its events in this range.
  void add_journaled(std::size_t from, std::size_t to, IntakeLedger::Units& units) const;
  const Figures& figures() const { return figures_; }

 private:
  enum class Ending : std::uint8_t { at_once, well };

  std::string live_once(test::Random& random, Ending ending);

  const Setup setup_;
  std::shared_ptr<test::Disk> disk_;
  IntakeWriter::Ledgers ledgers_;
  Figures figures_;
};

}  // namespace onelane::prove
