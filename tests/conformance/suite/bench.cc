#include "tests/conformance/suite/bench.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <stdexcept>

namespace onelane::inline v0::testing::conformance {

namespace {

constexpr Column kInteger{ColumnType::integer};
constexpr Column kText{ColumnType::text};
// A thing that is there from the beginning, where the store knows of unique ids.
constexpr std::int64_t kTaken = -1;
constexpr std::int64_t kNobody = -2;

StatementSpec thing_spec(const std::string& sql) {
  return {.sql = sql, .columns = {kInteger, {ColumnType::text, true}}, .key_columns = {0}};
}

// In memory if there is such a place: the suite cuts no power, so its syncs may cost nothing.
std::filesystem::path make_folder() {
  const std::filesystem::path memory = "/dev/shm";
  const bool there = ::access(memory.c_str(), W_OK) == 0;
  std::string name =
      (there ? memory : std::filesystem::temp_directory_path()) / "onelane-conformance-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp: " + name);
  return name;
}

}  // namespace

StatementSpec SpecOf::put() const { return thing_spec(sql.put); }
StatementSpec SpecOf::set() const { return thing_spec(sql.set); }
StatementSpec SpecOf::remove() const { return {.sql = sql.remove, .columns = {kInteger}}; }
StatementSpec SpecOf::put_child() const {
  return {.sql = sql.put_child, .columns = {kInteger, kInteger}};
}
StatementSpec SpecOf::put_mistyped() const {
  return {.sql = sql.put_mistyped, .columns = {kText, kText}};
}
StatementSpec SpecOf::put_values() const {
  using enum ColumnType;
  return {.sql = sql.put_values,
          .columns = {{integer, true}, {real, true}, {text, true}, {blob, true}}};
}

std::size_t Things::put(std::int64_t id, const PushOptions& options) {
  return put(id, "x", options);
}

std::size_t Things::put(std::int64_t id, const std::string& text, const PushOptions& options) {
  return submit(bench_->thing(id, text), options);
}

std::size_t Things::submit(const Filled& filled, const PushOptions& options) {
  return keep(handle_.submit(bench_->statement(filled.spec), filled.row, options));
}

std::size_t Things::refused(Ability kind, std::int64_t id) {
  return submit(bench_->refused(kind, id));
}

std::size_t Things::group(const std::vector<Filled>& rows) {
  Group group;
  for (const Filled& each : rows) group.add(bench_->statement(each.spec), each.row);
  return keep(handle_.submit(group));
}

std::size_t Things::job(StepFunction step) {
  return keep(handle_.submit(Job{.name = "job", .step = std::move(step)}));
}

std::size_t Things::keep(Result<Receipt> receipt) {
  const bool refused = receipt.status().code() == Errc::storage;
  bench_->receipts().push_back(refused ? Receipt() : bench_->value(std::move(receipt), "a push"));
  return bench_->receipts().size() - 1;
}

Bench::Bench(const SinkUnderTest& sink) : sink_(sink), store_(sink.make_store()) {}

Bench::~Bench() {
  receipts_.clear();
  journal_.reset();
  crashed_.clear();
  if (line_ != nullptr) line_->cut();
  std::error_code ignored;
  if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
}

const std::string* Bench::reason_of(Ability ability) const {
  for (const Absence& each : sink_.absences) {
    if (each.ability == ability) return &each.reason;
  }
  return nullptr;
}

void Bench::need(Ability ability) const {
  if (const std::string* reason = reason_of(ability); reason != nullptr) {
    throw Skipped{"no " + std::string(name(ability)) + ": " + *reason};
  }
}

std::vector<Ability> Bench::refusals() const {
  std::vector<Ability> out;
  for (const Ability kind : kRefusals) {
    if (has(kind)) out.push_back(kind);
  }
  if (out.empty()) need(Ability::check);
  return out;
}

Filled Bench::thing(std::int64_t id, const std::string& text) const {
  return {specs().put(), row_of(id, text)};
}

Filled Bench::refused(Ability kind, std::int64_t id) const {
  switch (kind) {
    case Ability::unique:
      return thing(kTaken);
    case Ability::not_null:
      return {specs().put(), row_of(id, std::optional<std::string>())};
    case Ability::type:
      return {specs().put_mistyped(), row_of("no number", "x")};
    case Ability::deferred:
      return child(id, kNobody);
    default:
      return thing(id, "refused");
  }
}

Filled Bench::child(std::int64_t id, std::int64_t parent) const {
  return {specs().put_child(), row_of(id, parent)};
}

