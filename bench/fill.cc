#include "bench/fill.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iostream>
#include <optional>

#include "bench/contestants/sqlite.h"
#include "bench/contestants/trial.h"
#include "bench/kit/errors.h"
#include "bench/kit/question.h"

namespace onelane::bench {
namespace {

// A workload of db_bench, by its name there. Its keys are numbers, in their order or drawn.
struct Fill {
  std::string_view name;
  std::size_t value_bytes = 100;
  Keys keys = Keys::drawn;
  std::uint64_t rows_per_write = 1;
  std::uint64_t fewer = 1;         // divides the number of rows
  bool synced_one_by_one = false;  // each write is waited for, on the disk
  bool written_before = false;     // the same keys have been written once
};

constexpr std::array kFills{
    Fill{.name = "fillseq", .keys = Keys::each_its_own},
    Fill{.name = "fillrandom"},
    Fill{.name = "overwrite", .written_before = true},
    Fill{.name = "fillbatch", .keys = Keys::each_its_own, .rows_per_write = 1000},
    Fill{.name = "fillsync", .fewer = 50, .synced_one_by_one = true},
    Fill{.name = "fill100K", .value_bytes = 100'000, .fewer = 100}};

struct FillOptions {
  std::vector<Fill> fills;
  std::optional<std::uint64_t> rows;
  Synchronous synchronous = Synchronous::normal;
  Field field;
};

std::string fill_names() {
  std::string names;
  for (const Fill& fill : kFills) names += fmt::format("{}{}", names.empty() ? "" : ",", fill.name);
  return names;
}

std::vector<Fill> parse_fills(std::string_view text) {
  std::vector<Fill> chosen;
  for (const std::string& part : split_list(text)) {
    auto found = std::find_if(kFills.begin(), kFills.end(),
                              [&part](const Fill& fill) { return fill.name == part; });
    if (found == kFills.end()) {
      throw UsageError(fmt::format("'{}' is none of {}", part, fill_names()));
    }
    chosen.push_back(*found);
  }
  return chosen;
}

void add_workload_flags(FlagSet& flags, FillOptions& o) {
  flags.group("Workload");
  flags.add({"workloads", "LIST", fill_names(), "of db_bench, one case each",
             into(o.fills, parse_fills)});
  flags.add({"rows", "N", "",
             "rows of a run (100000); a 50th of them for fillsync, a 100th for fill100K",
             into(o.rows, parse_count)});
  flags.add({"synchronous", "LEVEL", "normal",
             "normal, or full: a commit is synced; fillsync is always full",
             into(o.synchronous, parse_synchronous)});
  add_field_flags(flags, o.field, "mutex,ceiling,onelane,rocksdb,leveldb,pg_pipeline,pg_onelane");
}

Workload workload_of(const Fill& fill, const FillOptions& o, std::uint64_t seed) {
  std::uint64_t writes = std::max<std::uint64_t>(*o.rows / fill.fewer / fill.rows_per_write, 1);
  Workload workload{.rows = std::make_shared<Rows>(seed, fill.value_bytes, KeyOrder::ascending),
                    .synchronous = fill.synced_one_by_one ? Synchronous::full : o.synchronous,
                    .acknowledgement = fill.synced_one_by_one ? Acknowledgement::waited_for
                                                              : Acknowledgement::not_waited_for,
                    .load = {.rows = writes * fill.rows_per_write,
                             .rows_per_write = fill.rows_per_write,
                             .keys = fill.keys,
                             .timed = false}};
  if (fill.written_before) {
    workload.before = workload.load;
    workload.load.first = workload.load.rows;
  }
  return workload;
}

std::vector<Case> cases_of(const FillOptions& o, std::uint64_t seed,
                           const std::filesystem::path& directory) {
  std::vector<Case> cases;
  for (const Fill& fill : o.fills) {
    cases.push_back(
        make_case(std::string(fill.name), o.field, workload_of(fill, o, seed), directory));
  }
  return cases;
}

}  // namespace

int fill_main(const std::vector<std::string>& arguments) {
  QuestionOptions options;
  FillOptions own;
  FlagSet flags(
      "usage: onelane-bench fill [flags]\n\n"
      "The writing workloads of LevelDB's db_bench: one thread, 16-byte keys, 100-byte values; a "
      "run ends\nwhen all is committed.\n");
  add_workload_flags(flags, own);
  add_question_flags(flags, options);
  if (!flags.parse(arguments, std::cout)) return kExitOk;
  complete(own.field, options);
  own.rows = chosen(own.rows, options, 1000, 100'000);

  Scratch scratch(options.directory);
  Question question{.name = "fill",
                    .subject = own.field.subject,
                    .settings = {{"wal_limit", format_size(*own.field.wal_limit_bytes)},
                                 {"rows", *own.rows},
                                 {"synchronous", name(own.synchronous)}},
                    .pragmas = pragmas_of({.path = scratch.path() / "pragmas",
                                           .synchronous = own.synchronous,
                                           .wal_limit_bytes = *own.field.wal_limit_bytes}),
                    .server = server_of(own.field, own.synchronous),
                    .cases = cases_of(own, options.seed, scratch.path())};
  return answer(question, options, scratch);
}

}  // namespace onelane::bench
