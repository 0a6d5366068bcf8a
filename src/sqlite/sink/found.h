// What an opening finds, and puts back if it fails: the journal mode and the files. What it had
// committed by then (the schema, where the failure is a later one) stays in a database that was
// there before.
#pragma once

#include <string>

#include "onelane/options.h"
#include "onelane/status.h"
#include "src/sqlite/connection/connection.h"
#include "src/sqlite/connection/files.h"

namespace onelane::inline v0::sqlite {

class Found {
 public:
  // Before WAL mode is entered. Where the database is not in it yet, the schema and the watermark's
  // table are tried and rolled back, without a byte written: most failures are theirs. In WAL mode
  // another connection may open the database, and then SQLite refuses to switch back.
  static Result<Found> look(Connection& writer, const Files& files, const JournalOptions& options);

  // As the database was found.
  bool in_wal_mode() const noexcept { return in_wal_mode_; }

  // Once the writer has the WAL open: notes the content, so that put_back() can tell somebody
  // else's commits from the opening's.
  void note_content(Connection& writer);

  // Closes the writer, the opening's last connection, which has no statements any more. What others
  // use meanwhile stays: the mode if they have the database open, the file also if they have
  // written to it.
  void put_back(Connection& writer, Files& files) const noexcept;

 private:
  Found(bool in_wal_mode, bool has_log) : in_wal_mode_(in_wal_mode), has_log_(has_log) {}
  void put_mode_back(Connection& writer, Files& files) const;
  bool has_only_ours(Connection& writer) const;

  bool in_wal_mode_;
  bool has_log_;
  std::string version_;  // of the content, as this connection counts others' commits
};

}  // namespace onelane::inline v0::sqlite
