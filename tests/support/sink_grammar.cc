#include "tests/support/sink_grammar.h"

#include <gtest/gtest.h>

#include <array>
#include <initializer_list>
#include <new>
#include <utility>

namespace onelane::test {

namespace {

constexpr std::array<std::string_view, kCallCount> kNames{
    "begin",       "apply",   "verify",        "savepoint",  "release",
    "rollback_to", "execute", "end_step",      "commit",     "rollback",
    "probe",       "sync",    "add_statement", "commits_of", "begins_log_anew",
    "apply_each",  "mark",    "close_in",      "close"};

using Calls = std::uint32_t;  // a bit each

constexpr Calls calls(std::initializer_list<Call> all) {
  Calls out = 0;
  for (const Call call : all) out |= Calls{1} << static_cast<unsigned>(call);
  return out;
}

constexpr bool has(Calls all, Call call) { return (all >> static_cast<unsigned>(call) & 1U) != 0; }

using enum Call;
constexpr Calls kUnits = calls({apply, apply_each, savepoint, mark, commit, rollback});

std::string listed(Calls all) {
  std::string out;
  for (std::size_t i = 0; i < kCallCount; ++i) {
    if (!has(all, static_cast<Call>(i))) continue;
    out += out.empty() ? "" : ", ";
    out += kNames[i];
  }
  return out;
}

}  // namespace

std::string_view name_of(Call call) { return kNames[static_cast<std::size_t>(call)]; }

struct MayCome {
  static constexpr std::array<Calls, SinkGrammar::kStateCount> kAfter{
      calls({begin, probe, add_statement, commits_of, close}),  // between
      kUnits | calls({begins_log_anew, close_in}),              // begun
      kUnits,                                                   // asked
      calls({rollback}),                                        // anew
      calls({probe}),                                           // anew_undone
      calls({begin}),                                           // anew_probed
      kUnits,                                                   // open
      calls({verify}),                                          // applied
      calls({apply, execute, end_step}),                        // unit
      calls({apply, verify}),                                   // group
      calls({execute, end_step}),                               // step
      calls({end_step}),                                        // step_failed
      calls({end_step}),                                        // step_lost
      calls({verify, rollback_to}),                             // step_ended
      calls({release}),                                         // verified
      calls({rollback_to}),                                     // unit_failed
      calls({commit}),                                          // marked
      calls({rollback}),                                        // failed
      calls({rollback, close}),                                 // broken
      calls({}),                                                // closed
  };
  static constexpr std::array<Calls, SinkGrammar::kStateCount> kAfterWithoutSavepoints = [] {
    using enum SinkGrammar::State;
    std::array<Calls, SinkGrammar::kStateCount> out = kAfter;
    for (const auto state : {begun, asked, open}) {
      out[static_cast<std::size_t>(state)] |= calls({execute, end_step});
    }
    out[static_cast<std::size_t>(applied)] |= calls({apply});
    out[static_cast<std::size_t>(step_ended)] = calls({verify, rollback});
    return out;
  }();
};

std::string SinkGrammar::refusal(Call call) const {
  if (call == Call::sync) return {};
  const auto at = static_cast<std::size_t>(state_);
  Calls may = savepoints_ ? MayCome::kAfter[at] : MayCome::kAfterWithoutSavepoints[at];
  if (!units_) may &= ~calls({Call::mark, Call::commit});
  if (marks_ && state_ != State::marked) may &= ~calls({Call::commit});
  if (has(may, call)) return {};
  return std::string(name_of(call)) + ", where may come: " + listed(may);
}

void SinkGrammar::answered_anew(bool begins_anew) {
  state_ = begins_anew ? State::anew : State::asked;
}

void SinkGrammar::answered(Call call, const Reply& reply) {
  if (call == Call::sync || call == Call::add_statement || call == Call::commits_of) return;
  state_ = reply.ok() ? after(call) : after_failure(call, reply);
  if (state_ == State::between || state_ == State::begun) units_ = false;
  const bool whole = call == Call::release || call == Call::verify;
  if (call == Call::apply_each || (whole && reply.ok())) units_ = true;
}

SinkGrammar::State SinkGrammar::after(Call call) const {
  using enum State;
  switch (call) {
    case Call::begin:
      return state_ == anew_probed ? asked : begun;
    case Call::apply:
      return state_ == unit || state_ == group ? group : applied;
    case Call::execute:
      return step;
    case Call::savepoint:
      return unit;
    case Call::end_step:
      if (state_ == step_failed) return savepoints_ ? unit_failed : failed;
      return state_ == step_lost ? failed : step_ended;
    case Call::verify:
      return savepoints_ && (state_ == group || state_ == step_ended) ? verified : open;
    case Call::apply_each:
    case Call::release:
    case Call::rollback_to:
      return open;
    case Call::mark:
      return marked;
    case Call::close_in:
      return failed;
    case Call::rollback:
      return state_ == anew ? anew_undone : between;
    case Call::probe:
      return state_ == anew_undone ? anew_probed : between;
    case Call::close:
      return closed;
    default:
      return between;
  }
}

SinkGrammar::State SinkGrammar::after_failure(Call call, const Reply& reply) const {
  using enum State;
  const bool undoable = reply.fault == Fault::record && reply.effect != Effect::ended;
  const bool undone = undoable && reply.effect == Effect::undone;
  switch (call) {
    case Call::begin:
    case Call::probe:
      return between;
    case Call::rollback:
      return broken;
    case Call::close:
      return closed;
    case Call::execute:
      if (undone) return step;
      return undoable ? step_failed : step_lost;
    case Call::apply:
      if (state_ == unit || state_ == group) return undoable ? unit_failed : failed;
      return undone ? open : failed;
    case Call::verify:
      if (savepoints_ && (state_ == group || state_ == step_ended)) {
        return undoable ? unit_failed : failed;
      }
      return undone ? open : failed;
    case Call::apply_each:
    case Call::savepoint:
    case Call::release:
    case Call::rollback_to:
      return undone ? open : failed;
    default:
      return failed;
  }
}

namespace {

class CheckedSink final : public Sink,
                          private Savepoints,
                          private JobStatements,
                          private Watermark,
                          private Log {
 public:
  explicit CheckedSink(std::unique_ptr<Sink> sink)
      : sink_(std::move(sink)),
        grammar_(sink_->savepoints() != nullptr, sink_->watermark() != nullptr) {}

  Status add_statement(const StatementSpec& spec) override {
    expect(Call::add_statement);
    return sink_->add_statement(spec);
  }
  Reply begin() override {
    return call(Call::begin, [&] { return sink_->begin(); });
  }
  Reply apply(Statement statement, std::span<const std::byte> row) override {
    return call(Call::apply, [&] { return sink_->apply(statement, row); });
  }
  Reply verify() override {
    return call(Call::verify, [&] { return sink_->verify(); });
  }
  std::size_t apply_each(std::span<Application> records, Reply& failed) override {
    std::size_t applied = 0;
    Reply reply = call(Call::apply_each, [&] {
      applied = sink_->apply_each(records, failed);
      return applied == records.size() ? Reply() : failed;
    });
    return applied;
  }
  Reply commit() override {
    return call(Call::commit, [&] { return sink_->commit(); });
  }
  Reply rollback() override {
    return call(Call::rollback, [&] { return sink_->rollback(); });
  }
  Reply probe() override {
    return call(Call::probe, [&] { return sink_->probe(); });
  }
  bool begins_log_anew() const override {
    expect(Call::begins_log_anew);
    const bool anew = sink_->begins_log_anew();
    grammar_.answered_anew(anew);
    return anew;
  }
  bool commit_is_durable() const override { return sink_->commit_is_durable(); }
  Status close(CloseMode mode) override {
    expect(Call::close);
    Status status = sink_->close(mode);
    grammar_.answered(Call::close, {});
    return status;
  }

  Savepoints* savepoints() noexcept override {
    return sink_->savepoints() == nullptr ? nullptr : this;
  }
  Reply savepoint() override {
    return call(Call::savepoint, [&] { return sink_->savepoints()->savepoint(); });
  }
  Reply release() override {
    return call(Call::release, [&] { return sink_->savepoints()->release(); });
  }
  Reply rollback_to() override {
    return call(Call::rollback_to, [&] { return sink_->savepoints()->rollback_to(); });
  }

  JobStatements* job_statements() noexcept override {
    return sink_->job_statements() == nullptr ? nullptr : this;
  }
  Reply execute(std::string_view sql, std::span<const std::byte> row,
                const RowVisitor& visit) override {
    return call(Call::execute, [&] { return sink_->job_statements()->execute(sql, row, visit); });
  }
  void end_step() override {
    (void)call(Call::end_step, [&] {
      sink_->job_statements()->end_step();
      return Reply();
    });
  }

  Watermark* watermark() noexcept override {
    return sink_->watermark() == nullptr ? nullptr : this;
  }
  Reply mark(std::uint64_t commit) override {
    return call(Call::mark, [&] { return sink_->watermark()->mark(commit); });
  }
  std::uint64_t epoch() const noexcept override { return sink_->watermark()->epoch(); }
  Result<std::uint64_t> commits_of(std::uint64_t epoch) override {
    expect(Call::commits_of);
    return sink_->watermark()->commits_of(epoch);
  }

  Log* log() noexcept override { return sink_->log() == nullptr ? nullptr : this; }
  LogState state() const noexcept override { return sink_->log()->state(); }
  void look() noexcept override { sink_->log()->look(); }
  Reply write_out() override { return sink_->log()->write_out(); }
  LogPass copy_back(std::uint64_t piece_bytes) override {
    return sink_->log()->copy_back(piece_bytes);
  }
  Reply sync() override { return sink_->log()->sync(); }
  LogPass close_in() override {
    LogPass pass;
    (void)call(Call::close_in, [&] {
      pass = sink_->log()->close_in();
      return Reply();
    });
    return pass;
  }
  std::vector<LogReader> readers() const override { return sink_->log()->readers(); }
  LogLeft left() const override { return sink_->log()->left(); }
  std::string_view hazard() const noexcept override { return sink_->log()->hazard(); }

  CommitSync* commit_sync() noexcept override { return sink_->commit_sync(); }

 private:
  void expect(Call call) const { EXPECT_EQ(grammar_.refusal(call), ""); }

  template <class Run>
  Reply call(Call call, const Run& run) {
    expect(call);
    try {
      Reply reply = run();
      grammar_.answered(call, reply);
      return reply;
    } catch (const std::bad_alloc&) {
      Reply reply;
      reply.fault = Fault::environment;
      grammar_.answered(call, reply);
      throw;
    }
  }

  std::unique_ptr<Sink> sink_;
  mutable SinkGrammar grammar_;
};

}  // namespace

std::unique_ptr<Sink> checked(std::unique_ptr<Sink> sink) {
  return std::make_unique<CheckedSink>(std::move(sink));
}

}  // namespace onelane::test
