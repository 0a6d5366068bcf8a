#include "tools/kit/terminal.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>

namespace onelane::kit {

Progress::Progress() : terminal_(isatty(STDERR_FILENO) == 1) {}

void Progress::show(std::string_view line) {
  if (terminal_) fmt::print(stderr, "\r{}\x1b[K", line);
}

void Progress::clear() { show(""); }

std::string bold(std::string_view text, std::FILE* stream) {
  const char* no_color = std::getenv("NO_COLOR");
  bool plain = (no_color != nullptr && *no_color != '\0') || isatty(fileno(stream)) != 1;
  return plain ? std::string(text) : fmt::format("\x1b[1m{}\x1b[0m", text);
}

}  // namespace onelane::kit
