// Runs statements within the sink's transaction, so that one that fails leaves nothing behind: one
// whose program does not see to that by itself (program.h) runs under a savepoint.
//
// Also here, since SQLite itself keeps them by connection: last_insert_rowid(), which is cleared
// (to 0, as on a new connection) before each unit, and the count of deferred violations.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "onelane/sink.h"
#include "src/sqlite/connection/connection.h"
#include "src/sqlite/sink/program.h"
#include "src/sqlite/sink/registered.h"
#include "src/sqlite/sink/savepoint.h"

namespace onelane::inline v0::sqlite {

class Execution {
 public:
  // The connection must outlive it.
  Execution(Connection& connection, bool foreign_keys)
      : connection_(connection),
        shelter_(connection, "onelane_statement"),
        foreign_keys_(foreign_keys) {}

  Status prepare();
  Status add_statement(const StatementSpec& spec);

  // A unit of more than one statement begins. What follows is in it until it ends.
  void begin_unit() noexcept {
    in_unit_ = true;
    clear_last_rowid();
  }
  void end_unit() noexcept { in_unit_ = false; }

  // As the sink's calls of these names, within a transaction.
  Reply apply(Statement statement, std::span<const std::byte> row);
  Reply apply_returning(Statement statement, std::span<const std::byte> row,
                        std::vector<ReturnedRow>& returned);
  std::size_t apply_each(std::span<Application> records, Reply& failed);
  Reply verify();
  Reply execute(std::string_view sql, std::span<const std::byte> row, const RowVisitor& visit);
  void end_step() { used_.clear(); }

  // Finalizes all statements.
  void finalize() noexcept;

 private:
  // A statement of the step that runs. Its first use is under a savepoint: only then it is sure to
  // be prepared for today's schema, which nobody else can change before the transaction ends.
  struct Used {
    sqlite3_stmt* statement = nullptr;
    Prepared own{};  // unless it is one that was added
    Program program{};
    bool fresh = false;
  };
  // What execute() runs.
  struct Found {
    sqlite3_stmt* statement = nullptr;
    const Program* program = nullptr;  // null: nothing is known of it
    Prepared own{};                    // of this run alone
  };

  Registered* find(Statement statement, Reply& failed) noexcept;
  Reply apply(Application& record);
  bool apply_alone(Registered& registered, Application& record, Reply& failed);
  bool apply(Registered& registered, Application& record, Reply& failed);
  template <class Run>
  bool sheltered(const Run& run, Reply& failed);
  bool run_returning(sqlite3_stmt* statement, Application& record, Reply& failed);
  bool run(sqlite3_stmt* statement, const RowVisitor* visit, std::uint64_t& changes, Reply& failed);
  int step(sqlite3_stmt* statement);
  void clear_last_rowid() noexcept { sqlite3_set_last_insert_rowid(connection_.handle(), 0); }
  std::optional<std::int64_t> last_rowid(const Program& program, std::uint64_t changes) const;
  Reply find_or_prepare(std::string_view sql, Found& found);
  Reply first_use(std::string&& sql, Found& found);
  void look_again(Registered& registered);

  Connection& connection_;
  Savepoint shelter_;
  const bool foreign_keys_;
  bool converts_text_ = false;  // to UTF-16
  bool in_unit_ = false;
  std::vector<Registered> registered_;
  std::unordered_map<std::string, std::size_t> index_of_sql_;
  std::unordered_map<std::string, Used> used_;  // in the step that runs
};

}  // namespace onelane::inline v0::sqlite
