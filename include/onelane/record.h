// Records: rows of bytes below, plain structs on top.
//
// The core is untyped. A Statement is SQL with the types of its parameters; a Row holds the
// arguments of one execution in a versioned encoding; a Group holds several rows that are applied
// all or nothing. RecordTraits<T> is thin sugar that turns a struct into a row:
//
//   struct Peer { std::string id; std::int64_t seen; };
//
//   template <> struct onelane::RecordTraits<Peer> {
//     static constexpr std::string_view sql =
//         "INSERT INTO peers(id, seen) VALUES(?1, ?2) "
//         "ON CONFLICT(id) DO UPDATE SET seen = excluded.seen";
//     static auto columns(const Peer& p) { return std::tuple(std::string_view(p.id), p.seen); }
//     static constexpr std::array<std::uint16_t, 1> key_columns{0};  // optional: for coalescing
//   };
//
// The tuple may hold views: they are read before push returns. None of these types is thread-safe;
// each is a value that one thread builds and any thread may then read. What builds one throws
// std::bad_alloc where there is no memory, and nothing else.
#pragma once

#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "onelane/status.h"

namespace onelane::inline v0 {

// What a parameter takes. Types are strict: an integer is no real, nor a text a blob.
enum class ColumnType : std::uint8_t {
  integer,  // 64 bits, signed
  real,     // 64 bits, IEEE 754, but no NaN
  text,     // UTF-8, as SQLite keeps it; any bytes are taken where the database's encoding is UTF-8
  blob,     // bytes
};

// "integer", "real", "text", "blob". Stable.
std::string_view name(ColumnType type) noexcept;

// One parameter of a statement.
struct Column {
  ColumnType type = ColumnType::blob;
  bool nullable = false;  // whether it takes NULL as well
  friend bool operator==(const Column&, const Column&) = default;
};

// How many statements a journal can have.
inline constexpr std::size_t kStatementsMax = 1024;

// What add_statement takes: one SQL statement whose parameters are ?1 to ?N, N = columns.size().
struct StatementSpec {
  // Exactly one statement that writes, and that the database's schema can prepare when it is added.
  // The rows of its RETURNING, if it has one, go to the receipt (Outcome::returned). What a job may
  // not do (job.h) it may not either.
  std::string sql{};
  std::vector<Column> columns{};
  // Positions in `columns`, from 0, that identify what a row is about: of a class with
  // ClassOptions::coalesce the newest row supersedes older ones of this statement with the same
  // values there. Values are the same if their bytes are: collations do not count, and -0.0 is not
  // 0.0. Empty: rows never coalesce.
  std::vector<std::uint16_t> key_columns{};
};

// A statement of one journal, as add_statement returned it; copy it as you like. Any class of that
// journal takes it, other journals refuse it.
struct Statement {
  std::uint16_t index = 0;    // below kStatementsMax
  std::uint64_t journal = 0;  // which one it is of: unique in the process, never used again
  friend bool operator==(Statement, Statement) = default;
};

// A value of SQL: NULL, an integer, a real, a text or a blob.
using Value =
    std::variant<std::monostate, std::int64_t, double, std::string, std::vector<std::byte>>;
// A row of RETURNING. Move it rather than copy it where memory may run out: with libstdc++ 12 a
// copy of such a variant that throws std::bad_alloc is beyond repair.
using ReturnedRow = std::vector<Value>;

// The arguments of one statement, in the order of its parameters. Each call below adds the next
// one. A value that SQLite could not keep as it is makes the row invalid: NaN, an unsigned integer
// above 2^63 - 1, a text or blob that makes the row longer than 1,000,000,000 bytes, encoded. So
// does a column after the 65,535th. status() then says which column and why, and push refuses the
// row. Empty text and empty blobs are values, never NULL. A row that was moved from has no columns.
class Row {
 public:
  Row() noexcept = default;
  Row(const Row&) = default;
  Row& operator=(const Row&) = default;
  Row(Row&& other) noexcept;
  Row& operator=(Row&& other) noexcept;
  ~Row() = default;

  Row& null();
  Row& integer(std::int64_t value);
  Row& unsigned_integer(std::uint64_t value);
  Row& real(double value);
  Row& text(std::string_view value);
  Row& blob(std::span<const std::byte> value);
  // No columns, and valid again. Keeps the memory, for the next row.
  void clear();

