// Which place in the program a unit came from.
#include "tests/support/lane.h"

namespace onelane::test {
namespace {

using namespace std::chrono_literals;

class CallSites : public QuietLane {
 protected:
  CallSites() {
    open();
    peers_.emplace(add_class("peers"));
  }
  void push(const PushOptions& options = {}) {
    EXPECT_TRUE(peers_->handle().push(peers_->one(), Row().integer(++key_), options).ok());
  }
  void push_from(const std::string& name) { push({.site = name}); }
  // "label: offered/ended", class by class.
  std::string sites() {
    std::string out;
    for (const CallSiteStats& site : journal_->stats().call_sites) {
      out += (out.empty() ? "" : ", ") + site.label + ": " + std::to_string(site.all.offered) +
             "/" + std::to_string(site.all.ended);
    }
    return out;
  }

  std::optional<Writes> peers_;
  std::int64_t key_ = 0;
};

std::string here(int line) {
  return "engine_call_sites_test.cpp:" + std::to_string(line) + " TestBody";
}

TEST_F(CallSites, APushKnowsItsPlace) {
  const WriteClass& peers = peers_->handle();
  const Row row = std::move(Row().integer(1));
  const int line = __LINE__ + 1;
  EXPECT_TRUE(peers.push(peers_->one(), row).ok());
  EXPECT_TRUE(peers.push(peers_->one(), row, {.timeout = 1h}).ok());
  tick();
  EXPECT_EQ(sites(), here(line) + ": 1/1, " + here(line + 1) + ": 1/1");
}

TEST_F(CallSites, SubmitsGroupsAndJobsDoToo) {
  const WriteClass& peers = peers_->handle();
  Group group = peers_->group_of({1, 2});
  const int line = __LINE__ + 1;
  (void)peers.submit(peers_->one(), Row().integer(1));
  (void)peers.push(group);
  (void)peers.submit(Job{.name = "job", .step = [](Transaction&) { return Step::done; }});
  run_ticks();
  EXPECT_EQ(sites(),
            here(line) + ": 1/1, " + here(line + 1) + ": 1/1, " + here(line + 2) + ": 1/1");
}

TEST_F(CallSites, ANameStandsForThePlace) {
  for (int i = 0; i < 3; ++i) push({.site = "on_connect"});
  const std::string name = std::string("on_") + "identify";
  push({.site = name});
  tick();
  EXPECT_EQ(sites(), "on_connect: 3/3, on_identify: 1/1");
}

TEST_F(CallSites, ANameIsReadWhenItIsPushed) {
  std::string name = "one";
  push({.site = std::string_view(name)});
  name = "two";
  push({.site = std::string_view(name)});
  EXPECT_EQ(sites(), "one: 0/0, two: 0/0");
  tick();
  EXPECT_EQ(sites(), "one: 1/1, two: 1/1");
}

TEST_F(CallSites, OptionsThatWereMadeWithoutBracesKnowNoPlace) {
  PushOptions options;
  push(options);
  push({.site = ""});
  tick();
  EXPECT_EQ(sites(), "unnamed: 2/2");
}

TEST_F(CallSites, LongNamesAreCutAt64) {
  const std::string start(64, 'x');
  push_from(start + "yz");
  tick();
  EXPECT_EQ(sites(), start + ": 1/1");
}

TEST_F(CallSites, OnePlaceIsOneOfEachClass) {
  Writes others = add_class("others");
  push({.site = "both"});
  EXPECT_TRUE(others.handle().push(others.one(), Row().integer(1), {.site = "both"}).ok());
  tick();
  const JournalStats stats = journal_->stats();
  ASSERT_EQ(stats.call_sites.size(), 2U);
  EXPECT_EQ(stats.call_sites[0].write_class, 0U);
  EXPECT_EQ(stats.call_sites[1].write_class, 1U);
}

TEST_F(CallSites, AfterThe128thAllFurtherOnesAreOther) {
  for (std::size_t i = 0; i < kCallSitesMax + 40; ++i) {
    push_from("site " + std::to_string(i));
  }
  push({.site = "site 0"});
  tick();
  const JournalStats stats = journal_->stats();
  ASSERT_EQ(stats.call_sites.size(), kCallSitesMax + 1);
  EXPECT_EQ(stats.call_sites.front().all.ended, 2U);
  EXPECT_EQ(stats.call_sites.back().label, "other");
  EXPECT_EQ(stats.call_sites.back().all.ended, 40U);
}

TEST_F(CallSites, AProgramsOwnOtherIsNotTakenForThose) {
  push({.site = "other"});
  tick();
  EXPECT_EQ(sites(), "other (named): 1/1");
}

TEST_F(CallSites, ThousandsOfNamesAreCounted) {
  for (int i = 0; i < 3000; ++i) push_from("site " + std::to_string(i));
  run_ticks();
  std::uint64_t ended = 0;
  for (const CallSiteStats& site : journal_->stats().call_sites) ended += site.all.ended;
  EXPECT_EQ(ended, 3000U);
  EXPECT_EQ(stats_of("peers").total_ns.count(), 3000U);
}

TEST_F(CallSites, WhatIsRefusedIsOffered) {
  (void)peers_->handle().push(peers_->one(), Row().text("wrong"), {.site = "wrong"});
  EXPECT_EQ(sites(), "wrong: 1/0");
  push({.site = "wrong"});
  tick();
  EXPECT_EQ(sites(), "wrong: 2/1");
  EXPECT_EQ(stats_of("peers").recent.offered, 2U);
}

TEST_F(CallSites, TimesAndTheLanesTimeAreTheirOwn) {
  sink_->set_cost(Call::apply, 3ms);
  push({.site = "early"});
  advance(10ms);
  push({.site = "late"});
  tick();
  const JournalStats stats = journal_->stats();
  ASSERT_EQ(stats.call_sites.size(), 2U);
  EXPECT_EQ(stats.call_sites[0].all.wait_ns.max(), 10'000'000U);
  EXPECT_EQ(stats.call_sites[1].all.wait_ns.max(), 0U);
  EXPECT_EQ(stats.call_sites[0].all.held, 3ms);
  EXPECT_EQ(stats.call_sites[1].all.held, 3ms);
  EXPECT_EQ(stats.call_sites[0].all.commits, 1U);
}

TEST_F(CallSites, ACommitIsCountedOnceHoweverPlacesTakeTurns) {
  for (int i = 0; i < 3; ++i) {
    push({.site = "one"});
    push({.site = "other one"});
  }
  tick();
  const JournalStats stats = journal_->stats();
  ASSERT_EQ(stats.call_sites.size(), 2U);
  EXPECT_EQ(stats.call_sites[0].all.commits, 1U);
  EXPECT_EQ(stats.call_sites[1].recent.commits, 1U);
  EXPECT_EQ(stats.classes[0].commits, 1U);
  EXPECT_EQ(stats.classes[0].recent.commits, 1U);
}

TEST_F(CallSites, AProducersPlaceIsItsCallers) {
  CallSite site = CallSite::here();
  EXPECT_TRUE(site.text().ends_with("engine_call_sites_test.cpp"));
  EXPECT_EQ(site.line(), static_cast<std::uint32_t>(__LINE__ - 2));
  EXPECT_STREQ(site.function(), "TestBody");
}

}  // namespace
}  // namespace onelane::test
