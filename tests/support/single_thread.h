// A SQLite that says that it was built for a single thread, for the whole test program: its own
// sqlite3_threadsafe() takes the place of the library's.
#pragma once

namespace onelane::test {

// One at a time.
class BuiltForASingleThread {
 public:
  BuiltForASingleThread();
  ~BuiltForASingleThread();
  BuiltForASingleThread(const BuiltForASingleThread&) = delete;
  BuiltForASingleThread& operator=(const BuiltForASingleThread&) = delete;
};

}  // namespace onelane::test
