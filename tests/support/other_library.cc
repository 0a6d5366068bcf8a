#include "tests/support/other_library.h"

#include <dlfcn.h>
#include <sqlite3.h>

#include <atomic>

namespace onelane::test {

namespace {

std::atomic<bool> g_single{false};
std::atomic<int> g_version{0};

// What the library says; that, where it is linked statically.
int really(const char* function, int otherwise) {
  const auto real = reinterpret_cast<int (*)()>(::dlsym(RTLD_NEXT, function));
  return real == nullptr ? otherwise : real();
}

}  // namespace

BuiltForASingleThread::BuiltForASingleThread() { g_single = true; }
BuiltForASingleThread::~BuiltForASingleThread() { g_single = false; }

OfVersion::OfVersion(int number) { g_version = number; }
OfVersion::~OfVersion() { g_version = 0; }

static int threadsafe() {
  static const int real = really("sqlite3_threadsafe", 1);
  return g_single ? 0 : real;
}

static int version() {
  static const int real = really("sqlite3_libversion_number", SQLITE_VERSION_NUMBER);
  const int said = g_version;
  return said == 0 ? real : said;
}

}  // namespace onelane::test

extern "C" int sqlite3_threadsafe() { return onelane::test::threadsafe(); }
extern "C" int sqlite3_libversion_number() { return onelane::test::version(); }
