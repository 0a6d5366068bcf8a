// What a database of a simulation holds, as plain SQLite reads it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tests/sim/features.h"
#include "tests/sim/history.h"

struct sqlite3;

namespace onelane::test {

// Where the units that the database refused are, of classes with an intake.
inline constexpr const char* kSimulatedLetters = "letters";

// Tables for the units that there are, and a place for another process's rows.
std::string simulation_schema(const Features& features);

// What AppliedRow::value is for a row with these words and this subject.
std::uint64_t value_of(std::string_view words, std::optional<std::int64_t> subject);

// In one transaction, or in the one that the connection is in. SQLite's result code; nothing is
// there before the schema is.
int read_content(sqlite3* db, Content& out);

}  // namespace onelane::test