// A part that is missing has its reason, and one that is there has none.
void Bench::check_abilities(Sink& sink) {
  const auto check = [this](Ability ability, bool there) {
    const bool declared = !has(ability);
    expect(there || declared, "the sink has no " + std::string(name(ability)) +
                                  ", and SinkUnderTest::absences does not say why");
    expect(!there || !declared, "SinkUnderTest::absences says that there is no " +
                                    std::string(name(ability)) + ", and the sink has it");
  };
  check(Ability::savepoints, sink.savepoints() != nullptr);
  check(Ability::jobs, sink.job_statements() != nullptr);
  check(Ability::migrations, sink.schema_version() != nullptr);
  check(Ability::watermark, sink.watermark() != nullptr);
  check(Ability::pipelining, sink.pipelined_calls() != nullptr);
  AppliedPositions* const positions = sink.applied_positions();
  check(Ability::positions, positions != nullptr && positions->buries());
  check(Ability::durability, sink.commit_is_durable() || sink.commit_sync() != nullptr);
}

void Bench::connect() {
  if (line_ != nullptr) line_->cut();  // if its journal could not be opened
  line_ = std::make_shared<Line>(value(store_->open(), "opening the sink"));
  check_abilities(line_->sink());
}

Sink& Bench::open_sink() {
  connect();
  return line_->sink();
}

void Bench::close_sink(CloseMode mode) { expect_ok(line_->close(mode), "closing the sink"); }

Status Bench::try_open(JournalOptions options) {
  options.drive = Drive::manual;
  options.clock = clock_;
  return make_journal(options);
}

Status Bench::make_journal(const JournalOptions& options) {
  receipts_.clear();
  ends_seen_ = 0;
  journal_.reset();
  connect();
  line_->next_commit(std::exchange(opening_fate_, CommitFate::passes));
  Result<Journal> opened = Journal::open(make_line_sink(line_), options);
  if (!opened) return opened.status();
  journal_.emplace(*std::move(opened));
  return {};
}

void Bench::open_with_threads() {
  const Status status = make_journal({});
  require(status.ok(), "opening a journal: " + status.to_string());
  add_statements();
}

// While the store takes no commits, none can be added.
void Bench::add_statements() {
  const SpecOf specs{sink_.sql};
  statements_.clear();
  for (StatementSpec spec : {specs.put(), specs.set(), specs.remove(), specs.put_child(),
                             specs.put_mistyped(), specs.put_values()}) {
    if (spec.sql.empty()) continue;
    const Statement added = value(journal_->add_statement(spec), "adding a statement");
    statements_.emplace_back(std::move(spec), added);
  }
}

void Bench::open(JournalOptions options) {
  const Status status = try_open(std::move(options));
  require(status.ok(), "opening a journal: " + status.to_string());
  add_statements();
  if (has(Ability::unique) && !taken_) put_taken();
}

void Bench::put_taken() {
  taken_ = true;
  Things things = add_class("taken");
  things.put(kTaken, "taken");
  run();
  require(end_of(0) == "committed", "the first record of all ended as " + end_of(0));
  receipts_.clear();
}

JournalOptions Bench::with_intake() {
  need(Ability::positions);
  if (folder_.empty()) folder_ = make_folder();
  JournalOptions options;
  options.intake.folder = folder_ / std::to_string(crashes_);
  options.intake.segment_bytes = 64 * kKiB;
  options.intake.most_bytes = kMiB;
  options.intake.dead_letters = "dead_letters";
  return options;
}

void Bench::open_with_intake() { open(with_intake()); }
Status Bench::try_open_with_intake() { return try_open(with_intake()); }

CloseReport Bench::close_within(Duration timeout) { return journal_->close(timeout); }

void Bench::close() {
  expect_ok(close_within(std::chrono::seconds(10)).status, "closing the journal");
}

// The journal lives on, on a line that is cut, and keeps its intake's lock: so the next opening
// gets a copy of the folder.
void Bench::crash() {
  line_->cut();
  receipts_.clear();
  ends_seen_ = 0;
  crashed_.push_back(*std::move(journal_));
  journal_.reset();
  const std::string before = std::to_string(crashes_++);
  if (folder_.empty() || !std::filesystem::exists(folder_ / before)) return;
  std::filesystem::copy(folder_ / before, folder_ / std::to_string(crashes_),
                        std::filesystem::copy_options::recursive);
}

Things Bench::add_class(const std::string& name) {
  return add_class(ClassOptions{.name = name, .guarantee = kGuarantee});
}

