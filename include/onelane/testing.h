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

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
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
  // A row of a journaled unit that the store refused.
  struct DeadRow {
    std::string name;  // of its class
    std::uint64_t position = 0;
    AppliedRow row;
    Status cause;
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
  std::vector<DeadRow> dead_letters() const {
    const std::scoped_lock lock(mutex_);
    return dead_letters_;
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
  std::vector<DeadRow> dead_letters_;
  std::map<std::string, FoundProgress> positions_;  // by class
  std::optional<IntakeMark> intake_;
  std::vector<std::uint64_t> watermarks_;  // by opening
};

// A sink that keeps rows in memory. Its jobs run no SQL. What is committed counts as durable, and
// the store outlives a journal that was not closed: so a test can let an intake be replayed into
// it. Another sink on the same store is another opening.
class MemorySink final : public Sink, private Savepoints, private Watermark {
 public:
  // The store must not be null.
  explicit MemorySink(std::shared_ptr<MemoryStore> store) : store_(std::move(store)) {
    const std::scoped_lock lock(store_->mutex_);
    store_->watermarks_.push_back(0);
    epoch_ = store_->watermarks_.size();
  }

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
    store_->dead_letters_.insert(store_->dead_letters_.end(), buried_.begin(), buried_.end());
    for (const auto& [name, progress] : moved_) store_->positions_[name] = progress;
    if (marked_ != 0) store_->watermarks_[epoch_ - 1] = marked_;
    ++store_->commits_;
    clear();
    return {};
  }
  Reply rollback() override {
    clear();
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

  Watermark* watermark() noexcept override { return this; }
  Reply mark(std::uint64_t commit) override {
    marked_ = commit;
    return {};
  }
  std::uint64_t epoch() const noexcept override { return epoch_; }
  Result<std::uint64_t> commits_of(std::uint64_t epoch) override {
    const std::scoped_lock lock(store_->mutex_);
    if (epoch >= 1 && epoch <= store_->watermarks_.size()) return store_->watermarks_[epoch - 1];
    return Status(Errc::invalid_argument, "epoch " + std::to_string(epoch) + " is not known");
  }

  AppliedPositions* applied_positions() noexcept override { return &positions_; }

 private:
  class Positions final : public AppliedPositions {
   public:
    explicit Positions(MemorySink& sink) : sink_(sink), store_(*sink.store_) {}

    Reply advance(const ClassProgress& progress) override {
      const std::string name(progress.name);
      if (position(name) != progress.expected) {
        return {.fault = Fault::corrupt,
                .effect = Effect::kept,
                .cause = {Errc::corrupt, "class \"" + name + "\" is at another position"}};
      }
      sink_.moved_[name] = {.name = name,
                            .position = progress.position,
                            .waiting = {progress.waiting.begin(), progress.waiting.end()},
                            .journaled = progress.journaled};
      return {};
    }
    Reply bury(const DeadLetter& letter) override {
      sink_.buried_.push_back({std::string(letter.name),
                               letter.position,
                               {std::string(letter.sql), values_of(letter.row).value()},
                               letter.cause});
      return {};
    }
    Result<std::optional<IntakeMark>> mark() override {
      const std::scoped_lock lock(store_.mutex_);
      return store_.intake_;
    }
    Status set_mark(const IntakeMark& mark) override {
      const std::scoped_lock lock(store_.mutex_);
      const bool another = !store_.intake_ || store_.intake_->uuid != mark.uuid;
      store_.intake_ = mark;
      if (!another || mark.opening) return {};
      for (auto& [name, progress] : store_.positions_) {
        progress.position = std::max(progress.position, progress.journaled);
        progress.waiting.clear();
      }
      return {};
    }
    Result<std::vector<FoundProgress>> found() override {
      const std::scoped_lock lock(store_.mutex_);
      std::vector<FoundProgress> out;
      for (const auto& [name, progress] : store_.positions_) out.push_back(progress);
      return out;
    }
    bool buries() const noexcept override { return true; }

   private:
    std::uint64_t position(const std::string& name) const {
      if (const auto moved = sink_.moved_.find(name); moved != sink_.moved_.end()) {
        return moved->second.position;
      }
      const std::scoped_lock lock(store_.mutex_);
      const auto found = store_.positions_.find(name);
      return found == store_.positions_.end() ? 0 : found->second.position;
    }

    MemorySink& sink_;
    MemoryStore& store_;
  };

  static Status judged(const MemoryStore::Judge& judge, const MemoryStore::AppliedRow& row) {
    try {
      return judge ? judge(row) : Status();
    } catch (const std::exception& error) {
      return {Errc::record, error.what()};
    } catch (...) {
      return {Errc::record, "the judge threw something that is not a std::exception"};
    }
  }

  void clear() {
    applied_.clear();
    buried_.clear();
    moved_.clear();
    marked_ = 0;
  }

  const std::shared_ptr<MemoryStore> store_;
  std::vector<std::string> sql_;  // by statement
  Positions positions_{*this};
  std::uint64_t epoch_ = 0;
  // In the open transaction.
  std::vector<MemoryStore::AppliedRow> applied_;
  std::vector<MemoryStore::DeadRow> buried_;
  std::map<std::string, FoundProgress> moved_;
  std::uint64_t marked_ = 0;
  std::size_t savepoint_ = 0;
};

}  // namespace onelane::inline v0::testing
