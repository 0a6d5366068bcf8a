#include "bench/run/format.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "bench/run/document.h"
#include "onelane/option_text.h"

namespace onelane::bench::run {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kNameBytesMax = 100;
constexpr std::size_t kSqlBytesMax = 64 * kKiB;
constexpr std::size_t kSourcesMax = 64;
constexpr std::size_t kRowSpecsMax = 16;
constexpr std::size_t kColumnsMax = 64;
constexpr std::uint64_t kRowsOfUnitMax = 10'000;
constexpr std::uint64_t kKeysMax = std::uint64_t{1} << 53;  // a double holds them exactly
constexpr std::uint64_t kValueBytesMax = 16 * kMiB;
constexpr std::uint64_t kUnitBytesMax = 256 * kMiB;
constexpr std::uint64_t kThreadsMax = 4096;
constexpr std::uint64_t kJobUnitsMax = 10'000;
constexpr double kPerSecondMax = 1e6;

// Texts are a name that several columns give their draw, so that they have the same.
constexpr std::uint64_t draw_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (const char each : text) hash = (hash ^ static_cast<unsigned char>(each)) * 0x100000001b3;
  return hash;
}

void read_bytes(const Part& part, ColumnSpec& column) {
  if (!part.is_list()) {
    column.bytes_min = column.bytes_max = part.size({0, kValueBytesMax});
    return;
  }
  const std::vector<Part> ends = part.list({2, 2});
  column.bytes_min = ends[0].size({0, kValueBytesMax});
  column.bytes_max = ends[1].size({0, kValueBytesMax});
  if (column.bytes_max < column.bytes_min) part.wrong("must have the smaller size first");
}

ColumnSpec read_column(const Part& part) {
  part.keys({"type", "key", "of", "each", "draw", "bytes"});
  ColumnSpec column;
  column.type =
      static_cast<ColumnType>(part.at("type").choice({"integer", "real", "text", "blob"}));
  if (part.has("key")) {
    column.keys = static_cast<Keys>(part.at("key").choice({"sequential", "random", "hot"}));
  }
  const bool drawn = column.keys != Keys::sequential;
  if (part.has("of")) column.of = part.at("of").count({1, kKeysMax});
  if (drawn && column.of == 0) part.wrong("a random or hot key needs \"of\": how many there are");
  if (part.has("each")) {
    if (drawn) part.at("each").wrong("is for sequential keys only");
    column.each = part.at("each").count({1, kKeysMax});
  }
  column.draw = draw_of(part.path());
  if (part.has("draw")) {
    if (!drawn) part.at("draw").wrong("is for random and hot keys only");
    column.draw = draw_of(part.at("draw").text(kNameBytesMax));
  }
  const bool sized = column.type == ColumnType::text || column.type == ColumnType::blob;
  if (sized) read_bytes(part.at("bytes"), column);
  if (!sized && part.has("bytes")) part.at("bytes").wrong("is for texts and blobs only");
  return column;
}

RowSpec read_row(const Part& part) {
  part.keys({"sql", "columns", "coalesce", "count", "found", "total"});
  RowSpec row;
  row.sql = part.at("sql").text(kSqlBytesMax);
  for (const Part& each : part.at("columns").list({1, kColumnsMax})) {
    row.columns.push_back(read_column(each));
  }
  if (part.has("count")) row.count = part.at("count").count({1, kRowsOfUnitMax});
  if (part.has("coalesce")) {
    for (const Part& each : part.at("coalesce").list({1, kColumnsMax})) {
      row.coalesce.push_back(static_cast<std::uint16_t>(each.count({0, row.columns.size() - 1})));
    }
  }
  if (part.has("found")) row.found = part.at("found").text(kSqlBytesMax);
  if (part.has("total")) row.total = part.at("total").text(kSqlBytesMax);
  if (row.found.empty() && row.total.empty()) {
    part.wrong(
        "needs \"found\", \"total\" or both: else nobody could see that a row was lost. found is "
        "SQL with the row's values that gives a row if it is there, total one that counts them");
  }
  return row;
}

void read_arrivals(const Part& part, SourceSpec& source) {
  if (part.has("open") == part.has("closed")) part.wrong("needs either \"open\" or \"closed\"");
  if (part.has("open")) {
    const Part open = part.at("open");
    open.keys({"per-second", "spacing"});
    source.per_second = open.at("per-second").number({0.01, kPerSecondMax});
    if (open.has("spacing")) {
      source.spacing = static_cast<Spacing>(open.at("spacing").choice({"poisson", "even"}));
    }
    return;
  }
  const Part closed = part.at("closed");
  closed.keys({"callers", "pause"});
  source.callers = closed.at("callers").count({1, kThreadsMax});
  if (closed.has("pause")) source.pause = closed.at("pause").time({seconds(0), seconds(60)});
}

void read_job(const Part& part, const ClassOptions& own, SourceSpec& source) {
  if (!part.has("job")) return;
  const Part job = part.at("job");
  job.keys({"units", "bytes-per-step"});
  source.job_units = job.at("units").count({1, kJobUnitsMax});
  if (job.has("bytes-per-step")) {
    source.job_bytes_per_step = job.at("bytes-per-step").size({1, 1024 * kMiB});
  }
  if (source.call != Call::write) part.at("call").wrong("is not for jobs, which are waited for");
  if (own.intake)
    job.wrong(fmt::format("the class {} has an intake, which takes no jobs", own.name));
}

