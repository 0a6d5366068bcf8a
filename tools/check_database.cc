#include "tools/check_database.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>

#include "tools/database/files.h"
#include "tools/database/finding.h"
#include "tools/database/inside.h"
#include "tools/database/others.h"
#include "tools/database/place.h"
#include "tools/kit/errors.h"
#include "tools/kit/interrupt.h"
#include "tools/kit/json_file.h"
#include "tools/kit/printable.h"
#include "tools/kit/terminal.h"
#include "tools/kit/units.h"

namespace onelane::tools {
namespace {

using nlohmann::json;

struct CheckOptions {
  std::filesystem::path database;
  InsideOptions inside;
  bool no_disk = false;
  std::optional<std::string> json;
};

kit::FlagSet check_flags(CheckOptions& o) {
  using kit::into;
  kit::FlagSet flags(
      "usage: onelane check DB [flags]\n\n"
      "Is this database fit for a lane? It is read, and never written to. Exit code 1: something\n"
      "must be done.\n");
  flags.operand({.placeholder = "DB",
                 .help = "the file of an SQLite database",
                 .parse = [&o](std::string_view text) { o.database = text; }});
  flags.group("What to look at");
  flags.add({.name = "deep",
             .help = "integrity_check instead of quick_check, and all foreign keys",
             .parse = kit::on(o.inside.deep)});
  flags.add(
      {.name = "no-disk",
       .help = "do not measure the disk's syncs, which writes up to 10MiB beside the database",
       .parse = kit::on(o.no_disk)});
  flags.add({.name = "time-limit",
             .placeholder = "TIME",
             .default_value = "10s",
             .help = "for each check that reads the whole database",
             .parse = into(o.inside.limit, kit::parse_duration)});
  flags.add({.name = "look",
             .placeholder = "TIME",
             .default_value = "1s",
             .help = "how long to look for commits of others; 0: not at all",
             .parse = into(o.inside.look, kit::parse_duration)});
  flags.group("Output");
  kit::add_json_flag(flags, o.json);
  return flags;
}

json to_json(const Findings& findings) {
  json out = json::array();
  for (const Finding& finding : findings) {
    out.push_back({{"what", finding.what},
                   {"value", finding.value},
                   {"verdict", name(finding.verdict)},
                   {"advice", finding.advice}});
  }
  return out;
}

void print(const Findings& findings, std::FILE* output) {
  constexpr std::size_t kVerdictColumns = 6;
  constexpr std::size_t kColumns = 100;
  std::size_t what_columns = 0;
  for (const Finding& finding : findings)
    what_columns = std::max(what_columns, finding.what.size());
  const std::size_t indent = kVerdictColumns + what_columns + 2;
  for (const Finding& finding : findings) {
    std::string verdict = fmt::format("{:{}}", name(finding.verdict), kVerdictColumns);
    if (finding.verdict == Verdict::must) verdict = kit::bold(verdict, output);
    fmt::print(output, "{}{:{}}  {}\n", verdict, finding.what, what_columns,
               kit::wrapped(finding.value, {indent, kColumns}));
    if (!finding.advice.empty()) {
      fmt::print(output, "{:{}}-> {}\n", "", indent,
                 kit::wrapped(finding.advice, {indent + 3, kColumns}));
    }
  }
}

std::ptrdiff_t count(const Findings& findings, Verdict verdict) {
  return std::count_if(findings.begin(), findings.end(),
                       [verdict](const Finding& finding) { return finding.verdict == verdict; });
}

Findings look(const CheckOptions& options, const DatabaseFile& file) {
  kit::Progress progress;
  const std::filesystem::path folder = file.path.parent_path();
  Findings out = look_at_file(options.database, file);
  append(out, look_beside(file));
  // Before SQLite has it open: to close a descriptor of the file would drop SQLite's locks.
  append(out, look_at_others(file));
  progress.show("reading the database");
  append(out, look_inside(file, options.inside));
  append(out, look_at_library());
  append(out, look_at_file_system(folder));
  progress.show("measuring the disk");
  if (!options.no_disk && !kit::interrupted()) append(out, measure_disk(folder));
  return out;
}

int check_main(const std::vector<std::string>& arguments) {
  CheckOptions options;
  if (!check_flags(options).parse(arguments, std::cout)) return kit::kExitOk;
  kit::JsonFile result(options.json);
  kit::catch_interrupt();
  const DatabaseFile file = find_database(options.database);
  const Findings findings = look(options, file);
  const auto must = count(findings, Verdict::must);
  print(findings, result.text());
  if (kit::interrupted()) {
    fmt::print(result.text(), "\ninterrupted by {}\n", kit::interrupted_by());
  } else if (must == 0) {
    fmt::print(result.text(), "\nfit for a lane; {} to note\n", count(findings, Verdict::note));
  } else {
    fmt::print(result.text(), "\n{} must be done before it is fit for a lane\n",
               must == 1 ? "one thing" : fmt::format("{} things", must));
  }
  result.write({{"schema", 1},
                {"database", file.path.string()},
                {"fit", must == 0},
                {"interrupted", kit::interrupted()},
                {"findings", to_json(findings)}});
  if (kit::interrupted()) return kit::interrupted_code();
  return must == 0 ? kit::kExitOk : kit::kExitFailed;
}

}  // namespace

Command check_command() {
  return {
      .name = "check",
      .group = "Before a program runs",
      .summary = "is this database fit for a lane, and what is to be done",
      .about =
          "Looks at a database, what lies beside it, who has it open, the SQLite that this "
          "program is linked with, the file system and the disk. Each line says what was found, "
          "whether it is well, good to know, or must be done, and what to do.\n\n"
          "The database is opened read-only, and nothing in its schema is trusted or run. "
          "Nothing is written to it, and no lock is taken but a reader's. If its log is there "
          "without its index, SQLite makes the index, as for every reader.\n\n"
          "The disk is measured with a file without a name in the database's folder, for at "
          "most two seconds.",
      .flags =
          [] {
            static CheckOptions unused;
            return check_flags(unused);
          },
      .run = check_main};
}

}  // namespace onelane::tools
