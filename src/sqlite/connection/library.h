// The SQLite library that this process is linked with: what is asked of it before it is used, and
// what is known to be wrong with its version.
#pragma once

#include <string>

#include "onelane/status.h"

namespace onelane::inline v0::sqlite {

// Initializes SQLite, which a build without automatic initialization does not do by itself, and
// refuses one that cannot be used: with threads that share nothing, or older than 3.37.
Status use_library();

// Whether SQLite's own releases of this version have the WAL-reset bug.
bool has_reset_bug(int version) noexcept;

// A warning where this version has the bug; else empty. By the number alone: a distributor may have
// fixed it and kept the number, so the warning names the build as well.
std::string reset_hazard();

}  // namespace onelane::inline v0::sqlite
