// A recorded journal planned once more: every tick has the same plan, whatever happened to it; and
// its waits are those that it counted itself.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "onelane/trace.h"
#include "src/trace/changes.h"
#include "src/trace/format.h"
#include "src/tuning/walk.h"
#include "tests/support/scale.h"
#include "tests/support/traced_lane.h"

namespace onelane::test {
namespace {

// Steps at random: pushes of all kinds, cancels, deadlines, flushes, time, ticks, and a store that
// takes time and fails.
class RandomWork : public TracedLane {
 protected:
  void live(std::uint64_t seed) {
    random_.seed(seed);
    receipts_.clear();
    classes_.clear();
    added_ = 0;
    open_traced({.tick = {.records = 1 + below(200),
                          .bytes = 4096 + below(8000),
                          .hold = microseconds(100 + below(5000))}});
    sink_->on(Call::begin, [this](const std::string&) { return may_fail(failing_, 20); });
    sink_->on(Call::apply, [this](const std::string&) { return may_fail(failing_, 400); });
    sink_->on(Call::execute, [this](const std::string&) { return may_fail(failing_, 50); });
    sink_->on(Call::commit, [this](const std::string&) {
      advance(microseconds(below(300)));
      return may_fail(failing_, 10);
    });
    add();
    for (int step = 0; step < 250; ++step) take_a_step();
  }

 private:
  std::uint64_t below(std::uint64_t bound) {
    return std::uniform_int_distribution<std::uint64_t>(0, bound - 1)(random_);
  }
  bool one_in(std::uint64_t bound) { return below(bound) == 0; }

  Reply may_fail(bool fails, std::uint64_t one_in_so_many) {
    advance(microseconds(below(20)));
    if (!fails || !one_in(one_in_so_many)) return {};
    if (one_in(3)) return failure(Fault::record, Effect::undone);
    if (one_in(2)) return failure(Fault::busy, Effect::ended);
    return failure(Fault::environment, Effect::ended);
  }

  void add() {
    ClassOptions options{.guarantee = {.records = 1 + below(5), .bytes = 1 + below(500)},
                         .weight = static_cast<std::uint32_t>(1 + below(5)),
                         .capacity_records = 20 + below(200),
                         .when_full = one_in(3) ? WhenFull::drop_oldest : WhenFull::reject,
                         .coalesce = one_in(3)};
    if (one_in(3)) options.budget.records = 1 + below(50);
    if (one_in(4)) options.max_delay = milliseconds(1 + below(20));
    if (one_in(4)) options.gather = milliseconds(1 + below(10));
    if (one_in(5) && options.max_delay == Duration(0)) options.interval = milliseconds(below(9));
    options.name = "class" + std::to_string(added_++);
    Result<WriteClass> handle = journal_->add_class(options);
    if (!handle.ok()) return;  // its guarantee does not fit beside the others
    const Column integer{ColumnType::integer}, text{ColumnType::text};
    Result<Statement> one = journal_->add_statement({options.name, {integer}, {0}});
    Result<Statement> two = journal_->add_statement({options.name, {integer, text}, {0}});
    if (one.ok() && two.ok()) classes_.emplace_back(*std::move(handle), *one, *two);
  }

  void push_some(Writes& writes) {
    const auto key = static_cast<std::int64_t>(below(30));
    switch (below(6)) {
      case 0:
        (void)writes.try_push(key, std::string(below(400), 'x'));
        break;
      case 1:
        (void)writes.handle().push(writes.group_of({key, key + 1, key + 2}));
        break;
      case 2: {
        const auto steps = static_cast<std::uint32_t>(1 + below(3));
        (void)writes.handle().submit(Job{.name = "job",
                                         .step =
                                             [steps, this, done = 0U](Transaction&) mutable {
                                               advance(microseconds(below(500)));
                                               return ++done < steps ? Step::more : Step::done;
                                             },
                                         .bytes_per_step = below(300)});
        break;
      }
      case 3:
        (void)writes.try_push(key, {.timeout = milliseconds(below(5))});
        break;
      default:
        for (std::uint64_t i = below(40); i > 0; --i) {
          Result<Receipt> receipt = writes.try_submit(static_cast<std::int64_t>(below(30)));
          if (receipt.ok() && one_in(5)) receipts_.push_back(*std::move(receipt));
        }
    }
  }

  void take_a_step() {
    switch (below(10)) {
      case 0:
        advance(microseconds(below(20000)));
        break;
      case 1:
        if (!receipts_.empty()) (void)receipts_[below(receipts_.size())].cancel();
        break;
      case 2:
        if (one_in(4)) add();
        failing_ = one_in(3);
        break;
      case 3:
        if (one_in(5)) (void)journal_->flush(Duration(0));
        break;
      case 4:
      case 5:
      case 6:
        (void)journal_->tick();
        break;
      default:
        if (!classes_.empty()) push_some(classes_[below(classes_.size())]);
    }
  }

