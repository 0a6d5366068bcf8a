// The common part of contestants whose callers all write through one connection. Each of them
// decides which caller may use it when.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>

#include "bench/contestants/sqlite.h"
#include "bench/contestants/store.h"

namespace onelane::bench {

class OneConnection : public Store {
 public:
  explicit OneConnection(const StoreOptions& options);

  std::unique_ptr<Writer> writer() override;
  void drain() override {}
  std::uint64_t commits() const override { return commits_; }
  void close_and_read(const Visit& visit) override;

 protected:
  // From any thread that has a writer. Throws RunError.
  virtual void write(std::span<const KeyValue> rows) = 0;

  SqliteWriter& connection() { return *connection_; }
  // One row is a transaction by itself, and saves the two statements around it.
  void commit(std::span<const KeyValue> rows);
  void count_commit() { ++commits_; }

 private:
  class Caller;

  std::filesystem::path path_;
  std::optional<SqliteWriter> connection_;
  std::uint64_t commits_ = 0;
};

}  // namespace onelane::bench
