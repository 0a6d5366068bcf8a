// A quiet lane that records itself.
#pragma once

#include <filesystem>
#include <string>
#include <utility>

#include "onelane/trace.h"
#include "tests/support/lane.h"
#include "tests/support/temp_directory.h"

namespace onelane::test {

class TracedLane : public QuietLane {
 protected:
  void open_traced(JournalOptions options = {}) {
    path_ = directory_ / ("trace" + std::to_string(++opened_));
    options.trace.path = path_;
    open(std::move(options));
  }
  void commits_take(Duration time) {
    sink_->on(Call::commit, [this, time](const std::string&) {
      advance(time);
      return Reply{};
    });
  }
  // What the journal counted until then is in stats_.
  Trace close_and_read() {
    stats_ = journal_->stats();
    sink_->heal();
    (void)journal_->close(Duration(0));
    Result<Trace> trace = read_trace(path_);
    EXPECT_TRUE(trace.ok()) << trace.status().to_string();
    return trace.ok() ? *std::move(trace) : Trace{};
  }

  TempDirectory directory_{TempDirectory::Where::in_memory};
  int opened_ = 0;
  std::filesystem::path path_;
  JournalStats stats_;
};

}  // namespace onelane::test
