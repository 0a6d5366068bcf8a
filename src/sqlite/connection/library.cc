#include "src/sqlite/connection/library.h"

#include <sqlite3.h>

#include <memory>

namespace onelane::inline v0::sqlite {

namespace {

// sqlite3_changes64 is of this version.
constexpr int kOldest = 3'037'000;

// Fixed in 3.51.3. 3.52.0 was withdrawn, and carried the fix.
constexpr int kResetBugFirst = 3'007'000;
constexpr int kResetBugLast = 3'051'002;

struct Close {
  void operator()(sqlite3* db) const noexcept { sqlite3_close(db); }
};

// "3.37.0", as sqlite3_libversion() has it, of a sqlite3_libversion_number().
std::string version_text(int number) {
  return std::to_string(number / 1'000'000) + "." + std::to_string(number / 1000 % 1000) + "." +
         std::to_string(number % 1000);
}

std::string named() { return std::string("SQLite ") + sqlite3_libversion(); }

// A program may have switched the mutexes off at run time (SQLITE_CONFIG_SINGLETHREAD), which
// sqlite3_threadsafe() does not tell. A connection that was to have a mutex of its own has none
// then.
Status check_mutexes() {
  sqlite3* raw = nullptr;
  const int code =
      sqlite3_open_v2(":memory:", &raw,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY | SQLITE_OPEN_FULLMUTEX, nullptr);
  const std::unique_ptr<sqlite3, Close> db(raw);
  if (code != SQLITE_OK) {
    return {Errc::storage, named() + " opens no connection: " + sqlite3_errstr(code), code};
  }
  if (sqlite3_db_mutex(raw) != nullptr) return {};
  return {Errc::storage, named() +
                             " was configured for a single thread (SQLITE_CONFIG_SINGLETHREAD); "
                             "onelane uses it from several"};
}

}  // namespace

Status use_library() {
  if (sqlite3_threadsafe() == 0) {
    return {Errc::storage, named() +
                               " was built for a single thread (SQLITE_THREADSAFE=0); onelane uses "
                               "it from several"};
  }
  if (sqlite3_libversion_number() < kOldest) {
    return {Errc::storage,
            named() + " is too old; onelane needs " + version_text(kOldest) + " or newer"};
  }
  if (const int code = sqlite3_initialize(); code != SQLITE_OK) {
    return {Errc::storage, named() + " cannot be initialized: " + sqlite3_errstr(code), code};
  }
  return check_mutexes();
}

bool has_reset_bug(int version) noexcept {
  return version >= kResetBugFirst && version <= kResetBugLast;
}

std::string reset_hazard() {
  if (!has_reset_bug(sqlite3_libversion_number())) return {};
  return named() + " (" + sqlite3_sourceid() +
         ") is of the versions that were released with the WAL-reset bug, " +
         version_text(kResetBugFirst) + " to " + version_text(kResetBugLast) +
         "; whoever "
         "built it may have fixed it and kept the number (as SQLite itself is said to have in "
         "3.44.6 and 3.50.7), which cannot be asked. With the bug, another process that "
         "checkpoints this database while it is written can damage it: let others open it "
         "read-only or with wal_autocheckpoint=0";
}

}  // namespace onelane::inline v0::sqlite
