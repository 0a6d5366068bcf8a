#include "tests/support/single_thread.h"

#include <dlfcn.h>
#include <sqlite3.h>

#include <atomic>

namespace onelane::test {

namespace {

std::atomic<bool> g_single{false};

// Null where SQLite is linked statically.
int really_threadsafe() {
  static const auto real = reinterpret_cast<int (*)()>(::dlsym(RTLD_NEXT, "sqlite3_threadsafe"));
  return real == nullptr ? 1 : real();
}

}  // namespace

BuiltForASingleThread::BuiltForASingleThread() { g_single = true; }
BuiltForASingleThread::~BuiltForASingleThread() { g_single = false; }

static int threadsafe() { return g_single ? 0 : really_threadsafe(); }

}  // namespace onelane::test

extern "C" int sqlite3_threadsafe() { return onelane::test::threadsafe(); }
