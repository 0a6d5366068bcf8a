// The table that the contestants on PostgreSQL share.
#pragma once

#include <string>

#include "bench/contestants/pg_schema.h"

namespace onelane::bench {

// In a schema of its own, which goes with it.
class PgTable {
 public:
  // Throws UsageError if options.postgres cannot be read, and RunError.
  explicit PgTable(const StoreOptions& options);

  // See PgSchema.
  const std::string& conninfo() const noexcept { return schema_.conninfo(); }
  // All of its rows.
  void read(const Store::Visit& visit);

 private:
  PgSchema schema_;
};

}  // namespace onelane::bench
