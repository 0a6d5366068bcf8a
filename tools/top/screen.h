// The whole terminal for one program, and back as it was.
#pragma once

#include <termios.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "onelane/clock.h"
#include "tools/top/view.h"

namespace onelane::tools {

class Screen {
 public:
  // The alternate screen, without a cursor; keys come at once, and are not shown.
  Screen();
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;
  ~Screen();

  ViewSize size() const;
  // Lines that are printable, but for what makes one bold.
  void draw(const std::vector<std::string>& lines);
  // Whether somebody has pressed q within that time. Ends early on a signal.
  bool quit_within(Duration time);

 private:
  std::optional<termios> before_;  // of the terminal's input
};

}  // namespace onelane::tools
