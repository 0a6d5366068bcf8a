// Whose fault a failed statement is, where SQLite's code alone does not tell: then the database is
// asked.
#pragma once

#include "onelane/sink.h"
#include "src/sqlite/connection/connection.h"

namespace onelane::inline v0::sqlite {

// FULL in a statement is never the database's disk, since nothing is written to it before COMMIT.
// It is the record's own where a table's AUTOINCREMENT keys are used up; else the environment's,
// and the message says what is full as far as it can be known.
void ask_what_is_full(Connection& connection, Reply& reply) noexcept;

// CORRUPT in a statement, for which there is no transaction any more. Where the database's file is
// sound as far as integrity_check can tell, it is not damaged: a page could not be read for once,
// or a virtual table or an SQL function says so. Then it is the environment's, to be waited out. A
// file larger than 16 MiB is not looked through, and is called damaged.
void ask_what_is_damaged(Connection& connection, Reply& reply) noexcept;

}  // namespace onelane::inline v0::sqlite
