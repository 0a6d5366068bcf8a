// Any sink, as one whose store is a server.
#pragma once

#include <memory>
#include <span>
#include <utility>

#include "onelane/sink.h"

namespace onelane::test {

// A server's side that says what the test tells it.
class ToldServer final : public ServerSide {
 public:
  Duration lock_wait() noexcept override { return waited; }
  ServerStats stats() const override { return {.name = "there", .connections = 3}; }

  Duration waited{0};  // since the last begin()
};

class ServedSink final : public Sink {
 public:
  // The server must outlive it.
  ServedSink(std::unique_ptr<Sink> sink, ToldServer& server)
      : sink_(std::move(sink)), server_(server) {}

  Status add_statement(const StatementSpec& spec) override { return sink_->add_statement(spec); }
  Reply begin() override {
    server_.waited = Duration(0);
    return sink_->begin();
  }
  Reply apply(Statement statement, std::span<const std::byte> row) override {
    return sink_->apply(statement, row);
  }
  Reply verify() override { return sink_->verify(); }
  Reply commit() override { return sink_->commit(); }
  Reply rollback() override { return sink_->rollback(); }
  ServerSide* server_side() noexcept override { return &server_; }
  Savepoints* savepoints() noexcept override { return sink_->savepoints(); }
  JobStatements* job_statements() noexcept override { return sink_->job_statements(); }

 private:
  const std::unique_ptr<Sink> sink_;
  ToldServer& server_;
};

}  // namespace onelane::test
