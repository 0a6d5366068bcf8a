#include "tools/workload.h"

#include <fmt/format.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <system_error>

#include "tools/kit/errors.h"
#include "tools/kit/printable.h"
#include "tools/replayed.h"
#include "tools/workload/load.h"
#include "tools/workload/text.h"

namespace onelane::tools {
namespace {

using kit::printable;
using kit::UsageError;

struct WorkloadOptions {
  std::string path;
  std::string output;
};

kit::FlagSet workload_flags(WorkloadOptions& o) {
  kit::FlagSet flags(
      "usage: onelane workload TRACE [flags]\n\n"
      "Writes what a trace recorded as a workload file, for onelane-bench run.\n"
      "  onelane workload storm.trace --output mine.json && onelane-bench run mine.json\n\n"
      "A trace has no row: each source writes keys and blobs of the recorded sizes to a table of\n"
      "its own. Put your own SQL in their place; bench/README.md has the file's keys.\n");
  add_trace_operand(flags, o.path);
  flags.group("Output");
  flags.add({.name = "output",
             .placeholder = "FILE",
             .help = "where the workload is written, instead of to stdout",
             .parse = [&o](std::string_view text) {
               if (text.empty()) throw UsageError("'' is no file; it must be a path");
               o.output = text;
             }});
  return flags;
}

void write_to(const std::string& path, const std::string& text) {
  errno = 0;
  std::ofstream file(path, std::ios::binary);
  if (!file) {
    throw UsageError(
        fmt::format("--output: cannot write to '{}': {}; it must be a file in a folder "
                    "that is there",
                    printable(path), std::generic_category().message(errno)));
  }
  if (!(file << text << std::flush)) {
    throw kit::RunError(fmt::format("cannot write to '{}': {}", printable(path),
                                    std::generic_category().message(errno == 0 ? EIO : errno)));
  }
}

int workload_main(const std::vector<std::string>& arguments) {
  WorkloadOptions options;
  if (!workload_flags(options).parse(arguments, std::cout)) return kit::kExitOk;
  const Trace trace = trace_of(options.path);
  if (const Status valid = validate(trace.budgets); !valid.ok()) {
    throw UsageError(fmt::format("{}: its budgets are no journal's: {}", printable(options.path),
                                 valid.message()));
  }
  const RecordedLoad load = load_of(trace);
  if (load.sources.empty()) {
    throw UsageError(fmt::format(
        "{}: {} units are recorded, of which none writes anything often enough for a rate; a "
        "workload needs a trace of a journal that was written to",
        printable(options.path), trace.units.size()));
  }
  const std::string text =
      workload_text(trace, load, std::filesystem::path(options.path).filename().string());
  if (options.output.empty()) {
    fmt::print("{}", text);
  } else {
    write_to(options.output, text);
  }
  return kit::kExitOk;
}

}  // namespace

Command workload_command() {
  return {
      .name = "workload",
      .group = "From a recorded run",
      .summary = "a recorded run as a workload file, for onelane-bench run",
      .about =
          "Reads a file that JournalOptions::trace has recorded, and writes one that onelane-bench "
          "run reads: the classes with their options, and a source for each class, call site and "
          "way of pushing, with the recorded rate or the recorded threads and their pauses, and "
          "with the recorded sizes.\n\n"
          "A trace has no row and no SQL. So each source has a table of its own, and writes keys "
          "and blobs to it; of a job's steps, which write what a trace does not have, a row each. "
          "The file begins with comments that say what each source was, and what is left out.",
      .flags =
          [] {
            static WorkloadOptions unused;
            return workload_flags(unused);
          },
      .run = workload_main,
  };
}

}  // namespace onelane::tools
