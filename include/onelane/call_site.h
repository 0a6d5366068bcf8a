// Where in the program a unit was pushed: each push knows it by itself, or is given a name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace onelane::inline v0 {

// How many call sites a journal tells apart, over all classes. What comes from others is counted as
// one for each class, labelled "other".
inline constexpr std::size_t kCallSitesMax = 128;

// A plain value, as cheap as two pointers: its texts are read by the push, which copies what it
// keeps. Like std::source_location, which clang++ 14 has not got.
class CallSite {
 public:
  // A name of the program's choosing, instead of a place: "on_connect". Up to 64 characters of it
  // are kept. It is read until the push returns. Empty: "unnamed".
  constexpr CallSite(std::string_view name) noexcept  // NOLINT: "on_connect" is meant to convert
      : text_(name.data()), size_(static_cast<std::uint32_t>(name.size())) {}
  constexpr CallSite(const char* name) noexcept : CallSite(std::string_view(name)) {}  // NOLINT
  CallSite(const std::string& name) noexcept : CallSite(std::string_view(name)) {}     // NOLINT
  CallSite(std::string&& name) = delete;  // options would point to a temporary that is gone

  // The place that calls this, or that makes the object whose member is set by it. The texts must
  // live as long as the program, as those of the compiler do.
  static constexpr CallSite here(const char* file = __builtin_FILE(),
                                 const char* function = __builtin_FUNCTION(),
                                 std::uint32_t line = __builtin_LINE()) noexcept {
    CallSite site{std::string_view(file)};
    site.function_ = function;
    site.line_ = line;
    return site;
  }

  // The file, or the name.
  constexpr std::string_view text() const noexcept { return {text_, size_}; }
  constexpr const char* function() const noexcept { return function_; }  // null for a name
  constexpr std::uint32_t line() const noexcept { return line_; }        // 0 for a name

 private:
  const char* text_;
  const char* function_ = nullptr;
  std::uint32_t size_;
  std::uint32_t line_ = 0;
};

}  // namespace onelane::inline v0
