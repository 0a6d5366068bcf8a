#include "tools/top/screen.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>

#include "tools/kit/interrupt.h"

namespace onelane::tools {
namespace {

constexpr std::string_view kEnter = "\x1b[?1049h\x1b[?25l";
constexpr std::string_view kLeave = "\x1b[?25h\x1b[?1049l";
constexpr std::string_view kHome = "\x1b[H";
constexpr std::string_view kClearLine = "\x1b[K";
constexpr std::string_view kClearRest = "\x1b[J";

void put(std::string_view text) {
  fmt::print("{}", text);
  std::fflush(stdout);
}

}  // namespace

Screen::Screen() {
  termios now{};
  if (tcgetattr(STDIN_FILENO, &now) == 0) {
    before_ = now;
    now.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);  // signals stay as they are
    tcsetattr(STDIN_FILENO, TCSANOW, &now);
  }
  put(kEnter);
}

Screen::~Screen() {
  put(kLeave);
  if (before_) tcsetattr(STDIN_FILENO, TCSANOW, &*before_);
}

ViewSize Screen::size() const {
  winsize size{};
  const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? ViewSize{.columns = size.ws_col, .lines = size.ws_row}
               : ViewSize{.columns = 80, .lines = 24};
}

void Screen::draw(const std::vector<std::string>& lines) {
  std::string out(kHome);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    out += lines[i];
    out += kClearLine;
    if (i + 1 < lines.size()) out += "\r\n";
  }
  put(out += kClearRest);
}

bool Screen::quit_within(Duration time) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + time;
  while (!kit::interrupted()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
    if (left.count() <= 0) return false;
    pollfd input{.fd = before_ ? STDIN_FILENO : -1, .events = POLLIN, .revents = 0};
    if (poll(&input, 1, static_cast<int>(left.count())) <= 0) return false;
    std::array<char, 16> keys{};
    const ssize_t got = read(STDIN_FILENO, keys.data(), keys.size());
    if (got <= 0) before_.reset();  // nobody is there to press anything
    for (ssize_t i = 0; i < got; ++i) {
      if (keys[static_cast<std::size_t>(i)] == 'q') return true;
    }
  }
  return false;
}

}  // namespace onelane::tools
