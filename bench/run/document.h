// A JSON document that is read strictly: each part knows its path, and says what is wrong with it
// and what would be right.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "bench/kit/units.h"

namespace onelane::bench::run {

// The longest document, and how deep it may be nested.
inline constexpr std::size_t kDocumentBytesMax = 1024 * 1024;
inline constexpr int kDocumentDepthMax = 16;

// Comments are allowed, no key twice in an object. Throws UsageError with the line.
nlohmann::json parse_document(std::string_view text);

template <class T>
struct Between {
  T least;
  T most;
};

// A part of a document, which must outlive it. All but has() and wrong() throw UsageError.
class Part {
 public:
  Part(const nlohmann::json& value, std::string path) : value_(&value), path_(std::move(path)) {}

  // That it is an object with no other keys than these.
  void keys(std::initializer_list<std::string_view> allowed) const;
  bool has(std::string_view key) const;
  // That member, which must be there.
  Part at(std::string_view key) const;

  std::vector<Part> list(Between<std::size_t> size) const;
  // A string of at most that many bytes, not empty.
  std::string text(std::size_t bytes_max) const;
  std::uint64_t count(Between<std::uint64_t> range) const;
  double number(Between<double> range) const;
  // Strings with units, or a bare 0: "5ms", "64KiB". A size may be a whole number of bytes.
  Nanoseconds time(Between<Nanoseconds> range) const;
  std::uint64_t size(Between<std::uint64_t> range) const;
  // One of the names: which.
  std::size_t choice(std::initializer_list<std::string_view> names) const;

  bool is_list() const;
  bool is_text() const;
  const std::string& path() const { return path_; }

  // "sources[0].call: 'x' is ...", with the value if `what` begins with "is".
  [[noreturn]] void wrong(std::string_view what) const;

 private:
  template <class T>
  T within(T value, Between<T> range, std::string_view limits) const;

  const nlohmann::json* value_;
  std::string path_;  // empty: the whole document
};

}  // namespace onelane::bench::run
