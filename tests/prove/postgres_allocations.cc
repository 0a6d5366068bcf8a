// Fails each allocation of a journal on a PostgreSQL server, one life for each, and checks what
// became of each unit.
//
//   onelane_prove_postgres_allocations [--every N] [--from N] [--runs N]
//
// operator new fails, and malloc, calloc and realloc as libpq calls them (but under
// AddressSanitizer, which has its own): in opening, statements, ticks of records, groups, jobs and
// a record that is refused, and in some lives in close. One allocation fails, or all from then on
// until the life's end. Whatever fails: nothing ends by an exception or hangs, no receipt is wrong,
// and none is left unsettled once there is memory again.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/prove/flags.h"
#include "tests/support/postgres_fixture.h"

namespace onelane::prove {
namespace {

thread_local bool t_armed = false;
std::uint64_t g_allocations = 0;
std::uint64_t g_fails_at = ~std::uint64_t{0};
bool g_fails_on = false;

bool refused() noexcept {
  if (!t_armed) return false;
  const std::uint64_t at = g_allocations++;
  return at == g_fails_at || (g_fails_on && at > g_fails_at);
}

}  // namespace
}  // namespace onelane::prove

extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* at, std::size_t size);
#if !defined(__SANITIZE_ADDRESS__)
void* malloc(std::size_t size) { return onelane::prove::refused() ? nullptr : __libc_malloc(size); }
void* calloc(std::size_t count, std::size_t size) {
  return onelane::prove::refused() ? nullptr : __libc_calloc(count, size);
}
void* realloc(void* at, std::size_t size) {
  return onelane::prove::refused() ? nullptr : __libc_realloc(at, size);
}
#endif
}

#if defined(__SANITIZE_ADDRESS__)
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return onelane::prove::refused() ? nullptr : std::malloc(size == 0 ? 1 : size);
}
#else
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return std::malloc(size == 0 ? 1 : size);
}
#endif
void* operator new(std::size_t size) {
  void* at = operator new(size, std::nothrow);
  if (at == nullptr) throw std::bad_alloc();
  return at;
}
void operator delete(void* at) noexcept { std::free(at); }
void operator delete(void* at, std::size_t) noexcept { std::free(at); }
void operator delete(void* at, const std::nothrow_t&) noexcept { std::free(at); }

namespace onelane::prove {
namespace {

using namespace std::chrono_literals;

constexpr int kTicksToSettle = 200;
constexpr unsigned kHangs = 60;  // seconds
constexpr std::int64_t kRefused = 13;
// Where libpq has no memory for the last reply of an exchange, it waits for another one.
constexpr Duration kReplies = 400ms;

class Life {
 public:
  explicit Life(std::string conninfo) : conninfo_(std::move(conninfo)) {}

  // What is wrong, or nothing.
  std::string live(bool closes_without);

 private:
  struct Pushed {
    std::vector<std::int64_t> ids;
    Receipt receipt;
  };

  void use();
  void push(std::vector<std::int64_t> ids);
  void submit_job(std::int64_t id);
  void settle();
  std::string judge();

