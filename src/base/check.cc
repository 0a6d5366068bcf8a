#include "src/base/check.h"

#include <cinttypes>
#include <cstdio>
#include <cstdlib>

namespace onelane::inline v0::base {

void check_failed(const char* expression, const char* file, int line, std::int64_t seen) {
  std::fprintf(stderr, "onelane: invariant broken at %s:%d: %s (saw %" PRId64 ")\n", file, line,
               expression, seen);
  std::abort();
}

}  // namespace onelane::inline v0::base
