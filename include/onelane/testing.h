// What tests of a program on onelane need, and what onelane's own use (target onelane::testing).
//
//   auto clock = std::make_shared<onelane::testing::FakeClock>();
//   auto store = std::make_shared<onelane::testing::MemoryStore>();
//   auto journal = onelane::Journal::open(
//       std::make_unique<onelane::testing::MemorySink>(store),
//       {.drive = onelane::Drive::manual, .clock = clock});
//
// A manual journal runs its ticks in tick(), write() and wait(): a test says when, and what time it
// is. With a database in a temporary folder in the place of the sink, SQL is run, too.
#pragma once

#include <atomic>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "onelane/clock.h"
#include "onelane/record.h"
#include "onelane/sink.h"

namespace onelane::inline v0::testing {

// Time that moves only when a test says so. Safe from any thread.
class FakeClock final : public Clock {
 public:
  time_point now() const noexcept override {
    return time_point(duration(now_ns_.load(std::memory_order_relaxed)));
  }
  void advance(Duration by) { now_ns_.fetch_add(by.count(), std::memory_order_relaxed); }

 private:
  std::atomic<Duration::rep> now_ns_{1'000'000'000};
};

// What a MemorySink has committed: the rows, with the SQL that they were for, which is not run.
// Safe from any thread; outlives the sink.
class MemoryStore {
 public:
  struct AppliedRow {
    std::string sql;
    std::vector<Value> values;
  };
  // ok, or why the store refuses the row: then its unit is rejected. So it is if that throws.
  using Judge = std::function<Status(const AppliedRow&)>;

  // In the order in which they were applied.
  std::vector<AppliedRow> rows() const {
    const std::scoped_lock lock(mutex_);
    return rows_;
  }
  std::size_t commits() const {
    const std::scoped_lock lock(mutex_);
    return commits_;
  }
  void refuse(Judge judge) {
    const std::scoped_lock lock(mutex_);
    judge_ = std::move(judge);
  }

 private:
  friend class MemorySink;

  mutable std::mutex mutex_;
  std::vector<AppliedRow> rows_;
  std::size_t commits_ = 0;
  Judge judge_;
};

// A sink that keeps rows in memory. Its jobs run no SQL. What is committed counts as durable.
class MemorySink final : public Sink, private Savepoints {
 public:
  // The store must not be null.
  explicit MemorySink(std::shared_ptr<MemoryStore> store) : store_(std::move(store)) {}

  Status add_statement(const StatementSpec& spec) override {
    sql_.push_back(spec.sql);
    return {};
  }
  Reply begin() override { return {}; }
  Reply apply(Statement statement, std::span<const std::byte> row) override {
    MemoryStore::AppliedRow applied{sql_[statement.index], values_of(row).value()};
    MemoryStore::Judge judge;
    {
      const std::scoped_lock lock(store_->mutex_);
      judge = store_->judge_;
    }
    if (Status why = judged(judge, applied); !why.ok()) {
      return {.fault = Fault::record, .effect = Effect::undone, .cause = std::move(why)};
    }
    applied_.push_back(std::move(applied));
    return {.changes = 1};
  }
  Reply commit() override {
    const std::scoped_lock lock(store_->mutex_);
    store_->rows_.insert(store_->rows_.end(), applied_.begin(), applied_.end());
    ++store_->commits_;
    applied_.clear();
    return {};
  }
  Reply rollback() override {
    applied_.clear();
    return {};
  }

  bool commit_is_durable() const override { return true; }
  Savepoints* savepoints() noexcept override { return this; }
  Reply savepoint() override {
    savepoint_ = applied_.size();
    return {};
  }
  Reply release() override { return {}; }
  Reply rollback_to() override {
    applied_.resize(savepoint_);
    return {};
  }

 private:
  static Status judged(const MemoryStore::Judge& judge, const MemoryStore::AppliedRow& row) {
    try {
      return judge ? judge(row) : Status();
    } catch (const std::exception& error) {
      return {Errc::record, error.what()};
    } catch (...) {
      return {Errc::record, "the judge threw something that is not a std::exception"};
    }
  }

  const std::shared_ptr<MemoryStore> store_;
  std::vector<std::string> sql_;                  // by statement
  std::vector<MemoryStore::AppliedRow> applied_;  // in the open transaction
  std::size_t savepoint_ = 0;
};

}  // namespace onelane::inline v0::testing
