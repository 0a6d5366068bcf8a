#include "bench/kit/environment.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string_view>
#include <system_error>
#include <thread>

#include "bench/kit/errors.h"
#include "bench/kit/times.h"
#include "onelane/version.h"

namespace onelane::bench {
namespace {

constexpr int kSyncs = 200;
constexpr std::size_t kPageBytes = 4096;

// Prefixes of the compile options that speed a write up or down.
constexpr std::array<std::string_view, 9> kOptionsOfInterest{
    "SECURE_DELETE",      "DEFAULT_LOOKASIDE", "OMIT_LOOKASIDE",
    "THREADSAFE",         "DEFAULT_MEMSTATUS", "DIRECT_OVERFLOW",
    "DEFAULT_CACHE_SIZE", "DEFAULT_PAGE_SIZE", "ENABLE_DEBUG"};

std::vector<std::string> compile_options() {
  std::vector<std::string> found;
  for (int i = 0; const char* option = sqlite3_compileoption_get(i); ++i) {
    std::string_view text = option;
    bool wanted = std::any_of(kOptionsOfInterest.begin(), kOptionsOfInterest.end(),
                              [text](std::string_view prefix) { return text.starts_with(prefix); });
    if (wanted) found.emplace_back(text);
  }
  return found;
}

// The magic numbers are in statfs(2).
std::string file_system_of(const std::filesystem::path& directory) {
  struct Known {
    std::int64_t magic;
    std::string_view name;
  };
  constexpr std::array kKnown{Known{0xEF53, "ext4"},          Known{0x58465342, "xfs"},
                              Known{0x9123683E, "btrfs"},     Known{0x01021994, "tmpfs"},
                              Known{0x794C7630, "overlayfs"}, Known{0x2FC12FC1, "zfs"},
                              Known{0x6969, "nfs"},           Known{0xF2F52010, "f2fs"}};
  struct statfs info = {};
  if (statfs(directory.c_str(), &info) != 0) return "unknown";
  std::int64_t magic = static_cast<std::int64_t>(info.f_type) & 0xFFFFFFFF;
  for (const Known& known : kKnown) {
    if (known.magic == magic) return std::string(known.name);
  }
  return fmt::format("0x{:x}", magic);
}

std::string date_now() {
  const std::time_t now = std::time(nullptr);
  std::tm fields = {};
  std::array<char, 32> text = {};
  gmtime_r(&now, &fields);
  return {text.data(), std::strftime(text.data(), text.size(), "%F %R UTC", &fields)};
}

std::string processor_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    const std::size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "";
}

Histogram time_syncs(int file) {
  using Clock = std::chrono::steady_clock;
  const std::array<char, kPageBytes> page{};
  Histogram times;
  for (int i = 0; i < kSyncs; ++i) {
    Clock::time_point start = Clock::now();
    bool written = write(file, page.data(), page.size()) == static_cast<ssize_t>(page.size());
    if (!written || fdatasync(file) != 0) {
      throw RunError(
          fmt::format("cannot write and sync: {}", std::generic_category().message(errno)));
    }
    times.record(Clock::now() - start);
  }
  return times;
}

}  // namespace

Histogram measure_syncs(const std::filesystem::path& directory) {
  std::string name = directory / "sync-XXXXXX";
  int file = mkstemp(name.data());
  if (file < 0) {
    throw RunError(fmt::format("cannot make a file in {}: {}", directory.string(),
                               std::generic_category().message(errno)));
  }
  unlink(name.c_str());
  struct Closer {
    int file;
    ~Closer() { close(file); }
  } closer{file};
  return time_syncs(file);
}

Environment measure_environment(const std::filesystem::path& directory) {
  return {.date = date_now(),
          .processor = processor_name(),
          .processors = std::thread::hardware_concurrency(),
          .sqlite_version = sqlite3_libversion(),
          .sqlite_options = compile_options(),
          .file_system = file_system_of(directory),
          .sync = measure_syncs(directory)};
}

nlohmann::json to_json(const Environment& environment) {
  return {{"date", environment.date},
          {"processor", environment.processor},
          {"processors", environment.processors},
          {"onelane_version", ONELANE_VERSION_STRING},
          {"sqlite_version", environment.sqlite_version},
          {"sqlite_options", environment.sqlite_options},
          {"file_system", environment.file_system},
          {"sync_ms", times_json(environment.sync)}};
}

std::string to_text(const Environment& environment) {
  return fmt::format(
      "machine   {} processors; databases on {}, where syncing a page takes {} ms (p50 / p99 / "
      "max)\nSQLite    {}, {}\n",
      environment.processors, environment.file_system, times_text(environment.sync),
      environment.sqlite_version, fmt::join(environment.sqlite_options, ", "));
}

}  // namespace onelane::bench
