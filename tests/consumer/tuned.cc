// Somebody's program that lets its operator set its budgets. Prints what it was left with.
#include <onelane/flags.h>
#include <onelane/onelane.h>

#include <cstdio>

int main(int argc, char** argv) {
  onelane::flags::Lane lane({.journal = {.schema = "CREATE TABLE IF NOT EXISTS t(a)"},
                             .classes = {{.name = "peers", .weight = 4}, {.name = "blobs"}}});
  const auto rest = lane.parse(argc, argv);
  if (!rest || rest->size() != 1) {
    std::fprintf(stderr, "tuned: %s\n%s", rest ? "it needs a DATABASE" : "",
                 rest ? lane.help().c_str() : (rest.status().message() + "\n").c_str());
    return 2;
  }
  if (lane.print_wanted()) return std::fputs(lane.print().c_str(), stdout) < 0 ? 1 : 0;
  auto journal = onelane::Journal::open(rest->front(), lane.journal());
  if (!journal) return 1;
  for (const onelane::ClassOptions& options : lane.classes()) {
    if (!journal->add_class(options)) return 1;
    std::printf("%s\n", to_text(options).c_str());
  }
  return journal->close(std::chrono::seconds(1)).status.ok() ? 0 : 1;
}
