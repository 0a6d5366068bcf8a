// From an encoded row to the parameters of a prepared statement.
#pragma once

#include <sqlite3.h>

#include <cstddef>
#include <span>

namespace onelane::sqlite {

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

}  // namespace onelane::sqlite
