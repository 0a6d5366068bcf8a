#include "tests/support/tidy_rules.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>
#include <stdexcept>

namespace onelane::tidy {
namespace {

constexpr std::size_t kColumnsMax = 100;
constexpr std::size_t kProductLinesMax = 500;
constexpr std::size_t kTestLinesMax = 800;

struct Place {
  std::string_view prefix;  // of a path from the root
  int floor;
  std::string_view module;
  int room = 0;  // of a module that has several
};

// Where each part of the house stands.
constexpr std::array kHouse = {
    Place{"include/onelane/status.h", 0, "base"},
    Place{"include/onelane/clock.h", 0, "base"},
    Place{"include/onelane/version.h", 0, "base"},
    Place{"src/base/", 0, "base"},
    Place{"include/onelane/record.h", 1, "model"},
    Place{"include/onelane/receipt.h", 1, "model"},
    Place{"include/onelane/options.h", 1, "model"},
    Place{"include/onelane/option_text.h", 1, "model"},
    Place{"include/onelane/stats.h", 1, "model"},
    Place{"include/onelane/job.h", 1, "model"},
    Place{"include/onelane/event.h", 1, "model"},
    Place{"include/onelane/call_site.h", 1, "model"},
    Place{"include/onelane/journey.h", 1, "model"},
    Place{"include/onelane/import.h", 1, "model"},
    Place{"src/model/", 1, "model"},
    Place{"include/onelane/sink.h", 2, "seams"},
    Place{"include/onelane/testing.h", 3, "testing"},
    Place{"include/onelane/conformance.h", 3, "testing"},
    Place{"src/queue/", 2, "seams"},
    Place{"include/onelane/plan.h", 3, "schedule"},
    Place{"src/schedule/", 3, "schedule"},
    Place{"src/commit/", 3, "commit"},
    Place{"src/ack/", 3, "ack"},
    Place{"src/intake/", 3, "intake"},
    Place{"src/trace/", 3, "trace"},
    Place{"src/sqlite/connection/", 3, "sqlite", 1},
    Place{"src/sqlite/log/", 3, "sqlite", 2},
    Place{"src/sqlite/sink/", 3, "sqlite", 3},
    Place{"src/engine/", 4, "engine"},
    Place{"include/onelane/trace.h", 4, "tuning"},
    Place{"src/tuning/", 4, "tuning"},
    Place{"include/onelane/producer.h", 5, "api"},
    Place{"include/onelane/journal.h", 5, "api"},
    Place{"include/onelane/onelane.h", 5, "api"},
    Place{"src/api/", 5, "api"},
    Place{"include/onelane/flags.h", 5, "flags"},
    Place{"src/flags/", 5, "flags"},
    Place{"include/onelane/render.h", 6, "render"},
    Place{"src/render/", 6, "render"},
    Place{"include/onelane/postgres.h", 6, "postgres"},
    Place{"src/postgres/", 6, "postgres"},
    Place{"include/onelane/http.h", 7, "http"},
    Place{"src/http/", 7, "http"},
};

const Place* place_of(std::string_view path) {
  const auto* place = std::find_if(kHouse.begin(), kHouse.end(), [path](const Place& candidate) {
    return path.starts_with(candidate.prefix);
  });
  return place == kHouse.end() ? nullptr : place;
}

bool product(std::string_view path) {
  return path.starts_with("src/") || path.starts_with("include/");
}

struct Line {
  std::size_t number;
  std::string_view text;
};

std::vector<Line> lines_of(std::string_view text) {
  std::vector<Line> lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    lines.push_back({lines.size() + 1, text.substr(0, end)});
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::string finding(const File& file, std::size_t line, std::string_view what) {
  return file.path + ":" + std::to_string(line) + ": " + std::string(what);
}

struct Include {
  std::size_t line;
  std::string_view name;
  bool quoted;
};

std::vector<Include> includes_of(const File& file) {
  std::vector<Include> includes;
  for (const auto& [number, text] : lines_of(file.text)) {
    if (!text.starts_with("#include ")) continue;
    const auto name = text.substr(9);
    const bool quoted = name.starts_with('"');
    const auto end = name.find(quoted ? '"' : '>', 1);
    if (end != std::string_view::npos)
      includes.push_back({number, name.substr(1, end - 1), quoted});
  }
  return includes;
}

std::string path_of(const Include& include) {
  const bool is_public = include.name.starts_with("onelane/");
  return (is_public ? "include/" : "") + std::string(include.name);
}

bool word_character(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

bool has_word(std::string_view text, std::string_view word) {
  for (auto at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    const auto end = at + word.size();
    const bool starts = at == 0 || !word_character(text[at - 1]);
    const bool ends =
        end == text.size() || !word_character(text[end]) || !word_character(word.back());
    if (starts && ends) return true;
  }
  return false;
}

}  // namespace

std::string read_text(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path.string());
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<File> read_sources(const std::filesystem::path& root) {
  const std::set<std::string> extensions = {".h", ".cc", ".cpp"};
  std::vector<File> files;
  for (const auto* folder : {"include", "src", "bench", "tests", "tools"}) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root / folder)) {
      if (!entry.is_regular_file() || !extensions.contains(entry.path().extension())) continue;
      const auto path = entry.path().lexically_relative(root).generic_string();
      files.push_back({path, read_text(entry.path())});
    }
  }
  std::sort(files.begin(), files.end(),
            [](const File& a, const File& b) { return a.path < b.path; });
  return files;
}

