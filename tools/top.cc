#include "tools/top.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>

#include "tools/kit/errors.h"
#include "tools/kit/interrupt.h"
#include "tools/kit/json_file.h"
#include "tools/kit/printable.h"
#include "tools/kit/terminal.h"
#include "tools/kit/units.h"
#include "tools/top/address.h"
#include "tools/top/fetch.h"
#include "tools/top/screen.h"
#include "tools/top/view.h"

namespace onelane::tools {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr Duration kEveryMin = 100ms;

struct TopOptions {
  Address address;
  Duration every{0};
  bool once = false;
  std::optional<std::string> json;
};

Duration parse_every(std::string_view text) {
  const Duration every = kit::parse_duration(text);
  if (every >= kEveryMin && every <= 1h) return every;
  throw kit::UsageError(fmt::format("'{}' is not between 100ms and 1h", text));
}

kit::FlagSet top_flags(TopOptions& o) {
  kit::FlagSet flags(
      "usage: onelane top URL|SOCKET [flags]\n\n"
      "A running journal, live: is anything wrong, who keeps whom waiting, and each class.\n"
      "The program serves it with onelane::http. q or Ctrl-C ends it.\n");
  flags.operand({.placeholder = "URL|SOCKET",
                 .help = "where it listens, such as http://127.0.0.1:9123 or a socket's path",
                 .parse = kit::into(o.address, parse_address)});
  flags.group("Display");
  flags.add({.name = "every",
             .placeholder = "TIME",
             .default_value = "1s",
             .help = "how often to ask and to draw",
             .parse = kit::into(o.every, parse_every)});
  flags.add({.name = "once",
             .help = "one snapshot, as it is without a terminal",
             .parse = kit::on(o.once)});
  flags.group("Output");
  kit::add_json_flag(flags, o.json);
  return flags;
}

std::vector<std::string> shown(const View& view) {
  std::vector<std::string> lines = view.lines;
  if (view.headline < lines.size()) {
    lines[view.headline] = kit::bold(lines[view.headline], stdout);
  }
  return lines;
}

int show_once(const TopOptions& options) {
  kit::JsonFile result(options.json);
  const json snapshot = fetch_snapshot(options.address);
  for (const std::string& line : shown(view_of(snapshot, {}))) {
    fmt::print(result.text(), "{}\n", line);
  }
  result.write(snapshot);
  return kit::kExitOk;
}

// A server that does not answer is asked again: its program may be starting anew.
int show_live(const TopOptions& options) {
  json snapshot = fetch_snapshot(options.address);  // an error here ends it, before the screen
  kit::catch_interrupt();
  Screen screen;
  std::string trouble;
  do {
    std::vector<std::string> lines = shown(view_of(snapshot, screen.size()));
    if (!trouble.empty() && !lines.empty()) {
      lines[0] = kit::bold(kit::clipped(trouble, screen.size().columns), stdout);
    }
    screen.draw(lines);
    if (screen.quit_within(options.every)) return kit::kExitOk;
    try {
      if (!kit::interrupted()) snapshot = fetch_snapshot(options.address);
      trouble.clear();
    } catch (const kit::RunError& error) {
      trouble = error.what();
    }
  } while (!kit::interrupted());
  return kit::interrupted_code();
}

int top_main(const std::vector<std::string>& arguments) {
  TopOptions options;
  if (!top_flags(options).parse(arguments, std::cout)) return kit::kExitOk;
  const bool live = !options.once && !options.json && isatty(STDOUT_FILENO) == 1;
  return live ? show_live(options) : show_once(options);
}

}  // namespace

Command top_command() {
  return {
      .name = "top",
      .group = "While it runs",
      .summary = "a running journal, live: what is wrong, who waits, each class",
      .about =
          "Asks a program's onelane::http server for a snapshot every second and draws it: "
          "whether anything is wrong, who keeps whom waiting, the lane and the disk, and of each "
          "class what is queued, how much comes and ends, its share of the lane, and its waits "
          "of the last ten seconds. Where the output is no terminal, it prints one snapshot.\n\n"
          "q or Ctrl-C ends it. With --json, the snapshot is what the server answers.",
      .flags =
          [] {
            static TopOptions unused;
            return top_flags(unused);
          },
      .run = top_main};
}

}  // namespace onelane::tools
