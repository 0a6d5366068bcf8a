// Options as text: what is written is read again, what is wrong is named with what would be right,
// and the documentation's table is the one of the code.
#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <string>
#include <vector>

#include "onelane/option_text.h"
#include "src/model/option_grammar.h"
#include "tests/support/tidy_rules.h"

namespace onelane {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;

template <class T>
std::string complaint(const Result<T>& result) {
  if (result) return "";
  EXPECT_EQ(result.status().code(), Errc::invalid_argument);
  return result.status().message();
}

std::vector<std::string> values(const auto& options, std::span<const OptionField> fields) {
  std::vector<std::string> out;
  for (const OptionField& field : fields) {
    out.push_back(field.name + "=" + option_value(options, field.name));
  }
  return out;
}

TEST(OptionText, AClassIsReadFromItsNameAndPairs) {
  const ClassOptions peers =
      *parse_class("peers:weight=4,guarantee.records=32,when-full=reject, max-delay = 1.5s");
  EXPECT_EQ(peers.name, "peers");
  EXPECT_EQ(peers.weight, 4U);
  EXPECT_EQ(peers.guarantee.records, 32U);
  EXPECT_EQ(peers.when_full, WhenFull::reject);
  EXPECT_EQ(peers.max_delay, milliseconds(1500));
  EXPECT_EQ(peers.capacity_bytes, ClassOptions().capacity_bytes) << "what is not said stays";
}

TEST(OptionText, AJournalIsReadFromPairs) {
  const JournalOptions journal = *parse_journal(
      "tick.hold=5ms,wal-limit=128MiB,callers-commit=no,file-mode=0640,synchronous=full,"
      "intake.on-mismatch=roll-forward,intake.folder=\"/a,\\\"b\\\"\\\\\\nc\",commit-percent=0");
  EXPECT_EQ(journal.tick.hold, milliseconds(5));
  EXPECT_EQ(journal.wal_limit_bytes, 128 * kMiB);
  EXPECT_FALSE(journal.callers_commit);
  EXPECT_EQ(journal.file_mode, std::filesystem::perms(0640));
  EXPECT_EQ(journal.synchronous, Synchronous::full);
  EXPECT_EQ(journal.intake.on_mismatch, IntakeMismatch::roll_forward);
  EXPECT_EQ(journal.intake.folder, "/a,\"b\"\\\nc");
  EXPECT_EQ(journal.commit_percent, 0U);
  EXPECT_EQ(parse_journal("tick=7ms")->tick.hold, milliseconds(7)) << "the short name";
  EXPECT_EQ(complaint(parse_journal("")), "");
}

TEST(OptionText, WhatATextDoesNotSayIsAsItWas) {
  ClassOptions start{.weight = 9, .gather = milliseconds(3)};
  const ClassOptions changed = *parse_class("blobs:weight=2", start);
  EXPECT_EQ(changed.weight, 2U);
  EXPECT_EQ(changed.gather, milliseconds(3));
}

TEST(OptionText, OnlyWhatIsNotAtItsDefaultIsShown) {
  EXPECT_EQ(to_text(ClassOptions{.name = "peers"}), "peers");
  EXPECT_EQ(to_text(ClassOptions{.name = "peers", .weight = 4, .coalesce = true}),
            "peers:weight=4,coalesce=on");
  EXPECT_EQ(to_text(JournalOptions()), "");
  EXPECT_EQ(to_text(JournalOptions{.tick = {.hold = milliseconds(10)}}), "")
      << "0 in a tick is its default";
  EXPECT_EQ(to_text(JournalOptions{.intake = {.folder = "a,b"}}), "intake.folder=\"a,b\"");
  const std::string all = to_text(JournalOptions(), Shown::all);
  for (const char* part : {"tick.hold=10ms", "tick.records=4096", "wal-limit=64MiB"}) {
    EXPECT_NE(all.find(part), std::string::npos) << part << " in " << all;
  }
}

// Any value that the table allows, by the unit of the field.
class Values {
 public:
  explicit Values(std::uint64_t seed) : random_(seed) {}

