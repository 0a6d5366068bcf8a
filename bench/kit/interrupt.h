// SIGINT asks for an orderly end: drain, print, exit 130. A second one ends at once.
#pragma once

namespace onelane::bench {

void catch_interrupt();
bool interrupted() noexcept;

}  // namespace onelane::bench