  // How many were added.
  std::uint16_t columns() const noexcept { return columns_; }
  // ok, or invalid_argument for the first value that the row cannot hold.
  const Status& status() const noexcept { return status_; }
  // The encoding: a version byte, then per column a tag byte and its payload (see src/model/row.h).
  // Its size is what budgets count (Budget::bytes): 1 byte, and 9 for each number, 5 and its length
  // for each text or blob, 1 for each NULL. Valid until the row is changed.
  std::span<const std::byte> bytes() const noexcept {
    if (buffer_.empty()) return kNoColumns;
    return {buffer_.data(), size_};
  }
  // The columns' tags, four bits each, for a quick look at whether they are a statement's; 0 if
  // there are more than 16.
  std::uint64_t tags() const noexcept { return columns_ <= 16 ? tags_ : 0; }

 private:
  std::byte* column(std::uint8_t tag, std::size_t payload_bytes);
  void sized(std::uint8_t tag, const void* data, std::size_t size);
  void grow(std::size_t size);
  void fail(std::string reason);
  Row& too_large(const char* what, std::size_t size);
  void too_many();

  static constexpr std::array<std::byte, 1> kNoColumns{std::byte{1}};  // the version alone

  std::vector<std::byte> buffer_;             // empty until the first column
  std::size_t size_ = std::size(kNoColumns);  // of the buffer, in use
  std::uint64_t tags_ = 0;
  std::uint16_t columns_ = 0;
  Status status_;
};

// The values of an encoded row (Row::bytes); none where the bytes are no row. For sinks, and for
// tests.
std::optional<std::vector<Value>> values_of(std::span<const std::byte> row);

// Rows for one or more statements that are pushed to one class as one unit: all or nothing, applied
// in the order in which they were added. All statements are of one journal and all rows valid, or
// status() says so, and push refuses the group, as it does an empty one, and one of more rows than
// the class's capacity_records. A group that was moved from is empty.
class Group {
 public:
  Group() noexcept = default;
  Group(const Group&) = default;
  Group& operator=(const Group&) = default;
  Group(Group&& other) noexcept;
  Group& operator=(Group&& other) noexcept;
  ~Group() = default;

  // Copies the row.
  void add(Statement statement, const Row& row);
  // Empty and valid again. Keeps the memory.
  void clear();
  std::size_t size() const noexcept { return rows_; }  // rows
  // ok, or invalid_argument for the first row that cannot be in it.
  const Status& status() const noexcept { return status_; }
  // The rows' encodings, with 6 bytes before each. Valid until the group is changed.
  std::span<const std::byte> bytes() const noexcept { return bytes_; }
  std::uint64_t journal() const noexcept { return journal_; }  // Statement::journal of its rows

 private:
  std::vector<std::byte> bytes_;
  std::size_t rows_ = 0;
  std::uint64_t journal_ = 0;
  Status status_;
};

// One row of a query in a job's step. The row, and the views that it returns, are valid only during
// the visitor's call. Where a call asks for another type than the value has, SQLite converts the
// value. NULL reads as 0 or empty, and so does a column that the row does not have. Nothing throws.
class ResultRow {
 public:
  virtual std::size_t columns() const = 0;
  // Columns count from 0. To be asked before the value: a conversion may change the answer.
  virtual bool is_null(std::size_t column) const = 0;
  virtual std::int64_t integer(std::size_t column) const = 0;
  virtual double real(std::size_t column) const = 0;
  virtual std::string_view text(std::size_t column) const = 0;
  virtual std::span<const std::byte> blob(std::size_t column) const = 0;

