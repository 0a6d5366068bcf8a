#include "src/sqlite/connection/fault.h"

#include <sqlite3.h>

#include <string>

#include "src/base/memory.h"

namespace onelane::inline v0::sqlite {

namespace {

using enum Fault;

constexpr FaultRow everywhere(int code, Fault fault) { return {code, {fault, fault, fault}}; }
// The statement's own fault; where no SQL but ours runs, ours.
constexpr FaultRow by_statement(int code) { return {code, {record, internal, internal}}; }

constexpr FaultRow kTable[] = {
    by_statement(SQLITE_ERROR),
    everywhere(SQLITE_INTERNAL, internal),
    everywhere(SQLITE_PERM, read_only),
    by_statement(SQLITE_ABORT),
    everywhere(SQLITE_BUSY, busy),
    // Without shared cache only the connection's own statements lock a table, as when a query's
    // visitor drops the table that is being read; waiting would not help.
    {SQLITE_LOCKED, {record, busy, busy}},
    everywhere(SQLITE_NOMEM, environment),
    everywhere(SQLITE_READONLY, read_only),
    everywhere(SQLITE_INTERRUPT, environment),
    everywhere(SQLITE_IOERR, environment),
    everywhere(SQLITE_IOERR_FSYNC, sync),
    everywhere(SQLITE_IOERR_DIR_FSYNC, sync),
    everywhere(SQLITE_IOERR_DATA, corrupt),
    everywhere(SQLITE_IOERR_CORRUPTFS, corrupt),
    // In a statement the file itself is asked; see inquiry.h.
    everywhere(SQLITE_CORRUPT, corrupt),
    // A virtual table's content does not fit what a record says of it. At SAVEPOINT and RELEASE it
    // may be an earlier record's: it is found when each is tried alone.
    {SQLITE_CORRUPT_VTAB, {record, environment, record}},
    // Somebody has written to sqlite_sequence.
    {SQLITE_CORRUPT_SEQUENCE, {record, corrupt, corrupt}},
    everywhere(SQLITE_NOTFOUND, internal),
    // In a statement it may be the record's own; see inquiry.h.
    everywhere(SQLITE_FULL, environment),
    everywhere(SQLITE_CANTOPEN, environment),
    everywhere(SQLITE_PROTOCOL, environment),
    everywhere(SQLITE_EMPTY, internal),
    // After SQLite's own retries: gone when the statement is prepared again.
    everywhere(SQLITE_SCHEMA, environment),
    by_statement(SQLITE_TOOBIG),
    // At COMMIT: a deferred foreign key, which verify() should have found with its unit.
    {SQLITE_CONSTRAINT, {record, internal, record}},
    // A commit that nobody armed: the guard's veto.
    everywhere(SQLITE_CONSTRAINT_COMMITHOOK, internal),
    by_statement(SQLITE_MISMATCH),
    everywhere(SQLITE_MISUSE, internal),
    everywhere(SQLITE_NOLFS, environment),
    by_statement(SQLITE_AUTH),
    everywhere(SQLITE_FORMAT, internal),
    by_statement(SQLITE_RANGE),
    everywhere(SQLITE_NOTADB, corrupt),
    everywhere(SQLITE_NOTICE, internal),
    everywhere(SQLITE_WARNING, internal),
    // A step returned rows where none were expected.
    everywhere(SQLITE_ROW, internal),
    everywhere(SQLITE_DONE, internal),
};

const FaultRow* find(int code) noexcept {
  for (const FaultRow& row : kTable) {
    if (row.code == code) return &row;
  }
  return nullptr;
}

}  // namespace

std::span<const FaultRow> fault_table() noexcept { return kTable; }

Fault fault_of(int code, Place place) noexcept {
  if (code == SQLITE_OK) return none;
  const FaultRow* row = find(code);
  if (row == nullptr) row = find(code & 0xff);
  return row == nullptr ? internal : row->at[static_cast<std::size_t>(place)];
}

Errc errc_of(Fault fault) noexcept {
  switch (fault) {
    case none:
      return Errc::ok;
    case record:
      return Errc::record;
    case busy:
    case conflict:
      return Errc::locked;
    case environment:
    case read_only:
    case sync:
      return Errc::storage;
    case corrupt:
      return Errc::corrupt;
    case internal:
      break;
  }
  return Errc::internal;
}

Reply reply_of(Fault fault, Effect effect, std::string_view message, int code) noexcept {
  Reply reply;
  reply.fault = fault;
  reply.effect = effect;
  reply.cause = {errc_of(fault), message, code};
  return reply;
}

Reply sync_failure(int code, std::string_view what) noexcept {
  Reply reply;
  reply.fault = sync;
  reply.effect = Effect::ended;
  reply.cause = base::worded(errc_of(sync), code,
                             [&] { return std::string(what) + ": " + sqlite3_errstr(code); });
  return reply;
}

bool surely_undone(int code) noexcept { return code == SQLITE_CONSTRAINT_COMMITHOOK; }

}  // namespace onelane::inline v0::sqlite
