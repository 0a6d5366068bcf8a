#include "bench/run/load.h"

#include <fmt/format.h>

#include <fstream>

#include "bench/kit/database.h"
#include "bench/kit/errors.h"
#include "bench/run/document.h"
#include "bench/run/format.h"

namespace onelane::bench::run {
namespace {

// Prepared where the schema has run.
class SqlCheck {
 public:
  explicit SqlCheck(const Workload& workload)
      : workload_(workload), database_(":memory:", Access::read_write) {}

  void run() {
    guarded("schema", [this] { database_.execute(workload_.schema); });
    for (std::size_t s = 0; s < workload_.sources.size(); ++s) {
      const std::vector<RowSpec>& rows = workload_.sources[s].rows;
      for (std::size_t r = 0; r < rows.size(); ++r) {
        check(rows[r], fmt::format("sources[{}].rows[{}]", s, r));
      }
    }
  }

 private:
  void check(const RowSpec& row, const std::string& path) {
    const std::size_t columns = row.columns.size();
    const std::size_t parameters = parameters_of(row.sql, path + ".sql");
    if (parameters != columns) {
      throw UsageError(
          fmt::format("{}.sql: has {} parameters, and the row {} columns; they must be "
                      "?1 to ?{}",
                      path, parameters, columns, columns));
    }
    if (!row.found.empty() && parameters_of(row.found, path + ".found") > columns) {
      throw UsageError(fmt::format("{}.found: has more parameters than ?{}", path, columns));
    }
    if (!row.total.empty() && parameters_of(row.total, path + ".total") != 0) {
      throw UsageError(fmt::format("{}.total: has parameters; it must have none", path));
    }
  }

  std::size_t parameters_of(const std::string& sql, const std::string& path) {
    std::size_t parameters = 0;
    guarded(path, [&] { parameters = database_.prepare(sql).parameters(); });
    return parameters;
  }

  template <class Function>
  static void guarded(const std::string& path, Function function) {
    try {
      function();
    } catch (const RunError& error) {
      throw UsageError(fmt::format("{}: {}", path, error.what()));
    }
  }

  const Workload& workload_;
  Connection database_;
};

}  // namespace

Workload load_workload(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw UsageError(fmt::format("cannot read the workload {}", path));
  std::string text;
  text.resize(kDocumentBytesMax + 1);  // longer ones need not be read to be refused
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  try {
    Workload workload = parse_workload(text);
    SqlCheck(workload).run();
    return workload;
  } catch (const UsageError& error) {
    throw UsageError(fmt::format("{}: {}", path, error.what()));
  }
}

}  // namespace onelane::bench::run
