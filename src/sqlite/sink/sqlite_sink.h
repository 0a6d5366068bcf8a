// The SQLite sink: one write connection, its statements, and the guards around it.
#pragma once

#include <filesystem>
#include <memory>

#include "onelane/options.h"
#include "onelane/sink.h"

namespace onelane::inline v0::sqlite {

// Opens or makes the database and locks it, sets and reads back the pragmas, runs options.schema.
// An opening that fails puts back what it found. Errors as Journal::open.
Result<std::unique_ptr<Sink>> open_sink(const std::filesystem::path& path,
                                        const JournalOptions& options);

// For a sink that open_sink() gave, if no journal could be opened on it: its close puts back what
// the opening found.
void forgo(Sink& sink);

}  // namespace onelane::inline v0::sqlite
