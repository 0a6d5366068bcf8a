#include "bench/callers.h"

#include <fmt/format.h>

#include <iostream>
#include <optional>

#include "bench/contestants/sqlite.h"
#include "bench/contestants/trial.h"
#include "bench/kit/errors.h"
#include "bench/kit/question.h"

namespace onelane::bench {
namespace {

struct CallersOptions {
  std::optional<std::vector<std::uint64_t>> threads;
  std::optional<std::uint64_t> writes;
  Nanoseconds longest{0};
  Synchronous synchronous = Synchronous::full;
  Field field;
};

void add_workload_flags(FlagSet& flags, CallersOptions& o) {
  flags.group("Workload");
  flags.add({"threads", "LIST", "", "how many threads, one case each (1,4,16,64,256)",
             into(o.threads, parse_thread_counts)});
  flags.add(
      {"writes", "N", "", "a run ends after so many writes (200000)", into(o.writes, parse_count)});
  flags.add({"longest", "TIME", "4s", "or after so long", into(o.longest, parse_duration)});
  flags.add({"synchronous", "LEVEL", "full", "normal, or full: a commit is synced",
             into(o.synchronous, parse_synchronous)});
  add_field_flags(flags, o.field,
                  "direct,mutex,fixed_batch,leader,ceiling,onelane,rocksdb,leveldb,"
                  "pg_autocommit,pg_pool,pg_pipeline,pg_onelane");
}

std::vector<Case> cases_of(const CallersOptions& o, const QuestionOptions& options,
                           const std::filesystem::path& directory) {
  auto rows = std::make_shared<Rows>(options.seed, kValueBytes, KeyOrder::random);
  std::vector<Case> cases;
  for (std::uint64_t threads : *o.threads) {
    Workload workload{.rows = rows,
                      .synchronous = o.synchronous,
                      .load = {.threads = threads, .rows = *o.writes, .longest = o.longest}};
    cases.push_back(
        make_case(fmt::format("t{}", threads), o.field, warmed_up(workload, o.field), directory));
  }
  return cases;
}

}  // namespace

int callers_main(const std::vector<std::string>& arguments) {
  QuestionOptions options;
  CallersOptions own;
  FlagSet flags(
      "usage: onelane-bench callers [flags]\n\n"
      "Threads that each write one row (16-byte key, 100-byte value) and wait for it, over and "
      "over.\n");
  add_workload_flags(flags, own);
  add_question_flags(flags, options);
  if (!flags.parse(arguments, std::cout)) return kExitOk;
  complete(own.field, options);
  own.threads = chosen(own.threads, options, {1, 8}, {1, 4, 16, 64, 256});
  own.writes = chosen(own.writes, options, 40, 200'000);

  Scratch scratch(options.directory);
  Question question{.name = "callers",
                    .subject = own.field.subject,
                    .settings = {{"wal_limit", format_size(*own.field.wal_limit_bytes)},
                                 {"threads", *own.threads},
                                 {"writes", *own.writes},
                                 {"longest", format_duration(own.longest)},
                                 {"synchronous", name(own.synchronous)}},
                    .pragmas = pragmas_of({.path = scratch.path() / "pragmas",
                                           .synchronous = own.synchronous,
                                           .wal_limit_bytes = *own.field.wal_limit_bytes}),
                    .server = server_of(own.field, own.synchronous),
                    .cases = cases_of(own, options, scratch.path())};
  return answer(question, options, scratch);
}

}  // namespace onelane::bench