void check_rows(const Part& part, const SourceSpec& source) {
  std::uint64_t bytes = 0;
  for (const RowSpec& row : source.rows) {
    for (const ColumnSpec& column : row.columns) bytes += row.count * column.bytes_max;
  }
  if (source.rows_per_unit() > kRowsOfUnitMax) {
    part.wrong(
        fmt::format("a unit has {} rows; it can have {}", source.rows_per_unit(), kRowsOfUnitMax));
  }
  if (bytes > kUnitBytesMax) {
    part.wrong(fmt::format("a unit has up to {}; it can have {}", format_size(bytes),
                           format_size(kUnitBytesMax)));
  }
}

std::size_t class_of(const Part& part, const Workload& workload) {
  const std::string name = part.text(kNameBytesMax);
  std::vector<std::string> names;
  for (const ClassOptions& each : workload.classes) names.push_back(each.name);
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) {
    part.wrong(fmt::format("is none of the classes; the nearest is '{}'", nearest(name, names)));
  }
  return static_cast<std::size_t>(found - names.begin());
}

SourceSpec read_source(const Part& part, const Workload& workload) {
  part.keys({"name", "class", "call", "rows", "open", "closed", "job", "direct-hold"});
  SourceSpec source;
  source.name = part.at("name").text(kNameBytesMax);
  source.write_class = class_of(part.at("class"), workload);
  const ClassOptions& own = workload.classes[source.write_class];
  if (part.has("call")) {
    source.call = static_cast<Call>(part.at("call").choice({"push", "submit", "write", "journal"}));
  }
  if (source.call == Call::journal && !own.intake) {
    part.at("call").wrong(fmt::format("is for classes with intake=on; {} has it off", own.name));
  }
  for (const Part& each : part.at("rows").list({1, kRowSpecsMax})) {
    source.rows.push_back(read_row(each));
  }
  check_rows(part.at("rows"), source);
  read_arrivals(part, source);
  read_job(part, own, source);
  if (part.has("direct-hold")) {
    if (source.open()) part.at("direct-hold").wrong("is for closed sources only");
    source.direct_hold = part.at("direct-hold").time({seconds(0), seconds(60)});
  }
  return source;
}

template <class Options>
void require_ok(const Part& part, const Result<Options>& options) {
  if (!options) part.wrong(options.status().message());
}

void read_journal(const Part& part, Workload& workload) {
  if (!part.has("journal")) return;
  const Part journal = part.at("journal");
  const auto options = parse_journal(journal.text(kSqlBytesMax), workload.journal);
  require_ok(journal, options);
  if (const Status valid = validate(*options); !valid.ok()) journal.wrong(valid.message());
  if (options->drive != Drive::thread) journal.wrong("drive must be thread: nobody calls tick()");
  workload.journal = *options;
}

void read_classes(const Part& part, Workload& workload) {
  std::set<std::string> names;
  for (const Part& each : part.list({1, kClassesMax})) {
    const auto options = parse_class(each.text(kSqlBytesMax));
    require_ok(each, options);
    if (const Status valid = validate(*options); !valid.ok()) each.wrong(valid.message());
    if (!names.insert(options->name).second) {
      each.wrong(fmt::format("the class '{}' is there twice", options->name));
    }
    workload.classes.push_back(*options);
  }
}

// One text, or several that are run one after the other.
std::string read_schema(const Part& part) {
  if (part.is_text()) return part.text(kSqlBytesMax);
  std::string schema;
  for (const Part& each : part.list({1, 1000})) schema += each.text(kSqlBytesMax) + ";\n";
  return schema;
}

void read_sources(const Part& part, Workload& workload) {
  std::set<std::string> names;
  std::uint64_t threads = workload.callers;
  for (const Part& each : part.list({1, kSourcesMax})) {
    workload.sources.push_back(read_source(each, workload));
    threads += workload.sources.back().callers;
    const std::string& name = workload.sources.back().name;
    if (!names.insert(name).second) each.at("name").wrong("is the name of another source");
  }
  if (threads > kThreadsMax) {
    part.wrong(fmt::format("have {} callers with those of the open ones; there can be {}", threads,
                           kThreadsMax));
  }
}

}  // namespace

Workload parse_workload(std::string_view text) {
  const nlohmann::json json = parse_document(text);
  const Part part(json, "");
  part.keys({"workload", "name", "time", "grace", "callers", "seed", "schema", "journal", "classes",
             "sources"});
  part.at("workload").count({1, 1});
  Workload workload;
  workload.name = part.at("name").text(kNameBytesMax);
  workload.duration =
      part.has("time") ? part.at("time").time({milliseconds(100), seconds(3600)}) : seconds(20);
  workload.grace =
      part.has("grace") ? part.at("grace").time({seconds(0), seconds(600)}) : seconds(2);
  workload.callers = part.has("callers") ? part.at("callers").count({1, kThreadsMax}) : 64;
  workload.seed = part.has("seed") ? part.at("seed").count({0, kKeysMax}) : 1;
  workload.schema = read_schema(part.at("schema"));
  read_journal(part, workload);
  read_classes(part.at("classes"), workload);
  read_sources(part.at("sources"), workload);
  return workload;
}

}  // namespace onelane::bench::run
