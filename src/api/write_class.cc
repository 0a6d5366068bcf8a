#include <algorithm>
#include <atomic>
#include <utility>

#include "onelane/producer.h"
#include "src/base/memory.h"
#include "src/engine/core.h"
#include "src/engine/patience.h"
#include "src/engine/refusals.h"

namespace onelane::inline v0 {

using base::sheltered;
using engine::RowUnit;

WriteClass::WriteClass(std::shared_ptr<detail::Core> core, std::uint32_t index) noexcept
    : core_(std::move(core)), index_(index) {}

namespace {

// Runs the call on the core, if the handle has one, with the timeout as a deadline.
template <class Call>
auto on(const std::shared_ptr<detail::Core>& core, const PushOptions& options, const Call& call)
    -> decltype(call(core, options)) {
  if (core == nullptr) [[unlikely]]
    return engine::empty_status("write class");
  if (!options.timeout) return sheltered([&] { return call(core, options); });
  PushOptions timed = options;
  const TimePoint end = engine::after(core->clock().now(), *options.timeout);
  timed.deadline = std::min(end, options.deadline.value_or(end));
  return sheltered([&] { return call(core, timed); });
}

}  // namespace

std::string_view WriteClass::name() const {
  return core_ == nullptr ? std::string_view() : core_->class_name(index_);
}

Status WriteClass::push(Statement statement, const Row& row, const PushOptions& options) const {
  return on(core_, options, [&](const auto& core, const PushOptions& how) {
    return core->admission().offer(index_, RowUnit{statement, row}, {.options = how});
  });
}

Status WriteClass::push(const Group& group, const PushOptions& options) const {
  return on(core_, options, [&](const auto& core, const PushOptions& how) {
    return core->admission().offer(index_, group, {.options = how});
  });
}

Result<Receipt> WriteClass::submit(Statement statement, const Row& row,
                                   const PushOptions& options) const {
  return on(core_, options, [&](const auto& core, const PushOptions& how) {
    return detail::Core::submit(core, index_, RowUnit{statement, row}, how);
  });
}

Result<Receipt> WriteClass::submit(const Group& group, const PushOptions& options) const {
  return on(core_, options, [&](const auto& core, const PushOptions& how) {
    return detail::Core::submit(core, index_, group, how);
  });
}

Result<Receipt> WriteClass::submit(Job job, const PushOptions& options) const {
  return on(core_, options, [&](const auto& core, const PushOptions& how) {
    return detail::Core::submit(core, index_, std::move(job), how);
  });
}

Result<Outcome> WriteClass::write(Statement statement, const Row& row,
                                  const PushOptions& options) const {
  return on(core_, options, [&](const auto& core, const PushOptions& how) {
    return core->waiting().write(index_, RowUnit{statement, row}, how);
  });
}

Result<Outcome> WriteClass::write(const Group& group, const PushOptions& options) const {
  return on(core_, options, [&](const auto& core, const PushOptions& how) {
    return core->waiting().write(index_, group, how);
  });
}

Result<Journaled> WriteClass::journal(Statement statement, const Row& row,
                                      const PushOptions& options) const {
  return on(core_, options, [&](const auto& core, const PushOptions& how) {
    return core->waiting().journal(index_, RowUnit{statement, row}, how);
  });
}

Result<Journaled> WriteClass::journal(const Group& group, const PushOptions& options) const {
  return on(core_, options, [&](const auto& core, const PushOptions& how) {
    return core->waiting().journal(index_, group, how);
  });
}

namespace detail {

namespace {

thread_local Row* t_row = nullptr;
thread_local bool t_ended = false;

struct RowOfThread {
  RowOfThread() = default;
  RowOfThread(const RowOfThread&) = delete;
  RowOfThread& operator=(const RowOfThread&) = delete;
  ~RowOfThread() {
    t_row = nullptr;
    t_ended = true;
  }
  Row row;
};

// For a push from the destructor of something that lives longer than the thread's own row. Kept, so
// that who comes later still has it.
struct LateRow {
  Row row;
  LateRow* next = nullptr;
};
std::atomic<LateRow*> g_late_rows{nullptr};

Row& make_row() {
  if (!t_ended) {
    thread_local RowOfThread own;
    return *(t_row = &own.row);
  }
  auto* const late = new LateRow();
  late->next = g_late_rows.load();
  while (!g_late_rows.compare_exchange_weak(late->next, late)) {
  }
  return *(t_row = &late->row);
}

}  // namespace

Row& encoding_row() {
  if (t_row != nullptr) [[likely]]
    return *t_row;
  return make_row();
}

}  // namespace detail

TimePoint WriteClass::now() const { return core_ == nullptr ? TimePoint() : core_->clock().now(); }

}  // namespace onelane::inline v0
