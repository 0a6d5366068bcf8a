// The SQLite sink: one write connection, its statements, and the guards around it.
#pragma once

#include <filesystem>
#include <memory>

#include "onelane/options.h"
#include "onelane/sink.h"

namespace onelane::sqlite {

// Takes the lock file, opens or makes the database, sets and reads back the pragmas, runs
// options.schema. Errors as Journal::open.
Result<std::unique_ptr<Sink>> open_sink(const std::filesystem::path& path,
                                        const JournalOptions& options);

}  // namespace onelane::sqlite
