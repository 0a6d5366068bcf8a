#include "tests/support/recording_sink.h"

#include <gtest/gtest.h>

#include <string_view>
#include <utility>

#include "src/model/row.h"

namespace onelane::test {

namespace {

// A longer text, and every blob, reads as its size: "<5000>".
constexpr std::size_t kTextShownMax = 32;

std::size_t index(Call call) { return static_cast<std::size_t>(call); }

std::string shown(const model::RowValue& value) {
  switch (value.tag) {
    case model::Tag::null:
      return "NULL";
    case model::Tag::integer:
      return std::to_string(value.integer);
    case model::Tag::real:
      return std::to_string(value.real);
    case model::Tag::text:
      if (value.bytes.size() <= kTextShownMax) {
        return {reinterpret_cast<const char*>(value.bytes.data()), value.bytes.size()};
      }
      break;
    case model::Tag::blob:
      break;
  }
  return "<" + std::to_string(value.bytes.size()) + ">";
}

std::string row_text(std::string_view sql, std::span<const std::byte> row) {
  std::string out = std::string(sql) + "(";
  model::RowReader reader(row);
  model::RowValue value;
  for (bool first = true; reader.next(value); first = false) {
    if (!first) out += ", ";
    out += shown(value);
  }
  EXPECT_TRUE(reader.ok()) << "the sink was given bytes that are not a row of " << sql;
  return out + ")";
}

std::string joined(const std::vector<std::string>& parts, std::string_view between) {
  std::string out;
  for (const std::string& part : parts) {
    if (!out.empty()) out += between;
    out += part;
  }
  return out;
}

Status cause_of(Fault fault) {
  switch (fault) {
    case Fault::none:
      return {};
    case Fault::record:
      return {Errc::record, "UNIQUE constraint failed: t.id", 2067};
    case Fault::busy:
      return {Errc::locked, "database is locked", 5};
    case Fault::conflict:
      return {Errc::locked, "could not serialize access", 0};
    case Fault::environment:
      return {Errc::storage, "database or disk is full", 13};
    case Fault::read_only:
      return {Errc::storage, "attempt to write a readonly database", 8};
    case Fault::sync:
      return {Errc::storage, "disk I/O error", 1034};
    case Fault::corrupt:
      return {Errc::corrupt, "database disk image is malformed", 11};
    case Fault::internal:
      return {Errc::internal, "bad parameter or other API misuse", 21};
  }
  return {};
}

}  // namespace

Reply failure(Fault fault, Effect effect) {
  return {.fault = fault, .effect = effect, .changes = 0, .rowid = {}, .cause = cause_of(fault)};
}

Recording::~Recording() {
  if (calls_matter_ && !calls_.empty()) {
    ADD_FAILURE() << "calls were left unexamined: " << joined(calls_, ", ");
  }
}

void Recording::reply_next(Call call, Reply reply, std::size_t times) {
  const std::scoped_lock lock(mutex_);
  queued_[index(call)].insert(queued_[index(call)].end(), times, reply);
}

void Recording::fail_row(const std::string& row, Reply reply) {
  const std::scoped_lock lock(mutex_);
  bad_rows_[row] = std::move(reply);
}

void Recording::heal() {
  const std::scoped_lock lock(mutex_);
  for (auto& queue : queued_) queue.clear();
  bad_rows_.clear();
  for (auto& handler : handlers_) handler = nullptr;
}

void Recording::on(Call call, std::function<Reply(const std::string&)> handler) {
  const std::scoped_lock lock(mutex_);
  handlers_[index(call)] = std::move(handler);
}

void Recording::set_cost(Call call, Duration cost) {
  const std::scoped_lock lock(mutex_);
  EXPECT_NE(clock_, nullptr) << "a cost needs a clock";
  costs_[index(call)] = cost;
}

void Recording::set_add_statement_status(Status status) {
  const std::scoped_lock lock(mutex_);
  add_statement_status_ = std::move(status);
}

void Recording::set_close_status(Status status) {
  const std::scoped_lock lock(mutex_);
  close_status_ = std::move(status);
}

void Recording::set_durable() {
  const std::scoped_lock lock(mutex_);
  durable_ = true;
}

void Recording::set_can_sync() {
  const std::scoped_lock lock(mutex_);
  can_sync_ = true;
}

std::string Recording::take_calls() {
  const std::scoped_lock lock(mutex_);
  return joined(std::exchange(calls_, {}), ", ");
}

void Recording::calls_do_not_matter() {
  const std::scoped_lock lock(mutex_);
  calls_matter_ = false;
}

std::string Recording::take_committed() {
  const std::scoped_lock lock(mutex_);
  return joined(std::exchange(committed_, {}), " ");
}

std::size_t Recording::commits() const {
  const std::scoped_lock lock(mutex_);
  return commits_;
}

std::optional<CloseMode> Recording::closed() const {
  const std::scoped_lock lock(mutex_);
  return closed_;
}

Reply Recording::call(Call call, const std::string& row) {
  {
    const std::scoped_lock lock(mutex_);
    const std::string name(name_of(call));
    if (calls_matter_) calls_.push_back(row.empty() ? name : name + " " + row);
    EXPECT_EQ(grammar_.refusal(call), "");
  }
  Reply reply = answer(call, row);
  const std::scoped_lock lock(mutex_);
  if (clock_ != nullptr) clock_->advance(costs_[index(call)]);
  grammar_.answered(call, reply);
  take_effect(call, row, reply);
  return reply;
}

Reply Recording::answer(Call call, const std::string& row) {
  std::function<Reply(const std::string&)> handler;
  {
    const std::scoped_lock lock(mutex_);
    if (auto& queue = queued_[index(call)]; !queue.empty()) {
      Reply reply = std::move(queue.front());
      queue.pop_front();
      return reply;
    }
    if (call == Call::apply || call == Call::execute) {
      if (const auto bad = bad_rows_.find(row); bad != bad_rows_.end()) return bad->second;
    }
    handler = handlers_[index(call)];
  }
  if (handler) return handler(row);
  Reply reply;
  if (call == Call::apply || call == Call::execute) reply.changes = 1;
  return reply;
}

void Recording::take_effect(Call call, const std::string& row, const Reply& reply) {
  if (!reply.ok()) {
    const bool over = reply.effect == Effect::ended || reply.effect == Effect::unknown;
    if (over && call != Call::probe && call != Call::sync) undo();
    if (reply.effect == Effect::kept && !row.empty()) pending_.push_back("part-of-" + row);
    return;
  }
  switch (call) {
    case Call::apply:
    case Call::execute:
      pending_.push_back(row);
      break;
    case Call::savepoint:
      savepoint_ = pending_.size();
      break;
    case Call::rollback_to:
      if (savepoint_) pending_.resize(*savepoint_);
      [[fallthrough]];
    case Call::release:
      savepoint_.reset();
      break;
    case Call::commit:
      ++commits_;
      committed_.insert(committed_.end(), pending_.begin(), pending_.end());
      [[fallthrough]];
    case Call::rollback:
      undo();
      break;
    default:
      break;
  }
}

void Recording::undo() {
  savepoint_.reset();
  pending_.clear();
}

Status RecordingSink::add_statement(const StatementSpec& spec) {
  const std::scoped_lock lock(recording_->mutex_);
  EXPECT_EQ(recording_->grammar_.refusal(Call::add_statement), "");
  if (recording_->add_statement_status_.ok()) statements_.push_back(spec.sql);
  return recording_->add_statement_status_;
}

Reply RecordingSink::begin() { return recording_->call(Call::begin, {}); }

Reply RecordingSink::apply(Statement statement, std::span<const std::byte> row) {
  return recording_->call(Call::apply, row_text(statements_.at(statement.index), row));
}

Reply RecordingSink::verify() { return recording_->call(Call::verify, {}); }
Reply RecordingSink::savepoint() { return recording_->call(Call::savepoint, {}); }
Reply RecordingSink::release() { return recording_->call(Call::release, {}); }
Reply RecordingSink::rollback_to() { return recording_->call(Call::rollback_to, {}); }

Reply RecordingSink::execute(std::string_view sql, std::span<const std::byte> row,
                             const RowVisitor&) {
  return recording_->call(Call::execute, row_text(sql, row));
}

void RecordingSink::end_step() { (void)recording_->call(Call::end_step, {}); }
Reply RecordingSink::commit() { return recording_->call(Call::commit, {}); }
Reply RecordingSink::rollback() { return recording_->call(Call::rollback, {}); }
Reply RecordingSink::probe() { return recording_->call(Call::probe, {}); }

bool RecordingSink::commit_is_durable() const {
  const std::scoped_lock lock(recording_->mutex_);
  return recording_->durable_;
}

CommitSync* RecordingSink::commit_sync() noexcept {
  const std::scoped_lock lock(recording_->mutex_);
  return recording_->can_sync_ && !recording_->durable_ ? &sync_ : nullptr;
}

Status RecordingSink::close(CloseMode mode) {
  const std::scoped_lock lock(recording_->mutex_);
  EXPECT_EQ(recording_->grammar_.refusal(Call::close), "");
  recording_->grammar_.answered(Call::close, {});
  recording_->closed_ = mode;
  return recording_->close_status_;
}

}  // namespace onelane::test
