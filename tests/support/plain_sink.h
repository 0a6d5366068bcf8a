// A sink that accepts everything and keeps nothing. Tests derive from it to make one call
// difficult.
#pragma once

#include "onelane/sink.h"

namespace onelane::test {

class PlainSink : public Sink, public Savepoints, public JobStatements {
 public:
  Status add_statement(const StatementSpec&) override { return {}; }
  Reply begin() override { return {}; }
  Reply apply(Statement, std::span<const std::byte>) override { return {}; }
  Reply commit() override { return {}; }
  Reply rollback() override { return {}; }
  Reply probe() override { return {}; }

  Savepoints* savepoints() noexcept override { return this; }
  Reply savepoint() override { return {}; }
  Reply release() override { return {}; }
  Reply rollback_to() override { return {}; }

  JobStatements* job_statements() noexcept override { return this; }
  Reply execute(std::string_view, std::span<const std::byte>, const RowVisitor&) override {
    return {};
  }
  void end_step() override {}
};

}  // namespace onelane::test
