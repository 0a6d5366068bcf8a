// The language of the tests of the command: what a subcommand says, and the ends of complaints.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <exception>
#include <functional>
#include <string>
#include <string_view>

#include "tools/database/finding.h"

namespace onelane::test {

// What `call` throws, or "".
inline std::string complaint(const std::function<void()>& call) {
  try {
    call();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "";
}

inline void expect_contains(std::string_view text, std::string_view part) {
  EXPECT_NE(text.find(part), std::string_view::npos) << "no '" << part << "' in: " << text;
}

// The finding about this, or one that is about nothing.
inline tools::Finding of(const tools::Findings& findings, std::string_view what) {
  const auto found =
      std::find_if(findings.begin(), findings.end(),
                   [what](const tools::Finding& finding) { return finding.what == what; });
  return found == findings.end() ? tools::Finding{} : *found;
}

}  // namespace onelane::test
