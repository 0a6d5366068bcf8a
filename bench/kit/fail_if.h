// --fail-if: a comparison over the figures of a result.
//
//   condition  := comparison ('and' comparison)*
//   comparison := sum ('<' | '<=' | '>' | '>=' | '==' | '!=') sum
//   sum        := product (('+' | '-') product)*
//   product    := value (('*' | '/') value)*
//   value      := number | path | '(' sum ')'
//   path       := name ('.' name)*             names are of [A-Za-z0-9_], the first no digit
//
// A path goes down from the top of the JSON: a name is a member of an object or, where there is no
// such member, the element with that "name" in one of the object's arrays. Hence
// "onelane.connect.total_ms.p99". True counts as 1 and false as 0.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace onelane::bench {

class FailIf {
 public:
  // Throws UsageError, which says where the text stops making sense.
  explicit FailIf(std::string_view text);
  FailIf(FailIf&&) noexcept;
  FailIf& operator=(FailIf&&) noexcept;
  ~FailIf();

  // Throws UsageError if a path leads to no number, naming what there is instead.
  void check_paths(const nlohmann::json& result) const;

  // Whether the condition holds. A comparison without a value (0 / 0) holds, so that it is noticed.
  bool met(const nlohmann::json& result) const;
  // "onelane.connect.total_ms.p99 > 60, with onelane.connect.total_ms.p99 = 71.2".
  std::string figures(const nlohmann::json& result) const;

  const std::string& text() const noexcept { return text_; }

  struct Node;

 private:
  std::string text_;
  std::unique_ptr<Node> root_;
};

// Says on stderr of each condition whether the result failed or passed it, with the figures in it.
// kExitThreshold if one holds.
int hold_against(const std::vector<FailIf>& conditions, const nlohmann::json& result);

}  // namespace onelane::bench
