// What the SQL of a schema says of conflicts, as far as its words show.
#pragma once

#include <string_view>

namespace onelane::tools {

// Whether a table or a trigger with this SQL can end a whole transaction, or leave a part of a
// failed statement behind: ON CONFLICT, OR, or RAISE with ROLLBACK or FAIL. Comments and quoted
// text do not count.
bool undoes_more_or_less(std::string_view sql);

}  // namespace onelane::tools