  std::uint64_t below(std::uint64_t end) { return random_() % end; }

  std::string of(const OptionField& field) {
    if (!field.choices.empty()) return field.choices[below(field.choices.size())];
    if (field.unit == "count") return std::to_string(1 + below(1000));
    if (field.unit == "percent") return std::to_string(below(101));
    if (field.unit == "size") return size_text((1 + below(1 << 10)) * 4 * kKiB);
    if (field.unit == "time") return duration_text(Duration(100'000 + below(5'000'000'000)));
    if (field.unit == "table") return "t" + std::to_string(below(100));
    if (field.unit == "mode") return below(2) == 0 ? "0600" : "0664";
    return text();
  }

 private:
  std::string text() {
    constexpr std::string_view kLetters = "ab,\"\\ =\n\t#;:[]'n/\xc3\xa4";
    std::string out;
    for (std::uint64_t left = below(12); left > 0; --left) {
      out += kLetters[below(kLetters.size())];
    }
    return out;
  }

  std::mt19937_64 random_;
};

TEST(OptionText, WhatIsWrittenIsReadAgain) {
  constexpr std::uint64_t kRounds = 3000;
  Values random(20);
  for (std::uint64_t round = 0; round < kRounds; ++round) {
    ClassOptions klass{.name = "c" + std::to_string(round)};
    JournalOptions journal;
    std::size_t set = 0;
    for (const OptionField& field : class_fields()) {
      if (random.below(3) == 0 && set_option(klass, field.name, random.of(field)).ok()) ++set;
    }
    for (const OptionField& field : journal_fields()) {
      if (random.below(3) == 0 && set_option(journal, field.name, random.of(field)).ok()) ++set;
    }
    for (const Shown shown : {Shown::changed, Shown::all}) {
      const Result<ClassOptions> klass_again = parse_class(to_text(klass, shown));
      ASSERT_EQ(complaint(klass_again), "") << to_text(klass, shown);
      EXPECT_EQ(klass_again->name, klass.name);
      EXPECT_EQ(values(*klass_again, class_fields()), values(klass, class_fields()));
      const Result<JournalOptions> journal_again = parse_journal(to_text(journal, shown));
      ASSERT_EQ(complaint(journal_again), "") << to_text(journal, shown);
      EXPECT_EQ(values(*journal_again, journal_fields()), values(journal, journal_fields()));
      EXPECT_EQ(journal_again->intake.folder, journal.intake.folder);
    }
    ASSERT_GT(set + round, 0U);
  }
}

TEST(OptionText, EachFieldIsSetByItsOwnKeyAlone) {
  for (const OptionField& field : class_fields()) {
    ClassOptions options;
    Values random(1);
    std::string value = random.of(field);
    for (int i = 0; i < 100 && value == field.default_value; ++i) value = random.of(field);
    ASSERT_TRUE(set_option(options, field.name, value).ok()) << field.name << "=" << value;
    EXPECT_EQ(to_text(options), ":" + field.name + "=" + value);
  }
  for (const OptionField& field : journal_fields()) {
    JournalOptions options;
    Values random(2);
    Status status;
    for (int i = 0; i < 100 && to_text(options).empty(); ++i) {
      status = set_option(options, field.name, random.of(field));
    }
    EXPECT_TRUE(to_text(options).starts_with(field.name + "=")) << field.name << status.message();
    EXPECT_EQ(model::split_settings(to_text(options))->size(), 1U) << to_text(options);
  }
}