namespace {

// What ends the comment or literal that starts here, or nothing if none does.
std::optional<std::string> closing_of(std::string_view rest, char before) {
  if (rest.starts_with("//")) return "\n";
  if (rest.starts_with("/*")) return "*/";
  if (rest.starts_with("R\"") && !word_character(before)) {
    return ")" + std::string(rest.substr(2, rest.find('(') - 2)) + "\"";
  }
  if (rest.starts_with('"')) return "\"";
  if (rest.starts_with('\'') && !word_character(before)) return "'";  // 1'000 is a number
  return std::nullopt;
}

std::size_t end_of(std::string_view text, std::size_t from, const std::string& closing) {
  const bool escapes = closing == "\"" || closing == "'";
  while (from < text.size() && !text.substr(from).starts_with(closing)) {
    from += escapes && text[from] == '\\' ? 2 : 1;
  }
  return closing == "\n" ? from : from + closing.size();
}

}  // namespace

std::string code_of(std::string_view text) {
  std::string code(text);
  for (std::size_t at = 0; at < text.size();) {
    const auto closing = closing_of(text.substr(at), at == 0 ? ' ' : text[at - 1]);
    if (!closing) {
      ++at;
      continue;
    }
    const auto opening = *closing == "*/" ? 2U : 1U;
    const auto end = std::min(end_of(text, at + opening, *closing), text.size());
    for (; at < end; ++at) {
      if (code[at] != '\n') code[at] = ' ';
    }
  }
  return code;
}

Findings floors(const File& file) {
  if (!product(file.path)) return {};
  const Place* here = place_of(file.path);
  if (here == nullptr) return {finding(file, 1, "has no floor; give it one in tidy_rules.cc")};
  Findings findings;
  for (const auto& include : includes_of(file)) {
    if (!include.quoted) continue;
    const Place* there = place_of(path_of(include));
    if (there == nullptr) {
      findings.push_back(finding(file, include.line, "includes what has no floor"));
    } else if (there->module == here->module && there->room > here->room) {
      findings.push_back(finding(file, include.line, "leads from a room into one above it"));
    } else if (there->module != here->module && there->floor >= here->floor) {
      findings.push_back(finding(file, include.line,
                                 std::string(here->module) + " may not include " +
                                     std::string(there->module) + ", which is not below it"));
    }
  }
  return findings;
}

