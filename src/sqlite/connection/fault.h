// What a result code of SQLite means for a tick: one table, code x place -> fault.
//
// What a failure left behind (Effect) is in no table. The sink asks the connection after every
// call, since the same code ends the transaction in one statement and not in the next. FULL in a
// statement with a statement journal undoes the statement; without one, the whole transaction.
//
// FULL at COMMIT is as unknown as any I/O error there. The frame with the commit mark was written
// in part only, but the missing part may be on the disk: from before the WAL restarted, if the same
// page lay at that place, or from the next attempt, which writes it there again. Recovery then
// finds the frame whole.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "onelane/sink.h"

namespace onelane::inline v0::sqlite {

enum class Place : std::uint8_t {
  statement,  // preparing, binding or stepping SQL of a record, a job or the schema
  control,    // our own: opening, BEGIN, SAVEPOINT, RELEASE, ROLLBACK, checkpoints
  commit,     // COMMIT
};
inline constexpr std::size_t kPlaceCount = 3;

struct FaultRow {
  int code;               // primary, or extended where it differs from its primary code
  Fault at[kPlaceCount];  // by Place
};

// Every primary code has a row. An extended code without one is like its primary code, and a
// primary code that this table does not know is internal.
std::span<const FaultRow> fault_table() noexcept;

// A failure of our own making; `code` is SQLite's where it has one that fits.
Reply reply_of(Fault fault, Effect effect, std::string_view message, int code = 0) noexcept;

// The reply for a failed xSync: whatever its code, there is no way back.
Reply sync_failure(int code, std::string_view what) noexcept;

// Fault::none for SQLITE_OK only.
Fault fault_of(int code, Place place) noexcept;
Errc errc_of(Fault fault) noexcept;

// Whether no recovery can bring the rows back after COMMIT answered `code` and ended the
// transaction: the guard's veto, which comes before any write.
bool surely_undone(int code) noexcept;

}  // namespace onelane::inline v0::sqlite
