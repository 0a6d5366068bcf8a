#include "bench/kit/environment.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string_view>
#include <thread>

#include "bench/kit/errors.h"
#include "bench/kit/times.h"
#include "onelane/version.h"
#include "tools/kit/disk.h"

namespace onelane::bench {
namespace {

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

}  // namespace

Environment measure_environment(const std::filesystem::path& directory) {
  return {.date = date_now(),
          .processor = processor_name(),
          .processors = std::thread::hardware_concurrency(),
          .sqlite_version = sqlite3_libversion(),
          .sqlite_options = compile_options(),
          .file_system = kit::file_system_of(directory).name,
          .sync = kit::measure_syncs(directory)};
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
