// SIGINT, SIGTERM and SIGHUP ask for an orderly end: drain, print, remove the temporary databases,
// exit with 128 + the signal's number. A second one ends at once.
#pragma once

#include <string_view>

namespace onelane::kit {

void catch_interrupt();
bool interrupted() noexcept;
// Once interrupted: 130, 143 or 129; and the signal's name.
int interrupted_code() noexcept;
std::string_view interrupted_by() noexcept;

}  // namespace onelane::kit
