#include "src/sqlite/log/readers.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>

#include "src/sqlite/connection/wal_format.h"

namespace onelane::inline v0::sqlite {

namespace {

// The bytes that SQLite's unix VFS locks, one for each of the read marks.
constexpr std::uint64_t kReadMarksFirst = wal::kLocksAt + wal::kReadLocks;
constexpr std::uint64_t kReadMarksLast = kReadMarksFirst + wal::kReadMarks - 1;

bool holds(std::uint64_t first, std::uint64_t last, unsigned marks) {
  for (std::uint64_t at = kReadMarksFirst; at <= kReadMarksLast; ++at) {
    const bool wanted = (marks >> (at - kReadMarksFirst) & 1U) != 0;
    if (wanted && first <= at && last >= at) return true;
  }
  return false;
}

std::string read_all(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace

// "1: POSIX  ADVISORY  READ 4711 fe:00:131077 124 124", the device and inode before the range. The
// device is left out: file systems that span several name another one here than stat does.
std::vector<std::int64_t> reading_pids(std::string_view locks, std::uint64_t inode,
                                       unsigned marks) {
  std::vector<std::int64_t> pids;
  std::istringstream lines{std::string(locks)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string number, kind, mode, type, file;
    std::int64_t pid = 0;
    std::uint64_t first = 0, last = 0;
    if (!(fields >> number >> kind >> mode >> type >> pid >> file >> first >> last)) continue;
    if (file.substr(file.rfind(':') + 1) != std::to_string(inode)) continue;
    if (type != "READ" || !holds(first, last, marks) || pid <= 0) continue;
    if (std::find(pids.begin(), pids.end(), pid) == pids.end()) pids.push_back(pid);
  }
  return pids;
}

std::vector<LogReader> readers_of(const std::string& shared_memory, unsigned marks) {
  struct stat found = {};
  if (::stat(shared_memory.c_str(), &found) != 0) return {};
  std::vector<LogReader> readers;
  for (const std::int64_t pid : reading_pids(read_all("/proc/locks"), found.st_ino, marks)) {
    std::string name = read_all("/proc/" + std::to_string(pid) + "/comm");
    if (!name.empty() && name.back() == '\n') name.pop_back();
    readers.push_back({pid, std::move(name)});
  }
  return readers;
}

std::string in_words(const std::vector<LogReader>& readers) {
  std::string who;
  for (const LogReader& reader : readers) {
    if (!who.empty()) who += ", ";
    who += reader.pid == ::getpid()
               ? std::string("a connection of this process")
               : "process " + std::to_string(reader.pid) + " (" + reader.name + ")";
  }
  return who.empty() ? "a connection of this process, or of one that cannot be seen" : who;
}

}  // namespace onelane::inline v0::sqlite
