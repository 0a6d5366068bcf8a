// What somebody set from outside, and where.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "onelane/status.h"

namespace onelane::inline v0::flags {

struct Given {
  std::string class_name;  // empty: an option of the journal
  std::string key;
  std::string value;
  std::string origin;  // "--lane.tick", "ONELANE_TICK_HOLD", "lane.ini:3"
};

// What is the program's own is named by these.
struct Names {
  std::string prefix;                // of flags, and the section's name
  std::string environment;           // of variables
  std::vector<std::string> classes;  // that there are
};

// ok, or which class may have been meant.
Status check_class(const std::string& class_name, const Names& names);

// The options of a class in a list, "weight=4,max-delay=20ms", appended to `out`.
Status add_settings(const Given& list, std::vector<Given>& out);

// ASCII letters only.
std::string in_capitals(std::string_view text);

// invalid_argument: "origin: message".
Status wrong(const std::string& origin, const std::string& message);

}  // namespace onelane::inline v0::flags
