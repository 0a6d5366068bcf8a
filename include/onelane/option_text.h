// Options as text, for flags, files and logs:
//
//   Result<ClassOptions> peers =
//   parse_class("peers:weight=4,guarantee.records=32,when-full=reject"); Result<JournalOptions>
//   journal = parse_journal("tick.hold=5ms,wal-limit=128MiB");
//
// A text is a list of KEY=VALUE with commas between them; that of a class has its name and a colon
// before it. Spaces around a key or a value do not count. A value that contains a comma, or begins
// or ends with a space, stands in double quotes: intake.folder="/a,b". Inside them \" is a quote,
// \\ a backslash and \n the end of a line.
//
// The keys are those of one table, class_fields() and journal_fields(), from which come the limits
// that validate() holds options to, its messages, help texts and the documentation
// (src/model/OPTIONS.md). What is a function or an object in C++ has no text: schema, migrations,
// on_event, clock.
//
// Everything here may be called by any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "onelane/clock.h"
#include "onelane/options.h"
#include "onelane/status.h"

namespace onelane::inline v0 {

// One option, as a help text or a manual shows it.
struct OptionField {
  std::string name;    // the key: "wal-limit"
  std::string member;  // of ClassOptions or JournalOptions: "wal_limit_bytes"
  // What a value is:
  //   count, percent  a whole number
  //   size            bytes, as parse_size() reads them
  //   time            as parse_duration() reads it
  //   switch          on or off; also true, false, yes, no, 1, 0
  //   choice          one of `choices`
  //   table           a table's name
  //   folder, file    a path
  //   mode            permissions of a file, in octal: 0640
  std::string unit;
  std::string limits;                // "1MiB to 1TiB", "block, reject or drop-oldest"
  std::string default_value;         // as a text would set it: "64MiB"
  std::string help;                  // half a sentence
  std::vector<std::string> choices;  // all that a choice or a switch can be; else empty
};

// In the order of the structs' members. They live as long as the process.
std::span<const OptionField> class_fields();
std::span<const OptionField> journal_fields();

// `start`, changed by a text; the name of a class is the text's. The text of a class may be its
// name alone. invalid_argument names the key, its value and what would be right, or the key that is
// nearest to an unknown one. Each value is held to its own limits; what must hold between several
// is left to validate(), so that a program can still change the others.
Result<ClassOptions> parse_class(std::string_view text, ClassOptions start = {});
Result<JournalOptions> parse_journal(std::string_view text, JournalOptions start = {});

// Changes one option by its key, as such a text would, but `value` stands for itself, without
// quotes. On an error nothing is changed.
Status set_option(ClassOptions& options, std::string_view name, std::string_view value);
Status set_option(JournalOptions& options, std::string_view name, std::string_view value);

// One option as text, without quotes: what set_option() takes. Empty for an unknown key.
std::string option_value(const ClassOptions& options, std::string_view name);
std::string option_value(const JournalOptions& options, std::string_view name);

// Which options to_text() shows.
enum class Shown : std::uint8_t {
  changed,  // those that are not at their default
  all,
};

// The text from which parse_class() or parse_journal() make the same again, as far as it has a key;
// a field of JournalOptions::tick that is 0 is shown as what it means. "peers:weight=4".
std::string to_text(const ClassOptions& options, Shown shown = Shown::changed);
std::string to_text(const JournalOptions& options, Shown shown = Shown::changed);

// "5ms", "1.5s": a number of 0 or more with ns, us, ms, s, m (minutes), h or d (24 hours); a bare 0
// needs no unit. Exact, up to 292 years.
Result<Duration> parse_duration(std::string_view text);
// "64KiB", "1.5GiB", "512": a number of 0 or more with B, KiB, MiB, GiB or TiB, or bytes without a
// unit. Exact, up to 2^64 - 1.
Result<std::uint64_t> parse_size(std::string_view text);
// Exact, in the largest unit that needs no point, so that the parsers read the same again.
std::string duration_text(Duration value);   // "5ms"; "0"
std::string size_text(std::uint64_t bytes);  // "64KiB"; "0"

// Which of `names` somebody may have meant by `name`: the one with the least edits, or that goes on
// where `name` ends, whether in capitals or not; the first of several, empty if there are none.
std::string nearest(std::string_view name, std::span<const std::string> names);

}  // namespace onelane::inline v0
