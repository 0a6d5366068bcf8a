// Reads what a strategy has written, wherever that is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace onelane::bench::storm {

// The rows of a query, one after another.
class Rows {
 public:
  virtual ~Rows() = default;
  // The next row: true if there is one. Throws RunError.
  virtual bool next() = 0;
  // Until the next row.
  virtual std::int64_t integer(int column) const = 0;
  virtual std::string_view text(int column) const = 0;
  virtual std::span<const std::byte> blob(int column) const = 0;
};

class Reader {
 public:
  virtual ~Reader() = default;
  // One query at a time. Throws RunError.
  virtual std::unique_ptr<Rows> rows(const std::string& sql) = 0;
  // What the store itself finds damaged; empty: nothing, or it has no such check.
  virtual std::string damage() = 0;
};

// Of a database that nobody writes to.
std::unique_ptr<Reader> make_file_reader(const std::filesystem::path& database);

}  // namespace onelane::bench::storm
