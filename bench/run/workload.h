// A workload of one's own: classes, sources of writes, and what they write. All values follow from
// the seed, the source and a number, so that any of them can be made again to verify it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/kit/units.h"
#include "onelane/options.h"
#include "onelane/record.h"

namespace onelane::bench::run {

// How the key of a column follows from the number of its row.
enum class Keys : std::uint8_t {
  sequential,  // number / each, modulo `of`
  random,      // any below `of`
  hot,         // below `of`, small ones much more often: the lowest eighth is half of all
};

struct ColumnSpec {
  ColumnType type = ColumnType::integer;
  Keys keys = Keys::sequential;
  std::uint64_t of = 0;    // keys; 0: no limit, for sequential ones only
  std::uint64_t each = 1;  // this many rows in turn have the same sequential key
  std::uint64_t draw = 0;  // columns of a source with the same draw draw the same
  std::uint64_t bytes_min = 0;
  std::uint64_t bytes_max = 0;  // of a text or blob
};

// `count` rows of each unit.
struct RowSpec {
  std::string sql;
  std::vector<ColumnSpec> columns;
  std::vector<std::uint16_t> coalesce;  // StatementSpec::key_columns
  std::uint64_t count = 1;
  std::string found;  // SQL with the row's values that finds a row if it was written; or empty
  std::string total;  // SQL that gives how many rows were written; or empty
};

enum class Call : std::uint8_t { push, submit, write, journal };
enum class Spacing : std::uint8_t { poisson, even };

struct SourceSpec {
  std::string name;
  std::size_t write_class = 0;  // index in Workload::classes
  Call call = Call::write;
  std::vector<RowSpec> rows;  // of one unit

  double per_second = 0;  // open: calls that arrive; 0: it is closed
  Spacing spacing = Spacing::poisson;
  std::uint64_t callers = 0;  // closed: threads
  Nanoseconds pause{0};       // closed: before each unit

  std::uint64_t job_units = 0;  // a call is a job of so many units; 0: one unit by itself
  std::uint64_t job_bytes_per_step = 0;
  Nanoseconds direct_hold{0};  // how long direct keeps a transaction open; 0: each unit has its own

  bool open() const { return per_second > 0; }
  std::uint64_t units_per_call() const { return job_units == 0 ? 1 : job_units; }
  std::uint64_t rows_per_unit() const;
};

struct Workload {
  std::string name;
  Nanoseconds duration{0};    // of each strategy
  Nanoseconds grace{0};       // for arrivals that still wait for a caller when the time is over
  std::uint64_t callers = 0;  // threads that serve the open sources
  std::uint64_t seed = 0;
  std::string schema;
  JournalOptions journal{.tick = kDefaultTick};
  std::vector<ClassOptions> classes;
  std::vector<SourceSpec> sources;
};

// The value of a column. Of a text or blob the bytes are in `bytes`.
struct Cell {
  ColumnType type = ColumnType::integer;
  std::int64_t integer = 0;
  double real = 0;
  std::string bytes;
};
using Cells = std::vector<Cell>;

// Which row: of which source and row specification, and its number, from 0.
struct RowAt {
  std::size_t source = 0;
  std::size_t spec = 0;
  std::uint64_t number = 0;
};

// Makes the cells those of the row. Keeps their memory, for the next row.
void fill(Cells& cells, const Workload& workload, const RowAt& at);

// The key that a column has in the row with that number of a source.
std::uint64_t key_of(const ColumnSpec& column, std::uint64_t seed, std::uint64_t number);

// A row of values that are known at run time only, for Row and Transaction::execute().
struct Values {
  const Cells& cells;
};
void put(Row& row, const Values& values);

}  // namespace onelane::bench::run
