#include "tests/prove/ledger.h"

#include <algorithm>

#include "tests/prove/plain.h"

namespace onelane::prove {

const char* const kSchema =
    "CREATE TABLE IF NOT EXISTS records(id INTEGER PRIMARY KEY, words TEXT CHECK(words <> 'bad'));"
    "CREATE TABLE IF NOT EXISTS counters(k INTEGER PRIMARY KEY, n INTEGER);"
    "INSERT OR IGNORE INTO counters SELECT value, 0 FROM "
    "  (WITH RECURSIVE all_k(value) AS (VALUES(0) UNION ALL SELECT value + 1 FROM all_k "
    "   WHERE value < 7) SELECT value FROM all_k);"
    "CREATE TRIGGER IF NOT EXISTS counted AFTER INSERT ON records BEGIN "
    "  UPDATE counters SET n = n + 1 WHERE k = new.id % 8; END;"
    "CREATE TABLE IF NOT EXISTS foreign_rows(id INTEGER PRIMARY KEY, words TEXT);";
const char* const kInsert = "INSERT INTO records VALUES(?1, ?2)";

namespace {

constexpr unsigned kCommitBits = 32;  // of a life

bool there(const std::vector<bool>& present, std::uint64_t id) {
  return id < present.size() && present[id];
}

}  // namespace

void Ledger::clear() {
  const std::scoped_lock lock(mutex_);
  ids_.clear();
  life_ = 0;
}

std::uint64_t Ledger::add() {
  const std::scoped_lock lock(mutex_);
  ids_.emplace_back();
  return ids_.size() - 1;
}

void Ledger::settled(std::uint64_t id, const Outcome& outcome) {
  const std::scoped_lock lock(mutex_);
  Entry& entry = ids_[id];
  if (outcome.committed()) {
    entry = {Fate::committed, (life_ << kCommitBits) + outcome.commit};
  } else if (outcome.end != End::unknown && outcome.end != End::incomplete) {
    entry.fate = Fate::never;
  }
}

void Ledger::begin_after_power_cut(const Ledger& before, const std::vector<bool>& present) {
  const std::scoped_lock lock(mutex_, before.mutex_);
  ids_.resize(before.ids_.size());
  for (std::uint64_t id = 0; id < ids_.size(); ++id) {
    ids_[id] = {there(present, id) ? Fate::committed : Fate::never, 0};
  }
}

std::string Ledger::begin_after_kill(const std::vector<bool>& present) {
  const std::scoped_lock lock(mutex_);
  ++life_;
  for (std::uint64_t id = 0; id < ids_.size(); ++id) {
    if (ids_[id].fate == Fate::committed && !there(present, id)) {
      return "record " + std::to_string(id) + " was committed, and a kill lost it";
    }
    if (ids_[id].fate != Fate::open) continue;
    ids_[id] = {there(present, id) ? Fate::committed : Fate::never, life_ << kCommitBits};
  }
  return {};
}

std::string Ledger::judge(const std::vector<bool>& present,
                          const std::vector<std::uint64_t>& durable) const {
  const std::scoped_lock lock(mutex_);
  for (const std::uint64_t id : durable) {
    if (!there(present, id)) return "record " + std::to_string(id) + " was durable and is lost";
  }
  std::uint64_t last = 0;
  for (std::uint64_t id = 0; id < present.size(); ++id) {
    if (!present[id]) continue;
    if (id >= ids_.size()) return "record " + std::to_string(id) + " was never pushed";
    if (ids_[id].fate == Fate::never) {
      return "record " + std::to_string(id) + " is there, and was answered otherwise";
    }
    last = std::max(last, ids_[id].commit);
  }
  for (std::uint64_t id = 0; id < ids_.size(); ++id) {
    const Entry& entry = ids_[id];
    if (entry.fate != Fate::committed || entry.commit > last || there(present, id)) continue;
    return "record " + std::to_string(id) + " of commit " + std::to_string(entry.commit) +
           " is missing, and commit " + std::to_string(last) + " is there";
  }
  return {};
}

// --- What is found.

Inspector::Inspector(std::string database)
    : database_(std::move(database)), vfs_("inspector", test::DiskVfs::Use::by_name) {}

Found Inspector::look(const std::shared_ptr<test::Disk>& disk) {
  Found out;
  if (!disk->exists(database_)) return out;
  vfs_.mount(disk);
  Plain plain(database_, vfs_.name());
  std::string tables;
  bool ok = plain.each("SELECT count(*) FROM sqlite_schema WHERE name = 'foreign_rows'",
                       [&](sqlite3_stmt* row) { tables = Plain::text(row); });
  ok = ok && plain.each("PRAGMA integrity_check", [&](sqlite3_stmt* row) {
    if (Plain::text(row) != "ok") out.damage += Plain::text(row) + "; ";
  });
  if (ok && tables == "1") {
    ok = plain.each("SELECT id FROM records", [&](sqlite3_stmt* row) {
      const auto id = static_cast<std::size_t>(sqlite3_column_int64(row, 0));
      out.present.resize(std::max(out.present.size(), id + 1));
      out.present[id] = true;
    });
    ok = ok && plain.each("SELECT (SELECT count(*) FROM records) = (SELECT sum(n) FROM counters)",
                          [&](sqlite3_stmt* row) {
                            if (Plain::text(row) != "1") out.damage += "the counters are wrong; ";
                          });
  }
  if (!ok) out.damage += plain.error();
  return out;
}

}  // namespace onelane::prove
