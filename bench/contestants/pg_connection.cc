#include "bench/contestants/pg_connection.h"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <array>
#include <string_view>

#include "bench/kit/errors.h"

namespace onelane::bench {
namespace {

constexpr const char* kUpsert = "upsert";
constexpr int kBinary = 1;

struct Clear {
  void operator()(PGresult* result) const noexcept { PQclear(result); }
};
using Answer = std::unique_ptr<PGresult, Clear>;

bool done(ExecStatusType status) {
  return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_SINGLE_TUPLE;
}

bool done(const Answer& answer) { return done(PQresultStatus(answer.get())); }

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

Bytes column(const Answer& answer, int at) {
  return {reinterpret_cast<const std::byte*>(PQgetvalue(answer.get(), 0, at)),
          static_cast<std::size_t>(PQgetlength(answer.get(), 0, at))};
}

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
  if (!done(Answer(PQexec(handle(), sql.c_str())))) fail(sql);
}

std::string PgConnection::ask(const std::string& sql) {
  const Answer answer(PQexec(handle(), sql.c_str()));
  if (!done(answer) || PQntuples(answer.get()) == 0) fail(sql);
  return PQgetvalue(answer.get(), 0, 0);
}

void PgConnection::read(const std::string& sql, const Store::Visit& visit) {
  const int sent =
      PQsendQueryParams(handle(), sql.c_str(), 0, nullptr, nullptr, nullptr, nullptr, kBinary);
  if (sent == 0 || PQsetSingleRowMode(handle()) == 0) fail(sql);
  while (const Answer answer{PQgetResult(handle())}) {
    if (!done(answer)) fail(sql);
    if (PQntuples(answer.get()) != 0) visit(column(answer, 0), column(answer, 1));
  }
}

PgWriter::PgWriter(const std::string& conninfo) : PgConnection(conninfo) {
  if (!done(Answer(PQprepare(handle(), kUpsert, kPgUpsert, 0, nullptr)))) fail(kPgUpsert);
}

void PgWriter::write(std::span<const KeyValue> rows) {
  if (rows.size() == 1) {
    const Parameters row(rows.front());
    const Answer answer(PQexecPrepared(handle(), kUpsert, Parameters::kCount, row.values.data(),
                                       row.sizes.data(), Parameters::kFormats.data(), 0));
    if (!done(answer)) fail("an upsert");
    return;
  }
  begin();
  for (const KeyValue& row : rows) upsert(row);
  commit();
}

void PgWriter::begin() {
  if (PQenterPipelineMode(handle()) == 0 ||
      PQsendQueryParams(handle(), "BEGIN", 0, nullptr, nullptr, nullptr, nullptr, 0) == 0) {
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
  if (PQsendQueryParams(handle(), "COMMIT", 0, nullptr, nullptr, nullptr, nullptr, 0) == 0 ||
      PQpipelineSync(handle()) == 0) {
    fail("COMMIT");
  }
  take_answers();
  if (PQexitPipelineMode(handle()) == 0) fail("the end of a pipeline");
}

// Each statement's answers end with a null, and the pipeline's with that to the sync.
void PgWriter::take_answers() {
  for (;;) {
    const Answer answer(PQgetResult(handle()));
    if (answer == nullptr) {
      if (PQstatus(handle()) != CONNECTION_OK) fail("the answers of a pipeline");
      continue;
    }
    if (PQresultStatus(answer.get()) == PGRES_PIPELINE_SYNC) return;
    if (!done(answer)) {
      throw RunError(fmt::format("PostgreSQL: {}", PQresultErrorMessage(answer.get())));
    }
  }
}

}  // namespace onelane::bench
