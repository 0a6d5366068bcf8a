// The statements that a journal was given, prepared on the server, and again on each new
// connection.
#pragma once

#include <string>
#include <vector>

#include "onelane/record.h"
#include "onelane/sink.h"
#include "src/postgres/session.h"

namespace onelane::inline v0::postgres {

struct Registered {
  StatementSpec spec;
  std::string name;  // on the server
  bool returns = false;
  bool prepared = false;
  Reply failure{};  // why it is not
};

class Statements {
 public:
  // The session must outlive it.
  explicit Statements(Session& session) : session_(session) {}

  // Outside a transaction, on a good connection.
  Status add(const StatementSpec& spec);
  // Null if there is no such statement.
  Registered* find(Statement statement) noexcept;

  // The connection is new: nothing is prepared on it.
  void forget() noexcept;
  // After a statement failed. True if it failed only because it must be prepared anew; the next
  // prepare_missing() does that.
  bool note_stale(Statement statement, const PGresult* result) noexcept;
  // Outside a transaction. Prepares what is not. Fails only if the connection does: a statement
  // that the server refuses now fails the records that use it.
  Reply prepare_missing();

 private:
  Reply prepare(Registered& registered, std::size_t& parameters);
  Reply count(const StatementSpec& spec, std::size_t& parameters);

  Session& session_;
  std::size_t names_ = 0;  // that were given
  bool all_prepared_ = true;
  std::vector<Registered> registered_;
};

// The first word of the SQL, in lower case, behind comments and parentheses.
std::string first_word(std::string_view sql);
// Whether a job may not run what begins so: it would end the transaction, or change what the
// session's other statements count on.
bool is_denied(std::string_view word) noexcept;

}  // namespace onelane::inline v0::postgres