Findings dependencies(const File& file) {
  struct Owner {
    std::string_view include;
    std::string_view folder;  // the only one that may, in the product
  };
  constexpr std::array kOwners = {
      Owner{"sqlite3.h", "src/sqlite/"},
      Owner{"sqlite3ext.h", "nowhere"},
      Owner{"concurrentqueue", "src/queue/"},
      Owner{"blockingconcurrentqueue", "src/queue/"},
      Owner{"lightweightsemaphore", "src/queue/"},
      Owner{"boost/", "src/flags/"},
      Owner{"fmt/", "src/render/"},
      Owner{"nlohmann/", "src/render/"},
      Owner{"libpq-fe.h", "src/postgres/"},
      Owner{"httplib.h", "src/http/"},
      Owner{"openssl/", "src/http/"},
  };
  if (!product(file.path)) return {};
  Findings findings;
  for (const auto& [line, name, quoted] : includes_of(file)) {
    for (const auto& owner : kOwners) {
      if (name.starts_with(owner.include) && !file.path.starts_with(owner.folder)) {
        findings.push_back(
            finding(file, line, std::string(name) + " belongs in " + std::string(owner.folder)));
      }
    }
    const bool standard = !quoted && name.find_first_of("./") == std::string_view::npos;
    if (file.path.starts_with("include/") && !standard && !name.starts_with("onelane/")) {
      findings.push_back(finding(file, line, "a public header includes " + std::string(name)));
    }
  }
  return findings;
}

Findings public_headers_only(const File& file) {
  if (!file.path.starts_with("bench/") && !file.path.starts_with("tools/")) return {};
  Findings findings;
  for (const auto& include : includes_of(file)) {
    // The charts have one home, which is the page's.
    if (include.name.starts_with("src/render/")) continue;
    if (include.name.starts_with("src/") || include.name.starts_with("tests/")) {
      findings.push_back(finding(file, include.line, "only public headers here"));
    }
  }
  return findings;
}

Findings banned_calls(const File& file) {
  struct Ban {
    std::string_view word;
    std::string_view where;   // the paths it is banned in; "" is all
    std::string_view but_in;  // the one exception
    std::string_view instead;
  };
  constexpr std::string_view kNone = "?";
  constexpr std::string_view kWait = "wait for a condition, or move a fake clock";
  constexpr std::string_view kPrint = "the library prints nothing: return a Status";
  constexpr std::string_view kThread = "the one shell of a thread (src/engine/thread.h)";
  constexpr std::array kBans = {
      Ban{"sleep_for", "src/", kNone, kWait},
      Ban{"sleep_until", "src/", kNone, kWait},
      Ban{"usleep", "", kNone, kWait},
      Ban{"nanosleep", "", kNone, kWait},
      Ban{"sleep_for", "tests/", "tests/race/", kWait},
      Ban{"sleep_until", "tests/", "tests/race/", kWait},
      Ban{"system_clock", "", "tests/consumer/", "time comes from onelane::Clock"},
      Ban{"high_resolution_clock", "", kNone, "time comes from onelane::Clock"},
      Ban{"steady_clock::now", "src/", "src/base/", "time comes from onelane::Clock"},
      Ban{"steady_clock::now", "tests/unit/", kNone, "time comes from a fake clock"},
      Ban{"rand(", "", kNone, "a seeded std::mt19937_64"},
      Ban{"srand(", "", kNone, "a seeded std::mt19937_64"},
      Ban{"random_device", "", kNone, "a seed that is said"},
      Ban{"assert(", "", kNone, "a check that stays on in release builds (src/base/check.h)"},
      Ban{"printf(", "src/", kNone, kPrint},
      Ban{"fprintf(", "src/", "src/base/check.cc", kPrint},
      Ban{"puts(", "src/", kNone, kPrint},
      Ban{"cout", "src/", kNone, kPrint},
      Ban{"cerr", "src/", kNone, kPrint},
      Ban{"jthread", "src/", kNone, kThread},
      Ban{"pthread_create", "src/", kNone, kThread},
      Ban{"std::thread(", "src/engine/", "src/engine/thread.", kThread},
      Ban{"std::thread ", "src/engine/", "src/engine/thread.", kThread},
      Ban{"std::thread(", "src/sqlite/", kNone, kThread},
      Ban{"std::thread ", "src/sqlite/", kNone, kThread},
      Ban{"detach(", "src/", "src/api/journal.cc", "threads are joined by their owner"},
      Ban{"exit(", "src/", kNone, "a library does not end the program"},
  };
  Findings findings;
  const std::string code = code_of(file.text);
  for (const auto& [number, text] : lines_of(code)) {
    for (const auto& ban : kBans) {
      if (!file.path.starts_with(ban.where) || file.path.starts_with(ban.but_in)) continue;
      if (has_word(text, ban.word)) {
        findings.push_back(
            finding(file, number,
                    std::string(ban.word) + " is banned; instead: " + std::string(ban.instead)));
      }
    }
  }
  return findings;
}

