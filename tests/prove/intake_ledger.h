// What a journal promised about the units of classes with an intake, and the check whether a
// database keeps it after an opening: each journaled unit once, or once among the dead letters.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "onelane/onelane.h"
#include "tests/sim/disk_vfs.h"

namespace onelane::prove {

// Units have numbers from 0. Each row of a unit is a row of "arrivals"; of units that are all alike
// there is a row of "alike", which cannot tell them apart.
extern const char* const kIntakeSchema;
extern const char* const kArrive;     // unit, part, words
extern const char* const kArriveKey;  // unit, part, words, key
extern const char* const kAlike;      // class
inline constexpr const char* kLetters = "letters";

inline constexpr std::size_t kIntakeClasses = 2;
inline constexpr const char* kIntakeClassNames[kIntakeClasses] = {"taken", "keyed"};

// A note on a Disk: the unit with this number is journaled.
inline constexpr std::uint32_t kJournaledNote = 4;

// What is found on a disk.
struct IntakeContent {
  struct Row {
    std::uint64_t unit = 0;
    std::uint32_t part = 0;
  };
  struct Letter {
    std::string klass;
    std::uint64_t position = 0;
    std::string row;
  };
  struct Progress {
    std::uint64_t position = 0;
    bool waiting = false;  // some units below it are not done
  };

  std::string damage;     // empty if the database is whole
  std::vector<Row> rows;  // in the order in which they were applied
  std::array<std::uint64_t, kIntakeClasses> alike{};
  std::vector<Letter> letters;
  std::map<std::string, Progress> progress;
};

class IntakeInspector {
 public:
  explicit IntakeInspector(std::string database);
  IntakeContent look(const std::shared_ptr<test::Disk>& disk);

 private:
  const std::string database_;
  test::DiskVfs vfs_;
};

// One thread at a time.
class IntakeLedger {
 public:
  struct Unit {
    std::size_t klass = 0;
    std::uint32_t rows = 1;
    bool alike = false;
    bool bad = false;  // the database refuses it
    std::optional<std::int64_t> key{};
  };
  using Units = std::vector<bool>;  // by number

  void clear() { *this = {}; }
  // A unit that is about to be pushed: its number.
  std::uint64_t add(const Unit& unit);
  // Empty, or why the answer is none that the unit can have. `ends`: the journal is closing, or
  // poisoned; `failed`: something of the disk has failed.
  std::string settled(std::uint64_t unit, const Outcome& outcome, bool ends, bool failed);
  std::string journaled(std::uint64_t unit, std::uint64_t position);
  void refused(std::uint64_t unit) { units_[unit].fate = Fate::never; }

  // Empty, if the content, as an opening left it, agrees with the answers, and has all of `must`.
  // `gaps`: a sync had failed, so positions may have been passed over.
  std::string judge(const IntakeContent& content, const Units& must, bool gaps) const;
  // A life begins on what that opening found: gives what is there, applied or refused. All else
  // never will be; but after a kill, what was superseded is still there at cuts from before.
  enum class After : std::uint8_t { kill, power_cut };
  Units begin(const IntakeContent& content, After after);

 private:
  enum class Fate : std::uint8_t { open, unknown, never };
  struct Entry {
    Unit unit;
    Fate fate = Fate::open;
    std::uint64_t position = 0;  // 0: it is not known to be journaled
  };
  struct Tally;

  std::string judge_rows(const IntakeContent& content, Tally& tally) const;
  std::string judge_letters(const IntakeContent& content, Tally& tally) const;
  std::string judge_unit(std::uint64_t number, const Tally& tally, bool must) const;
  std::string judge_class(std::size_t klass, const IntakeContent& content, const Tally& tally,
                          const Units& must, bool gaps) const;
  bool newer_is_there(std::uint64_t number, const Tally& tally) const;
  bool there(std::uint64_t number, const Tally& tally) const;

  std::vector<Entry> units_;
  std::array<std::uint64_t, kIntakeClasses> newest_{};  // position
};

}  // namespace onelane::prove
