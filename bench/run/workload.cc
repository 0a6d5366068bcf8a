#include "bench/run/workload.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <string_view>

#include "bench/kit/keyed_row.h"

namespace onelane::bench::run {
namespace {

// SplitMix64's finalizer: each number another one.
constexpr std::uint64_t mixed(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

// At least 0, below 1.
double fraction(std::uint64_t value) { return static_cast<double>(value >> 11) * 0x1.0p-53; }

std::uint64_t below(std::uint64_t count, double at) {
  return std::min(count - 1, static_cast<std::uint64_t>(at * static_cast<double>(count)));
}

std::uint64_t size_of(const ColumnSpec& column, std::uint64_t key) {
  const std::uint64_t sizes = column.bytes_max - column.bytes_min + 1;
  return column.bytes_min + below(sizes, fraction(mixed(key ^ 0x5151)));
}

// Begins with the key's own 16 digits, as far as they fit; the rest does not compress.
void fill_bytes(std::string& bytes, std::uint64_t key, bool is_text) {
  constexpr std::string_view kDigits =
      "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_";
  const KeyText own = key_text(key);
  std::size_t at = std::min(own.size(), bytes.size());
  std::copy_n(own.begin(), at, bytes.begin());
  std::uint64_t state = key;
  while (at < bytes.size()) {
    std::uint64_t word = mixed(state++ ^ (key << 20));
    for (int i = 0; i < 8 && at < bytes.size(); ++i, word >>= 8) {
      bytes[at++] = is_text ? kDigits[word & 63] : static_cast<char>(word & 0xff);
    }
  }
}

}  // namespace

std::uint64_t SourceSpec::rows_per_unit() const {
  std::uint64_t rows_of_unit = 0;
  for (const RowSpec& row : rows) rows_of_unit += row.count;
  return rows_of_unit;
}

std::uint64_t key_of(const ColumnSpec& column, std::uint64_t seed, std::uint64_t number) {
  if (column.keys == Keys::sequential) {
    const std::uint64_t key = number / column.each;
    return column.of == 0 ? key : key % column.of;
  }
  const double at = fraction(mixed(number ^ mixed(column.draw ^ mixed(seed))));
  return below(column.of, column.keys == Keys::hot ? at * at * at : at);
}

void fill(Cells& cells, const Workload& workload, const RowAt& at) {
  const RowSpec& spec = workload.sources[at.source].rows[at.spec];
  const std::uint64_t seed = workload.seed * 256 + at.source;
  cells.resize(spec.columns.size());
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const ColumnSpec& column = spec.columns[i];
    const std::uint64_t key = key_of(column, seed, at.number);
    Cell& cell = cells[i];
    cell.type = column.type;
    cell.integer = static_cast<std::int64_t>(key);
    cell.real = static_cast<double>(key);
    if (column.type != ColumnType::text && column.type != ColumnType::blob) continue;
    cell.bytes.resize(size_of(column, key));
    fill_bytes(cell.bytes, key, column.type == ColumnType::text);
  }
}

void put(Row& row, const Values& values) {
  for (const Cell& cell : values.cells) {
    switch (cell.type) {
      case ColumnType::integer:
        row.integer(cell.integer);
        break;
      case ColumnType::real:
        row.real(cell.real);
        break;
      case ColumnType::text:
        row.text(cell.bytes);
        break;
      case ColumnType::blob:
        row.blob(std::as_bytes(std::span(cell.bytes)));
        break;
    }
  }
}

}  // namespace onelane::bench::run
