// Makes SQLite report a version and build that a test chooses, in the whole test program: functions
// of the program's own replace the library's.
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

// One at a time.
class OfVersion {
 public:
  explicit OfVersion(int number);
  ~OfVersion();
  OfVersion(const OfVersion&) = delete;
  OfVersion& operator=(const OfVersion&) = delete;
};

}  // namespace onelane::test
