#include "bench/bulk.h"

#include <fmt/format.h>

#include <array>
#include <iostream>
#include <optional>

#include "bench/contestants/sqlite.h"
#include "bench/contestants/trial.h"
#include "bench/kit/errors.h"
#include "bench/kit/question.h"

namespace onelane::bench {
namespace {

// A kind of rows, and how many of them are a run.
struct Kind {
  std::string_view name;
  std::size_t value_bytes;
  std::uint64_t smoke_rows;
  std::uint64_t real_rows;
};

constexpr std::array kKinds{Kind{"small", 100, 1000, 100'000}, Kind{"blob", 4096, 200, 20'000}};

struct BulkOptions {
  std::optional<std::vector<std::uint64_t>> producers;
  std::vector<Kind> kinds;
  std::optional<std::uint64_t> rows;
  Synchronous synchronous = Synchronous::normal;
  Field field;
};

std::vector<Kind> parse_kinds(std::string_view text) {
  std::vector<Kind> chosen;
  for (const std::string& part : split_list(text)) {
    auto found = std::find_if(kKinds.begin(), kKinds.end(),
                              [&part](const Kind& kind) { return kind.name == part; });
    if (found == kKinds.end()) {
      throw UsageError(fmt::format("'{}' is neither small nor blob", part));
    }
    chosen.push_back(*found);
  }
  return chosen;
}

void add_workload_flags(FlagSet& flags, BulkOptions& o) {
  flags.group("Workload");
  flags.add({"producers", "LIST", "", "how many threads push, one case each (1,4,16,64,256)",
             into(o.producers, parse_thread_counts)});
  flags.add({"kinds", "LIST", "small,blob", "values of 100 bytes (small) or 4 KiB (blob)",
             into(o.kinds, parse_kinds)});
  flags.add({"rows", "N", "", "rows of a run (100000 small ones or 20000 blobs)",
             into(o.rows, parse_count)});
  flags.add({"synchronous", "LEVEL", "normal", "normal, or full: a commit is synced",
             into(o.synchronous, parse_synchronous)});
  add_field_flags(flags, o.field, "fixed_batch,ceiling,onelane,pg_pipeline,pg_onelane");
}

std::vector<Case> cases_of(const BulkOptions& o, const QuestionOptions& options,
                           const std::filesystem::path& directory) {
  std::vector<Case> cases;
  for (const Kind& kind : o.kinds) {
    auto rows = std::make_shared<Rows>(options.seed, kind.value_bytes, KeyOrder::random);
    std::uint64_t count = chosen(o.rows, options, kind.smoke_rows, kind.real_rows);
    for (std::uint64_t producers : *o.producers) {
      Workload workload{.rows = rows,
                        .synchronous = o.synchronous,
                        .acknowledgement = Acknowledgement::not_waited_for,
                        .load = {.threads = producers, .rows = count, .timed = false}};
      cases.push_back(make_case(fmt::format("p{}_{}", producers, kind.name), o.field,
                                warmed_up(workload, o.field), directory));
    }
  }
  return cases;
}

}  // namespace

int bulk_main(const std::vector<std::string>& arguments) {
  QuestionOptions options;
  BulkOptions own;
  FlagSet flags(
      "usage: onelane-bench bulk [flags]\n\n"
      "Threads that write rows for which nobody waits; a run ends when all of them are "
      "committed.\n");
  add_workload_flags(flags, own);
  add_question_flags(flags, options);
  if (!flags.parse(arguments, std::cout)) return kExitOk;
  complete(own.field, options);
  own.producers = chosen(own.producers, options, {1, 4}, {1, 4, 16, 64, 256});

  Scratch scratch(options.directory);
  Question question{.name = "bulk",
                    .subject = own.field.subject,
                    .settings = {{"wal_limit", format_size(*own.field.wal_limit_bytes)},
                                 {"producers", *own.producers},
                                 {"synchronous", name(own.synchronous)}},
                    .pragmas = pragmas_of({.path = scratch.path() / "pragmas",
                                           .synchronous = own.synchronous,
                                           .wal_limit_bytes = *own.field.wal_limit_bytes}),
                    .server = server_of(own.field, own.synchronous),
                    .cases = cases_of(own, options, scratch.path())};
  for (const Kind& kind : own.kinds) {
    question.settings[fmt::format("{}_rows", kind.name)] =
        chosen(own.rows, options, kind.smoke_rows, kind.real_rows);
  }
  return answer(question, options, scratch);
}

}  // namespace onelane::bench
