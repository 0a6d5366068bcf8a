// Records that their statement refuses, in every way that SQLite knows, and their healthy likes.
//
// Each kind's statement takes ?1, an id, and ?2 and ?3, two words, and writes two rows: (id, ?2)
// and (-id, ?3). The second word makes it poison, so the first row is there when the second fails.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "onelane/record.h"

namespace onelane::test {

// What a poison record takes along, if the committer lets it.
enum class Takes : std::uint8_t {
  nothing,  // SQLite undoes its statement
  // The rows before the failure stay, or a violation that only COMMIT would find. Or so it looks:
  // what a trigger changed before it aborted is undone, but counted as changed all the same.
  own_rows,
  transaction,  // SQLite rolls back all that was done since BEGIN
};

struct PoisonKind {
  std::string_view name;
  std::string_view table;
  std::string_view sql;
  std::string_view bad_word;
  Takes takes;
  int sqlite_code;  // extended
  std::string_view message;
};

extern const std::array<PoisonKind, 14> kPoisonKinds;
extern const std::array<std::string_view, 5> kPoisonTables;  // all have (id, word)
extern const std::string_view kPoisonSchema;

// The words of the healthy record with this id.
inline std::string first_word(std::int64_t id) { return "a" + std::to_string(id); }
inline std::string second_word(std::int64_t id) { return "b" + std::to_string(id); }

StatementSpec spec_of(const PoisonKind& kind);
Row healthy_row(std::int64_t id);
Row poison_row(const PoisonKind& kind, std::int64_t id);

}  // namespace onelane::test
