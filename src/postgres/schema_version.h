// Which version of the program's schema the store is at, in the table PREFIX_version. Unlike
// SQLite's, PostgreSQL's keys are enforced while a migration runs: it can alter a table that others
// refer to as it stands.
#pragma once

#include "onelane/sink.h"
#include "src/postgres/session.h"

namespace onelane::inline v0::postgres {

class SchemaTable final : public SchemaVersion {
 public:
  // The session must outlive it.
  explicit SchemaTable(Session& session) : session_(session) {}

  // Outside a transaction.
  Reply make();

  Result<std::int32_t> version() override;
  Status start_migration() override { return {}; }
  Status end_migration() override { return {}; }
  Reply run(std::string_view sql) override;
  Reply set_version(std::int32_t version) override;

 private:
  std::string table() const { return session_.table("version"); }

  Session& session_;
};

}  // namespace onelane::inline v0::postgres
