// Journals that write to the PostgreSQL database, or have written to it, as the tables of their
// sinks show it (src/postgres/commits_table.h): a move would undo what they wrote.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/move/server.h"

namespace onelane::tools {

enum class Overwrite : std::uint8_t { no, yes };

struct TargetPrefix {
  std::string name;
  std::vector<std::string> beside{};  // those of journals that write other tables: not looked at
  Overwrite overwrite = Overwrite::no;
};

// Before a sink has the prefix, since each opening forgets old ones. Throws RunError if a journal
// has made commits in PostgreSQL, which must be said to be overwritten, or if one of another prefix
// is open.
void refuse_if_used(Server& server, const TargetPrefix& prefix);

// While a sink has the prefix. From here on no journal can open or commit until the transaction
// ends; refuses as above. Returns the backend that has the prefix's lock: the sink's.
std::string hold_journals(Server& server, const TargetPrefix& prefix);

// Throws RunError if that backend does not have the prefix's lock any more.
void check_held(Server& server, const TargetPrefix& prefix, const std::string& backend);

}  // namespace onelane::tools
