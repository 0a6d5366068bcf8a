#include "src/sqlite/sink/program.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "src/sqlite/connection/connection.h"

namespace onelane::inline v0::sqlite {

namespace {

enum class Kind : std::uint8_t {
  may_refuse,  // may fail by the record's fault, and changes nothing
  quiet,       // fails by the environment or a damaged file only, and changes nothing
  sized,       // quiet, but may find a value too big
  jump,        // quiet, and may go on at P2 instead of the next opcode
  write,       // quiet, and changes what only a savepoint or a statement journal restores
  unknown,
};

struct Opcode {
  std::string_view name;
  Kind kind;
};

constexpr Opcode kOpcodes[] = {
    // What single-row statements do before they write.
    {"Init", Kind::may_refuse},
    {"Transaction", Kind::may_refuse},
    {"HaltIfNull", Kind::may_refuse},
    {"Function", Kind::may_refuse},
    {"PureFunc", Kind::may_refuse},
    {"TypeCheck", Kind::may_refuse},
    {"Cast", Kind::may_refuse},
    // Values.
    {"Add", Kind::quiet},
    {"AddImm", Kind::quiet},
    {"Affinity", Kind::quiet},
    {"And", Kind::quiet},
    {"Blob", Kind::quiet},
    {"Column", Kind::sized},
    {"Concat", Kind::sized},
    {"Copy", Kind::quiet},
    {"Divide", Kind::quiet},
    {"Int64", Kind::quiet},
    {"IntCopy", Kind::quiet},
    {"Integer", Kind::quiet},
    {"MakeRecord", Kind::sized},
    {"MemMax", Kind::quiet},
    {"Move", Kind::quiet},
    {"Multiply", Kind::quiet},
    {"Not", Kind::quiet},
    {"Null", Kind::quiet},
    {"Or", Kind::quiet},
    {"Real", Kind::quiet},
    {"RealAffinity", Kind::quiet},
    {"SCopy", Kind::quiet},
    {"SoftNull", Kind::quiet},
    {"String", Kind::quiet},
    {"String8", Kind::quiet},
    {"Subtract", Kind::quiet},
    {"Variable", Kind::sized},
    // Cursors.
    {"Close", Kind::quiet},
    {"DeferredSeek", Kind::quiet},
    {"FinishSeek", Kind::quiet},
    {"IdxRowid", Kind::quiet},
    {"OpenRead", Kind::quiet},
    {"OpenWrite", Kind::quiet},
    {"ReopenIdx", Kind::quiet},
    {"RowData", Kind::sized},
    {"Rowid", Kind::quiet},
    // The end of a row or of the statement.
    {"Noop", Kind::quiet},
    {"ResultRow", Kind::quiet},
    // Jumps.
    {"Eq", Kind::jump},
    {"ElseEq", Kind::jump},
    {"FkIfZero", Kind::jump},
    {"Found", Kind::jump},
    {"Ge", Kind::jump},
    {"Goto", Kind::jump},
    {"Gt", Kind::jump},
    {"IdxGE", Kind::jump},
    {"IdxGT", Kind::jump},
    {"IdxLE", Kind::jump},
    {"IdxLT", Kind::jump},
    {"If", Kind::jump},
    {"IfNot", Kind::jump},
    {"IsNull", Kind::jump},
    {"Last", Kind::jump},
    {"Le", Kind::jump},
    {"Lt", Kind::jump},
    {"Ne", Kind::jump},
    {"Next", Kind::jump},
    {"NoConflict", Kind::jump},
    {"NotExists", Kind::jump},
    {"NotFound", Kind::jump},
    {"NotNull", Kind::jump},
    {"Once", Kind::jump},
    {"Prev", Kind::jump},
    {"Rewind", Kind::jump},
    {"SeekGE", Kind::jump},
    {"SeekGT", Kind::jump},
    {"SeekLE", Kind::jump},
    {"SeekLT", Kind::jump},
    {"SeekRowid", Kind::jump},
    // Writes.
    {"Clear", Kind::write},
    {"Delete", Kind::write},
    {"IdxDelete", Kind::write},
    {"IdxInsert", Kind::write},
    {"Insert", Kind::write},
};

struct Step {
  std::string opcode;
  int p1 = 0;
  int p2 = 0;
  int p3 = 0;
};

Kind kind_of(const Step& step) {
  // The program's end. With an error it refuses the record.
  if (step.opcode == "Halt") return step.p1 == 0 ? Kind::quiet : Kind::may_refuse;
  // In a table with AUTOINCREMENT all rowids may be used up.
  if (step.opcode == "NewRowid") return step.p3 == 0 ? Kind::quiet : Kind::may_refuse;
  // Counts violations of foreign keys. The program's end refuses any that are not deferred.
  if (step.opcode == "FkCounter") {
    return step.p1 != 0 || step.p2 < 0 ? Kind::write : Kind::unknown;
  }
  if (step.opcode == "MustBeInt") return step.p2 == 0 ? Kind::may_refuse : Kind::jump;
  const auto* const found =
      std::find_if(std::begin(kOpcodes), std::end(kOpcodes),
                   [&step](const Opcode& opcode) { return opcode.name == step.opcode; });
  return found == std::end(kOpcodes) ? Kind::unknown : found->kind;
}

struct AfterWrites {
  bool may_refuse = false;
  bool may_outgrow = false;
};

// What may follow a write, on any way through the program.
AfterWrites follow_writes(const std::vector<Step>& program) {
  AfterWrites out;
  std::vector<bool> reached(program.size());
  std::vector<std::size_t> to_visit;
  const auto reach = [&](std::size_t at) {
    if (at >= program.size() || reached[at]) return;
    reached[at] = true;
    to_visit.push_back(at);
  };
  for (std::size_t at = 0; at < program.size(); ++at) {
    const Kind kind = kind_of(program[at]);
    if (kind == Kind::unknown) out.may_refuse = true;
    if (kind == Kind::write) reach(at + 1);
  }
  while (!to_visit.empty()) {
    const std::size_t at = to_visit.back();
    to_visit.pop_back();
    const Step& step = program[at];
    const Kind kind = kind_of(step);
    if (kind == Kind::may_refuse) out.may_refuse = true;
    if (kind == Kind::sized) out.may_outgrow = true;
    if (kind == Kind::jump) reach(static_cast<std::size_t>(step.p2));
    if (step.opcode != "Goto" && step.opcode != "Halt") reach(at + 1);
  }
  return out;
}

std::string_view text_of(sqlite3_stmt* row, int column) {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(row, column));
  return text == nullptr ? std::string_view() : text;
}

}  // namespace

