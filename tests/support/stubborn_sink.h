// A sink that accepts everything. A test can make its begin() answer "locked", or wait, which keeps
// the lane busy. It counts what it committed, by the first column of the rows.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "src/model/row.h"
#include "tests/support/plain_sink.h"

namespace onelane::test {

class StubbornSink final : public PlainSink {
 public:
  static constexpr std::size_t kCounted = 16;

  // What a test holds on to while the journal owns the sink.
  struct Control {
    std::atomic<bool> locked{false};
    std::atomic<bool> held{false};  // begin() does not return
    std::array<std::atomic<std::uint64_t>, kCounted> committed{};
  };

  explicit StubbornSink(std::shared_ptr<Control> control) : control_(std::move(control)) {}

  Reply begin() override {
    control_->held.wait(true);
    if (!control_->locked.load()) return {};
    Reply reply;
    reply.fault = Fault::busy;
    reply.effect = Effect::ended;
    reply.cause = {Errc::locked, "somebody else holds the lock"};
    return reply;
  }
  Reply apply(Statement, std::span<const std::byte> row) override {
    model::RowReader reader(row);
    model::RowValue value;
    if (reader.next(value)) applied_.push_back(static_cast<std::size_t>(value.integer));
    return {};
  }
  Reply commit() override {
    for (const std::size_t id : applied_) control_->committed[id % kCounted].fetch_add(1);
    applied_.clear();
    return {};
  }
  Reply rollback() override {
    applied_.clear();
    return {};
  }

 private:
  std::shared_ptr<Control> control_;
  std::vector<std::size_t> applied_;
};

}  // namespace onelane::test
