#include "tests/support/temp_directory.h"

#include <cstdlib>
#include <stdexcept>
#include <system_error>

namespace onelane::test {

TempDirectory::TempDirectory() {
  std::string name = (std::filesystem::temp_directory_path() / "onelane-test-XXXXXX").native();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp: " + name);
  path_ = std::filesystem::canonical(name);
}

TempDirectory::~TempDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace onelane::test
