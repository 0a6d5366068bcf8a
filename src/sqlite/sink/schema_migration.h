// Which version of the program's schema a database is at, in its header, and what a migration
// needs.
#pragma once

#include "onelane/sink.h"
#include "src/sqlite/connection/connection.h"

namespace onelane::inline v0::sqlite {

// SQLite's keys are not enforced while a migration runs: a table that others refer to can be
// replaced only so (sqlite.org/lang_altertable.html, section 7), and with them a DROP TABLE would
// delete what refers to it. Instead all keys of the database are checked at its end.
class SchemaMigration final : public SchemaVersion {
 public:
  // The connection must outlive it.
  SchemaMigration(Connection& connection, bool foreign_keys)
      : connection_(connection), foreign_keys_(foreign_keys) {}

  Result<std::int32_t> version() override;
  Status start_migration() override { return enforce_keys(false); }
  Status end_migration() override { return enforce_keys(true); }
  Reply run(std::string_view sql) override;
  Reply set_version(std::int32_t version) override;

 private:
  Status enforce_keys(bool yes);
  Reply check_keys();

  Connection& connection_;
  const bool foreign_keys_;
};

}  // namespace onelane::inline v0::sqlite
