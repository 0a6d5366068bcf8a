#include "tests/sim/user.h"

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <utility>

namespace onelane::test {

namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr const char* kPlain = "INSERT INTO applied(unit, part, words) VALUES(?1, ?2, ?3)";
constexpr const char* kKeyed =
    "INSERT INTO applied(unit, part, words, subject) VALUES(?1, ?2, ?3, ?4)";
constexpr const char* kWatched =
    "INSERT INTO watched VALUES(?1, ?2, ?3, iif(?3 = 'orphan', ?3, NULL))";
constexpr const char* kSeveral =
    "INSERT OR IGNORE INTO applied(at, unit, part, words) SELECT NULL, ?1, ?2, ?3"
    " UNION ALL SELECT 'no rowid', ?1, ?2, ?3 WHERE ?3 = 'half'";
constexpr const char* kAudited = "INSERT INTO audited VALUES(?1, ?2, ?3)";
constexpr const char* kUpsert =
    "INSERT INTO latest(name, unit, part, words) VALUES(?4, ?1, ?2, ?3)"
    " ON CONFLICT(name) DO UPDATE SET unit = ?1, part = ?2, words = ?3";
constexpr const char* kChained =
    "INSERT INTO applied(unit, part, words, parent) VALUES(?1, ?2, ?3, last_insert_rowid())";
constexpr const char* kBadWords[] = {"fail", "abort", "rollback", "orphan"};  // of the watched

constexpr std::size_t kClassesMax = 3;
constexpr std::uint32_t kPartsMax = 4;
constexpr std::size_t kWordsMax = 200;
constexpr std::size_t kLargeWordsMax = 20'000;
constexpr std::size_t kSubjects = 3;  // keys
constexpr int kPoisonPercent = 15;

enum class Failing : std::uint8_t { throws, returns_error, bad_statement };
constexpr std::size_t kFailings = 3;

struct JobPlan {
  std::uint64_t unit;
  std::uint32_t steps;
  std::optional<std::uint32_t> fails_at;
  Failing failing;
  const char* bad_word;

  Result<Step> operator()(Transaction& transaction) const {
    const std::uint32_t part = transaction.steps();
    auto done = transaction.execute(kPlain, static_cast<std::int64_t>(unit), part, "a step");
    if (!done) return done.status();
    if (fails_at == part) {
      if (failing == Failing::throws) throw std::runtime_error("this step throws");
      if (failing == Failing::returns_error) return Status(Errc::record, "this step fails");
      done = transaction.execute(kWatched, static_cast<std::int64_t>(unit), part,
                                 std::string_view(bad_word));
      // A violation that is found only afterwards lets the step go on.
      if (!done) return done.status();
    }
    return part + 1 == steps ? Step::done : Step::more;
  }
};

}  // namespace

ClassOptions User::class_options(std::size_t number) {
  Random& random = world_.random;
  ClassOptions out{.name = "class-" + std::to_string(number)};
  out.guarantee = {.records = 1 + below(random, 8), .bytes = 4 * kKiB};
  out.weight = static_cast<std::uint32_t>(1 + below(random, 4));
  out.when_full = static_cast<WhenFull>(below(random, 3));
  if (chance(random, 30)) out.budget.records = 1 + below(random, 8);
  if (chance(random, 20)) out.max_delay = milliseconds(1 + below(random, 20));
  if (chance(random, 20)) out.gather = milliseconds(1 + below(random, 10));
  if (features_.small_classes) out.capacity_records = kPartsMax + below(random, 12);
  out.coalesce = features_.coalescing && chance(random, 60);
  if (features_.durable && chance(random, 50)) out.promise = Promise::durable;
  if (features_.intake && chance(random, 70)) {
    out.intake = true;
    if (out.when_full == WhenFull::drop_oldest) out.when_full = WhenFull::reject;
    if (chance(random, 40)) out.promise = Promise::journaled;
  }
  return out;
}

Status User::begin(Journal& journal) {
  journal_ = &journal;
  closing_ = false;
  classes_.clear();
  const std::size_t count = 1 + below(world_.random, kClassesMax);
  for (std::size_t i = 0; i < count; ++i) {
    Class& each = classes_.emplace_back();
    each.options = class_options(i);
    Result<WriteClass> added = journal.add_class(each.options);
    if (!added) return added.status();
    each.handle.emplace(*std::move(added));
  }
  const Column integer{ColumnType::integer};
  const Column text{ColumnType::text};
  const Column key{.type = ColumnType::integer, .nullable = true};
  const std::pair<Way, StatementSpec> all[] = {
      {Way::plain, {kPlain, {integer, integer, text}}},
      {Way::keyed, {kKeyed, {integer, integer, text, key}, {3}}},
      {Way::watched, {kWatched, {integer, integer, text}}},
      {Way::several, {kSeveral, {integer, integer, text}}},
      {Way::audited, {kAudited, {integer, integer, text}}},
      {Way::upsert, {kUpsert, {integer, integer, text, key}, {3}}},
      {Way::chained, {kChained, {integer, integer, text}}},
  };
  for (const auto& [way, spec] : all) {
    if (!used(way)) continue;
    const Result<Statement> added = journal.add_statement(spec);
    if (!added) return added.status();
    statements_[static_cast<std::size_t>(way)] = *added;
  }
  return {};
}