Findings public_words(const File& file) {
  constexpr std::array<std::string_view, 4> kInside = {"base::", "sqlite3", "moodycamel", "boost"};
  if (!file.path.starts_with("include/")) return {};
  Findings findings;
  const std::string code = code_of(file.text);
  for (const auto& [number, text] : lines_of(code)) {
    for (const auto word : kInside) {
      if (text.find(word) == std::string_view::npos) continue;
      findings.push_back(
          finding(file, number, "a public header names " + std::string(word) + ", of the inside"));
    }
  }
  return findings;
}

Findings line_length(const File& file) {
  Findings findings;
  for (const auto& [number, text] : lines_of(file.text)) {
    if (text.size() > kColumnsMax) {
      findings.push_back(finding(file, number, std::to_string(text.size()) + " columns"));
    }
  }
  return findings;
}

Findings file_length(const File& file) {
  const auto lines = lines_of(file.text).size();
  const auto limit = product(file.path) ? kProductLinesMax : kTestLinesMax;
  if (lines <= limit) return {};
  return {
      finding(file, lines, "longer than " + std::to_string(limit) + " lines: more than one idea")};
}

Findings header_opening(const File& file) {
  if (!file.path.ends_with(".h")) return {};
  Findings findings;
  if (file.text.find("\n#pragma once\n") == std::string::npos &&
      !file.text.starts_with("#pragma once\n")) {
    findings.push_back(finding(file, 1, "no #pragma once"));
  }
  if (file.path.starts_with("include/") && !file.text.starts_with("// ")) {
    findings.push_back(finding(file, 1, "does not open with what it is for"));
  }
  return findings;
}

Findings tests_not_built(const std::vector<File>& files, const std::filesystem::path& root,
                         const std::vector<std::string>& built) {
  const std::set<std::string> known(built.begin(), built.end());
  Findings findings;
  for (const auto& file : files) {
    const bool test = file.path.starts_with("tests/") && file.path.ends_with("_test.cpp");
    if (test && !known.contains((root / file.path).string())) {
      findings.push_back(finding(file, 1, "no test program is built from it"));
    }
  }
  return findings;
}

Findings modules_without_test(const std::vector<File>& files) {
  std::set<std::string> modules;
  for (const auto& file : files) {
    if (!file.path.starts_with("src/")) continue;
    modules.insert(file.path.substr(4, file.path.find('/', 4) - 4));
  }
  Findings findings;
  for (const auto& module : modules) {
    const std::string prefix = "tests/unit/" + module;
    const bool tested = std::any_of(files.begin(), files.end(), [&prefix](const File& file) {
      return file.path.starts_with(prefix) && file.path.ends_with("_test.cpp");
    });
    if (!tested) findings.push_back("src/" + module + " has no " + prefix + "*_test.cpp");
  }
  return findings;
}

Findings top_level(const std::vector<std::string>& names) {
  const std::set<std::string> allowed = {"CMakeLists.txt", "CMakePresets.json", "LICENSE",
                                         "README.md", "bench", "include", "src", "tests", "tools",
                                         // What .gitignore keeps out of the repository.
                                         "CMakeUserPresets.json", "build", "compile_commands.json"};
  Findings findings;
  for (const auto& name : names) {
    if (!name.starts_with('.') && !allowed.contains(name)) {
      findings.push_back(name + " is not for the top level");
    }
  }
  return findings;
}

std::string cpp_block(std::string_view markdown) {
  constexpr std::string_view kOpening = "```cpp\n";
  const auto opening = markdown.find(kOpening);
  if (opening == std::string_view::npos) return {};
  const auto start = opening + kOpening.size();
  return std::string(markdown.substr(start, markdown.find("```", start) - start));
}

}  // namespace onelane::tidy
