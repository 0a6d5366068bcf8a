// From an encoded row to the parameters of a prepared statement.
#pragma once

#include <sqlite3.h>

#include <cstddef>
#include <span>

namespace onelane::inline v0::sqlite {

// Whether text and blobs stay where they are until the statement is reset. A query's visitor may
// run other statements, whose values take the place of the query's.
enum class Lifetime { borrowed, copied };

struct Bound {
  int code = SQLITE_OK;  // of the first bind that failed
  int columns = 0;       // of the row, whether bound or not
  bool readable = true;  // false: the bytes are not a row
};

// Binds the row's values to ?1, ?2, ... Empty text and blobs are not NULL.
Bound bind_row(sqlite3_stmt* statement, std::span<const std::byte> row, Lifetime lifetime) noexcept;

// Resets on the way out, whatever the way: a statement left busy keeps COMMIT from succeeding. What
// was bound may point into a row that ends now; every use binds all parameters anew.
class InUse {
 public:
  explicit InUse(sqlite3_stmt* statement) noexcept : statement_(statement) {}
  ~InUse() { sqlite3_reset(statement_); }
  InUse(const InUse&) = delete;
  InUse& operator=(const InUse&) = delete;

 private:
  sqlite3_stmt* statement_;
};

}  // namespace onelane::inline v0::sqlite