bool User::used(Way way) const {
  if (way == Way::several || way == Way::audited) return features_.leftovers;
  if (way == Way::upsert) return features_.upserts;
  return way != Way::chained || features_.rowids;
}

void User::end() {
  flights_.clear();
  classes_.clear();
  journal_ = nullptr;
}

// --- Pushes.

std::string User::words(std::size_t size) {
  return std::string(size, static_cast<char>('a' + below(world_.random, 26)));
}

PushOptions User::push_options(Intent& intent) {
  Random& random = world_.random;
  PushOptions out;
  if (features_.deadlines && chance(random, 20)) {
    intent.deadline = world_.clock.now() + microseconds(below(random, 20'000));
    out.deadline = intent.deadline;
  }
  if (features_.durable && chance(random, 30)) out.promise = Promise::durable;
  return out;
}

User::Way User::way(const Intent& intent) {
  Random& random = world_.random;
  if (chance(random, 30)) return Way::watched;
  if (features_.leftovers && chance(random, 30)) {
    return chance(random, 50) ? Way::several : Way::audited;
  }
  if (features_.upserts && chance(random, 30)) return Way::upsert;
  if (features_.rowids && intent.inserted && chance(random, 50)) return Way::chained;
  return chance(random, features_.coalescing ? 60 : 10) ? Way::keyed : Way::plain;
}

// Words that cannot be applied this way.
const char* User::bad_word(Way way) {
  if (way == Way::watched) return kBadWords[below(world_.random, std::size(kBadWords))];
  return way == Way::several || way == Way::audited ? "half" : "bad";
}

// What makes a part fail is chosen here; where it is part of the row, which statement is, too.
Statement User::fill(Row& row, Intent& intent, std::uint32_t part) {
  Random& random = world_.random;
  const auto unit = static_cast<std::int64_t>(world_.history.units());
  const bool large = features_.large_rows && chance(random, 30);
  std::string text = words(below(random, large ? kLargeWordsMax : kWordsMax));
  const Way how = way(intent);
  if (features_.poison && !intent.fails_at && chance(random, kPoisonPercent)) {
    intent.fails_at = part;
    text = bad_word(how);
  }
  std::optional<std::int64_t> subject;
  if (how == Way::keyed || how == Way::upsert) {
    if (!features_.null_keys || !chance(random, 30)) {
      subject = static_cast<std::int64_t>(below(random, kSubjects));
    }
    if (subject)
      intent.key =
          static_cast<std::uint64_t>(how) * kSubjects + static_cast<std::uint64_t>(*subject);
    put(row, unit, part, text, subject);
  } else {
    put(row, unit, part, text);
  }
  if (how == Way::upsert) {
    intent.may_fail = intent.may_fail || world_.index.missing;
    intent.needs_index = world_.index.drops;
  }
  intent.inserted = how == Way::plain || how == Way::keyed || how == Way::chained;
  intent.values.push_back(value_of(text, how == Way::keyed ? subject : std::nullopt));
  return statements_[static_cast<std::size_t>(how)];
}

Result<Receipt> User::submit_rows(Class& to, Intent& intent, std::uint32_t rows,
                                  const PushOptions& options) {
  if (rows == 1) {
    Row row;
    const Statement statement = fill(row, intent, 0);
    return to.handle->submit(statement, row, options);
  }
  Group group;
  for (std::uint32_t part = 0; part < rows; ++part) {
    Row row;
    const Statement statement = fill(row, intent, part);
    group.add(statement, row);
  }
  intent.key.reset();  // groups never coalesce
  return to.handle->submit(group, options);
}

Result<Receipt> User::submit_job(Class& to, Intent& intent, std::uint32_t steps,
                                 const PushOptions& options) {
  Random& random = world_.random;
  intent.job = true;
  if (features_.poison && chance(random, kPoisonPercent * 2)) {
    intent.fails_at = static_cast<std::uint32_t>(below(random, steps));
  }
  intent.values.assign(steps, value_of("a step", std::nullopt));
  const JobPlan plan{.unit = world_.history.units(),
                     .steps = steps,
                     .fails_at = intent.fails_at,
                     .failing = static_cast<Failing>(below(random, kFailings)),
                     .bad_word = kBadWords[below(random, std::size(kBadWords))]};
  return to.handle->submit(Job{.name = "job", .step = plan}, options);
}

bool User::push() {
  Random& random = world_.random;
  Intent intent{.klass = static_cast<std::uint32_t>(below(random, classes_.size()))};
  Class& to = classes_[intent.klass];
  const PushOptions options = push_options(intent);
  const auto parts = static_cast<std::uint32_t>(1 + below(random, kPartsMax));
  const bool job = features_.jobs && chance(random, 15) && !to.options.intake;
  const bool group = features_.groups && chance(random, 30);
  const std::uint32_t rows = job || group ? parts : 1;
  Result<Receipt> receipt =
      job ? submit_job(to, intent, rows, options) : submit_rows(to, intent, rows, options);
  world_.trace.add("push", world_.history.units(), receipt.ok() ? 0 : 1);
  if (!receipt) {
    refused(to, receipt.status());
    return false;
  }
  ++to.accepted;
  if (!to.options.coalesce) intent.key.reset();
  const std::uint64_t unit =
      world_.history.accept({.klass = intent.klass,
                             .parts = rows,
                             .atomic = !job,
                             .values = std::exchange(intent.values, {}),
                             .key = intent.key,
                             .intake = to.options.intake,
                             .refusable = fit_to_be_rejected(intent) || intent.needs_index});
  const Promise promise = options.promise.value_or(to.options.promise);
  flights_.push_back({.unit = unit,
                      .intent = intent,
                      .receipt = std::make_shared<Receipt>(*std::move(receipt)),
                      .durable_wanted = promise == Promise::durable});
  return true;
}

void User::refused(Class& by, const Status& why) {
  ++by.refused;
  const Errc code = why.code();
  const bool may = code == Errc::full || code == Errc::storage ||
                   (code == Errc::poisoned && !journal_->stats().poison.ok()) ||
                   (code == Errc::closed && closing_);
  if (!may) complain("a push was refused: " + why.to_string());
}

void User::cancel() {
  if (flights_.empty()) return;
  Flight& flight = flights_[below(world_.random, flights_.size())];
  if (flight.outcome) return;
  const bool cancelled = flight.receipt->cancel();
  flight.intent.cancelled = flight.intent.cancelled || cancelled;
  flight.intent.asked_to_stop = flight.intent.asked_to_stop || !cancelled;
  world_.trace.add("cancel", flight.unit, cancelled ? 1 : 0);
}

void User::wait_durable() {
  const auto found = std::find_if(flights_.begin(), flights_.end(),
                                  [](const Flight& each) { return each.outcome.has_value(); });
  if (found == flights_.end()) return;
  const std::shared_ptr<Receipt> receipt = found->receipt;
  const Result<Outcome> outcome = receipt->wait_durable();
  world_.trace.add("wait", static_cast<std::uint64_t>(outcome.status().code()));
}

// --- What becomes of them.

void User::listen(bool calm) {
  stats_ = journal_->stats();
  world_.history.durable(stats_.durable);
  if (stats_.durable > stats_.committed) complain("more is durable than is committed");
  watch();
  for (Flight& flight : flights_) take_in(flight, calm);
  for (const Flight& flight : flights_) {
    if (!flight.outcome || flight.outcome->end != End::superseded) continue;
    if (!newer_is_committed(flight))
      complain(flight, "was superseded by nothing that is committed");
  }
  std::erase_if(flights_, [](const Flight& flight) {
    return flight.outcome && (!flight.outcome->committed() || flight.outcome->durable);
  });
}

void User::watch() {
  for (Flight& flight : flights_) {
    if (flight.journaled || !classes_[flight.intent.klass].options.intake) continue;
    if (!flight.receipt->poll_journaled()) continue;
    flight.journaled = true;
    world_.history.journaled(flight.unit);
  }
}

void User::take_in(Flight& flight, bool calm) {
  std::optional<Outcome> outcome = flight.receipt->poll();
  if (!outcome) return;
  const bool first = !flight.outcome;
  if (!first &&
      (outcome->end != flight.outcome->end || outcome->commit != flight.outcome->commit)) {
    complain(flight, "was settled twice");
  }
  flight.outcome = std::move(outcome);
  if (!first) return;
  const Outcome& told = *flight.outcome;
  world_.trace.add("settled", flight.unit, static_cast<std::uint64_t>(told.end));
  world_.trace.add("commit", told.commit, told.steps);
  ++classes_[flight.intent.klass].told[static_cast<std::size_t>(told.end)];
  if (told.end == End::committed && flight.intent.key) {
    std::uint64_t& newest = classes_[flight.intent.klass].committed[*flight.intent.key];
    newest = std::max(newest, flight.unit);
  }
  if (const char* why = impossible(flight, calm)) complain(flight, why);
  world_.history.tell(flight.unit, told);
}

// Or there was no room for both in a full class.
bool User::newer_is_committed(const Flight& flight) const {
  if (features_.small_classes || !flight.intent.key) return true;
  const auto& committed = classes_[flight.intent.klass].committed;
  const auto newest = committed.find(*flight.intent.key);
  return newest != committed.end() && newest->second > flight.unit;
}

// Why the outcome is none that the unit can have, or null.
const char* User::impossible(const Flight& flight, bool calm) const {
  const Intent& intent = flight.intent;
  const ClassOptions& options = classes_[intent.klass].options;
  const Outcome& told = *flight.outcome;
  const auto unless = [](bool may, const char* why) { return may ? nullptr : why; };
  if (options.intake) {
    const bool done = told.end == End::committed || told.end == End::rejected ||
                      told.end == End::superseded || told.end == End::carried;
    if (done != flight.journaled) return done ? "was never journaled" : "was journaled before";
    if (told.committed() && !told.durable) return "is committed, and not durable";
  }
  switch (told.end) {
    case End::committed:
      if (told.commit > stats_.committed) return "is in a commit that there is not";
      return unless(!intent.fails_at, "was committed, and cannot be applied");
    case End::rejected:
      if (intent.job && calm && intent.fails_at != 0U) return "was rejected after its first step";
      return unless(fit_to_be_rejected(intent) || !calm, "was rejected, and is in order");
    case End::incomplete:
      if (!intent.job || told.steps == 0) return "is incomplete without a step";
      if (intent.fails_at && told.steps > *intent.fails_at) return "has a step that must fail";
      return unless(intent.fails_at == told.steps || !calm || closing_ || intent.asked_to_stop,
                    "ended between steps for no reason");
    case End::superseded:
      return unless(intent.key.has_value(), "was superseded without a key");
    case End::dropped:
      return unless(options.when_full == WhenFull::drop_oldest, "was dropped");
    case End::expired:
      return unless(intent.deadline && *intent.deadline <= world_.clock.now(), "expired too early");
    case End::cancelled:
      return unless(intent.cancelled, "was cancelled by nobody");
    case End::closed:
      return unless(closing_ || !stats_.poison.ok(), "is closed while the journal is open");
    case End::unknown:
      return unless(!calm && !stats_.poison.ok(), "is unknown for no reason");
    case End::carried:
      return unless(options.intake && (closing_ || !stats_.poison.ok()),
                    "is carried while the journal is open");
  }
  return "has an end that there is not";
}

// By something in it, or since somebody took away the index that it needs.
bool User::fit_to_be_rejected(const Intent& intent) const {
  const bool dropped = intent.needs_index && *intent.needs_index != world_.index.drops;
  return intent.fails_at || intent.may_fail || dropped;
}

std::size_t User::unsettled() const {
  return static_cast<std::size_t>(std::count_if(flights_.begin(), flights_.end(),
                                                [](const Flight& each) { return !each.outcome; }));
}

bool User::undurable() const {
  return std::any_of(flights_.begin(), flights_.end(), [](const Flight& each) {
    return each.durable_wanted && each.outcome && each.outcome->committed();
  });
}

void User::check_stats() {
  for (std::size_t i = 0; i < classes_.size(); ++i) {
    const ClassStats& found = stats_.classes[i];
    const Class& own = classes_[i];
    std::uint64_t ended = 0;
    for (std::size_t end = 0; end < kEndCount; ++end) {
      ended += found.ends[end];
      if (found.ends[end] != own.told[end]) {
        complain("class " + std::to_string(i) + " counts " + std::to_string(found.ends[end]) + " " +
                 std::string(name(static_cast<End>(end))) + ", and told of " +
                 std::to_string(own.told[end]));
      }
    }
    if (found.accepted != own.accepted || found.refused != own.refused ||
        found.accepted != ended + found.in_flight) {
      complain("class " + std::to_string(i) + " miscounts what it accepted or refused");
    }
  }
}

void User::complain(const std::string& what) {
  if (wrong_.empty()) wrong_ = what;
}

void User::complain(const Flight& flight, const char* what) {
  complain("unit " + std::to_string(flight.unit) + " " + what + " (" +
           std::string(name(flight.outcome->end)) + ", " + flight.outcome->cause.to_string() + ")");
}

}  // namespace onelane::test
