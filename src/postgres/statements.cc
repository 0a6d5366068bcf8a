#include "src/postgres/statements.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

namespace onelane::inline v0::postgres {

namespace {

bool may_be_a_statement(std::string_view word) noexcept {
  constexpr std::array<std::string_view, 7> kAllowed{"insert", "update", "delete", "merge",
                                                     "with",   "select", "call"};
  return std::find(kAllowed.begin(), kAllowed.end(), word) != kAllowed.end();
}

bool is_letter(char c) noexcept {
  return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_';
}

// The SQL from behind what it begins with: /* these /* nest */ */.
std::string_view after_comment(std::string_view sql) {
  std::size_t depth = 0;
  do {
    const bool opens = sql.starts_with("/*");
    const bool closes = sql.starts_with("*/");
    depth += opens ? 1 : 0;
    depth -= closes ? 1 : 0;
    sql.remove_prefix(opens || closes ? 2 : 1);
  } while (depth > 0 && !sql.empty());
  return sql;
}

std::vector<Oid> types_of(const StatementSpec& spec) {
  std::vector<Oid> out;
  for (const Column& each : spec.columns) out.push_back(oid_of(each.type));
  return out;
}

}  // namespace

std::string first_word(std::string_view sql) {
  while (!sql.empty() && !is_letter(sql.front())) {
    if (sql.starts_with("--")) {
      sql.remove_prefix(std::min(sql.find('\n'), sql.size()));
    } else if (sql.starts_with("/*")) {
      sql = after_comment(sql);
    } else {
      sql.remove_prefix(1);
    }
  }
  std::string out;
  for (const char c : sql) {
    if (!is_letter(c)) break;
    out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return out;
}

bool is_denied(std::string_view word) noexcept {
  constexpr std::array<std::string_view, 16> kDenied{
      "begin",   "start",   "commit",     "end",     "rollback", "abort", "savepoint", "release",
      "prepare", "execute", "deallocate", "discard", "set",      "reset", "copy",      "unlisten"};
  return std::find(kDenied.begin(), kDenied.end(), word) != kDenied.end();
}

Status Statements::add(const StatementSpec& spec) {
  const std::string word = first_word(spec.sql);
  if (!may_be_a_statement(word)) {
    return {Errc::invalid_argument,
            "the SQL begins with \"" + word +
                "\"; right is INSERT, UPDATE, DELETE, MERGE, WITH, SELECT or CALL: " + spec.sql};
  }
  Registered made{.spec = spec};
  std::size_t parameters = 0;
  Reply reply = prepare(made, parameters);
  if (reply.ok() && made.prepared && !spec.columns.empty()) reply = count(spec, parameters);
  if (!reply.ok()) return reply.cause;
  if (!made.prepared) {
    const Errc code =
        made.failure.fault == Fault::record ? Errc::invalid_argument : made.failure.cause.code();
    return {code, made.failure.cause.message() + ": " + spec.sql};
  }
  if (parameters != spec.columns.size()) {
    ResultPtr ignored;
    (void)session_.ask("DEALLOCATE " + made.name, ignored);
    return {Errc::invalid_argument, "the SQL has " + std::to_string(parameters) +
                                        " parameters, but the statement is given " +
                                        std::to_string(spec.columns.size()) +
                                        " columns: " + spec.sql};
  }
  registered_.push_back(std::move(made));
  return {};
}

Registered* Statements::find(Statement statement) noexcept {
  return statement.index < registered_.size() ? &registered_[statement.index] : nullptr;
}

void Statements::forget() noexcept {
  for (Registered& each : registered_) each.prepared = false;
  all_prepared_ = registered_.empty();
}

// A statement that returns rows is bound to their types, which ALTER TABLE may change.
bool Statements::note_stale(Statement statement, const PGresult* result) noexcept {
  const char* const from = PQresultErrorField(result, PG_DIAG_SOURCE_FUNCTION);
  const bool gone = sqlstate_of(result) == "26000";
  const bool changed = from != nullptr && std::string_view(from) == "RevalidateCachedQuery";
  if (!gone && !changed) return false;
  find(statement)->prepared = false;
  all_prepared_ = false;
  return true;
}

Reply Statements::prepare_missing() {
  if (all_prepared_) return {};
  bool all = true;
  for (Registered& each : registered_) {
    std::size_t ignored = 0;
    Reply reply = each.prepared ? Reply() : prepare(each, ignored);
    if (!reply.ok()) return reply;
    all = all && each.prepared;
  }
  all_prepared_ = all;
  return {};
}

// The server counts each parameter whose type it was given. So it is asked without the last one's,
// which it then counts if the SQL has it, or cannot find the type of.
Reply Statements::count(const StatementSpec& spec, std::size_t& parameters) {
  constexpr std::string_view kIndeterminate = "42P18";
  Connection& connection = session_.connection();
  std::vector<Oid> types = types_of(spec);
  types.pop_back();
  std::vector<ResultPtr> replies;
  connection.prepare("", spec.sql.c_str(), types);
  connection.describe("");
  const Reply reply = session_.exchange(replies, Whose::a_units);
  if (!session_.good()) return session_.lost();
  if (reply.ok()) parameters = static_cast<std::size_t>(PQnparams(replies.back().get()));
  const bool has_it = reply.ok() || sqlstate_of(replies.front().get()) == kIndeterminate;
  return has_it ? Reply() : reply;
}

// A name is never used again: under the old one there may be one from before the schema was
// changed.
Reply Statements::prepare(Registered& registered, std::size_t& parameters) {
  Connection& connection = session_.connection();
  const std::vector<Oid> types = types_of(registered.spec);
  std::vector<ResultPtr> replies;
  registered.name = "onelane_" + std::to_string(names_++);
  connection.prepare(registered.name.c_str(), registered.spec.sql.c_str(), types);
  connection.describe(registered.name.c_str());
  const Reply reply = session_.exchange(replies, Whose::a_units);
  registered.prepared = reply.ok();
  if (reply.ok()) {
    parameters = static_cast<std::size_t>(PQnparams(replies.back().get()));
    registered.returns = PQnfields(replies.back().get()) != 0;
    return {};
  }
  if (!session_.good()) return session_.lost();
  registered.failure = reply;
  registered.failure.effect = Effect::undone;
  registered.failure.fault = reply.fault == Fault::record ? Fault::record : Fault::environment;
  return {};
}

}  // namespace onelane::inline v0::postgres
