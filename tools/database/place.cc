#include "tools/database/place.h"

#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <string_view>
#include <system_error>

#include "onelane/options.h"
#include "tools/kit/disk.h"
#include "tools/kit/errors.h"
#include "tools/kit/printable.h"
#include "tools/kit/units.h"

namespace onelane::tools {
namespace {

using namespace std::chrono_literals;
using kit::format_duration;
using kit::format_size;

// sqlite3_libversion_number()s. The library needs the first one; the bug is described in
// https://sqlite.org/wal.html#walresetbug, and was released with these versions.
constexpr int kOldest = 3'037'000;
constexpr int kResetBugFirst = 3'007'000;
constexpr int kResetBugLast = 3'051'002;

Finding version_of_library() {
  const int version = sqlite3_libversion_number();
  Finding out{.what = "SQLite",
              .value = fmt::format("{}, as this program is linked with", sqlite3_libversion())};
  if (version < kOldest) {
    out.verdict = Verdict::must;
    out.advice = "onelane needs 3.37.0 or newer: link a newer SQLite";
  } else if (version >= kResetBugFirst && version <= kResetBugLast) {
    out.verdict = Verdict::note;
    out.advice =
        "of the versions with the WAL-reset bug, 3.7.0 to 3.51.2: another process that checkpoints "
        "while a lane commits can damage the database. onelane's own checkpoints never do; let "
        "others open it read-only or with PRAGMA wal_autocheckpoint=0, or link 3.51.3 or newer";
  }
  return out;
}

Finding threads_of_library() {
  const int safety = sqlite3_threadsafe();
  Finding out{.what = "compiled for threads", .value = fmt::format("THREADSAFE={}", safety)};
  if (safety == 0) {
    out.verdict = Verdict::must;
    out.advice =
        "onelane uses it from several threads: link an SQLite built with THREADSAFE=1 or 2";
  }
  return out;
}

struct BuildOption {
  const char* name;
  std::string_view advice;
};
constexpr std::array kDear{
    BuildOption{"SECURE_DELETE",
                "what is deleted is overwritten with zeros, which writes more: PRAGMA "
                "secure_delete=FAST or OFF, if that is not wanted"},
    BuildOption{"ENABLE_DEBUG", "it checks itself at every step and is many times slower"},
    BuildOption{"DEFAULT_LOCKING_MODE", "onelane sets locking_mode=NORMAL on its connections"},
    BuildOption{"OMIT_LOOKASIDE", "small allocations go to malloc, which costs some percent"}};

Findings options_of_library() {
  Findings out;
  for (const BuildOption& option : kDear) {
    if (sqlite3_compileoption_used(option.name) == 0) continue;
    out.push_back({.what = "compiled with",
                   .value = option.name,
                   .verdict = Verdict::note,
                   .advice = std::string(option.advice)});
  }
  return out;
}

Finding store_of(const std::filesystem::path& folder) {
  const kit::FileSystem found = kit::file_system_of(folder);
  Finding out{.what = "file system", .value = found.name};
  switch (found.store) {
    case kit::Store::disk:
      break;
    case kit::Store::memory:
      out.verdict = Verdict::note;
      out.advice = "in memory: nothing here survives a power cut, whatever is called durable";
      break;
    case kit::Store::network:
      out.verdict = Verdict::must;
      out.advice =
          "not of this machine alone: SQLite's WAL needs shared memory and locks that network file "
          "systems do not give, and a sync may mean nothing. Use a local disk";
      break;
    case kit::Store::layers:
      out.verdict = Verdict::note;
      out.advice =
          "layers, as in a container: the first write copies the whole file up, and the layer goes "
          "with the container. Mount a volume for the database";
      break;
    case kit::Store::unknown:
      out.verdict = Verdict::note;
      out.advice = "not one that is known here: find out whether it is local, and obeys fdatasync";
  }
  return out;
}

Finding room_in(const std::filesystem::path& folder) {
  // The log of a journal with default options, and a quarter more.
  constexpr std::uint64_t kLogBytes = 64 * kMiB * 5 / 4;
  struct statvfs info = {};
  if (statvfs(folder.c_str(), &info) != 0) {
    return {.what = "room on it",
            .value = std::generic_category().message(errno),
            .verdict = Verdict::note};
  }
  const std::uint64_t room = info.f_bavail * std::uint64_t{info.f_frsize};
  Finding out{.what = "room on it", .value = format_size(room)};
  if ((info.f_flag & ST_RDONLY) != 0) {
    out.verdict = Verdict::must;
    out.advice = "it is mounted read-only: remount it for writing";
  } else if (access(folder.c_str(), W_OK | X_OK) != 0) {
    out.verdict = Verdict::must;
    out.advice =
        fmt::format("this user cannot make files in the folder, as SQLite does for its log: {}",
                    std::generic_category().message(errno));
  } else if (room < kLogBytes) {
    out.verdict = Verdict::note;
    out.advice =
        fmt::format("the log alone may grow to {}: make room, or set wal_limit_bytes lower",
                    format_size(kLogBytes));
  }
  return out;
}

Finding floor_of(const Histogram& syncs) {
  constexpr Duration kSlow = 10ms;
  constexpr Duration kTooQuick = 15us;
  const auto time = [](std::uint64_t ns) { return format_duration(Duration(ns)); };
  const Duration usual(static_cast<Duration::rep>(syncs.p50()));
  Finding out{.what = "a page's sync",
              .value = fmt::format("{} p50, {} p99, {} at most ({} syncs)", time(syncs.p50()),
                                   time(syncs.p99()), time(syncs.max()), syncs.count())};
  if (usual > kSlow) {
    out.verdict = Verdict::note;
    out.advice =
        "slow: who waits for durable waits at least this long. Let few wait for it, or give them "
        "an intake; ticks longer than a sync (tick.hold) cost nobody more";
  } else if (usual < kTooQuick) {
    out.verdict = Verdict::note;
    out.advice =
        "quicker than a disk can be: it may not reach one (memory, a virtual machine that ignores "
        "syncs, a mount without barriers). Find out before durable is relied on";
  }
  return out;
}

Finding rate_of(const Histogram& syncs, std::size_t bytes) {
  constexpr double kSlow = 5e6;
  const double seconds = static_cast<double>(syncs.sum()) / 1e9;
  const double rate = static_cast<double>(syncs.count() * bytes) / std::max(seconds, 1e-9);
  Finding out{
      .what = "synced a second",
      .value = fmt::format("{}/s, in parts of {}", format_size(static_cast<std::uint64_t>(rate)),
                           format_size(bytes))};
  if (rate < kSlow) {
    out.verdict = Verdict::note;
    out.advice =
        "slow: each record is written twice, to the log and to the database. Classes that write "
        "more than the disk takes are held back; give the others their guarantees";
  }
  return out;
}

}  // namespace

Findings look_at_library() {
  Findings out{version_of_library(), threads_of_library()};
  append(out, options_of_library());
  return out;
}

Findings look_at_file_system(const std::filesystem::path& folder) {
  return {store_of(folder), room_in(folder)};
}

Findings measure_disk(const std::filesystem::path& folder) {
  constexpr kit::SyncLoad kPages{.bytes = 4096, .times = 200, .limit = 1s};
  constexpr kit::SyncLoad kParts{.bytes = kMiB, .times = 8, .limit = 1s};
  try {
    return {floor_of(kit::measure_syncs(folder, kPages)),
            rate_of(kit::measure_syncs(folder, kParts), kParts.bytes)};
  } catch (const kit::RunError& error) {
    return {
        {.what = "a page's sync",
         .value = kit::printable(error.what()),
         .verdict = Verdict::must,
         .advice = "a journal must write there, too: make room, or give the folder to its user"}};
  }
}

}  // namespace onelane::tools
