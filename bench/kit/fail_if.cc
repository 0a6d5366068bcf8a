#include "bench/kit/fail_if.h"

#include <fmt/format.h>

#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "bench/kit/errors.h"

namespace onelane::bench {

using nlohmann::json;

// A number, a path, or an operation on two nodes: "+", "<=", "and".
struct FailIf::Node {
  std::string operation;  // empty for a leaf
  std::unique_ptr<Node> left;
  std::unique_ptr<Node> right;
  std::vector<std::string> path;  // empty for a number
  double number = 0;
};

namespace {

using Node = FailIf::Node;
using NodePtr = std::unique_ptr<Node>;

constexpr std::string_view kAnd = "and";

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  NodePtr condition() {
    NodePtr all = comparison();
    while (take(kAnd)) all = join(std::string(kAnd), std::move(all), comparison());
    skip_spaces();
    if (at_ != text_.size()) fail("the end of the condition");
    return all;
  }

 private:
  // The longer ones first, since one may begin with another.
  static constexpr std::array<std::string_view, 6> kComparisons{"<=", ">=", "==", "!=", "<", ">"};

  NodePtr comparison() {
    NodePtr left = sum();
    for (std::string_view comparison : kComparisons) {
      if (take(comparison)) return join(std::string(comparison), std::move(left), sum());
    }
    fail("one of < <= > >= == !=");
  }

  NodePtr sum() {
    NodePtr left = product();
    while (true) {
      if (take("+"))
        left = join("+", std::move(left), product());
      else if (take("-"))
        left = join("-", std::move(left), product());
      else
        return left;
    }
  }

  NodePtr product() {
    NodePtr left = value();
    while (true) {
      if (take("*"))
        left = join("*", std::move(left), value());
      else if (take("/"))
        left = join("/", std::move(left), value());
      else
        return left;
    }
  }

  NodePtr value() {
    if (take("(")) {
      NodePtr inner = sum();
      if (!take(")")) fail("')'");
      return inner;
    }
    skip_spaces();
    if (at_ < text_.size() && std::isdigit(peek()) != 0) return number();
    return path();
  }

  NodePtr number() {
    auto node = std::make_unique<Node>();
    const char* end = text_.data() + text_.size();
    auto [stop, error] = std::from_chars(text_.data() + at_, end, node->number);
    if (error != std::errc()) fail("a number");
    at_ = static_cast<std::size_t>(stop - text_.data());
    return node;
  }

  NodePtr path() {
    auto node = std::make_unique<Node>();
    do {
      node->path.push_back(name());
    } while (at_ < text_.size() && text_[at_] == '.' && ++at_ != 0);
    return node;
  }

  std::string name() {
    std::size_t start = at_;
    while (at_ < text_.size() && (std::isalnum(peek()) != 0 || text_[at_] == '_')) ++at_;
    if (at_ == start) fail("a number or a path such as onelane.connect.total_ms.p99");
    return std::string(text_.substr(start, at_ - start));
  }

  static NodePtr join(std::string operation, NodePtr left, NodePtr right) {
    auto node = std::make_unique<Node>();
    node->operation = std::move(operation);
    node->left = std::move(left);
    node->right = std::move(right);
    return node;
  }

  bool take(std::string_view token) {
    skip_spaces();
    if (!text_.substr(at_).starts_with(token)) return false;
    at_ += token.size();
    return true;
  }

  int peek() const { return static_cast<unsigned char>(text_[at_]); }

  void skip_spaces() {
    while (at_ < text_.size() && std::isspace(peek()) != 0) ++at_;
  }

  [[noreturn]] void fail(std::string_view expected) const {
    throw UsageError(fmt::format("'{}': expected {} at character {}", text_, expected, at_ + 1));
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

const json* element_named(const json& node, const std::string& name) {
  for (const json& member : node) {
    if (!member.is_array()) continue;
    for (const json& element : member) {
      if (element.is_object() && element.value("name", "") == name) return &element;
    }
  }
  return nullptr;
}

const json* child(const json& node, const std::string& name) {
  if (!node.is_object()) return nullptr;
  auto member = node.find(name);
  return member != node.end() ? &*member : element_named(node, name);
}

std::string names_below(const json& node) {
  std::string names;
  if (!node.is_object()) return "nothing";
  for (const auto& [key, member] : node.items()) {
    if (!member.is_array())
      names += (names.empty() ? "" : ", ") + key;
    else
      for (const json& element : member) {
        if (element.is_object()) names += (names.empty() ? "" : ", ") + element.value("name", "");
      }
  }
  return names;
}

std::string spell(const std::vector<std::string>& path) {
  return fmt::format("{}", fmt::join(path, "."));
}

double figure(const json& result, const std::vector<std::string>& path) {
  const json* node = &result;
  for (const std::string& name : path) {
    const json* next = child(*node, name);
    if (next == nullptr) {
      throw UsageError(
          fmt::format("'{}' has no '{}'; there is {}", spell(path), name, names_below(*node)));
    }
    node = next;
  }
  if (node->is_boolean()) return node->get<bool>() ? 1 : 0;
  if (node->is_number()) return node->get<double>();
  throw UsageError(
      fmt::format("'{}' is no number; below it is {}", spell(path), names_below(*node)));
}

double evaluate(const Node& node, const json& result) {
  if (node.operation.empty()) return node.path.empty() ? node.number : figure(result, node.path);
  double left = evaluate(*node.left, result);
  double right = evaluate(*node.right, result);
  switch (node.operation[0]) {
    case '+':
      return left + right;
    case '-':
      return left - right;
    case '*':
      return left * right;
    default:
      return left / right;
  }
}

bool compare(const std::string& comparison, double left, double right) {
  if (std::isnan(left) || std::isnan(right)) return true;
  if (comparison == "<") return left < right;
  if (comparison == "<=") return left <= right;
  if (comparison == ">") return left > right;
  if (comparison == ">=") return left >= right;
  if (comparison == "==") return left == right;
  return left != right;
}

bool holds(const Node& node, const json& result) {
  if (node.operation == kAnd) return holds(*node.left, result) && holds(*node.right, result);
  return compare(node.operation, evaluate(*node.left, result), evaluate(*node.right, result));
}

void list_figures(const Node& node, const json& result, std::vector<std::string>& lines) {
  if (!node.path.empty()) {
    lines.push_back(fmt::format("{} = {:.6g}", spell(node.path), figure(result, node.path)));
  }
  if (node.left) list_figures(*node.left, result, lines);
  if (node.right) list_figures(*node.right, result, lines);
}

}  // namespace

FailIf::FailIf(std::string_view text) : text_(text), root_(Parser(text).condition()) {}
FailIf::FailIf(FailIf&&) noexcept = default;
FailIf& FailIf::operator=(FailIf&&) noexcept = default;
FailIf::~FailIf() = default;

void FailIf::check_paths(const json& result) const {
  std::vector<std::string> ignored;
  list_figures(*root_, result, ignored);
}

bool FailIf::met(const json& result) const { return holds(*root_, result); }

std::string FailIf::figures(const json& result) const {
  std::vector<std::string> lines;
  list_figures(*root_, result, lines);
  return fmt::format("{}, with {}", text_, fmt::join(lines, ", "));
}

int hold_against(const std::vector<FailIf>& conditions, const json& result) {
  int code = kExitOk;
  for (const FailIf& condition : conditions) {
    bool met = condition.met(result);
    fmt::print(stderr, "{}: {}\n", met ? "failed" : "passed", condition.figures(result));
    if (met) code = kExitThreshold;
  }
  return code;
}

}  // namespace onelane::bench