TEST(OptionText, AWrongTextIsNamedWithWhatWouldBeRight) {
  const std::vector<std::pair<std::string, std::string>> classes{
      {"",
       "class name \"\": it must be 1 to 64 characters of a-z, 0-9, _ and -, and a colon before "
       "its options: peers:weight=4"},
      {"Peers:weight=1",
       "class name \"Peers\": it must be 1 to 64 characters of a-z, 0-9, _ and -, "
       "and a colon before its options: peers:weight=4"},
      {"p:wieght=2", "class \"p\": there is no option 'wieght' of a class; the nearest is weight"},
      {"p:capacity_bytes=1MiB",
       "class \"p\": there is no option 'capacity_bytes' of a class; the nearest is "
       "capacity-bytes"},
      {"p:guarantee-records=1",
       "class \"p\": there is no option 'guarantee-records' of a class; the nearest is "
       "guarantee.records"},
      {"p:weight", "class \"p\": 'weight' is no KEY=VALUE, such as weight=4"},
      {"p:=4", "class \"p\": '=4' has no key before its =; such as weight=4"},
      {"p:weight=4,", "class \"p\": '' is no KEY=VALUE, such as weight=4"},
      {"p:weight=4,weight=5", "class \"p\": weight is there twice; it must be set once"},
      {"p:weight=0", "class \"p\": weight is '0'; it must be a whole number, 1 to 1000"},
      {"p:weight=", "class \"p\": weight is ''; it must be a whole number, 1 to 1000"},
      {"p:weight=4294967297",
       "class \"p\": weight is '4294967297'; it must be a whole number, 1 to 1000"},
      {"p:when-full=wait",
       "class \"p\": when-full is 'wait'; it must be block, reject or drop-oldest"},
      {"p:coalesce=maybe", "class \"p\": coalesce is 'maybe'; it must be on or off"},
      {"p:gather=5", "class \"p\": gather is '5'; it must be a time, 0 to 365d, such as 20ms"},
      {"p:gather=400d",
       "class \"p\": gather is '400d'; it must be a time, 0 to 365d, such as 20ms"},
      {"p:budget.hold=11s",
       "class \"p\": budget.hold is '11s'; it must be a time, 0 to 10s, such as 20ms"},
      {"p:weight=\"4",
       "class \"p\": weight: '\"4' begins with a quote that has no end; write \\\" "
       "for one in it"},
      {"p:weight=\"4\"5", "class \"p\": weight: '5' follows a quoted value; a comma must"},
  };
  for (const auto& [text, expected] : classes) EXPECT_EQ(complaint(parse_class(text)), expected);
  const std::vector<std::pair<std::string, std::string>> journals{
      {"wal-limit=64MB", "wal-limit is '64MB'; it must be a size, 1MiB to 1TiB, such as 64KiB"},
      {"wal_limit_bytes=1",
       "there is no option 'wal_limit_bytes' of a journal; the nearest is "
       "wal-limit"},
      {"tick.hold=0", "tick.hold is '0'; it must be a time, 100us to 10s, such as 20ms"},
      {"intake.segment=65537",
       "intake.segment is '65537'; it must be a size, 64KiB to 1GiB, a "
       "multiple of 4KiB, such as 64KiB"},
      {"file-mode=0888",
       "file-mode is '0888'; it must be in octal, 0600 to 0666: the owner must be "
       "allowed to read and write, and nobody to execute"},
      {"watermark-table=1a",
       "watermark-table is '1a'; it must be a table's name, 1 to 64 letters, "
       "digits and _, no digit or sqlite_ first; or empty: none"},
      {"drive=self", "drive is 'self'; it must be thread or manual"},
      {"commit-percent=101", "commit-percent is '101'; it must be a whole number, 0 to 100"},
  };
  for (const auto& [text, expected] : journals) {
    EXPECT_EQ(complaint(parse_journal(text)), expected);
  }
}

TEST(OptionText, AnErrorChangesNothing) {
  ClassOptions options{.name = "p", .weight = 3};
  EXPECT_FALSE(set_option(options, "weight", "0").ok());
  EXPECT_FALSE(set_option(options, "wait", "0").ok());
  EXPECT_EQ(to_text(options), "p:weight=3");
  EXPECT_EQ(option_value(options, "wait"), "");
}

