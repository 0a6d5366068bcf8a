// Notices what somebody else writes to the database between two transactions of ours.
#pragma once

#include <sqlite3.h>

#include <atomic>
#include <cstdint>
#include <optional>

namespace onelane::inline v0::sqlite {

// SQLITE_FCNTL_DATA_VERSION changes with each commit that the connection comes to know of, its own
// included; it neither reads the file nor takes a lock.
class ForeignChanges {
 public:
  // After BEGIN IMMEDIATE: the connection knows of all commits.
  void begun(sqlite3* db) noexcept {
    const std::uint32_t now = version_of(db);
    if (version_ && *version_ != now) count_.fetch_add(1, std::memory_order_relaxed);
  }
  // After the transaction.
  void ended(sqlite3* db) noexcept { version_ = version_of(db); }
  // Any thread.
  std::uint64_t count() const noexcept { return count_.load(std::memory_order_relaxed); }

 private:
  static std::uint32_t version_of(sqlite3* db) noexcept {
    unsigned int version = 0;
    (void)sqlite3_file_control(db, "main", SQLITE_FCNTL_DATA_VERSION, &version);
    return version;
  }

  std::optional<std::uint32_t> version_;  // none: there was no transaction yet
  std::atomic<std::uint64_t> count_{0};
};

}  // namespace onelane::inline v0::sqlite
