#include "tests/prove/intake_ledger.h"

#include <sqlite3.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "tests/prove/plain.h"

namespace onelane::prove {

const char* const kIntakeSchema =
    "CREATE TABLE IF NOT EXISTS arrivals(place INTEGER PRIMARY KEY, unit INTEGER, part INTEGER,"
    "  words TEXT CHECK(words <> 'bad'), name INTEGER);"
    "CREATE TABLE IF NOT EXISTS alike(class INTEGER);";
const char* const kArrive = "INSERT INTO arrivals(unit, part, words) VALUES(?1, ?2, ?3)";
const char* const kArriveKey =
    "INSERT INTO arrivals(unit, part, words, name) VALUES(?1, ?2, ?3, ?4)";
const char* const kAlike = "INSERT INTO alike VALUES(?1)";

namespace {

std::string words(std::uint64_t unit, const std::string& what) {
  return "unit " + std::to_string(unit) + " " + what;
}

bool has(const IntakeLedger::Units& units, std::uint64_t unit) {
  return unit < units.size() && units[unit];
}

// A letter's row begins with the unit and the part, unless it is one of those that are alike.
std::optional<IntakeContent::Row> row_of(const IntakeContent::Letter& letter) {
  IntakeContent::Row out;
  const char* const end = letter.row.data() + letter.row.size();
  const auto unit = std::from_chars(letter.row.data(), end, out.unit);
  if (unit.ec != std::errc{} || end - unit.ptr < 3) return std::nullopt;
  const auto part = std::from_chars(unit.ptr + 2, end, out.part);
  return part.ec == std::errc{} ? std::optional(out) : std::nullopt;
}

}  // namespace

// --- What is found.

IntakeInspector::IntakeInspector(std::string database)
    : database_(std::move(database)), vfs_("intake-inspector", test::DiskVfs::Use::by_name) {}

IntakeContent IntakeInspector::look(const std::shared_ptr<test::Disk>& disk) {
  IntakeContent out;
  if (!disk->exists(database_)) return out;
  vfs_.mount(disk);
  Plain plain(database_, vfs_.name());
  const auto number = [](sqlite3_stmt* row, int column) {
    return static_cast<std::uint64_t>(sqlite3_column_int64(row, column));
  };
  std::string tables;
  bool ok = plain.each("SELECT group_concat(name) FROM sqlite_schema",
                       [&](sqlite3_stmt* row) { tables = "," + Plain::text(row) + ","; });
  if (tables.find(",arrivals,") != std::string::npos) {
    ok = ok && plain.each("SELECT unit, part FROM arrivals ORDER BY place", [&](sqlite3_stmt* row) {
      out.rows.push_back(
          {.unit = number(row, 0), .part = static_cast<std::uint32_t>(number(row, 1))});
    });
    ok =
        ok && plain.each("SELECT class, count(*) FROM alike GROUP BY class",
                         [&](sqlite3_stmt* row) { out.alike.at(number(row, 0)) = number(row, 1); });
  }
  if (tables.find(",onelane_intake,") != std::string::npos) {
    ok = ok && plain.each("SELECT class, position, waiting FROM onelane_intake WHERE class <> ''",
                          [&](sqlite3_stmt* row) {
                            out.progress[Plain::text(row)] = {
                                .position = number(row, 1),
                                .waiting = sqlite3_column_type(row, 2) != SQLITE_NULL};
                          });
  }
  if (tables.find(",letters,") != std::string::npos) {
    ok = ok && plain.each("SELECT class, position, row FROM letters", [&](sqlite3_stmt* row) {
      out.letters.push_back({Plain::text(row), number(row, 1), Plain::text(row, 2)});
    });
  }
  if (!ok) out.damage += plain.error();
  return out;
}

// --- Answers.

std::uint64_t IntakeLedger::add(const Unit& unit) {
  units_.push_back({.unit = unit});
  return units_.size() - 1;
}

std::string IntakeLedger::settled(std::uint64_t number, const Outcome& outcome, bool ends,
                                  bool failed) {
  Entry& entry = units_[number];
  const bool journaled = entry.position != 0;
  const auto unless = [&](bool may, const std::string& why) {
    return may ? std::string() : words(number, why + " (" + outcome.cause.to_string() + ")");
  };
  switch (outcome.end) {
    case End::committed:
      return unless(journaled && !entry.unit.bad && outcome.durable,
                    "is committed, and bad, not journaled or not durable");
    case End::rejected:
      return unless(journaled && (entry.unit.bad || failed), "is rejected for no reason");
    case End::superseded:
      return unless(entry.unit.key.has_value(), "is superseded without a key");
    case End::carried:
      return unless(journaled && (ends || failed), "is carried for no reason");
    case End::unknown:
      entry.fate = Fate::unknown;
      return unless(!journaled && failed, "is unknown, and journaled or nothing failed");
    default:
      entry.fate = Fate::never;
      return unless(!journaled,
                    "ended as " + std::string(name(outcome.end)) + ", and is journaled");
  }
}

std::string IntakeLedger::journaled(std::uint64_t number, std::uint64_t position) {
  Entry& entry = units_[number];
  std::uint64_t& newest = newest_[entry.unit.klass];
  if (position <= newest) {
    return words(number,
                 "got position " + std::to_string(position) + " after " + std::to_string(newest));
  }
  newest = entry.position = position;
  return {};
}

// --- Whether they are kept.

// What of each unit is there.
struct IntakeLedger::Tally {
  explicit Tally(std::size_t units) : rows(units), letters(units) {}

