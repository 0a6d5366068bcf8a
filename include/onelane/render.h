// A snapshot as text: for Prometheus, as JSON, as a page, and as sentences (target
// onelane::render).
//
//   const std::string page = onelane::render::html(
//       journal.stats(), {.title = "peerd", .health = journal.health()});
//
// Pure functions of their arguments, for any thread: they ask no clock, no journal and no network.
// They throw std::bad_alloc and nothing else. Whatever comes from outside (names, labels, causes)
// is escaped, and bytes that are no UTF-8 are replaced. onelane/http.h serves what these give.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "onelane/clock.h"
#include "onelane/stats.h"

namespace onelane::inline v0::render {

// Whether the journal that the snapshot is of still runs.
enum class Standing : std::uint8_t {
  running,
  closed,  // the snapshot is its last
  forked,  // this process was forked from the one that opened it: the snapshot is empty
};

// What the snapshot does not say of itself. Everything is optional.
struct About {
  std::string title{};  // of the page: the program and its database. Empty: "onelane"
  // Of what it runs on, for the page's first sentences: the machine, the disk, SQLite's version.
  std::string note{};
  Health health{};
  Standing standing = Standing::running;
  std::optional<std::int64_t> unix_time{};  // in seconds, when the snapshot was taken
  // After what time a page fetches itself again; at least 1 s. 0: it stays as it is.
  Duration refresh{0};
};

// What most of the waiting of the last minute went to.
enum class Offender : std::uint8_t {
  nobody,          // nobody waited for long
  write_class,     // its work in ticks
  job,             // steps of one job
  foreign_writer,  // that is not of the journal, and had the write lock
  reader,          // it keeps the log from being copied back
  disk,            // syncs, checkpoints and pauses for them
};

// The offender's name as it is written above, "foreign_writer". Stable.
std::string_view name(Offender offender) noexcept;

// Whether anything is wrong, who makes the others wait, and who they are: the page's first two
// answers, as sentences for a person.
struct Verdict {
  bool ok = true;         // nothing is wrong
  std::string condition;  // "All is well.", or what is wrong and why
  Offender offender = Offender::nobody;
  std::string offender_name;         // of the class, the job, or the reading program; else empty
  std::string blame;                 // who it is, with figures
  std::vector<std::string> victims;  // who waited for what, the longest first; at most 3
};

// A condition comes first: a reader that pins the log, somebody else with the lock, a store that
// takes no commits. Without one, the offender is what the classes waited behind longest, their own
// work aside, in the last minute; nobody, if that is under 1 % of it.
Verdict judge(const JournalStats& stats, const About& about = {});

// The text format of Prometheus, version 0.0.4: names begin with "onelane_", seconds and bytes.
// Waits and totals are histograms with fixed bounds from 100 us to 10 s; a value can be counted one
// bound too high if it is less than 3.2 % below a bound. Figures of call sites are summaries of
// the last minute. Labels are class, site and the like; what was waited behind is left out where
// it is 0.
std::string prometheus(const JournalStats& stats, const About& about = {});

// All of the snapshot as one JSON object. "schema" is 1, and grows when a name changes its meaning
// or goes. Names end with their unit; times are ages at the snapshot ("age_ns"), for the journal's
// clock means nothing elsewhere; a histogram is {count, sum, max, p50, p90, p99}.
std::string json(const JournalStats& stats, const About& about = {});

// One self-contained page, which asks no other host for anything. With About::refresh it has a
// script that fetches the page's own address.
std::string html(const JournalStats& stats, const About& about = {});

}  // namespace onelane::inline v0::render
