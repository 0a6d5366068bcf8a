// The file of a trace: what is written is read again; what is cut off, damaged or no trace at all
// is told; and a recording keeps its bounds.
#include "onelane/trace.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "src/trace/changes.h"
#include "src/trace/file.h"
#include "src/trace/format.h"
#include "tests/support/traced_lane.h"

namespace onelane::test {
namespace {

using Bytes = std::vector<std::byte>;
using trace::Change;

Bytes read_bytes(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

TEST(TraceNumbers, ComeBackAsTheyWere) {
  trace::Out out(10'000);
  std::vector<std::int64_t> values = {0, 1, -1, 63, 64, -64, -65, INT64_MAX, INT64_MIN};
  for (int shift = 0; shift < 63; ++shift) values.push_back(std::int64_t{1} << shift);
  for (const std::int64_t each : values) out.difference(each);
  for (const std::int64_t each : values) out.number(static_cast<std::uint64_t>(each));
  trace::In in(out.all());
  for (const std::int64_t each : values) EXPECT_EQ(in.difference(), each);
  for (const std::int64_t each : values) EXPECT_EQ(in.number(), static_cast<std::uint64_t>(each));
  EXPECT_TRUE(in.empty() && in.ok());
  EXPECT_EQ(in.number(), 0U) << "there are no more";
  EXPECT_FALSE(in.ok());
}

TEST(TraceNumbers, StopAtTheBoundAndSaySo) {
  trace::Out out(20);
  for (int i = 0; i < 100; ++i) out.number(UINT64_MAX);
  EXPECT_TRUE(out.full());
  EXPECT_LE(out.size(), 20U);
}

TEST(TraceChanges, ComeBackAsTheyWere) {
  std::mt19937_64 random(1);
  const auto below = [&](std::uint64_t bound) { return random() % bound; };
  trace::Changes changes;
  trace::ChangesIn reader;
  for (int batch = 0; batch < 200; ++batch) {
    std::vector<trace::Unit> units;
    for (std::uint64_t i = below(20); i > 0; --i) {
      units.push_back({.pushed = TimePoint(Duration(below(1'000'000))),
                       .bytes = below(3) * 100,
                       .records = static_cast<std::uint32_t>(below(3)),
                       .site = static_cast<std::uint32_t>(below(3)),
                       .caller = static_cast<std::uint16_t>(below(3)),
                       .kind = static_cast<detail::EntryKind>(below(4)),
                       .promise = static_cast<Promise>(below(3)),
                       .caller_waits = below(2) == 0,
                       .waited_for_room = below(2) == 0});
      changes.add(units.back());
    }
    for (std::uint64_t slot = 3; slot < 8; ++slot) changes.clear(slot);
    changes.put_behind(8, 9);
    changes.squeeze(3, 6);
    trace::In in(changes.drain());
    Change change;
    for (const trace::Unit& each : units) {
      ASSERT_TRUE(reader.next(in, change));
      ASSERT_EQ(change.op, Change::Op::add);
      EXPECT_EQ(change.unit.pushed, each.pushed);
      EXPECT_EQ(change.unit.bytes, each.bytes);
      EXPECT_EQ(change.unit.records, each.records);
      EXPECT_EQ(change.unit.site, each.site);
      EXPECT_EQ(change.unit.caller, each.caller);
      EXPECT_EQ(change.unit.kind, each.kind);
      EXPECT_EQ(change.unit.promise, each.promise);
      EXPECT_EQ(change.unit.caller_waits, each.caller_waits);
      EXPECT_EQ(change.unit.waited_for_room, each.waited_for_room);
    }
    ASSERT_TRUE(reader.next(in, change));
    EXPECT_TRUE(change.op == Change::Op::clear && change.first == 3 && change.count == 5)
        << "a run is one change";
    ASSERT_TRUE(reader.next(in, change));
    EXPECT_TRUE(change.op == Change::Op::put_behind && change.first == 8 && change.to == 9);
    ASSERT_TRUE(reader.next(in, change));
    EXPECT_TRUE(change.op == Change::Op::squeeze && change.first == 3 && change.count == 6);
    EXPECT_FALSE(reader.next(in, change));
    EXPECT_TRUE(in.ok());
    changes.drained();
  }
}

TEST(TraceChanges, ThatAreMoreThanMemoryTakesAreFull) {
  trace::Changes changes;
  for (std::uint64_t i = 0; i < trace::Changes::kBytesMax && !changes.full(); ++i) {
    changes.add({.bytes = i, .records = 1});
  }
  EXPECT_TRUE(changes.full());
  EXPECT_LE(changes.drain().size(), trace::Changes::kBytesMax);
}

class TraceFile : public TracedLane {
 protected:
  Bytes recorded() {
    open_traced();
    Writes rows = add_class("rows", {.coalesce = true});
    for (int i = 0; i < 30; ++i) {
      rows.push_all(1, i);
      tick();
    }
    (void)close_and_read();
    return read_bytes(path_);
  }
};

TEST_F(TraceFile, HasWhatWasPushedAndWhatTheTicksMadeOfIt) {
  const Result<Trace> trace = parse_trace(recorded());
  ASSERT_TRUE(trace.ok());
  EXPECT_EQ(trace->ticks.size(), 29U) << "the first had nothing to do";
  EXPECT_EQ(trace->units.size(), 29U * 30 / 2);
  EXPECT_EQ(trace->drive, Drive::manual);
  EXPECT_EQ(trace->end, TraceEnd::closed);
  EXPECT_EQ(trace->damage, "");
  ASSERT_EQ(trace->budgets.classes.size(), 1U);
  EXPECT_EQ(trace->budgets.classes[0].name, "rows");
  EXPECT_TRUE(trace->budgets.classes[0].coalesce);
  for (const TracedUnit& each : trace->units) {
    EXPECT_TRUE(each.served);
    EXPECT_EQ(each.records, 1U);
    EXPECT_NE(trace->sites.at(each.site).find("lane.h"), std::string::npos)
        << trace->sites.at(each.site);
  }
}

TEST_F(TraceFile, CutOffAnywhereIsReadUpToThere) {
  const Bytes whole = recorded();
  std::size_t most = 0;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const Result<Trace> trace = parse_trace(std::span(whole).first(size));
    if (!trace.ok()) {
      EXPECT_FALSE(trace.status().message().empty());
      continue;
    }
    EXPECT_NE(trace->damage, "") << size;
    EXPECT_FALSE(replay(*trace).difference);
    most = std::max(most, trace->ticks.size());
  }
  EXPECT_LT(most, 29U);
}

TEST_F(TraceFile, AChangedByteIsFound) {
  const Bytes whole = recorded();
  for (std::size_t at = 0; at < whole.size(); at += 7) {
    Bytes changed = whole;
    changed[at] ^= std::byte{4};
    const Result<Trace> trace = parse_trace(changed);
    if (!trace.ok()) continue;
    EXPECT_NE(trace->damage, "") << at;
  }
}

TEST_F(TraceFile, ThatIsNoneOrOfANewerFormatSaysSo) {
  EXPECT_NE(parse_trace(Bytes(100)).status().message().find("it is no trace"), std::string::npos);
  Bytes newer = recorded();
  newer[16] = std::byte{9};
  EXPECT_EQ(parse_trace(newer).status().message(),
            "the trace has format version 9; this library reads version 1");
  EXPECT_EQ(read_trace(directory_ / "none").status().code(), Errc::storage);
}

// Behind right checksums, what is in it may be anything.
TEST_F(TraceFile, OfAnyItemsIsReadOrRefused) {
  const Bytes whole = recorded();
  const trace::Content content = *trace::read(whole);
  std::mt19937_64 random(7);
  int refused = 0;
  for (int run = 0; run < 3000; ++run) {
    Bytes items = content.items;
    for (int i = 0; i < 3; ++i) {
      items[random() % items.size()] = static_cast<std::byte>(random() % 256);
    }
    const auto header = trace::file_header();
    const auto block = trace::block_header(0, items);
    Bytes file(header.begin(), header.end());
    file.insert(file.end(), block.begin(), block.end());
    file.insert(file.end(), items.begin(), items.end());
    const Result<Trace> trace = parse_trace(file);
    refused += trace.ok() ? 0 : 1;
    if (!trace.ok()) continue;
    (void)replay(*trace);
    EXPECT_TRUE(predict(*trace, trace->budgets).ok());
  }
  EXPECT_GT(refused, 100);
}

TEST_F(TraceFile, IsPrivateAndNeverWrittenOver) {
  (void)recorded();
  struct stat found {};
  ASSERT_EQ(::stat(path_.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0600U);
  const auto sink = std::make_shared<Recording>();
  sink->calls_do_not_matter();
  const Result<Journal> again = Journal::open(std::make_unique<RecordingSink>(sink),
                                              {.drive = Drive::manual, .trace = {.path = path_}});
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.status().code(), Errc::invalid_argument);
  EXPECT_NE(again.status().message().find("exists already"), std::string::npos);
  EXPECT_TRUE(parse_trace(read_bytes(path_)).ok()) << "it is as it was";
}

TEST_F(TraceFile, EndsAtItsBoundAndSaysHowMuchIsMissing) {
  constexpr std::uint64_t kMost = 64 * kKiB;
  JournalOptions bounded;
  bounded.trace.most_bytes = kMost;
  open_traced(bounded);
  Writes rows = add_class("rows");
  for (int i = 0; i < 3000; ++i) {
    rows.push_all(1, 10);
    tick();
  }
  const Trace trace = close_and_read();
  EXPECT_EQ(trace.end, TraceEnd::size);
  EXPECT_EQ(stats_.trace.ended, TraceEnd::size);
  EXPECT_GT(trace.ticks.size(), 100U);
  EXPECT_EQ(trace.ticks.size() + trace.lost_ticks, 3000U);
  EXPECT_EQ(trace.ticks.size(), stats_.trace.ticks);
  EXPECT_LE(std::filesystem::file_size(path_), kMost);
  EXPECT_GT(std::filesystem::file_size(path_), kMost * 9 / 10);
  EXPECT_FALSE(replay(trace).difference);
}

}  // namespace
}  // namespace onelane::test
