// onelane: a write-ahead journal batcher with group commit for SQLite.
#pragma once

#include "onelane/call_site.h"    // IWYU pragma: export
#include "onelane/clock.h"        // IWYU pragma: export
#include "onelane/event.h"        // IWYU pragma: export
#include "onelane/import.h"       // IWYU pragma: export
#include "onelane/job.h"          // IWYU pragma: export
#include "onelane/journal.h"      // IWYU pragma: export
#include "onelane/journey.h"      // IWYU pragma: export
#include "onelane/option_text.h"  // IWYU pragma: export
#include "onelane/options.h"      // IWYU pragma: export
#include "onelane/plan.h"         // IWYU pragma: export
#include "onelane/producer.h"     // IWYU pragma: export
#include "onelane/receipt.h"      // IWYU pragma: export
#include "onelane/record.h"       // IWYU pragma: export
#include "onelane/sink.h"         // IWYU pragma: export
#include "onelane/stats.h"        // IWYU pragma: export
#include "onelane/status.h"       // IWYU pragma: export
#include "onelane/version.h"      // IWYU pragma: export