TEST(OptionText, ATimeIsANumberWithAUnit) {
  EXPECT_EQ(*parse_duration("20ms"), milliseconds(20));
  EXPECT_EQ(*parse_duration("1.5s"), milliseconds(1500));
  EXPECT_EQ(*parse_duration("1.50s"), milliseconds(1500));
  EXPECT_EQ(*parse_duration("250us"), microseconds(250));
  EXPECT_EQ(*parse_duration("2m"), minutes(2));
  EXPECT_EQ(*parse_duration("365d"), hours(24 * 365));
  EXPECT_EQ(*parse_duration("0"), Duration(0));
  EXPECT_EQ(*parse_duration("9223372036854775807ns"), Duration::max());
  for (const char* text : {"20", "ms", "", "20 ms", "-1ms", "1.2.3s", "1.s", ".5s", "20msx",
                           "1.5ns", "9223372036854775808ns", "99999999999d", "0x1s", "1e3s"}) {
    EXPECT_EQ(complaint(parse_duration(text)),
              "'" + std::string(text) +
                  "' is not a time: a number with ns, us, ms, s, m, h or d, such as 20ms");
  }
}

TEST(OptionText, ASizeIsANumberOfBytesOrHasABinaryUnit) {
  EXPECT_EQ(*parse_size("512"), 512U);
  EXPECT_EQ(*parse_size("512B"), 512U);
  EXPECT_EQ(*parse_size("64MiB"), 64 * kMiB);
  EXPECT_EQ(*parse_size("0.5KiB"), 512U);
  EXPECT_EQ(*parse_size("1TiB"), kMiB * kMiB);
  EXPECT_EQ(*parse_size("18446744073709551615"), UINT64_MAX);
  for (const char* text :
       {"64MB", "64mib", "MiB", "", "-1", "0.3KiB", "18446744073709551616", "16777216TiB"}) {
    EXPECT_NE(complaint(parse_size(text)).find("such as 64MiB"), std::string::npos) << text;
  }
}

TEST(OptionText, TimesAndSizesAreShownExactly) {
  EXPECT_EQ(duration_text(milliseconds(1500)), "1500ms");
  EXPECT_EQ(duration_text(minutes(3)), "3m");
  EXPECT_EQ(duration_text(-milliseconds(3)), "-3ms");
  EXPECT_EQ(duration_text(Duration(1'000'001)), "1000001ns");
  EXPECT_EQ(size_text(64 * kMiB), "64MiB");
  EXPECT_EQ(size_text(kMiB + 1), "1048577");
  std::mt19937_64 random(3);
  for (int i = 0; i < 2000; ++i) {
    const std::uint64_t value = random() >> (random() % 64);
    EXPECT_EQ(*parse_size(size_text(value)), value);
    const Duration time(static_cast<Duration::rep>(value >> 1));
    EXPECT_EQ(*parse_duration(duration_text(time)), time);
  }
}

TEST(OptionText, TheNearestNameIsTheOneWithTheLeastEdits) {
  const std::vector<std::string> names{"weight", "gather", "guarantee.records"};
  EXPECT_EQ(nearest("wieght", names), "weight");
  EXPECT_EQ(nearest("guarantee", names), "guarantee.records") << "it goes on there";
  EXPECT_EQ(nearest("x", std::span<const std::string>()), "");
}

// One line for each field.
std::string table_of(const std::string& what, std::span<const OptionField> fields) {
  std::string out = "| " + what + " | in C++ | value | limits | default | what it does |\n";
  out += "|---|---|---|---|---|---|\n";
  for (const OptionField& field : fields) {
    const std::string initial = field.default_value.empty() ? "" : "`" + field.default_value + "`";
    out += "| `" + field.name + "` | `" + field.member + "` | " + field.unit + " | " +
           field.limits + " | " + initial + " | " + field.help + " |\n";
  }
  return out;
}

TEST(OptionText, TheDocumentationHasTheTableAsItIs) {
  const std::string page =
      tidy::read_text(std::filesystem::path(ONELANE_SOURCE_DIR) / "src/model/OPTIONS.md");
  for (const std::string& table : {table_of("key of a class", class_fields()),
                                   table_of("key of a journal", journal_fields())}) {
    EXPECT_NE(page.find(table), std::string::npos) << "src/model/OPTIONS.md does not have this:\n"
                                                   << table;
  }
}

}  // namespace
}  // namespace onelane
