#include <utility>

#include "onelane/producer.h"
#include "src/base/memory.h"
#include "src/engine/core.h"
#include "src/engine/refusals.h"

namespace onelane::inline v0 {

using base::sheltered;
using engine::RowUnit;

WriteClass::WriteClass(std::shared_ptr<detail::Core> core, std::uint32_t index) noexcept
    : core_(std::move(core)), index_(index) {}

namespace {

// Runs the call on the core, if the handle has one.
template <class Call>
auto on(const std::shared_ptr<detail::Core>& core, const Call& call) -> decltype(call(core)) {
  if (core == nullptr) [[unlikely]]
    return engine::empty_status("write class");
  return sheltered([&] { return call(core); });
}

}  // namespace

std::string_view WriteClass::name() const {
  return core_ == nullptr ? std::string_view() : core_->class_name(index_);
}

Status WriteClass::push(Statement statement, const Row& row, const PushOptions& options) {
  return on(core_, [&](const auto& core) {
    return core->admission().offer(index_, RowUnit{statement, row}, {.options = options});
  });
}

Status WriteClass::push(const Group& group, const PushOptions& options) {
  return on(core_, [&](const auto& core) {
    return core->admission().offer(index_, group, {.options = options});
  });
}

Result<Receipt> WriteClass::submit(Statement statement, const Row& row,
                                   const PushOptions& options) {
  return on(core_, [&](const auto& core) {
    return detail::Core::submit(core, index_, RowUnit{statement, row}, options);
  });
}

Result<Receipt> WriteClass::submit(const Group& group, const PushOptions& options) {
  return on(core_,
            [&](const auto& core) { return detail::Core::submit(core, index_, group, options); });
}

Result<Receipt> WriteClass::submit(Job job, const PushOptions& options) {
  return on(core_, [&](const auto& core) {
    return detail::Core::submit(core, index_, std::move(job), options);
  });
}

Result<Outcome> WriteClass::write(Statement statement, const Row& row, const PushOptions& options) {
  return on(core_, [&](const auto& core) {
    return core->waiting().write(index_, RowUnit{statement, row}, options);
  });
}

Result<Outcome> WriteClass::write(const Group& group, const PushOptions& options) {
  return on(core_, [&](const auto& core) { return core->waiting().write(index_, group, options); });
}

Result<Journaled> WriteClass::journal(Statement statement, const Row& row,
                                      const PushOptions& options) {
  return on(core_, [&](const auto& core) {
    return core->waiting().journal(index_, RowUnit{statement, row}, options);
  });
}

Result<Journaled> WriteClass::journal(const Group& group, const PushOptions& options) {
  return on(core_,
            [&](const auto& core) { return core->waiting().journal(index_, group, options); });
}

TimePoint WriteClass::now() const { return core_ == nullptr ? TimePoint() : core_->clock().now(); }

}  // namespace onelane::inline v0
