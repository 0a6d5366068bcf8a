// What is wrong on a command line, in the environment or in a file: each message names the flag,
// the variable, or the file and its line, the value, and what would be right.
#include <gtest/gtest.h>

#include <fstream>

#include "onelane/flags.h"
#include "tests/support/temp_directory.h"

namespace onelane::flags {
namespace {

using Strings = std::vector<std::string>;

const std::string kTime = "; it must be a time, 0 to 365d, such as 20ms";
const std::string kHold = "; it must be a time, 100us to 10s, such as 20ms";
const std::string kWeight = "; it must be a whole number, 1 to 1000";
const std::string kTable =
    "; it must be a table's name, 1 to 64 letters, digits and _, no digit or sqlite_ first";
const std::string kTables = "; the nearest is peers, of peers, blobs-in";
const std::string kSections = "it must be [lane] or [class NAME]";
const std::string kFit =
    "the guarantees of all classes must fit a tick together: the sum of max(records / "
    "tick.records, bytes / tick.bytes) must be at most 1, with ";

class WrongFlags : public testing::Test {
 protected:
  std::string complaint(const Strings& arguments, const Strings& environment = {}) {
    Lane lane({.classes = {{.name = "peers", .weight = 4},
                           {.name = "blobs-in", .max_delay = std::chrono::seconds(1)}}});
    const Result<Strings> rest = lane.parse(arguments, environment);
    if (rest) return "nothing is wrong";
    EXPECT_EQ(rest.status().code(), Errc::invalid_argument);
    return rest.status().message();
  }

