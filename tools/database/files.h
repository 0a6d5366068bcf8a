// A database's file and what lies beside it, as the file system shows them: read, never opened for
// writing, and without SQLite.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "tools/database/finding.h"

namespace onelane::tools {

// https://sqlite.org/fileformat2.html#the_database_header
struct DatabaseHeader {
  std::uint32_t page_bytes = 0;
  int write_format = 0;  // 1: a rollback journal, 2: WAL; above: a newer SQLite's
  int read_format = 0;
  int schema_format = 0;  // 0 to 4; above: a newer SQLite's
  std::int32_t user_version = 0;

  bool wal() const noexcept { return read_format == 2; }
};

struct DatabaseFile {
  std::filesystem::path path;  // absolute, of the file itself
  std::uint64_t bytes = 0;     // 0: a database that nothing was written to yet
  DatabaseHeader header;
  // Nobody has it open, and nothing is left of those who had: SQLite can read it without a lock.
  bool at_rest = false;

  std::filesystem::path beside(const char* suffix) const { return path.string() + suffix; }
};

// Opens nothing but a regular file. Throws RunError where there is no database: no file, another
// kind of file, no permission, other content.
DatabaseFile find_database(const std::filesystem::path& given);

// How the journal would find the file: links, owner, format, journal mode, size of pages.
Findings look_at_file(const std::filesystem::path& given, const DatabaseFile& file);
// What is left beside it: SQLite's journal and log, the ballast, the intake.
Findings look_beside(const DatabaseFile& file);

}  // namespace onelane::tools
