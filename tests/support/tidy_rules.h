// The house rules that a machine can check. A rule takes a file as text and gives its findings, one
// "path:line: what is wrong" each, so that it can be shown a planted violation.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace onelane::tidy {

struct File {
  std::string path;  // from the project's root, with slashes
  std::string text;
};

using Findings = std::vector<std::string>;
using Rule = Findings (*)(const File&);

// Every C++ file under include, src, bench, tests and tools.
std::vector<File> read_sources(const std::filesystem::path& root);
std::string read_text(const std::filesystem::path& path);

// The text with comments, strings and character literals blanked, lines kept.
std::string code_of(std::string_view text);

// Includes point down only, from room to room of a module as well, and modules on one floor never
// include each other.
Findings floors(const File& file);
// SQLite and the queue have one module each; public headers include the standard library alone.
Findings dependencies(const File& file);
// bench and tools use the public headers, as anybody would.
Findings public_headers_only(const File& file);
// Calls that make a run depend on the machine, or that end or print where nobody expects it.
Findings banned_calls(const File& file);
Findings line_length(const File& file);
Findings file_length(const File& file);
// At most four parameters for a function of the product; SQLite's own signatures are exempt.
Findings parameters(const File& file);
// At most 30 functions for a class of the engine: what it declares, defaulted and deleted ones
// aside.
Findings class_size(const File& file);
// A public header names nothing of the parts that the library is made of.
Findings public_words(const File& file);
// "#pragma once"; a public header opens with what it is for.
Findings header_opening(const File& file);

// Tests that no program is built from. `built` holds absolute paths.
Findings tests_not_built(const std::vector<File>& files, const std::filesystem::path& root,
                         const std::vector<std::string>& built);
// Modules of src that no tests/unit/<module>*_test.cpp is named after.
Findings modules_without_test(const std::vector<File>& files);
// Names at the top of the project that have no business there.
Findings top_level(const std::vector<std::string>& names);
// The first ```cpp block of a Markdown text.
std::string cpp_block(std::string_view markdown);

}  // namespace onelane::tidy
