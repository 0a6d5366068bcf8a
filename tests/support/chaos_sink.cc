#include "tests/support/chaos_sink.h"

#include <utility>

#include "onelane/clock.h"
#include "src/model/row.h"

namespace onelane::test {

namespace {

constexpr std::uint32_t kOf = 10'000;
constexpr Duration kSlowCommit = std::chrono::microseconds(300);

Reply failure(Fault fault, Effect effect) {
  Reply reply;
  reply.fault = fault;
  reply.effect = effect;
  reply.cause = {fault == Fault::record ? Errc::record : Errc::storage, "chaos"};
  return reply;
}

std::int64_t id_of(std::span<const std::byte> row) {
  model::RowReader reader(row);
  model::RowValue value;
  return reader.next(value) ? value.integer : -1;
}

void spin(Duration time) {
  const TimePoint end = steady_clock().now() + time;
  while (steady_clock().now() < end) {
  }
}

}  // namespace

// Notes two calls at once.
class ChaosSink::Call {
 public:
  explicit Call(ChaosSink& sink) : sink_(sink) { sink_.require(!sink_.busy_.exchange(true)); }
  ~Call() { sink_.busy_.store(false); }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

 private:
  ChaosSink& sink_;
};

ChaosSink::ChaosSink(std::shared_ptr<Ledger> ledger, std::uint64_t seed, std::uint32_t rate,
                     Keeps keeps)
    : ledger_(std::move(ledger)), random_(seed), rate_(rate), keeps_(keeps) {}

// With a chance of rate / part_of_rate in ten thousand.
bool ChaosSink::fails(std::uint32_t part_of_rate) {
  return random_() % (std::uint64_t{kOf} * part_of_rate) < rate_;
}

void ChaosSink::require(bool kept) {
  if (!kept) ++ledger_->broken_rules;
}

void ChaosSink::end_transaction(bool committed) {
  positions_.end(committed);
  open_ = false;
  rows_.clear();
  savepoint_.reset();
}

void ChaosSink::blame_all() {
  for (const std::int64_t id : rows_) ++ledger_->fates[id].refused;
}

Reply ChaosSink::begin() {
  const Call call(*this);
  require(!open_ && !ledger_->closed);
  if (fails(1)) return failure(Fault::busy, Effect::ended);
  if (fails(4)) return failure(Fault::environment, Effect::ended);
  if (fails(20)) return failure(Fault::read_only, Effect::ended);
  open_ = true;
  return {};
}

Reply ChaosSink::apply(Statement, std::span<const std::byte> row) {
  const Call call(*this);
  require(open_);
  const std::int64_t id = id_of(row);
  Fate& fate = ledger_->fates[id];
  ++fate.refused;  // taken back below if it succeeds
  if (fails(1)) return failure(Fault::record, Effect::undone);
  rows_.push_back(id);
  if (fails(2)) return failure(Fault::record, Effect::kept);
  if (fails(10)) return failure(Fault::environment, Effect::kept);
  if (fails(50)) return failure(Fault::sync, Effect::kept);
  if (fails(4)) {
    end_transaction();
    return failure(Fault::record, Effect::ended);
  }
  if (fails(10)) {
    end_transaction();
    return failure(Fault::environment, Effect::ended);
  }
  --fate.refused;
  Reply reply;
  reply.changes = 1;
  return reply;
}

Reply ChaosSink::execute(std::string_view, std::span<const std::byte> row, const RowVisitor&) {
  return apply({}, row);
}

Reply ChaosSink::verify() {
  const Call call(*this);
  require(open_);
  if (!fails(3) || rows_.empty()) return {};
  ++ledger_->fates[rows_.back()].refused;
  return failure(Fault::record, Effect::kept);
}

Reply ChaosSink::savepoint() {
  const Call call(*this);
  require(open_ && !savepoint_);
  if (fails(20)) return failure(Fault::environment, Effect::undone);
  savepoint_ = rows_.size();
  return {};
}

Reply ChaosSink::release() {
  const Call call(*this);
  require(open_ && savepoint_.has_value());
  if (fails(20)) return failure(Fault::environment, Effect::kept);
  savepoint_.reset();
  return {};
}

Reply ChaosSink::rollback_to() {
  const Call call(*this);
  require(open_ && savepoint_.has_value());
  if (fails(5)) return failure(Fault::environment, Effect::kept);
  if (savepoint_) rows_.resize(*savepoint_);
  savepoint_.reset();
  return {};
}

Reply ChaosSink::commit() {
  const Call call(*this);
  require(open_ && !savepoint_ && (!rows_.empty() || positions_.any()));
  if (random_() % 100 == 0) spin(kSlowCommit);
  if (fails(2)) return failed_commit();
  ++ledger_->commits;
  for (const std::int64_t id : rows_) {
    Fate& fate = ledger_->fates[id];
    ++fate.committed;
    fate.commit = ledger_->commits;
  }
  end_transaction(true);
  return {};
}

Reply ChaosSink::failed_commit() {
  blame_all();
  const std::uint64_t how = random_() % 8;
  if (how < 3) return failure(Fault::environment, Effect::kept);
  if (how < 6) {
    end_transaction();
    return failure(Fault::environment, Effect::ended);
  }
  for (const std::int64_t id : rows_) ++ledger_->fates[id].in_doubt;
  if (how == 6) return failure(Fault::sync, Effect::kept);
  end_transaction();
  return failure(Fault::environment, Effect::unknown);
}

Reply ChaosSink::rollback() {
  const Call call(*this);
  if (fails(50)) {
    blame_all();
    return failure(Fault::internal, Effect::kept);
  }
  end_transaction();
  return {};
}

Reply ChaosSink::probe() {
  const Call call(*this);
  require(!open_ && !ledger_->closed);
  if (random_() % 4 == 0) return failure(Fault::environment, Effect::ended);
  return {};
}

void ChaosSink::Positions::end(bool committed) {
  for (const auto& [name, position] : moved_) {
    if (committed) positions_[name] = position;
  }
  moved_.clear();
  buried_ = false;
}

Reply ChaosSink::Positions::advance(const ClassProgress& progress) {
  const Call call(sink_);
  sink_.require(sink_.open_ && progress.expected == positions_[std::string(progress.name)]);
  if (sink_.fails(20)) return failure(Fault::environment, Effect::kept);
  moved_[std::string(progress.name)] = progress.position;
  return {};
}

Reply ChaosSink::Positions::bury(const DeadLetter&) {
  const Call call(sink_);
  sink_.require(sink_.open_);
  if (sink_.fails(20)) return failure(Fault::environment, Effect::kept);
  buried_ = true;
  return {};
}

Status ChaosSink::close(CloseMode) {
  const Call call(*this);
  require(!ledger_->closed);
  ledger_->closed = true;
  return {};
}

}  // namespace onelane::test