 protected:
  ~ResultRow() = default;
};

// Called for each row of a query. What it may throw: see Transaction::query.
using RowVisitor = std::function<void(const ResultRow&)>;

// Specialise for each record type; see the top of this file.
template <class T>
struct RecordTraits;

namespace detail {

template <class T>
struct is_optional : std::false_type {};
template <class T>
struct is_optional<std::optional<T>> : std::true_type {};

template <class T>
inline constexpr bool always_false = false;

template <class T>
concept BlobLike = std::convertible_to<const T&, std::span<const std::byte>> ||
    std::convertible_to<const T&, std::span<const unsigned char>>;
template <class T>
concept PathLike = std::same_as<T, std::filesystem::path>;
template <class T>
concept TextLike = std::convertible_to<const T&, std::string_view> && !BlobLike<T> && !PathLike<T>;

// std::chrono::sys_time, of any unit.
template <class T>
struct is_sys_time : std::false_type {};
template <class D>
struct is_sys_time<std::chrono::sys_time<D>> : std::bool_constant<std::integral<typename D::rep>> {
};

template <class T>
constexpr Column column_of() {
  using V = std::remove_cvref_t<T>;
  if constexpr (is_optional<V>::value) {
    static_assert(!is_optional<typename V::value_type>::value, "an optional of an optional");
    Column inner = column_of<typename V::value_type>();
    inner.nullable = true;
    return inner;
  } else if constexpr (std::integral<V> || std::is_enum_v<V> || is_sys_time<V>::value) {
    return {ColumnType::integer, false};
  } else if constexpr (std::floating_point<V>) {
    return {ColumnType::real, false};
  } else if constexpr (TextLike<V> || PathLike<V>) {
    return {ColumnType::text, false};
  } else if constexpr (BlobLike<V>) {
    return {ColumnType::blob, false};
  } else {
    static_assert(always_false<V>,
                  "a column is an integer, an enum, a system_clock time point, a floating-point "
                  "number, text (string_view) or a path, a blob (a span of std::byte or unsigned "
                  "char), or an optional of one of these");
  }
}

template <class T>
void put_column(Row& row, const T& value) {
  if constexpr (is_optional<T>::value) {
    if (value) {
      put_column(row, *value);
    } else {
      row.null();
    }
  } else if constexpr (is_sys_time<T>::value) {
    put_column(row, value.time_since_epoch().count());
  } else if constexpr (std::is_enum_v<T>) {
    put_column(row, static_cast<std::underlying_type_t<T>>(value));
  } else if constexpr (std::unsigned_integral<T>) {
    row.unsigned_integer(value);
  } else if constexpr (std::integral<T>) {
    row.integer(value);
  } else if constexpr (std::floating_point<T>) {
    row.real(static_cast<double>(value));
  } else if constexpr (TextLike<T>) {
    row.text(std::string_view(value));
  } else if constexpr (PathLike<T>) {
    row.text(value.native());
  } else if constexpr (std::convertible_to<const T&, std::span<const std::byte>>) {
    row.blob(std::span<const std::byte>(value));
  } else {
    row.blob(std::as_bytes(std::span<const unsigned char>(value)));
  }
}

template <class T>
using columns_tuple =
    std::remove_cvref_t<decltype(RecordTraits<T>::columns(std::declval<const T&>()))>;

template <class T>
concept HasKeyColumns = requires {
  RecordTraits<T>::key_columns;
};

}  // namespace detail

// A type with RecordTraits: its SQL, and the tuple of its columns. A column is
//   an integer     of any size; an enum; or a time point of std::chrono::system_clock, as its count
//                  since 1970 in its own unit, which the program chooses by its type
//   a real         float or double
//   text           what converts to std::string_view; or a std::filesystem::path, as the system
//                  spells it
//   a blob         what converts to std::span<const std::byte>, or of const unsigned char
//   NULL or one    a std::optional of one of these
template <class T>
concept Record = requires(const T& record) {
  { RecordTraits<T>::sql } -> std::convertible_to<std::string_view>;
  std::tuple_size<detail::columns_tuple<T>>::value;
};

// Appends the values to the row, one column each, of the types that a record's columns may have.
template <class... Values>
void put(Row& row, const Values&... values) {
  (detail::put_column(row, values), ...);
}

// Makes the row the record's, whatever it was before. May throw what columns() throws.
template <Record T>
void encode(Row& row, const T& record) {
  const auto columns = RecordTraits<T>::columns(record);  // which may use the row for another one
  row.clear();
  std::apply([&row](const auto&... each) { put(row, each...); }, columns);
}

// What T is written with: for add_statement, if you do without Journal::producer<T>().
template <Record T>
StatementSpec statement_spec() {
  StatementSpec spec;
  spec.sql = std::string(std::string_view(RecordTraits<T>::sql));
  [&spec]<class... C>(std::type_identity<std::tuple<C...>>) {
    (spec.columns.push_back(detail::column_of<C>()), ...);
  }(std::type_identity<detail::columns_tuple<T>>{});
  if constexpr (detail::HasKeyColumns<T>) {
    for (auto column : RecordTraits<T>::key_columns) {
      spec.key_columns.push_back(static_cast<std::uint16_t>(column));
    }
  }
  return spec;
}

}  // namespace onelane::inline v0
