// Flags, environment and a file for everybody's budgets: any program gets them for its journal and
// its write classes. A component of its own, onelane::flags, which needs Boost.Program_options:
// find_package(onelane COMPONENTS flags), or pkg-config onelane-flags.
//
//   flags::Lane lane({.journal = {.schema = kSchema},
//                     .classes = {{.name = "peers", .weight = 4}, {.name = "blobs"}}});
//   Result<std::vector<std::string>> rest = lane.parse(argc, argv);
//   if (!rest) return fail(rest.status().message());
//   if (lane.print_wanted()) return say(lane.print());
//   Result<Journal> journal = Journal::open("app.db", lane.journal());
//   for (const ClassOptions& options : lane.classes()) ... journal->add_class(options) ...
//
// What then can be set, each later one wins over those before it:
//   the program    what it gives to Lane
//   a file         --lane.config FILE, or ONELANE_CONFIG: lines KEY = VALUE under [lane] and
//                  [class NAME]; # begins a comment; a value that contains one stands in quotes
//   environment    ONELANE_TICK_HOLD=5ms: a key of journal_fields() in capitals, with _ for . and
//   -;
//                  ONELANE_CLASS_PEERS="weight=4,max-delay=20ms"
//   flags          --lane.tick.hold 5ms (or --lane.tick): a key of journal_fields();
//                  --lane.class peers:weight=4,max-delay=20ms, as often as wanted
// and --lane.print, with which the program is to show each value and where it came from.
// Keys and values are those of option_text.h.
//
// A Lane is one thread's at a time. It reads the environment in parse() alone.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "onelane/options.h"
#include "onelane/status.h"

namespace onelane::inline v0::flags {

// What a program starts from.
struct Defaults {
  JournalOptions journal{};
  // The classes that the program has: others cannot be set.
  std::vector<ClassOptions> classes{};
  // Of the flags, and the section's name: a program with two journals has two, with "--cache.tick".
  std::string prefix = "lane";
  // Of the variables. Empty: the environment is not looked at.
  std::string environment = "ONELANE_";
};

class Lane {
 public:
  explicit Lane(Defaults defaults);
  Lane(Lane&&) noexcept;
  Lane& operator=(Lane&&) noexcept;
  ~Lane();

  // Takes what is the lane's, and returns the other arguments as they were, without the program's
  // name: flags that do not begin with --lane., and "--" with all that follows it. Everything is
  // checked as validate() does, and that the guarantees of all classes fit a tick.
  // invalid_argument names the flag, variable, or file and line, the value, and what would be
  // right; then journal() and classes() are the program's own.
  Result<std::vector<std::string>> parse(int argc, const char* const* argv);
  // The same, with an environment ("NAME=value" each) other than the process's.
  Result<std::vector<std::string>> parse(const std::vector<std::string>& arguments,
                                         const std::vector<std::string>& environment);

  // Valid as long as the Lane, until it parses again.
  const JournalOptions& journal() const noexcept;
  // In the order of the program's.
  const std::vector<ClassOptions>& classes() const noexcept;
  // invalid_argument for a class that the program did not name.
  Result<ClassOptions> class_options(std::string_view name) const;

  // Whether --lane.print was given.
  bool print_wanted() const noexcept;
  // Each value and where it came from: a flag, a variable, a file and line, "program" or
  // "default". It can be read again as a file.
  std::string print() const;
  // The flags and the keys of classes, with the program's defaults, for its --help.
  std::string help() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace onelane::inline v0::flags
