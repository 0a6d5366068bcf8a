// The line between a journal and the sink under test: passes all calls on, and fails where a case
// says so.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "onelane/sink.h"

namespace onelane::inline v0::testing::conformance {

// What becomes of a commit.
enum class CommitFate : std::uint8_t {
  passes,
  // Rolled back, and the sink says so.
  undone,
  // Rolled back, and the sink cannot tell: a fence settles it.
  unknown,
  // The outcome is lost for good, and the journal poisoned.
  lost_undone,
  lost_committed,
};

// The case's half of it.
class Line {
 public:
  explicit Line(std::unique_ptr<Sink> sink) : sink_(std::move(sink)) {}

  void fail_begins(Fault fault, int times) {
    begin_fault_ = fault;
    begins_to_fail_ = times;
  }
  void next_commit(CommitFate fate) { fate_ = fate; }
  // As if the process had died: what is open is undone, the sink is closed, and answers no more.
  void cut();
  Status close(CloseMode mode) {
    closed_ = true;
    return sink_->close(mode);
  }

  bool is_cut() const { return cut_; }
  Sink& sink() { return *sink_; }

 private:
  friend class LineSink;
  Reply begin();
  Reply commit();
  Reply rollback();

  const std::unique_ptr<Sink> sink_;
  Fault begin_fault_ = Fault::none;
  int begins_to_fail_ = 0;
  CommitFate fate_ = CommitFate::passes;
  bool open_ = false;  // a transaction
  bool closed_ = false;
  bool cut_ = false;
};

// The journal's half.
std::unique_ptr<Sink> make_line_sink(std::shared_ptr<Line> line);

}  // namespace onelane::inline v0::testing::conformance
