// The schema: that of JournalOptions, run at open, and what has to be known of it.
#pragma once

#include <string_view>

#include "onelane/status.h"

namespace onelane::inline v0::sqlite {

class Connection;

// Runs the statements in the open transaction, under the guard.
Status try_schema(Connection& connection, std::string_view sql);
// Runs the statements in one transaction of its own, under the guard. An error leaves nothing.
Status run_schema(Connection& connection, std::string_view sql);

// Whether a row may leave a deferred violation behind, in the schema as the connection now sees it:
// false only where no table has a deferred key, which has the word in its SQL.
bool may_have_deferred_keys(Connection& connection);

}  // namespace onelane::inline v0::sqlite
