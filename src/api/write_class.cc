#include <utility>

#include "onelane/producer.h"
#include "src/engine/core.h"

namespace onelane::inline v0 {

using Want = detail::Core::Want;

WriteClass::WriteClass(std::shared_ptr<detail::Core> core, std::uint32_t index) noexcept
    : core_(std::move(core)), index_(index) {}

std::string_view WriteClass::name() const { return core_->class_name(index_); }

Status WriteClass::push(Statement statement, const Row& row, const PushOptions& options) {
  return core_->offer_row(index_, statement, row, options, Want::nothing).status();
}

Result<Receipt> WriteClass::submit(Statement statement, const Row& row,
                                   const PushOptions& options) {
  return core_->offer_row(index_, statement, row, options, Want::receipt);
}

Status WriteClass::push(const Group& group, const PushOptions& options) {
  return core_->offer_group(index_, group, options, Want::nothing).status();
}

Result<Receipt> WriteClass::submit(const Group& group, const PushOptions& options) {
  return core_->offer_group(index_, group, options, Want::receipt);
}

Result<Receipt> WriteClass::submit(Job job, const PushOptions& options) {
  return core_->offer_job(index_, std::move(job), options);
}

TimePoint WriteClass::now() const { return core_->clock().now(); }

}  // namespace onelane::inline v0
