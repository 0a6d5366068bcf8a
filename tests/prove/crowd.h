// Threads that write through a journal with threads of its own, and a foreign connection beside
// them: what happens when is the machine's choice, and what happened is in the disk's log.
#pragma once

#include <memory>
#include <string>

#include "tests/prove/ledger.h"
#include "tests/prove/writer.h"

namespace onelane::prove {

// One life: opens, writes, closes. The disk is mounted.
Status crowd(const std::shared_ptr<test::Disk>& disk, const std::string& database, Ledger& ledger,
             Random& random);

}  // namespace onelane::prove
