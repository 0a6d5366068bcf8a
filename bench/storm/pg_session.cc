#include "bench/storm/pg_session.h"

#include <libpq-fe.h>

#include <algorithm>
#include <utility>

#include "bench/kit/errors.h"
#include "bench/kit/units.h"

namespace onelane::bench::storm {
namespace {

constexpr int kBinary = 1;
constexpr int kText = 0;

// lock_not_available, serialization_failure and deadlock_detected.
Refusal refusal_of(std::string_view sqlstate) {
  constexpr std::array<std::string_view, 3> kBusy{"55P03", "40001", "40P01"};
  return std::ranges::find(kBusy, sqlstate) == kBusy.end() ? Refusal::failed : Refusal::busy;
}

std::uint64_t changed(const PgAnswer& answer) { return parse_count(PQcmdTuples(answer.get())); }

}  // namespace

// As the wire has it: the highest byte first.
void PgValues::put(std::int64_t value) {
  constexpr int kByteBits = 8;
  auto rest = static_cast<std::uint64_t>(value);
  auto& bytes = numbers_[count_];
  for (auto at = bytes.rbegin(); at != bytes.rend(); ++at, rest >>= kByteBits) {
    *at = static_cast<char>(rest & 0xFF);
  }
  put(std::string_view(bytes.data(), bytes.size()));
}

void PgValues::put(std::string_view value) {
  values_[count_] = value.data();
  sizes_[count_] = static_cast<int>(value.size());
  ++count_;
}

void PgValues::put(std::span<const std::byte> value) {
  put(std::string_view(reinterpret_cast<const char*>(value.data()), value.size()));
}

PgSession::PgSession(const std::string& conninfo) : connection_(conninfo) {
  run("SET lock_timeout = '10s'");
  connection_.begin_pipeline();
  prepare<BlockRow>("block");
  prepare<EntryRow>("entry");
  prepare<LinkRow>("link");
  prepare<SyncRows>("sync");
  prepare<ConnectRow>("connect");
  prepare<IdentifyRow>("identify", " RETURNING identifies");
  prepare<DomainRow>("domain");
  connection_.end_pipeline();
}

template <Record T>
void PgSession::prepare(const char* statement, std::string_view more) {
  const std::string sql = std::string(RecordTraits<T>::sql).append(more);
  if (PQsendPrepare(connection_.handle(), statement, sql.c_str(), 0, nullptr) == 0) {
    connection_.fail(sql);
  }
}

std::uint64_t PgSession::write_block(const BlobRows& rows) {
  std::uint64_t count = rows.block ? changed(execute("block", *rows.block)) : 0;
  count += changed(execute("entry", rows.entry));
  return count + changed(execute("link", rows.link));
}

std::uint64_t PgSession::write_batch(std::uint64_t batch) {
  return changed(execute("sync", sync_rows(std::span(&batch, 1))));
}

std::uint64_t PgSession::write(const Arrival& arrival) {
  return changed(arrival.source == kConnect ? execute("connect", connect_row(arrival))
                                            : execute("domain", domain_row(arrival)));
}

std::uint64_t PgSession::write_identify(const Arrival& arrival) {
  const PgAnswer answer = execute("identify", identify_row(arrival));
  return parse_count(PQgetvalue(answer.get(), 0, 0));
}

template <Record T>
PgAnswer PgSession::execute(const char* statement, const T& record) {
  constexpr std::array<int, PgValues::kMost> kFormats{kBinary, kBinary, kBinary, kBinary, kBinary};
  const PgValues of(record);
  return take(PgAnswer(PQexecPrepared(connection_.handle(), statement, of.count(), of.values(),
                                      of.sizes(), kFormats.data(), kText)));
}

void PgSession::run(const char* sql) { take(PgAnswer(PQexec(connection_.handle(), sql))); }

PgAnswer PgSession::take(PgAnswer answer) {
  if (done(answer)) return answer;
  if (PQstatus(connection_.handle()) != CONNECTION_OK) connection_.fail("a statement");
  const char* state = PQresultErrorField(answer.get(), PG_DIAG_SQLSTATE);
  throw PgRefused{refusal_of(state == nullptr ? "" : state), PQresultErrorMessage(answer.get())};
}

}  // namespace onelane::bench::storm
