#include "src/sqlite/sink/bind.h"

#include "src/model/row.h"

namespace onelane::inline v0::sqlite {

namespace {

// Binds the values that it is shown to ?1, ?2, ...
struct Binder {
  sqlite3_stmt* statement;
  sqlite3_destructor_type keep;
  Bound bound{};

  void null() noexcept { count(sqlite3_bind_null(statement, next())); }
  void integer(std::int64_t value) noexcept { count(sqlite3_bind_int64(statement, next(), value)); }
  void real(double value) noexcept { count(sqlite3_bind_double(statement, next(), value)); }
  // No pointer is null here, which SQLite would take for NULL.
  void text(const char* data, std::size_t size) noexcept {
    count(sqlite3_bind_text64(statement, next(), data, size, keep, SQLITE_UTF8));
  }
  void blob(const std::byte* data, std::size_t size) noexcept {
    count(sqlite3_bind_blob64(statement, next(), data, size, keep));
  }

 private:
  int next() noexcept { return ++bound.columns; }
  void count(int code) noexcept {
    if (code != SQLITE_OK && bound.code == SQLITE_OK) bound.code = code;
  }
};

}  // namespace

Bound bind_row(sqlite3_stmt* statement, std::span<const std::byte> row,
               Lifetime lifetime) noexcept {
  Binder binder{statement, lifetime == Lifetime::borrowed ? SQLITE_STATIC : SQLITE_TRANSIENT};
  binder.bound.readable = model::read_row(row, binder);
  return binder.bound;
}

}  // namespace onelane::inline v0::sqlite