  std::mt19937_64 random_;
  bool failing_ = false;
  std::vector<Writes> classes_;
  std::vector<Receipt> receipts_;
  int added_ = 0;
};

TEST_F(RandomWork, IsPlannedTheSameInEveryTick) {
  constexpr std::size_t kSeeds = scaled(300);
  std::uint64_t ticks = 0, limited = 0, left = 0;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    live(seed);
    const Trace trace = close_and_read();
    const Replay replayed = replay(trace);
    ASSERT_FALSE(replayed.difference) << "seed " << seed << ", tick " << replayed.difference->tick
                                      << ": " << replayed.difference->what;
    EXPECT_EQ(trace.damage, "");
    EXPECT_EQ(trace.end, TraceEnd::closed) << "seed " << seed;
    ticks += trace.ticks.size();
    for (const TracedTick& each : trace.ticks) limited += each.kept ? 0 : 1;
    for (const TracedUnit& each : trace.units) left += each.served ? 0 : 1;
  }
  EXPECT_GT(ticks, 30 * kSeeds);
  EXPECT_GT(limited, kSeeds) << "ticks that failed";
  EXPECT_GT(left, kSeeds) << "units that no tick settled";
}

TEST_F(TracedLane, WaitsThatAreReplayedAreThoseThatTheJournalCounted) {
  sink_->set_cost(Call::apply, microseconds(30));
  sink_->set_cost(Call::commit, microseconds(400));
  open_traced({.tick = {.records = 50, .hold = milliseconds(2)}});
  Writes few = add_class("few"), many = add_class("many");
  for (int i = 0; i < 500; ++i) {
    if (i % 10 == 0) many.push_all(1, 200);
    few.push(i);
    advance(microseconds(100));
    tick();
  }
  run_ticks();
  const Trace trace = close_and_read();
  const Replay replayed = replay(trace);
  EXPECT_FALSE(replayed.difference);
  ASSERT_EQ(replayed.classes.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    const Histogram& counted = stats_.classes[i].wait_ns;
    const Histogram& found = replayed.classes[i].wait_ns;
    EXPECT_EQ(found.count(), counted.count());
    EXPECT_EQ(found.p50(), counted.p50());
    EXPECT_EQ(found.p99(), counted.p99());
    EXPECT_EQ(replayed.classes[i].units, stats_.classes[i].end(End::committed));
    EXPECT_EQ(replayed.classes[i].total_ns.p99(), stats_.classes[i].total_ns.p99());
  }
  EXPECT_EQ(replayed.ticks, stats_.ticks);
  EXPECT_EQ(replayed.held, stats_.held);
}

TEST_F(TracedLane, SlotsThatWereRemovedInTheMiddleAreNotInThePlans) {
  open_traced({.tick = {.records = 20}});
  Writes full = add_class("full", {.capacity_records = 100, .when_full = WhenFull::drop_oldest});
  constexpr std::int64_t kPushes = 5000;  // so many are dropped that their slots are squeezed out
  full.push_all(1, 90);
  tick();
  full.push_all(91, kPushes);
  run_ticks();
  const Trace trace = close_and_read();
  EXPECT_EQ(trace.units.size(), static_cast<std::size_t>(kPushes));
  EXPECT_EQ(stats_.classes[0].end(End::committed), 120U);
  const Replay replayed = replay(trace);
  EXPECT_FALSE(replayed.difference) << replayed.difference->what;
}

TEST_F(TracedLane, BudgetsThatChangeAreInTheTraceAndInItsReplay) {
  sink_->set_cost(Call::apply, microseconds(30));
  open_traced({.tick = {.records = 50, .hold = milliseconds(2)}});
  Writes few = add_class("few"), many = add_class("many");
  for (int i = 0; i < 200; ++i) {
    many.push_all(1, 20);
    few.push(i);
    tick();
    if (i % 50 != 20) continue;
    ASSERT_TRUE(journal_->set_tick({.records = 20U + static_cast<std::uint64_t>(i)}).ok());
    ASSERT_TRUE(journal_
                    ->set_class(many.handle(), {.name = "many",
                                                .guarantee = {.records = 1, .bytes = 100},
                                                .weight = static_cast<std::uint32_t>(1 + i)})
                    .ok());
  }
  const Trace trace = close_and_read();
  EXPECT_EQ(trace.budgets.tick.records, 190U);
  EXPECT_EQ(trace.budgets.classes[1].weight, 171U);
  const Replay replayed = replay(trace);
  EXPECT_FALSE(replayed.difference) << replayed.difference->what;
}

TEST_F(TracedLane, APlanThatIsAnotherIsFound) {
  open_traced();
  Writes few = add_class("few");
  few.push_all(1, 10);
  tick();
  Trace trace = close_and_read();
  auto items = std::make_shared<detail::TraceItems>(*trace.items);
  // One unit more in the backlog, which no plan has.
  trace::Changes changes;
  changes.add({.bytes = 9, .records = 1});
  trace::Out item(1000), out(1000);
  item.number(0);
  item.bytes(changes.drain());
  trace::frame(out, trace::ItemKind::changes, item.all());
  trace::In in(items->bytes);
  std::size_t at = 0;
  while (const auto framed = take_framed(in)) {
    if (framed->kind == static_cast<std::uint64_t>(trace::ItemKind::changes)) break;
    at = items->bytes.size() - in.left();
  }
  items->bytes.insert(items->bytes.begin() + static_cast<std::ptrdiff_t>(at), out.all().begin(),
                      out.all().end());
  trace.units.push_back(trace.units.back());
  trace.items = items;
  const Replay replayed = replay(trace);
  ASSERT_TRUE(replayed.difference);
  EXPECT_EQ(replayed.difference->tick, 0U);
  EXPECT_NE(replayed.difference->what.find("it was 10"), std::string::npos)
      << replayed.difference->what;
}

}  // namespace
}  // namespace onelane::test
