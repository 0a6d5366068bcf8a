// What a run cannot go on without: what onelane refuses ends the run.
#pragma once

#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "bench/kit/errors.h"
#include "onelane/status.h"

namespace onelane::bench {

// Throws RunError, "what: the status", unless it is ok.
inline void require(const Status& status, std::string_view what) {
  if (!status.ok()) throw RunError(fmt::format("{}: {}", what, status.to_string()));
}

// The value. Throws as above if there is none.
template <class T>
T required(Result<T> result, std::string_view what) {
  require(result.status(), what);
  return std::move(*result);
}

}  // namespace onelane::bench
