#include "src/sqlite/readers.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>

namespace onelane::sqlite {

namespace {

// The bytes of the "-shm" file that SQLite's unix VFS locks, one for each of the read marks: a
// reader of the bare database file has the first.
constexpr std::uint64_t kReadMarksFirst = 123;
constexpr std::uint64_t kReadMarksLast = 127;

std::string read_all(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace

// "1: POSIX  ADVISORY  READ 4711 fe:00:131077 124 124", the device and inode before the range. The
// device is left out: file systems that span several name another one here than stat does.
std::vector<std::int64_t> reading_pids(std::string_view locks, std::uint64_t inode,
                                       std::int64_t self) {
  std::vector<std::int64_t> pids;
  std::istringstream lines{std::string(locks)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string number, kind, mode, type, file;
    std::int64_t pid = 0;
    std::uint64_t first = 0, last = 0;
    if (!(fields >> number >> kind >> mode >> type >> pid >> file >> first >> last)) continue;
    if (file.substr(file.rfind(':') + 1) != std::to_string(inode)) continue;
    const bool reads = type == "READ" && first <= kReadMarksLast && last >= kReadMarksFirst;
    if (!reads || pid <= 0 || pid == self) continue;
    if (std::find(pids.begin(), pids.end(), pid) == pids.end()) pids.push_back(pid);
  }
  return pids;
}

std::vector<LogReader> readers_of(const std::string& shared_memory) {
  struct stat found = {};
  if (::stat(shared_memory.c_str(), &found) != 0) return {};
  std::vector<LogReader> readers;
  for (const std::int64_t pid : reading_pids(read_all("/proc/locks"), found.st_ino, ::getpid())) {
    std::string name = read_all("/proc/" + std::to_string(pid) + "/comm");
    if (!name.empty() && name.back() == '\n') name.pop_back();
    readers.push_back({pid, std::move(name)});
  }
  return readers;
}

}  // namespace onelane::sqlite
