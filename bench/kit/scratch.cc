#include "bench/kit/scratch.h"

#include <fmt/format.h>
#include <stdlib.h>

#include <cerrno>
#include <string>
#include <system_error>

#include "bench/kit/errors.h"

namespace onelane::bench {

Scratch::Scratch(const std::filesystem::path& parent) {
  std::filesystem::path below = parent.empty() ? std::filesystem::temp_directory_path() : parent;
  std::string name = std::filesystem::absolute(below) / "onelane-bench-XXXXXX";
  if (mkdtemp(name.data()) == nullptr) {
    throw RunError(fmt::format("cannot make a directory like {}: {}", name,
                               std::generic_category().message(errno)));
  }
  path_ = name;
}

Scratch::~Scratch() {
  std::error_code ignored;  // nothing better can be done with it than leaving the files
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace onelane::bench