  const test::TempDirectory directory_;
};

TEST_F(WrongFlags, AFlagIsNamedWithItsValueAndWhatWouldBeRight) {
  const std::vector<std::pair<Strings, std::string>> cases{
      // No such flag.
      {{"--lane.tikc", "5ms"}, "there is no flag --lane.tikc; the nearest is --lane.tick"},
      {{"--lane.tick-hold=5ms"},
       "there is no flag --lane.tick-hold; the nearest is --lane.tick.hold"},
      {{"--lane.wal_limit_bytes", "1MiB"},
       "there is no flag --lane.wal_limit_bytes; the nearest is --lane.wal-limit"},
      {{"--lane.wal", "1MiB"}, "there is no flag --lane.wal; the nearest is --lane.wal-limit"},
      {{"--lane.weight", "4"},
       "--lane.weight: weight is an option of a class; it must be set by --lane.class "
       "NAME:weight=VALUE"},
      {{"--lane.peers.weight=4"},
       "there is no flag --lane.peers.weight; the nearest is --lane.print"},
      {{"--lane.", "x"}, "there is no flag --lane.; the nearest is --lane.file-mode"},
      {{"--lane.Print"}, "there is no flag --lane.Print; the nearest is --lane.print"},
      {{"--lane.prin"}, "there is no flag --lane.prin; the nearest is --lane.print"},
      {{"--lane.classes", "peers:weight=4"},
       "there is no flag --lane.classes; the nearest is --lane.class"},
      // No value, or one too many.
      {{"--lane.tick"},
       "--lane.tick: its value is missing; it must follow, as in --lane.tick VALUE"},
      {{"x", "--lane.class"},
       "--lane.class: its value is missing; it must follow, as in --lane.class VALUE"},
      {{"--lane.config"},
       "--lane.config: its value is missing; it must follow, as in --lane.config VALUE"},
      {{"--lane.tick="},
       "--lane.tick: there is nothing after its =; an empty value is written as --lane.tick ''"},
      {{"--lane.print=yes"}, "--lane.print: it has a value; it must stand alone"},
      {{"--lane.tick", "--lane.print"}, "--lane.tick: tick.hold is '--lane.print'" + kHold},
      // Twice.
      {{"--lane.tick", "1ms", "--lane.tick", "2ms"},
       "--lane.tick: tick.hold is set to '2ms' and was set before, by --lane.tick; it must be set "
       "once"},
      {{"--lane.tick=1ms", "--lane.tick.hold=2ms"},
       "--lane.tick.hold: tick.hold is set to '2ms' and was set before, by --lane.tick; it must be "
       "set once"},
      {{"--lane.class", "peers:weight=2", "--lane.class", "peers:gather=1ms,weight=3"},
       "--lane.class: class \"peers\": weight is set to '3' and was set before, by --lane.class; "
       "it "
       "must be set once"},
      {{"--lane.class", "peers:weight=2,weight=3"},
       "--lane.class: class \"peers\": weight is there twice; it must be set once"},
      {{"--lane.config", "a", "--lane.config", "b"},
       "--lane.config: it is there twice; it must be set once"},
      // Values of the journal.
      {{"--lane.tick", "10"}, "--lane.tick: tick.hold is '10'" + kHold},
      {{"--lane.tick", "0"}, "--lane.tick: tick.hold is '0'" + kHold},
      {{"--lane.tick.hold=-5ms"}, "--lane.tick.hold: tick.hold is '-5ms'" + kHold},
      {{"--lane.tick.hold", "5 ms"}, "--lane.tick.hold: tick.hold is '5 ms'" + kHold},
      {{"--lane.tick.hold", "5MS"}, "--lane.tick.hold: tick.hold is '5MS'" + kHold},
      {{"--lane.tick.hold", "99us"}, "--lane.tick.hold: tick.hold is '99us'" + kHold},
      {{"--lane.tick.hold", "11s"}, "--lane.tick.hold: tick.hold is '11s'" + kHold},
      {{"--lane.tick.records", "0"},
       "--lane.tick.records: tick.records is '0'; it must be a whole number, 1 to 1000000"},
      {{"--lane.tick.records", "4k"},
       "--lane.tick.records: tick.records is '4k'; it must be a whole number, 1 to 1000000"},
      {{"--lane.tick.records=99999999999999999999"},
       "--lane.tick.records: tick.records is '99999999999999999999'; it must be a whole number, 1 "
       "to 1000000"},
      {{"--lane.tick.bytes", "8MB"},
       "--lane.tick.bytes: tick.bytes is '8MB'; it must be a size, 4KiB to 1GiB, such as 64KiB"},
      {{"--lane.tick.bytes", "4095"},
       "--lane.tick.bytes: tick.bytes is '4095'; it must be a size, 4KiB to 1GiB, such as 64KiB"},
      {{"--lane.commit-percent", "4%"},
       "--lane.commit-percent: commit-percent is '4%'; it must be a whole number, 0 to 100"},
      {{"--lane.synchronous", "off"},
       "--lane.synchronous: synchronous is 'off'; it must be normal, full or paranoid"},
      {{"--lane.synchronous", "FULL"},
       "--lane.synchronous: synchronous is 'FULL'; it must be normal, full or paranoid"},
      {{"--lane.drive", ""}, "--lane.drive: drive is ''; it must be thread or manual"},
      {{"--lane.callers-commit", "2"},
       "--lane.callers-commit: callers-commit is '2'; it must be on or off"},
      {{"--lane.foreign-keys", "On"},
       "--lane.foreign-keys: foreign-keys is 'On'; it must be on or off"},
      {{"--lane.close-timeout", "1y"}, "--lane.close-timeout: close-timeout is '1y'" + kTime},
      {{"--lane.wal-limit", "1023KiB"},
       "--lane.wal-limit: wal-limit is '1023KiB'; it must be a size, 1MiB to 1TiB, such as 64KiB"},
      {{"--lane.ballast", "2TiB"},
       "--lane.ballast: ballast is '2TiB'; it must be a size, 0 to 1TiB, such as 64KiB"},
      {{"--lane.watermark-table", "sqlite_x"},
       "--lane.watermark-table: watermark-table is 'sqlite_x'" + kTable + "; or empty: none"},
      {{"--lane.file-mode", "rw"},
       "--lane.file-mode: file-mode is 'rw'; it must be in octal, 0600 to 0666: the owner must be "
       "allowed to read and write, and nobody to execute"},
      {{"--lane.file-mode", "755"},
       "--lane.file-mode: file-mode is '755'; it must be in octal, 0600 to 0666: the owner must be "
       "allowed to read and write, and nobody to execute"},
      {{"--lane.intake.segment", "100KiB+"},
       "--lane.intake.segment: intake.segment is '100KiB+'; it must be a size, 64KiB to 1GiB, a "
       "multiple of 4KiB, such as 64KiB"},
      {{"--lane.intake.segment", "66KiB"},
       "--lane.intake.segment: intake.segment is '66KiB'; it must be a size, 64KiB to 1GiB, a "
       "multiple of 4KiB, such as 64KiB"},
      {{"--lane.intake.positions", ""}, "--lane.intake.positions: intake.positions is ''" + kTable},
      {{"--lane.intake.dead-letters", "dead letters"},
       "--lane.intake.dead-letters: intake.dead-letters is 'dead letters'" + kTable +
           "; or empty: none"},
      {{"--lane.intake.on-mismatch", "roll_forward"},
       "--lane.intake.on-mismatch: intake.on-mismatch is 'roll_forward'; it must be refuse, "
       "roll-forward or discard"},
      {{"--lane.intake.folder", std::string("a\0b", 3)},
       std::string("--lane.intake.folder: intake.folder is 'a\0b'; it must be a path without NUL",
                   75)},
      // Values of a class.
      {{"--lane.class", "peers"},
       "--lane.class: 'peers' is not NAME:KEY=VALUE,..., such as peers:weight=4"},
      {{"--lane.class", ""}, "--lane.class: '' is not NAME:KEY=VALUE,..., such as peers:weight=4"},
      {{"--lane.class", "weight=4"},
       "--lane.class: 'weight=4' is not NAME:KEY=VALUE,..., such as peers:weight=4"},
      {{"--lane.class", "peer:weight=4"}, "--lane.class: there is no class 'peer'" + kTables},
      {{"--lane.class", "Peers:weight=4"}, "--lane.class: there is no class 'Peers'" + kTables},
      {{"--lane.class", ":weight=4"}, "--lane.class: there is no class ''" + kTables},
      {{"--lane.class", "peers:wieght=4"},
       "--lane.class: class \"peers\": there is no option 'wieght' of a class; the nearest is "
       "weight"},
      {{"--lane.class", "peers:tick.hold=4ms"},
       "--lane.class: class \"peers\": tick.hold is an option of a journal, not of a class"},
      {{"--lane.class", "peers:name=x"},
       "--lane.class: class \"peers\": there is no option 'name' of a class; the nearest is "
       "intake"},
      {{"--lane.class", "peers:when_full=block"},
       "--lane.class: class \"peers\": there is no option 'when_full' of a class; the nearest is "
       "when-full"},
      {{"--lane.class", "peers:weight"},
       "--lane.class: class \"peers\": 'weight' is no KEY=VALUE, such as weight=4"},
      {{"--lane.class", "peers:weight=4;gather=1ms"},
       "--lane.class: class \"peers\": weight is '4;gather=1ms'" + kWeight},
      {{"--lane.class", "peers:weight=4,,gather=1ms"},
       "--lane.class: class \"peers\": '' is no KEY=VALUE, such as weight=4"},
      {{"--lane.class", "peers:weight=0"},
       "--lane.class: class \"peers\": weight is '0'" + kWeight},
      {{"--lane.class", "peers:weight=1001"},
       "--lane.class: class \"peers\": weight is '1001'" + kWeight},
      {{"--lane.class", "peers:weight=1.5"},
       "--lane.class: class \"peers\": weight is '1.5'" + kWeight},
      {{"--lane.class", "peers:guarantee.records=0"},
       "--lane.class: class \"peers\": guarantee.records is '0'; it must be a whole number, 1 to "
       "1000000"},
      {{"--lane.class", "peers:guarantee.bytes=64K"},
       "--lane.class: class \"peers\": guarantee.bytes is '64K'; it must be a size, 1 to 1GiB, "
       "such "
       "as 64KiB"},
      {{"--lane.class", "peers:max-delay=fast"},
       "--lane.class: class \"peers\": max-delay is 'fast'" + kTime},
      {{"--lane.class", "peers:when-full=drop_oldest"},
       "--lane.class: class \"peers\": when-full is 'drop_oldest'; it must be block, reject or "
       "drop-oldest"},
      {{"--lane.class", "peers:coalesce=enabled"},
       "--lane.class: class \"peers\": coalesce is 'enabled'; it must be on or off"},
      {{"--lane.class", "peers:capacity-bytes=1KiB"},
       "--lane.class: class \"peers\": capacity-bytes is '1KiB'; it must be a size, 4KiB to 1TiB, "
       "such as 64KiB"},
      {{"--lane.class", "peers:promise=synced"},
       "--lane.class: class \"peers\": promise is 'synced'; it must be committed, durable or "
       "journaled"},
      // What does not go together.
      {{"--lane.class", "peers:promise=journaled"},
       "--lane.class: class \"peers\": promise is journaled; it must be committed or durable, or "
       "intake on (intake: program)"},
      {{"--lane.class", "blobs-in:interval=2s"},
       "--lane.class: class \"blobs-in\": interval is 2s; it must be at most 1s, as max-delay is "
       "(max-delay: program)"},
      {{"--lane.class", "peers:intake=on,when-full=drop-oldest"},
       "--lane.class: class \"peers\": when-full is drop-oldest; it must be block or reject with "
       "an "
       "intake, which drops nothing that it has written (intake: --lane.class)"},
      {{"--lane.intake.segment", "64MiB"},
       "--lane.intake.segment: intake.most is 64MiB; it must be at least 128MiB, two of "
       "intake.segment (intake.most: program)"},
      {{"--lane.intake.dead-letters", "onelane_intake"},
       "--lane.intake.dead-letters: intake.dead-letters is onelane_intake; it must be another "
       "table "
       "than intake.positions (intake.positions: program)"},
      {{"--lane.tick.records", "20"},
       kFit + "tick.records=20 (--lane.tick.records), tick.bytes=8MiB, peers:guarantee.records=16, "
              "peers:guarantee.bytes=64KiB, blobs-in:guarantee.records=16, "
              "blobs-in:guarantee.bytes=64KiB"},
      {{"--lane.class", "peers:guarantee.bytes=8MiB"},
       kFit + "tick.records=4096, tick.bytes=8MiB, peers:guarantee.records=16, "
              "peers:guarantee.bytes=8MiB (--lane.class), blobs-in:guarantee.records=16, "
              "blobs-in:guarantee.bytes=64KiB"},
      // Files that cannot be read.
      {{"--lane.config", "/nowhere/lane.ini"},
       "--lane.config: cannot read '/nowhere/lane.ini' (No such file or directory); it must be a "
       "file of options"},
      {{"--lane.config", "/"},
       "--lane.config: cannot read '/' (Is a directory); it must be a file of options"},
      {{"--lane.config", ""},
       "--lane.config: cannot read '' (No such file or directory); it must be a file of options"},
      {{"--lane.config", "/dev/zero"},
       "--lane.config: '/dev/zero' is larger than 1 MiB; it must be a file of options"},
  };
  for (const auto& [arguments, expected] : cases) EXPECT_EQ(complaint(arguments), expected);
}

TEST_F(WrongFlags, AVariableIsNamedWithItsValueAndWhatWouldBeRight) {
  const std::vector<std::pair<Strings, std::string>> cases{
      {{"ONELANE_TICK_HOLDS=5ms"},
       "ONELANE_TICK_HOLDS: there is no such variable; the nearest is ONELANE_TICK_HOLD"},
      {{"ONELANE_tick_hold=5ms"},
       "ONELANE_tick_hold: there is no such variable; the nearest is ONELANE_TICK_HOLD"},
      {{"ONELANE_CLASS_PEER=weight=4"},
       "ONELANE_CLASS_PEER: there is no such variable; the nearest is ONELANE_CLASS_PEERS"},
      {{"ONELANE_CLASS_BLOBS-IN=weight=4"},
       "ONELANE_CLASS_BLOBS-IN: there is no such variable; the nearest is ONELANE_CLASS_BLOBS_IN"},
      {{"ONELANE_=1"}, "ONELANE_: there is no such variable; the nearest is ONELANE_BALLAST"},
      {{"ONELANE_TICK=5"}, "ONELANE_TICK: tick.hold is '5'" + kHold},
      {{"ONELANE_TICK_HOLD="}, "ONELANE_TICK_HOLD: tick.hold is ''" + kHold},
      {{"ONELANE_TICK_HOLD=\"5ms\""}, "ONELANE_TICK_HOLD: tick.hold is '\"5ms\"'" + kHold},
      {{"ONELANE_TICK=5ms", "ONELANE_TICK_HOLD=6ms"},
       "ONELANE_TICK_HOLD: tick.hold is set to '6ms' and was set before, by ONELANE_TICK; it must "
       "be set once"},
      {{"ONELANE_WAL_LIMIT=64 MiB"},
       "ONELANE_WAL_LIMIT: wal-limit is '64 MiB'; it must be a size, 1MiB to 1TiB, such as 64KiB"},
      {{"ONELANE_FOREIGN_KEYS=maybe"},
       "ONELANE_FOREIGN_KEYS: foreign-keys is 'maybe'; it must be on or off"},
      {{"ONELANE_CLASS_PEERS=4"},
       "ONELANE_CLASS_PEERS: class \"peers\": '4' is no KEY=VALUE, such as weight=4"},
      {{"ONELANE_CLASS_PEERS=peers:weight=4"},
       "ONELANE_CLASS_PEERS: class \"peers\": there is no option 'peers:weight' of a class; the "
       "nearest is weight"},
      {{"ONELANE_CLASS_PEERS=weight=x"},
       "ONELANE_CLASS_PEERS: class \"peers\": weight is 'x'" + kWeight},
      {{"ONELANE_CLASS_BLOBS_IN=interval=2s"},
       "ONELANE_CLASS_BLOBS_IN: class \"blobs-in\": interval is 2s; it must be at most 1s, as "
       "max-delay is (max-delay: program)"},
      {{"ONELANE_CONFIG=/nowhere"},
       "ONELANE_CONFIG: cannot read '/nowhere' (No such file or directory); it must be a file of "
       "options"},
  };
  for (const auto& [environment, expected] : cases) EXPECT_EQ(complaint({}, environment), expected);
}

TEST_F(WrongFlags, ALineOfAFileIsNamedWithItsValueAndWhatWouldBeRight) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"tick.hold = 5ms", ":1: 'tick.hold' is set before any section; " +
                              std::string("it must stand under [lane] or [class NAME]")},
      {"\n[lanes]", ":2: '[lanes]' is no section; " + kSections},
      {"[lane", ":1: '[lane' is no section; " + kSections},
      {"[lane] x", ":1: '[lane] x' is no section; " + kSections},
      {"[]", ":1: '[]' is no section; " + kSections},
      {"[class]", ":1: '[class]' is no section; " + kSections},
      {"[peers]", ":1: '[peers]' is no section; " + kSections},
      {"[class peer]", ":1: there is no class 'peer'" + kTables},
      {"[class peers,blobs]", ":1: there is no class 'peers,blobs'" + kTables},
      {"[lane]\n# x\ntick.hold 5ms",
       ":3: 'tick.hold 5ms' is no KEY = VALUE, such as weight = 4, and no [SECTION]"},
      {"[lane]\n= 5ms", ":2: '= 5ms' is no KEY = VALUE, such as weight = 4, and no [SECTION]"},
      {"[lane]\nTick = 5ms",
       ":2: there is no option 'Tick' of a journal; the nearest is tick.records"},
      {"[lane]\nlane.tick = 5ms",
       ":2: 'lane.tick' begins with lane., as only flags do; it must be tick"},
      {"[class peers]\nlane.weight = 4",
       ":2: 'lane.weight' begins with lane., as only flags do; it must be weight"},
      {"[lane]\nlane.class = peers:weight=4",
       ":2: 'lane.class' begins with lane., as only flags do; it must be a key without that, such "
       "as tick.hold"},
      {"[lane]\nweight = 4", ":2: weight is an option of a class, not of a journal"},
      {"[lane]\ntick.hold = 5", ":2: tick.hold is '5'" + kHold},
      {"[lane]\ntick.hold =", ":2: tick.hold is ''" + kHold},
      {"[lane]\ntick.hold = 5ms, wal-limit = 1MiB",
       ":2: tick.hold is '5ms, wal-limit = 1MiB'" + kHold},
      {"[lane]\ntick.hold = 5ms // short", ":2: tick.hold is '5ms // short'" + kHold},
      {"[lane]\ntick.hold = 5ms\n[class peers]\n[lane]\ntick = 6ms",
       ":5: tick.hold is set to '6ms' and was set before, by FILE:2; it must be set once"},
      {"[lane]\nintake.folder = \"a",
       ":2: intake.folder: '\"a' begins with a quote that has no end; write \\\" for one in it"},
      {"[lane]\nintake.folder = \"a\" b",
       ":2: intake.folder: ' b' follows a quoted value; only a # comment may"},
      {"[class peers]\nweight = 4\nwieght = 5",
       ":3: class \"peers\": there is no option 'wieght' of a class; the nearest is weight"},
      {"[class peers]\nweight = many", ":2: class \"peers\": weight is 'many'" + kWeight},
      {"[class blobs-in]\ninterval = 2s",
       ":2: class \"blobs-in\": interval is 2s; it must be at most 1s, as max-delay is (max-delay: "
       "program)"},
  };
  const std::string path = directory_ / "lane.ini";
  for (const auto& [text, expected] : cases) {
    std::ofstream(path) << text;
    std::string said = complaint({"--lane.config", path});
    for (auto at = said.find(path, 1); at != std::string::npos; at = said.find(path, 1)) {
      said.replace(at, path.size(), "FILE");
    }
    EXPECT_EQ(said, path + expected);
  }
}

