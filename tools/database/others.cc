#include "tools/database/others.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <optional>
#include <set>
#include <utility>

#include "tools/kit/printable.h"

namespace onelane::tools {
namespace {

using FileId = std::pair<dev_t, ino_t>;

// Bytes that SQLite locks: https://sqlite.org/src/file/src/os_unix.c and
// https://sqlite.org/walformat.html#locks. onelane's journal locks one behind the first ones
// (src/sqlite/connection/database_lock.cc).
constexpr off_t kPendingAt = 0x4000'0000;
constexpr off_t kReservedAt = kPendingAt + 1;
constexpr off_t kJournalAt = kPendingAt + 4096;
constexpr off_t kLogWriteAt = 120;
constexpr off_t kLogCheckpointAt = 121;

class Descriptor {
 public:
  explicit Descriptor(const std::filesystem::path& path)
      : file_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (file_ >= 0) close(file_);
  }

  // The process that would keep a writer from these bytes; 0: a lock without a process (of a
  // descriptor); none: nobody.
  std::optional<pid_t> holder(off_t first, off_t count) const {
    struct flock lock = {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    lock.l_start = first;
    lock.l_len = count;
    if (file_ < 0 || fcntl(file_, F_GETLK, &lock) != 0 || lock.l_type == F_UNLCK) return {};
    return std::max(lock.l_pid, 0);
  }

 private:
  int file_;
};

std::string name_of(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/comm", pid));
  std::string name;
  std::getline(file, name);
  return name;
}

std::string in_words(pid_t pid) {
  if (pid == 0) return "a process";
  return fmt::format("process {} ({})", pid, kit::printable(name_of(pid)));
}

std::set<FileId> ids_of(const DatabaseFile& file) {
  std::set<FileId> out;
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) {
    struct stat info = {};
    if (stat(file.beside(suffix).c_str(), &info) == 0) out.insert({info.st_dev, info.st_ino});
  }
  return out;
}

enum class Found { no, yes, hidden };

Found has_open(const std::string& process, const std::set<FileId>& ids) {
  const std::string folder = process + "/fd";
  DIR* entries = opendir(folder.c_str());
  if (entries == nullptr) return errno == EACCES ? Found::hidden : Found::no;
  Found found = Found::no;
  while (const dirent* entry = readdir(entries)) {
    struct stat info = {};
    if (stat((folder + "/" + entry->d_name).c_str(), &info) != 0) continue;
    if (ids.contains({info.st_dev, info.st_ino})) found = Found::yes;
  }
  closedir(entries);
  return found;
}

Finding openers_in_words(const Openers& openers) {
  std::string value;
  bool foreign = false;
  for (const Opener& opener : openers.processes) {
    if (!value.empty()) value += ", ";
    value += in_words(opener.pid) + (opener.journal ? ", a journal" : "");
    foreign = foreign || !opener.journal;
  }
  if (value.empty()) value = "no process that can be seen";
  Finding out{.what = "opened by", .value = value};
  if (foreign) {
    out.verdict = Verdict::note;
    out.advice =
        "who writes beside the lane makes it wait, and whoever syncs less (synchronous=OFF) can "
        "damage it: let others read only, or write through the lane";
  } else if (openers.hidden > 0 && openers.processes.empty()) {
    out.verdict = Verdict::note;
    out.advice = fmt::format(
        "{} processes of other users do not show what they have open: run "
        "this as root to be sure",
        openers.hidden);
  }
  return out;
}

std::optional<Finding> held(std::string_view what, std::optional<pid_t> holder,
                            std::string_view advice) {
  if (!holder) return {};
  return Finding{.what = "lock",
                 .value = fmt::format("{} is held by {}", what, in_words(*holder)),
                 .verdict = Verdict::note,
                 .advice = std::string(advice)};
}

}  // namespace

Openers openers_of(const DatabaseFile& file) {
  Openers out;
  const std::set<FileId> ids = ids_of(file);
  const std::optional<pid_t> journal = Descriptor(file.path).holder(kJournalAt, 1);
  DIR* processes = opendir("/proc");
  if (processes == nullptr) return out;
  while (const dirent* entry = readdir(processes)) {
    const std::string_view name = entry->d_name;
    const bool number =
        std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
    if (!number) continue;
    const auto pid = static_cast<pid_t>(std::stol(std::string(name)));
    if (pid == getpid()) continue;
    const Found found = has_open("/proc/" + std::string(name), ids);
    out.hidden += found == Found::hidden ? 1 : 0;
    if (found == Found::yes) {
      out.processes.push_back({.pid = pid, .name = name_of(pid), .journal = journal == pid});
    }
  }
  closedir(processes);
  return out;
}

bool has_journal(const DatabaseFile& file) {
  return Descriptor(file.path).holder(kJournalAt, 1).has_value();
}

Findings look_at_others(const DatabaseFile& file) {
  Findings out{openers_in_words(openers_of(file))};
  const Descriptor database(file.path);
  const Descriptor index(file.beside("-shm"));
  const std::string_view wait = "a lane would wait for it now; if it is held often, find out why";
  for (const auto& finding : {held("the write lock", database.holder(kReservedAt, 1), wait),
                              held("the exclusive lock", database.holder(kPendingAt, 1), wait),
                              held("the log's write lock", index.holder(kLogWriteAt, 1), wait),
                              held("the log's checkpoint lock", index.holder(kLogCheckpointAt, 1),
                                   "somebody checkpoints the log")}) {
    if (finding) out.push_back(*finding);
  }
  return out;
}

}  // namespace onelane::tools