  const std::string conninfo_;
  Journal journal_;
  WriteClass peers_;
  Statement insert_;
  std::vector<Pushed> pushed_;
};

std::string Life::live(bool closes_without) {
  test::Neighbour(conninfo_).ask("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
  ::alarm(kHangs);
  pushed_.reserve(16);
  t_armed = true;
  use();
  if (closes_without && journal_.valid()) (void)journal_.close(0s);
  t_armed = false;
  if (journal_.valid() && !closes_without) settle();
  if (journal_.valid()) (void)journal_.close(5s);
  ::alarm(0);
  std::string wrong = judge();
  pushed_.clear();
  peers_ = {};
  journal_ = {};
  return wrong;
}

void Life::use() {
  JournalOptions options{.drive = Drive::manual};
  Result<Journal> opened = Status(Errc::internal, "not opened");
  try {
    opened = postgres::open(conninfo_, options,
                            {.schema = "CREATE TABLE peers(id bigint CHECK (id <> 13))",
                             .connect_timeout = kReplies,
                             .lock_timeout = kReplies,
                             .statement_timeout = kReplies,
                             .reply_timeout = kReplies});
  } catch (const std::bad_alloc&) {  // of the test's own strings
  }
  if (!opened) return;
  journal_ = *std::move(opened);
  try {
    Result<WriteClass> peers = journal_.add_class({.name = "peers"});
    const Result<Statement> insert = journal_.add_statement(
        {.sql = "INSERT INTO peers VALUES($1) RETURNING id", .columns = {{ColumnType::integer}}});
    if (!peers || !insert) return;
    peers_ = *std::move(peers);
    insert_ = *insert;
    for (std::int64_t id = 101; id <= 103; ++id) push({id});
    push({104, 105});
    (void)journal_.tick();
    push({kRefused});
    push({106});
    submit_job(107);
    (void)journal_.tick();
    push({108});
    (void)journal_.tick();
  } catch (const std::bad_alloc&) {  // of the test's own units
  }
}

void Life::push(std::vector<std::int64_t> ids) {
  Row row;
  Group group;
  for (const std::int64_t id : ids) {
    row = Row();
    put(row, id);
    group.add(insert_, row);
  }
  Result<Receipt> pushed = ids.size() == 1 ? peers_.submit(insert_, row) : peers_.submit(group);
  if (pushed.ok()) pushed_.push_back({std::move(ids), *std::move(pushed)});
}

void Life::submit_job(std::int64_t id) {
  Job job{.name = "a job", .step = [id](Transaction& in) {
            std::int64_t rows = 0;
            auto done = in.query("SELECT count(*) FROM peers",
                                 [&](const ResultRow& row) { rows += row.integer(0); });
            if (done.ok()) done = in.execute("INSERT INTO peers VALUES($1)", id);
            return done.ok() ? Result<Step>(Step::done) : Result<Step>(done.status());
          }};
  std::vector<std::int64_t> ids{id};
  Result<Receipt> pushed = peers_.submit(std::move(job));
  if (pushed.ok()) pushed_.push_back({std::move(ids), *std::move(pushed)});
}

void Life::settle() {
  const auto unsettled = [](const Pushed& each) { return !each.receipt.poll(); };
  for (int n = 0; n < kTicksToSettle; ++n) {
    (void)journal_.tick();
    if (std::none_of(pushed_.begin(), pushed_.end(), unsettled)) return;
    ::poll(nullptr, 0, 5);
  }
}

// An unknown unit may be there, as a whole.
std::string Life::judge() {
  std::multiset<std::string> may;
  std::multiset<std::string> must;
  for (const Pushed& each : pushed_) {
    const std::optional<Outcome> outcome = each.receipt.poll();
    if (!outcome) return "not settled: " + std::to_string(each.ids.front());
    const bool at_fault = each.ids.front() == kRefused;
    if (outcome->end == End::committed && at_fault) return "a bad record is committed";
    if (outcome->end == End::rejected && !at_fault && outcome->cause.code() == Errc::record &&
        outcome->cause.constraint() != Constraint::none) {
      return "rejected: " + outcome->to_string();
    }
    for (const std::int64_t id : each.ids) {
      if (outcome->committed()) must.insert(std::to_string(id));
      if (outcome->committed() || outcome->end == End::unknown) may.insert(std::to_string(id));
    }
  }
  test::Neighbour neighbour(conninfo_);
  if (neighbour.ask("SELECT to_regclass('peers') IS NOT NULL") != "t") {
    return must.empty() ? "" : "there is no table";
  }
  std::multiset<std::string> found;
  std::string all = neighbour.ask("SELECT id FROM peers ORDER BY id") + ' ';
  for (std::size_t end = all.find(' '); end != std::string::npos; end = all.find(' ')) {
    if (end != 0) found.insert(all.substr(0, end));
    all.erase(0, end + 1);
  }
  const bool whole = std::includes(found.begin(), found.end(), must.begin(), must.end()) &&
                     std::includes(may.begin(), may.end(), found.begin(), found.end());
  if (whole) return "";
  std::string ends;
  for (const Pushed& each : pushed_) {
    ends += "; " + std::to_string(each.ids.front()) + ' ' + each.receipt.poll()->to_string();
  }
  return "there: " + neighbour.ask("SELECT id FROM peers ORDER BY id") + ends;
}

}  // namespace

int prove(Flags& flags) {
  const std::uint64_t every = flags.number("every", 1);
  const std::uint64_t from = flags.number("from", 0);
  const std::uint64_t runs = flags.number("runs", ~std::uint64_t{0});
  flags.check();
  test::PostgresServer server(ONELANE_POSTGRES_SERVER);
  const auto began = std::chrono::steady_clock::now();
  Life life(server.conninfo() + " dbname=postgres");
  std::uint64_t lived = 0;
  std::uint64_t all = 0;
  const auto run = [&](std::uint64_t at, bool on) {
    g_allocations = 0;
    g_fails_at = at;
    g_fails_on = on;
    const std::string wrong = life.live(lived % 5 == 4);
    ++lived;
    all = std::max(all, g_allocations);
    if (!wrong.empty()) {
      std::printf("allocation %llu, %s: %s\n", static_cast<unsigned long long>(at),
                  on ? "and all from then on" : "once", wrong.c_str());
    }
    return wrong.empty();
  };
  if (!run(~std::uint64_t{0}, false)) return 1;
  const std::uint64_t count = all;
  int failed = 0;
  for (std::uint64_t at = from; at < count && lived < runs; at += every) {
    for (const bool on : {false, true}) failed += run(at, on) ? 0 : 1;
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  std::printf("allocations on PostgreSQL that failed: of %llu, runs %llu, wrong %d; %.1f s\n",
              static_cast<unsigned long long>(count), static_cast<unsigned long long>(lived),
              failed, took.count());
  return failed == 0 ? 0 : 1;
}

}  // namespace onelane::prove
