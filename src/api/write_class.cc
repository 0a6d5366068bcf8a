#include <utility>

#include "onelane/producer.h"
#include "src/base/memory.h"
#include "src/engine/core.h"

namespace onelane::inline v0 {

using base::sheltered;
using RowUnit = detail::Core::RowUnit;

WriteClass::WriteClass(std::shared_ptr<detail::Core> core, std::uint32_t index) noexcept
    : core_(std::move(core)), index_(index) {}

std::string_view WriteClass::name() const { return core_->class_name(index_); }

Status WriteClass::push(Statement statement, const Row& row, const PushOptions& options) {
  return sheltered([&] { return core_->push(index_, RowUnit{statement, row}, options); });
}

Result<Receipt> WriteClass::submit(Statement statement, const Row& row,
                                   const PushOptions& options) {
  return sheltered([&] {
    return detail::Core::submit(core_, index_, RowUnit{statement, row}, options);
  });
}

Result<Outcome> WriteClass::write(Statement statement, const Row& row, const PushOptions& options) {
  return sheltered([&] { return core_->write(index_, RowUnit{statement, row}, options); });
}

Status WriteClass::push(const Group& group, const PushOptions& options) {
  return sheltered([&] { return core_->push(index_, group, options); });
}

Result<Receipt> WriteClass::submit(const Group& group, const PushOptions& options) {
  return sheltered([&] { return detail::Core::submit(core_, index_, group, options); });
}

Result<Outcome> WriteClass::write(const Group& group, const PushOptions& options) {
  return sheltered([&] { return core_->write(index_, group, options); });
}

Result<Receipt> WriteClass::submit(Job job, const PushOptions& options) {
  return sheltered([&] { return detail::Core::submit(core_, index_, std::move(job), options); });
}

TimePoint WriteClass::now() const { return core_->clock().now(); }

}  // namespace onelane::inline v0
