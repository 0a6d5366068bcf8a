#include "bench/contestants/pg_connection.h"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <array>
#include <string_view>
#include <utility>

#include "bench/kit/errors.h"

namespace onelane::bench {
namespace {

constexpr const char* kUpsert = "upsert";
constexpr int kBinary = 1;

// A row as libpq wants it.
struct Parameters {
  explicit Parameters(const KeyValue& row)
      : values{reinterpret_cast<const char*>(row.key.data()),
               reinterpret_cast<const char*>(row.value.data())},
        sizes{static_cast<int>(row.key.size()), static_cast<int>(row.value.size())} {}

  static constexpr int kCount = 2;
  static constexpr std::array<int, kCount> kFormats{kBinary, kBinary};
  std::array<const char*, kCount> values;
  std::array<int, kCount> sizes;
};

}  // namespace

void PgConnection::Close::operator()(pg_conn* handle) const noexcept { PQfinish(handle); }

PgConnection::PgConnection(const std::string& conninfo) : handle_(PQconnectdb(conninfo.c_str())) {
  if (PQstatus(handle()) != CONNECTION_OK) fail("connecting");
  PQsetNoticeProcessor(
      handle(), [](void*, const char*) {}, nullptr);
}

void PgConnection::fail(const std::string& what) const {
  std::string_view why = PQerrorMessage(handle());
  while (why.ends_with('\n')) why.remove_suffix(1);
  throw RunError(fmt::format("PostgreSQL: {}: {}", what, why));
}

void PgConnection::execute(const std::string& sql) {
  if (!done(PgAnswer(PQexec(handle(), sql.c_str())))) fail(sql);
}

std::string PgConnection::ask(const std::string& sql) {
  const PgAnswer answer(PQexec(handle(), sql.c_str()));
  if (!done(answer) || PQntuples(answer.get()) == 0) fail(sql);
  return PQgetvalue(answer.get(), 0, 0);
}

void PgConnection::begin_pipeline() {
  if (PQenterPipelineMode(handle()) == 0) fail("a pipeline");
}

// Each statement's answers end with a null, and the pipeline's with that to the sync.
void PgConnection::end_pipeline() {
  if (PQpipelineSync(handle()) == 0) fail("the end of a pipeline");
  for (;;) {
    const PgAnswer answer(PQgetResult(handle()));
    if (answer == nullptr) {
      if (PQstatus(handle()) != CONNECTION_OK) fail("the answers of a pipeline");
      continue;
    }
    if (PQresultStatus(answer.get()) == PGRES_PIPELINE_SYNC) break;
    if (!done(answer)) {
      throw RunError(fmt::format("PostgreSQL: {}", PQresultErrorMessage(answer.get())));
    }
  }
  if (PQexitPipelineMode(handle()) == 0) fail("the end of a pipeline");
}

void PgClear::operator()(pg_result* result) const noexcept { PQclear(result); }

bool done(const PgAnswer& answer) {
  const ExecStatusType status = PQresultStatus(answer.get());
  return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_SINGLE_TUPLE;
}

PgRows::PgRows(PgConnection& connection, std::string sql)
    : connection_(connection), sql_(std::move(sql)) {
  const int sent = PQsendQueryParams(connection_.handle(), sql_.c_str(), 0, nullptr, nullptr,
                                     nullptr, nullptr, kBinary);
  if (sent == 0 || PQsetSingleRowMode(connection_.handle()) == 0) connection_.fail(sql_);
}

bool PgRows::next() {
  do {
    row_.reset(PQgetResult(connection_.handle()));
    if (row_ == nullptr) return false;
    if (!done(row_)) connection_.fail(sql_);
  } while (PQntuples(row_.get()) == 0);
  return true;
}

std::int64_t PgRows::integer(int column) const {
  constexpr int kByteBits = 8;
  std::uint64_t value = 0;
  for (const std::byte byte : blob(column)) {
    value = value << kByteBits | std::to_integer<std::uint64_t>(byte);
  }
  return static_cast<std::int64_t>(value);
}

std::string_view PgRows::text(int column) const {
  const Bytes bytes = blob(column);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Bytes PgRows::blob(int column) const {
  return {reinterpret_cast<const std::byte*>(PQgetvalue(row_.get(), 0, column)),
          static_cast<std::size_t>(PQgetlength(row_.get(), 0, column))};
}

PgWriter::PgWriter(const std::string& conninfo) : PgConnection(conninfo) {
  if (!done(PgAnswer(PQprepare(handle(), kUpsert, kPgUpsert, 0, nullptr)))) fail(kPgUpsert);
}

void PgWriter::write(std::span<const KeyValue> rows) {
  if (rows.size() == 1) {
    const Parameters row(rows.front());
    const PgAnswer answer(PQexecPrepared(handle(), kUpsert, Parameters::kCount, row.values.data(),
                                         row.sizes.data(), Parameters::kFormats.data(), 0));
    if (!done(answer)) fail("an upsert");
    return;
  }
  begin();
  for (const KeyValue& row : rows) upsert(row);
  commit();
}

void PgWriter::begin() {
  begin_pipeline();
  if (PQsendQueryParams(handle(), "BEGIN", 0, nullptr, nullptr, nullptr, nullptr, 0) == 0) {
    fail("BEGIN");
  }
}

void PgWriter::upsert(const KeyValue& row) {
  const Parameters of(row);
  if (PQsendQueryPrepared(handle(), kUpsert, Parameters::kCount, of.values.data(), of.sizes.data(),
                          Parameters::kFormats.data(), 0) == 0) {
    fail("an upsert");
  }
}

void PgWriter::commit() {
  if (PQsendQueryParams(handle(), "COMMIT", 0, nullptr, nullptr, nullptr, nullptr, 0) == 0) {
    fail("COMMIT");
  }
  end_pipeline();
}

}  // namespace onelane::bench
