#include "src/sqlite/connection/guard.h"

#include <sqlite3.h>

#include <algorithm>
#include <cstdio>
#include <span>

namespace onelane::inline v0::sqlite {

namespace {

// PRAGMAs that only read when they are given no argument. Names that are missing here change
// something, or may in a later SQLite.
constexpr const char* kReadWithoutArgument[] = {
    "application_id", "auto_vacuum",       "busy_timeout",       "cache_size",
    "collation_list", "compile_options",   "data_version",       "database_list",
    "encoding",       "foreign_key_check", "foreign_keys",       "freelist_count",
    "function_list",  "integrity_check",   "journal_mode",       "journal_size_limit",
    "max_page_count", "module_list",       "page_count",         "page_size",
    "pragma_list",    "quick_check",       "recursive_triggers", "schema_version",
    "secure_delete",  "synchronous",       "table_list",         "temp_store",
    "trusted_schema", "user_version",      "mmap_size",
};

// PRAGMAs whose argument only says what to read.
constexpr const char* kReadWithArgument[] = {
    "foreign_key_check", "foreign_key_list", "index_info", "index_list", "index_xinfo",
    "integrity_check",   "quick_check",      "table_info", "table_list", "table_xinfo",
};

bool only_reads(const char* pragma, const char* argument) noexcept {
  const std::span<const char* const> names =
      argument == nullptr ? std::span<const char* const>(kReadWithoutArgument)
                          : std::span<const char* const>(kReadWithArgument);
  return std::any_of(names.begin(), names.end(),
                     [pragma](const char* name) { return sqlite3_stricmp(name, pragma) == 0; });
}

const char* savepoint_keyword(const char* operation) noexcept {
  if (sqlite3_stricmp(operation, "BEGIN") == 0) return "SAVEPOINT";
  if (sqlite3_stricmp(operation, "ROLLBACK") == 0) return "ROLLBACK TO";
  return operation;
}

}  // namespace

void Guard::install(sqlite3* db) noexcept {
  sqlite3_set_authorizer(db, &Guard::authorize, this);
  sqlite3_commit_hook(db, &Guard::on_commit, this);
}

int Guard::refuse(const char* what, const char* detail) noexcept {
  std::snprintf(refusal_, sizeof refusal_, "%s%s is not allowed inside the lane", what, detail);
  return SQLITE_DENY;
}

int Guard::authorize(void* self, int action, const char* first, const char* second, const char*,
                     const char*) noexcept {
  auto& guard = *static_cast<Guard*>(self);
  if (guard.lifted_) return SQLITE_OK;
  switch (action) {
    case SQLITE_TRANSACTION:
      return guard.refuse(first, "");
    case SQLITE_SAVEPOINT:
      return guard.refuse(savepoint_keyword(first), "");
    case SQLITE_ATTACH:
      return guard.refuse("ATTACH", "");
    case SQLITE_DETACH:
      return guard.refuse("DETACH", "");
    case SQLITE_PRAGMA:
      if (only_reads(first, second)) return SQLITE_OK;
      return guard.refuse(second == nullptr ? "PRAGMA " : "setting PRAGMA ", first);
    case SQLITE_FUNCTION:
      if (sqlite3_stricmp(second, "load_extension") != 0) return SQLITE_OK;
      return guard.refuse("load_extension()", "");
    default:
      return SQLITE_OK;
  }
}

int Guard::on_commit(void* self) noexcept { return static_cast<Guard*>(self)->armed_ ? 0 : 1; }

}  // namespace onelane::inline v0::sqlite