// The programs of triggers follow the statement's own, and count from 0 again.
Program program_of(Connection& connection, sqlite3_stmt* statement) {
  constexpr int kAddress = 0;
  constexpr int kOpcode = 1;
  constexpr int kP1 = 2;
  constexpr int kP2 = 3;
  constexpr int kP3 = 4;
  constexpr int kP5 = 6;
  constexpr int kIsUpdate = 0x04;   // of Insert's P5
  constexpr int kLastRowid = 0x20;  // sets last_insert_rowid()
  Program traits{.preparation = Program::preparation_of(statement)};
  Prepared listing;
  const std::string explain = std::string("EXPLAIN ") + sqlite3_sql(statement);
  if (connection.prepare_own(explain, Keep::briefly, listing) != SQLITE_OK) return traits;
  std::vector<Step> program;
  bool own = true;
  int inserts = 0;  // P5 of all of them
  int code = SQLITE_ROW;
  while ((code = sqlite3_step(listing.get())) == SQLITE_ROW) {
    sqlite3_stmt* const row = listing.get();
    const auto address = static_cast<std::size_t>(sqlite3_column_int(row, kAddress));
    own = own && address == program.size();
    if (!own) continue;
    program.push_back({.opcode = std::string(text_of(row, kOpcode)),
                       .p1 = sqlite3_column_int(row, kP1),
                       .p2 = sqlite3_column_int(row, kP2),
                       .p3 = sqlite3_column_int(row, kP3)});
    if (program.back().opcode == "Insert") inserts |= sqlite3_column_int(row, kP5);
  }
  if (code != SQLITE_DONE || program.empty()) return traits;
  const AfterWrites after = follow_writes(program);
  traits.fails_before_it_writes = !after.may_refuse;
  traits.may_outgrow_later = after.may_outgrow;
  traits.only_inserts = (inserts & kLastRowid) != 0 && (inserts & kIsUpdate) == 0;
  return traits;
}

}  // namespace onelane::inline v0::sqlite
