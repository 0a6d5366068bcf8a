// onelane: one program, one file per subcommand.
#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <exception>
#include <string>
#include <system_error>

#include "tools/command.h"
#include "tools/kit/errors.h"
#include "tools/kit/interrupt.h"

namespace {

// A result that did not get out is none.
void require_written(std::FILE* output) {
  if (std::fflush(output) != 0 || std::ferror(output) != 0) {
    throw onelane::kit::RunError("cannot write to standard output: " +
                                 std::generic_category().message(errno == 0 ? EIO : errno));
  }
}

}  // namespace

int main(int argc, char** argv) {
  using namespace onelane::kit;
  try {
    const int code = onelane::tools::run({argv + 1, argv + argc});
    require_written(stdout);
    return code;
  } catch (const UsageError& error) {
    fmt::print(stderr, "onelane: {}\n", error.what());
    return kExitUsage;
  } catch (const std::exception& error) {
    fmt::print(stderr, "onelane: {}\n", error.what());
    return interrupted() ? interrupted_code() : kExitFailed;
  }
}
