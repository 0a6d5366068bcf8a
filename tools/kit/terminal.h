// What only a terminal gets: progress on stderr, and bold headings where NO_COLOR is not set.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

namespace onelane::kit {

// One line on stderr that is written over and over; nothing where stderr is no terminal.
class Progress {
 public:
  Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() { clear(); }

  void show(std::string_view line);
  void clear();

 private:
  bool terminal_;
};

// The text in bold if the stream is a terminal and NO_COLOR is empty or not set.
std::string bold(std::string_view text, std::FILE* stream);

}  // namespace onelane::kit
