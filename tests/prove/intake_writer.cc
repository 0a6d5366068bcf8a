#include "tests/prove/intake_writer.h"

#include <algorithm>
#include <filesystem>
#include <utility>

namespace onelane::prove {

using test::below;
using test::chance;

namespace {

constexpr std::size_t kWordsMax = 300;
constexpr std::size_t kLargeWordsMax = 9'000;
constexpr std::size_t kHugeWordsMax = 40'000;  // nearly a segment
constexpr std::uint32_t kRowsMax = 4;
constexpr std::int64_t kKeys = 4;
// With threads: how long a tick is waited for, and in the end all that is left.
constexpr Duration kMoment = std::chrono::milliseconds(2);
constexpr Duration kPatience = std::chrono::seconds(20);

}  // namespace

JournalOptions intake_journal_options(const IntakeWriterOptions& options) {
  return {.schema = std::string(kSchema) + kIntakeSchema,
          .tick = {.records = 24, .bytes = kMiB, .hold = std::chrono::milliseconds(10)},
          .synchronous = options.synchronous,
          .drive = options.drive,
          .close_timeout = Duration(0),
          .wal_limit_bytes = kMiB,
          .intake = {.segment_bytes = options.segment_bytes,
                     .most_bytes = options.segments * options.segment_bytes,
                     .dead_letters = kLetters}};
}

IntakeWriter::IntakeWriter(std::shared_ptr<test::Disk> disk, Ledgers& ledgers, test::Random& random,
                           const IntakeWriterOptions& options)
    : disk_(std::move(disk)), ledgers_(ledgers), random_(random), options_(options) {}

Status IntakeWriter::open(const std::string& database) {
  JournalOptions options = intake_journal_options(options_);
  if (options_.drive == Drive::manual) options.clock = clock_;
  const std::filesystem::path path = database;  // what the test does itself is given memory
  Result<Journal> opened = call([&] { return Journal::open(path, options); });
  if (!opened) return opened.status();
  journal_.emplace(*std::move(opened));
  const Guarantee guarantee{.records = 2, .bytes = 4 * kKiB};
  const Promise promise = options_.gather > Duration(0) ? Promise::journaled : Promise::committed;
  const ClassOptions all[] = {{.name = kIntakeClassNames[0],
                               .guarantee = guarantee,
                               .gather = options_.gather,
                               .promise = promise,
                               .intake = true},
                              {.name = kIntakeClassNames[1],
                               .guarantee = guarantee,
                               .gather = options_.gather,
                               .coalesce = true,
                               .promise = promise,
                               .intake = true},
                              {.name = "writes", .guarantee = guarantee}};
  for (const ClassOptions& each : all) {
    Result<WriteClass> added = call([&] { return journal_->add_class(each); });
    if (!added) return added.status();
    classes_.push_back(*std::move(added));
  }
  return add_statements();
}

Status IntakeWriter::add_statements() {
  const Column integer{ColumnType::integer};
  const Column text{ColumnType::text};
  const std::pair<Statement*, StatementSpec> all[] = {
      {&insert_, {kInsert, {integer, text}}},
      {&arrive_, {kArrive, {integer, integer, text}}},
      {&arrive_key_, {kArriveKey, {integer, integer, text, integer}, {3}}},
      {&alike_, {kAlike, {integer}}},
  };
  for (const auto& each : all) {
    const Result<Statement> added = call([&] { return journal_->add_statement(each.second); });
    if (!added) return added.status();
    *each.first = *added;
  }
  return {};
}

void IntakeWriter::act() {
  const std::size_t what = below(random_, 100);
  if (what < 50) return push();
  if (what < 58) return push_plain();
  if (what < 90) return tick();
  if (what < 92) {
    (void)call([this] {
      return options_.drive == Drive::manual ? journal_->sync() : journal_->sync(kMoment);
    });
    return listen();
  }
  if (what < 94) return cancel();
  pass_time();
  tick();
}

std::string IntakeWriter::words() {
  const std::size_t most = chance(random_, options_.huge_percent) ? kHugeWordsMax
                           : chance(random_, 10)                  ? kLargeWordsMax
                                                                  : kWordsMax;
  return std::string(below(random_, most), static_cast<char>('a' + below(random_, 26)));
}

void IntakeWriter::fill(Row& row, std::uint64_t number, std::uint32_t part, bool bad) {
  put(row, static_cast<std::int64_t>(number), static_cast<std::int64_t>(part),
      bad ? std::string("bad") : words());
}

// Of a group that is refused it is the last row that is to blame.
Result<Receipt> IntakeWriter::submit(const IntakeLedger::Unit& unit, std::uint64_t number,
                                     const PushOptions& options) {
  WriteClass& to = classes_[unit.klass];
  Row row;
  if (unit.alike) {
    put(row, static_cast<std::int64_t>(unit.klass));
    return call([&] { return to.submit(alike_, row, options); });
  }
  if (unit.rows == 1) {
    fill(row, number, 0, unit.bad);
    if (unit.key) put(row, *unit.key);
    const Statement statement = unit.key ? arrive_key_ : arrive_;
    return call([&] { return to.submit(statement, row, options); });
  }
  Group group;
  for (std::uint32_t part = 0; part < unit.rows; ++part) {
    row = Row();
    fill(row, number, part, unit.bad && part + 1 == unit.rows);
    group.add(arrive_, row);
  }
  return call([&] { return to.submit(group, options); });
}

void IntakeWriter::push() {
  IntakeLedger::Unit unit{.klass = below(random_, kIntakeClasses)};
  const std::size_t what = below(random_, 100);
  unit.bad = chance(random_, 8);
  if (what < 10) {
    unit.alike = true;
    unit.bad = false;
  } else if (what < 30) {
    unit.rows = static_cast<std::uint32_t>(2 + below(random_, kRowsMax - 1));
  } else if (unit.klass == 1 && what < 80) {
    unit.key = static_cast<std::int64_t>(below(random_, kKeys));
    unit.bad = unit.bad || chance(random_, 20);  // then an older one takes over
  }
  PushOptions options;
  if (chance(random_, 10)) options.promise = Promise::durable;
  if (chance(random_, 5)) options.deadline = journal_->now() + std::chrono::milliseconds(100);
  const std::uint64_t number = ledgers_.intake.add(unit);
  Result<Receipt> receipt = submit(unit, number, options);
  if (!receipt) return ledgers_.intake.refused(number);
  waiting_.push_back({.receipt = *std::move(receipt), .unit = number});
  if (options_.acks_pushed) disk_->note(kJournaledNote, number);
}

void IntakeWriter::push_plain() {
  const std::uint64_t id = ledgers_.plain.add();
  Row row;
  put(row, static_cast<std::int64_t>(id), chance(random_, 3) ? std::string("bad") : words());
  const Promise promise = chance(random_, 50) ? Promise::durable : Promise::committed;
  Result<Receipt> receipt =
      call([&] { return classes_.back().submit(insert_, row, {.promise = promise}); });
  if (!receipt) return ledgers_.plain.settled(id, {.end = End::closed});
  waiting_.push_back({.receipt = *std::move(receipt), .unit = id, .plain = true});
}

void IntakeWriter::cancel() {
  if (!waiting_.empty()) {
    Receipt& receipt = waiting_[below(random_, waiting_.size())].receipt;
    (void)call([&] { return receipt.cancel(); });
  }
  listen();
}

void IntakeWriter::tick() {
  if (options_.drive == Drive::manual) {
    (void)call([this] { return journal_->tick(); });
  } else {
    (void)call([this] { return journal_->flush(kMoment); });
  }
  listen();
}

// From the newest: so with threads none is missed that is journaled before one that is seen.
void IntakeWriter::watch() {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> seen;
  for (auto each = waiting_.rbegin(); each != waiting_.rend(); ++each) {
    if (each->plain || each->journaled) continue;
    const std::optional<Journaled> journaled = each->receipt.poll_journaled();
    if (!journaled) continue;
    each->journaled = true;
    seen.emplace_back(each->unit, journaled->position);
  }
  for (auto each = seen.rbegin(); each != seen.rend(); ++each) {
    disk_->note(kJournaledNote, each->first);
    complain(ledgers_.intake.journaled(each->first, each->second));
  }
}

// Outcomes are asked for before what is journaled: with threads a unit may become both in between.
void IntakeWriter::listen() {
  for (Waiting& each : waiting_) each.outcome = each.receipt.poll();
  watch();
  std::erase_if(waiting_, [this](Waiting& each) { return listen(each); });
}

// Whether the receipt has nothing more to say.
bool IntakeWriter::listen(Waiting& each) {
  const std::optional<Outcome>& outcome = each.outcome;
  if (!outcome) return false;
  if (!each.plain) {
    const bool ends = ends_ || !journal_->stats().poison.ok();
    complain(ledgers_.intake.settled(each.unit, *outcome, ends, disk_->failures() != 0));
    return true;
  }
  if (!std::exchange(each.settled, true)) ledgers_.plain.settled(each.unit, *outcome);
  if (!outcome->committed()) return true;
  if (outcome->durable) disk_->note(kDurableNote, each.unit);
  return outcome->durable;
}

std::size_t IntakeWriter::unsettled() const {
  return static_cast<std::size_t>(std::count_if(waiting_.begin(), waiting_.end(),
                                                [](const Waiting& each) { return !each.settled; }));
}

bool IntakeWriter::settles_within(std::size_t ticks) {
  if (options_.drive == Drive::thread) {
    for (Waiting& each : waiting_) {
      if (!each.settled && !each.receipt.wait_for(kPatience).ok() && !each.receipt.poll()) break;
    }
    listen();
    return unsettled() == 0;
  }
  for (; ticks > 0 && unsettled() > 0; --ticks) {
    pass_time();
    tick();
  }
  return unsettled() == 0;
}

CloseReport IntakeWriter::close(Duration deadline) {
  ends_ = true;
  CloseReport report = call([&] { return journal_->close(deadline); });
  listen();
  return report;
}

void IntakeWriter::abandon() { waiting_.clear(); }

void IntakeWriter::complain(const std::string& what) {
  if (wrong_.empty()) wrong_ = what;
}

}  // namespace onelane::prove
