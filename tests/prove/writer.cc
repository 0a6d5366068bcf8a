#include "tests/prove/writer.h"

#include <algorithm>

namespace onelane::prove {

using test::below;
using test::chance;

namespace {

constexpr std::size_t kWordsMax = 3000;
constexpr std::size_t kGroupMax = 5;

}  // namespace

Writer::Writer(std::shared_ptr<test::Disk> disk, Ledger& ledger, const WriterOptions& options)
    : disk_(std::move(disk)), ledger_(ledger), options_(options) {}

Status Writer::open(const std::string& database) {
  Result<Journal> opened = Journal::open(database, {.schema = kSchema,
                                                    .synchronous = options_.synchronous,
                                                    .drive = Drive::manual,
                                                    .wal_limit_bytes = kMiB,
                                                    .clock = clock_});
  if (!opened) return opened.status();
  journal_.emplace(*std::move(opened));
  Result<WriteClass> added = journal_->add_class({.name = "writes"});
  if (!added) return added.status();
  class_.emplace(*std::move(added));
  Result<Statement> insert =
      journal_->add_statement({kInsert, {{ColumnType::integer}, {ColumnType::text}}});
  if (!insert) return insert.status();
  insert_ = *insert;
  return {};
}

void Writer::act(Random& random) {
  const std::size_t what = below(random, 100);
  if (what < 50) return push(random);
  if (what < 87) return tick();
  if (what < 90) return wait(random);
  pass_time();
  tick();
}

// For the disk: by a barrier, or for one receipt.
void Writer::wait(Random& random) {
  if (chance(random, 50)) {
    (void)journal_->sync();
  } else if (!waiting_.empty()) {
    (void)waiting_[below(random, waiting_.size())].receipt.wait_durable();
  }
  listen();
}

Row Writer::row(Random& random, std::uint64_t id) {
  Row out;
  if (chance(random, 3)) {
    put(out, static_cast<std::int64_t>(id), std::string("bad"));
  } else {
    const std::size_t size = chance(random, 50) ? 20 : below(random, kWordsMax);
    put(out, static_cast<std::int64_t>(id), std::string(size, static_cast<char>('a' + id % 26)));
  }
  return out;
}

void Writer::push(Random& random) {
  std::vector<std::uint64_t> ids(chance(random, 70) ? 1 : 2 + below(random, kGroupMax - 1));
  Group group;
  for (std::uint64_t& id : ids) {
    id = ledger_.add();
    group.add(insert_, row(random, id));
  }
  Result<Receipt> receipt = class_->submit(group, {.promise = options_.promise});
  if (receipt) {
    waiting_.push_back({*std::move(receipt), std::move(ids)});
  } else {
    for (const std::uint64_t id : ids) ledger_.settled(id, {.end = End::closed});
  }
}

void Writer::tick() {
  (void)journal_->tick();
  listen();
}

// A receipt is kept until what it answers for is durable.
void Writer::listen() {
  std::erase_if(waiting_, [&](Waiting& each) {
    const std::optional<Outcome> outcome = each.receipt.poll();
    if (!outcome) return false;
    if (!each.settled) {
      for (const std::uint64_t id : each.ids) ledger_.settled(id, *outcome);
      each.settled = true;
    }
    if (!outcome->committed()) return true;
    if (!outcome->durable && !options_.acks_committed) return false;
    for (const std::uint64_t id : each.ids) disk_->note(kDurableNote, id);
    return true;
  });
}

std::size_t Writer::unsettled() const {
  return static_cast<std::size_t>(std::count_if(waiting_.begin(), waiting_.end(),
                                                [](const Waiting& each) { return !each.settled; }));
}

bool Writer::settles_within(std::size_t ticks) {
  for (; ticks > 0 && unsettled() > 0; --ticks) {
    pass_time();
    tick();
  }
  return unsettled() == 0;
}

CloseReport Writer::close() {
  CloseReport report = journal_->close(std::chrono::seconds(10));
  listen();
  return report;
}

}  // namespace onelane::prove
