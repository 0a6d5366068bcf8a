// The file of "onelane-bench run": any text is a workload within its limits, whose rows can be
// made, or is refused with a reason.
#include "bench/kit/errors.h"
#include "bench/run/format.h"
#include "tests/fuzz/fuzz.h"

namespace onelane::test {
namespace {

using namespace onelane::bench;

void read(std::string_view text) {
  try {
    const run::Workload workload = run::parse_workload(text);
    require(!workload.classes.empty() && !workload.sources.empty(), "a workload writes something");
    for (const run::SourceSpec& source : workload.sources) {
      require(source.write_class < workload.classes.size(), "to a class of its own");
      require(source.open() == (source.callers == 0), "either open or closed");
      for (const run::RowSpec& row : source.rows) {
        for (const run::ColumnSpec& column : row.columns) {
          const std::uint64_t key = run::key_of(column, workload.seed, 12345);
          require(column.of == 0 || key < column.of, "keys are below their number");
        }
      }
    }
  } catch (const UsageError& error) {
    require(*error.what() != '\0', "a refusal says why");
  }
}

// Where the text is a list of columns, so that it gets that far.
std::string with_columns(std::string_view text) {
  return R"({"workload": 1, "name": "n", "schema": "x", "classes": ["a"], "sources": [{"name": "s",
      "class": "a", "open": {"per-second": 1}, "rows": [{"sql": "x", "found": "x", "columns": [)" +
         std::string(text) + "]}]}]}";
}

}  // namespace
}  // namespace onelane::test

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = onelane::test::text_of(data, size);
  onelane::test::read(text);
  onelane::test::read(onelane::test::with_columns(text));
  return 0;
}
