#include "src/sqlite/bind.h"

#include "src/model/row.h"

namespace onelane::sqlite {

namespace {

using model::RowValue;
using model::Tag;

// SQLite takes a null pointer for NULL.
const char* data_of(std::span<const std::byte> bytes) noexcept {
  return bytes.empty() ? "" : reinterpret_cast<const char*>(bytes.data());
}

int bind_value(sqlite3_stmt* statement, int index, const RowValue& value,
               sqlite3_destructor_type keep) noexcept {
  switch (value.tag) {
    case Tag::text:
      return sqlite3_bind_text64(statement, index, data_of(value.bytes), value.bytes.size(), keep,
                                 SQLITE_UTF8);
    case Tag::blob:
      return sqlite3_bind_blob64(statement, index, data_of(value.bytes), value.bytes.size(), keep);
    case Tag::integer:
      return sqlite3_bind_int64(statement, index, value.integer);
    case Tag::real:
      return sqlite3_bind_double(statement, index, value.real);
    case Tag::null:
      break;
  }
  return sqlite3_bind_null(statement, index);
}

}  // namespace

Bound bind_row(sqlite3_stmt* statement, std::span<const std::byte> row,
               Lifetime lifetime) noexcept {
  const sqlite3_destructor_type keep =
      lifetime == Lifetime::borrowed ? SQLITE_STATIC : SQLITE_TRANSIENT;
  Bound bound;
  model::RowReader reader(row);
  RowValue value;
  while (reader.next(value)) {
    const int code = bind_value(statement, ++bound.columns, value, keep);
    if (bound.code == SQLITE_OK) bound.code = code;
  }
  bound.readable = reader.ok();
  return bound;
}

}  // namespace onelane::sqlite