TEST_F(WrongFlags, TheOriginsOfWhatDoesNotGoTogetherAreNamed) {
  EXPECT_EQ(
      complaint({"--lane.class", "peers:max-delay=1ms"}, {"ONELANE_CLASS_PEERS=interval=2ms"}),
      "ONELANE_CLASS_PEERS: class \"peers\": interval is 2ms; it must be at most 1ms, as "
      "max-delay is (max-delay: --lane.class)");
}

TEST_F(WrongFlags, AVariableThatCouldBeOfTwoClassesIsRefused) {
  Lane lane({.classes = {{.name = "a-b"}, {.name = "a_b"}}});
  EXPECT_TRUE(lane.parse({}, {}));
  EXPECT_EQ(lane.parse({}, {"ONELANE_CLASS_A_B=weight=2"}).status().message(),
            "ONELANE_CLASS_A_B: it could be class a-b or a_b; set them by flags or a file");
}

TEST_F(WrongFlags, WhatTheProgramItselfSetsWrongIsSaidToBeItsOwn) {
  const auto own = [](Defaults defaults) {
    return Lane(std::move(defaults)).parse({}, {}).status().message();
  };
  const std::string whose = "the program's own options: ";
  EXPECT_EQ(own({.journal = {.commit_percent = 101}}),
            whose + "commit-percent is 101; it must be 0 to 100");
  EXPECT_EQ(own({.journal = {.migrations = {{.version = 1}}}}),
            whose + "migrations: version 1 has neither SQL nor a step");
  EXPECT_EQ(own({.classes = {{.name = "A"}}}),
            whose + "class name \"A\": it must be 1 to 64 characters of a-z, 0-9, _ and -");
  EXPECT_EQ(own({.classes = {{.name = "a", .weight = 0}}}),
            whose + "class \"a\": weight is 0; it must be 1 to 1000");
  EXPECT_EQ(own({.classes = {{.name = "a"}, {.name = "a"}}}), whose + "class \"a\" is there twice");
  EXPECT_EQ(own({.classes = std::vector<ClassOptions>(65)}),
            whose + "65 classes; it must be at most 64");
  EXPECT_EQ(Lane({}).parse({"--lane.class", "a:weight=1"}, {}).status().message(),
            "--lane.class: there is no class 'a'; the program has none");
}

}  // namespace
}  // namespace onelane::flags
