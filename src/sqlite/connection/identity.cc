#include "src/sqlite/connection/identity.h"

#include <cerrno>
#include <ctime>
#include <system_error>

#include "src/sqlite/connection/file_names.h"

namespace onelane::inline v0::sqlite {

namespace {

constexpr std::int64_t kSecondNs = 1'000'000'000;
// Times of files come from a clock that ticks every 10 ms at the most.
constexpr std::int64_t kTickNs = 10'000'000;
constexpr std::int64_t kSettledAfterNs = 10 * kTickNs;

std::int64_t in_ns(const timespec& time) noexcept { return time.tv_sec * kSecondNs + time.tv_nsec; }

std::int64_t now_ns() noexcept {
  timespec now = {};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return in_ns(now);
}

}  // namespace

Identity::Identity(int directory, const std::string& path, const std::string& name, FileId database)
    : directory_(directory) {
  const std::array<std::string, 3> suffixes = {"", kLogSuffix, kIndexSuffix};
  for (std::size_t i = 0; i < files_.size(); ++i) {
    const std::optional<FileId> id =
        i == 0 ? database : id_of(directory, (name + suffixes[i]).c_str());
    files_[i] = {name + suffixes[i], path + suffixes[i], id.value_or(FileId{}), id.has_value()};
  }
}

Status Identity::check_moved(sqlite3_file& log) const {
  int moved = 0;
  const int code = log.pMethods->xFileControl(&log, SQLITE_FCNTL_HAS_MOVED, &moved);
  return code == SQLITE_OK && moved != 0 ? lost(files_[1]) : Status();
}

Status Identity::check() const {
  struct stat directory = {};
  const std::int64_t before = now_ns();
  if (::fstat(directory_, &directory) != 0) return look();
  const std::int64_t changed = in_ns(directory.st_ctim);
  if (changed == settled_ns_.load(std::memory_order_relaxed)) return {};
  Status status = look();
  // A change that is still to come must get another time. File systems that count whole seconds
  // would give it the same.
  const bool settled = changed % kSecondNs != 0 && changed < before - kSettledAfterNs;
  if (status.ok() && settled) settled_ns_.store(changed, std::memory_order_relaxed);
  return status;
}

Status Identity::look() const {
  for (const File& file : files_) {
    if (!file.known) continue;
    const std::optional<FileId> now = id_of(directory_, file.name.c_str());
    if (now != file.id) return lost(file);
  }
  return {};
}

Status Identity::lost(const File& file) const {
  const bool replaced = id_of(directory_, file.name.c_str()).has_value();
  return {Errc::storage,
          file.path + ": it was " + (replaced ? "replaced" : "removed or renamed") +
              " while the journal had it open; what was committed since may be lost",
          SQLITE_READONLY_DBMOVED};
}

}  // namespace onelane::inline v0::sqlite
