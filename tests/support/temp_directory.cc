#include "tests/support/temp_directory.h"

#include <unistd.h>

#include <cstdlib>
#include <stdexcept>
#include <system_error>

namespace onelane::test {

namespace {

constexpr const char* kSharedMemory = "/dev/shm";

std::filesystem::path parent(TempDirectory::Where where) {
  const bool memory =
      where == TempDirectory::Where::in_memory && ::access(kSharedMemory, W_OK) == 0;
  return memory ? kSharedMemory : std::filesystem::temp_directory_path();
}

}  // namespace

TempDirectory::TempDirectory(Where where) {
  std::string name = (parent(where) / "onelane-test-XXXXXX").native();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp: " + name);
  path_ = std::filesystem::canonical(name);
}

TempDirectory::~TempDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace onelane::test