  std::vector<std::uint32_t> rows;
  std::vector<std::uint32_t> letters;
  std::array<std::map<std::uint64_t, std::uint32_t>, kIntakeClasses> refused{};  // by position
};

std::string IntakeLedger::judge(const IntakeContent& content, const Units& must, bool gaps) const {
  if (!content.damage.empty()) return content.damage;
  Tally tally(units_.size());
  if (std::string wrong = judge_rows(content, tally); !wrong.empty()) return wrong;
  if (std::string wrong = judge_letters(content, tally); !wrong.empty()) return wrong;
  for (std::uint64_t i = 0; i < units_.size(); ++i) {
    if (units_[i].unit.alike) continue;
    if (std::string wrong = judge_unit(i, tally, has(must, i)); !wrong.empty()) return wrong;
  }
  for (std::size_t klass = 0; klass < kIntakeClasses; ++klass) {
    if (std::string wrong = judge_class(klass, content, tally, must, gaps); !wrong.empty())
      return wrong;
  }
  return {};
}

// Each part once, in the order of the pushes: of a class, and where records coalesce, of a key.
std::string IntakeLedger::judge_rows(const IntakeContent& content, Tally& tally) const {
  std::map<std::pair<std::size_t, std::int64_t>, std::uint64_t> last;
  for (const IntakeContent::Row& row : content.rows) {
    if (row.unit >= units_.size()) return words(row.unit, "was never pushed, and is there");
    const Unit& unit = units_[row.unit].unit;
    if (row.part != tally.rows[row.unit]++)
      return words(row.unit, "is there twice, or in disorder");
    if (unit.klass == 1 && !unit.key) continue;
    const auto [before, first] = last.try_emplace({unit.klass, unit.key.value_or(0)}, row.unit);
    if (!first && before->second > row.unit) {
      return words(row.unit, "came after unit " + std::to_string(before->second));
    }
    before->second = row.unit;
  }
  return {};
}

std::string IntakeLedger::judge_letters(const IntakeContent& content, Tally& tally) const {
  for (const IntakeContent::Letter& letter : content.letters) {
    const std::size_t klass = letter.klass == kIntakeClassNames[0] ? 0 : 1;
    ++tally.refused[klass][letter.position];
    const std::optional<IntakeContent::Row> row = row_of(letter);
    if (!row || row->unit >= units_.size()) {
      return "a dead letter of no unit: " + letter.klass + " " + std::to_string(letter.position) +
             " " + letter.row;
    }
    const Entry& entry = units_[row->unit];
    if (row->part != tally.letters[row->unit]++) return words(row->unit, "was refused twice");
    if (entry.position != 0 && entry.position != letter.position) {
      return words(row->unit, "was refused at position " + std::to_string(letter.position) +
                                  ", and has " + std::to_string(entry.position));
    }
  }
  return {};
}

bool IntakeLedger::there(std::uint64_t number, const Tally& tally) const {
  return tally.rows[number] != 0 || tally.letters[number] != 0;
}

// Or an even newer one took its place.
bool IntakeLedger::newer_is_there(std::uint64_t number, const Tally& tally) const {
  const Unit& unit = units_[number].unit;
  for (std::uint64_t i = number + 1; unit.key && i < units_.size(); ++i) {
    if (units_[i].unit.key == unit.key && tally.rows[i] != 0) return true;
  }
  return false;
}

std::string IntakeLedger::judge_unit(std::uint64_t number, const Tally& tally, bool must) const {
  const Entry& entry = units_[number];
  const std::uint32_t rows = tally.rows[number];
  const std::uint32_t letters = tally.letters[number];
  if (rows != 0 && letters != 0) return words(number, "was applied and refused");
  if (rows != 0 && rows != entry.unit.rows) return words(number, "was applied in part");
  if (letters != 0 && letters != entry.unit.rows) return words(number, "was refused in part");
  if (entry.unit.bad ? rows != 0 : letters != 0) return words(number, "was taken for another");
  if (entry.fate == Fate::never && there(number, tally)) {
    return words(number, "is there, and was answered otherwise");
  }
  if (must && !there(number, tally) && !newer_is_there(number, tally)) {
    return words(number,
                 "was journaled and is lost, at position " + std::to_string(entry.position));
  }
  return {};
}

// Its positions: all are done, none twice, and none is left out.
std::string IntakeLedger::judge_class(std::size_t klass, const IntakeContent& content,
                                      const Tally& tally, const Units& must, bool gaps) const {
  const std::string name = kIntakeClassNames[klass];
  const auto found = content.progress.find(name);
  const auto progress = found == content.progress.end() ? IntakeContent::Progress() : found->second;
  if (progress.waiting) return name + " was left with units that wait";
  std::uint64_t done = content.alike[klass] + tally.refused[klass].size();
  std::uint64_t alike_least = 0;
  std::uint64_t alike_most = 0;
  bool missing = false;
  for (std::uint64_t i = 0; i < units_.size(); ++i) {
    const Entry& entry = units_[i];
    if (entry.unit.klass != klass) continue;
    if (has(must, i) && entry.position > progress.position) {
      return words(i, "has a position above all that is done");
    }
    if (entry.unit.alike) {
      alike_least += has(must, i) ? 1 : 0;
      alike_most += entry.fate == Fate::never ? 0 : 1;
      continue;
    }
    done += tally.rows[i] != 0 ? 1 : 0;
    if (klass == 1 || entry.fate == Fate::never) continue;
    if (missing && there(i, tally)) return words(i, "is there, and one before it is not");
    missing = missing || (entry.fate == Fate::open && !there(i, tally));
  }
  if (content.alike[klass] < alike_least || content.alike[klass] > alike_most) {
    return name + " has " + std::to_string(content.alike[klass]) + " that are alike, of " +
           std::to_string(alike_least) + " to " + std::to_string(alike_most);
  }
  const bool all = klass == 1 || gaps ? done <= progress.position : done == progress.position;
  if (all) return {};
  return name + " is at position " + std::to_string(progress.position) + " with " +
         std::to_string(done) + " units done";
}

// Of those that are alike it is known how many there are: the first ones.
IntakeLedger::Units IntakeLedger::begin(const IntakeContent& content, After after) {
  Units there(units_.size());
  for (const IntakeContent::Row& row : content.rows) there[row.unit] = true;
  for (const IntakeContent::Letter& letter : content.letters) {
    if (const auto row = row_of(letter)) there[row->unit] = true;
  }
  std::array<std::uint64_t, kIntakeClasses> alike = content.alike;
  for (std::uint64_t i = 0; i < units_.size(); ++i) {
    Entry& entry = units_[i];
    std::uint64_t& left = alike[entry.unit.klass];
    if (entry.unit.alike && entry.fate != Fate::never && left > 0) {
      --left;
      there[i] = true;
    }
    const bool superseded = after == After::kill && entry.unit.key && entry.position != 0;
    if (!there[i] && !superseded) entry.fate = Fate::never;
  }
  for (std::size_t klass = 0; klass < kIntakeClasses; ++klass) {
    const auto found = content.progress.find(kIntakeClassNames[klass]);
    newest_[klass] = found == content.progress.end() ? 0 : found->second.position;
  }
  return there;
}

}  // namespace onelane::prove