Things Bench::add_class(const ClassOptions& options) {
  return {*this, value(journal_->add_class(options), "adding a class")};
}

Things Bench::add_journaled_class(const std::string& name, Duration gather) {
  return add_class(ClassOptions{.name = name,
                                .guarantee = kGuarantee,
                                .gather = gather,
                                .promise = Promise::journaled,
                                .intake = true});
}

Statement Bench::statement(const StatementSpec& spec) {
  for (const auto& [known, added] : statements_) {
    if (known.sql == spec.sql && known.columns == spec.columns) return added;
  }
  require(false, "the suite does not know the statement \"" + spec.sql + "\"");
  return {};
}

TickReport Bench::tick() {
  const Result<TickReport> report = journal_->tick();
  // A poisoned journal ticks no more.
  return report.ok() ? *report : TickReport{};
}

void Bench::run() {
  constexpr int kTicksMost = 100'000;
  for (int i = 0; i < kTicksMost; ++i) {
    const TickReport report = tick();
    if (report.more) continue;
    const std::vector<ClassStats> classes = journal_->stats().classes;
    const bool idle = std::all_of(classes.begin(), classes.end(),
                                  [](const ClassStats& each) { return each.in_flight == 0; });
    if (idle || !report.next) return;
    if (*report.next > now()) advance(*report.next - now());
  }
  require(false, "the journal is at work for ever");
}

std::string Bench::end_of(std::size_t unit) const {
  const std::optional<Outcome> outcome = receipts_[unit].poll();
  if (!receipts_[unit].valid()) return "refused";
  return outcome ? std::string(onelane::name(outcome->end)) : "in flight";
}

Outcome Bench::outcome(std::size_t unit) {
  const std::optional<Outcome> outcome = receipts_[unit].poll();
  require(outcome.has_value(), "unit " + std::to_string(unit) + " is not settled");
  return *outcome;
}

void Bench::expect_ends(const std::string& must) {
  std::string ends;
  for (; ends_seen_ < receipts_.size(); ++ends_seen_) {
    ends += (ends.empty() ? "" : " ") + end_of(ends_seen_);
  }
  expect_equal(ends, must, "the ends");
}

std::string Bench::all_things() {
  std::string out;
  for (const StoredThing& each : store_->things()) {
    out += (out.empty() ? "" : " ") + std::to_string(each.id) + ":" + each.text;
  }
  return out;
}

std::string Bench::things() {
  const std::string all = all_things();
  if (!taken_) return all;
  const std::string first = std::to_string(kTaken) + ":taken";
  expect(all.starts_with(first), "the first thing of all is not there any more");
  return all.size() > first.size() ? all.substr(first.size() + 1) : "";
}

void Bench::expect_things(const std::string& must) { expect_equal(things(), must, "the store"); }

std::string Bench::numbered(std::int64_t first, std::int64_t last) {
  std::string out;
  for (std::int64_t id = first; id <= last; ++id) {
    out += (out.empty() ? "" : " ") + std::to_string(id) + ":x";
  }
  return out;
}

void Bench::expect_all_settled() {
  for (const ClassStats& each : journal_->stats().classes) {
    std::uint64_t ended = 0;
    for (const std::uint64_t ends : each.ends) ended += ends;
    expect_equal(std::to_string(ended) + " ended, " + std::to_string(each.in_flight) + " in flight",
                 std::to_string(each.accepted) + " ended, 0 in flight",
                 "the units of class " + each.name);
  }
}

void Bench::expect(bool holds, const std::string& what) {
  if (holds) return;
  if (!faults_.empty()) faults_ += '\n';
  if (!scene_.empty()) faults_ += scene_ + ": ";
  faults_ += what;
}

void Bench::expect_equal(const std::string& is, const std::string& must, const std::string& what) {
  if (is == must) return;
  expect(false, what + ":\n    is   " + is + "\n    must " + must);
}

void Bench::expect_ok(const Status& status, const std::string& what) {
  expect(status.ok(), what + ": " + status.to_string());
}

void Bench::expect_failed(const Reply& reply, Fault fault, const std::string& what) {
  expect(reply.fault == fault,
         what + ": has fault " + std::to_string(static_cast<int>(reply.fault)) + ", must have " +
             std::to_string(static_cast<int>(fault)) + "; " + reply.cause.to_string());
}

void Bench::require(bool holds, const std::string& what) {
  if (holds) return;
  expect(false, what);
  throw Stopped();
}

}  // namespace onelane::inline v0::testing::conformance
