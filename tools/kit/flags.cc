#include "tools/kit/flags.h"

#include <fmt/format.h>

#include <boost/program_options.hpp>

#include "onelane/option_text.h"
#include "tools/kit/errors.h"

namespace onelane::kit {
namespace {

namespace po = boost::program_options;

po::value_semantic* semantic(const FlagSet::Flag& flag) {
  if (flag.placeholder.empty()) return new po::untyped_value(true);  // takes nothing
  if (flag.repeatable) {
    return po::value<std::vector<std::string>>()->value_name(flag.placeholder);
  }
  auto* value = po::value<std::string>()->value_name(flag.placeholder);
  return flag.default_value.empty() ? value : value->default_value(flag.default_value);
}

std::vector<std::string> texts(const po::variable_value& value) {
  if (value.empty()) return {};
  if (const auto* many = boost::any_cast<std::vector<std::string>>(&value.value())) return *many;
  return {value.as<std::string>()};
}

}  // namespace

const FlagSet::Flag* FlagSet::find(std::string_view name) const {
  for (const Group& group : groups_) {
    for (const Flag& flag : group.flags) {
      if (flag.name == name) return &flag;
    }
  }
  return nullptr;
}

std::vector<std::string> FlagSet::names() const {
  std::vector<std::string> out{"help"};
  for (const Group& group : groups_) {
    for (const Flag& flag : group.flags) out.push_back(flag.name);
  }
  return out;
}

bool FlagSet::parse(const std::vector<std::string>& arguments, std::ostream& help) const {
  constexpr std::size_t kHelpColumns = 100;
  po::options_description all(kHelpColumns);
  for (const Group& group : groups_) {
    po::options_description options(group.title, kHelpColumns);
    for (const Flag& flag : group.flags) {
      options.add_options()(flag.name.c_str(), semantic(flag), flag.help.c_str());
    }
    all.add(options);
  }
  po::options_description common("Common", kHelpColumns);
  common.add_options()("help,h", "print this and end");
  all.add(common);

  po::variables_map values;
  std::vector<std::string> operands;
  try {
    constexpr int kNoGuessing =
        po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
    po::parsed_options parsed =
        po::command_line_parser(arguments).options(all).style(kNoGuessing).run();
    for (const po::option& option : parsed.options) {
      if (option.position_key != -1) operands.push_back(option.original_tokens.front());
    }
    if (operands_.empty() && !operands.empty()) {
      throw UsageError(
          fmt::format("'{}' is no flag: flags begin with --, see --help", operands[0]));
    }
    po::store(parsed, values);
  } catch (const po::unknown_option& error) {
    std::string name = error.get_option_name();
    name.erase(0, name.find_first_not_of('-'));
    throw UsageError(fmt::format("there is no flag --{}; the nearest is --{}, see --help", name,
                                 nearest(name, names())));
  } catch (const po::error& error) {
    throw UsageError(fmt::format("{}; see --help", error.what()));
  }
  if (values.count("help") != 0) {
    help << usage_ << "\n" << all;
    return false;
  }
  for (const auto& [name, value] : values) {
    for (const std::string& text : texts(value)) {
      try {
        find(name)->parse(text);
      } catch (const UsageError& error) {
        throw UsageError(fmt::format("--{}: {}", name, error.what()));
      }
    }
  }
  parse_operands(operands);
  return true;
}

void FlagSet::parse_operands(const std::vector<std::string>& given) const {
  for (std::size_t i = 0; i < operands_.size(); ++i) {
    const Operand& operand = operands_[i];
    if (i < given.size()) {
      operand.parse(given[i]);
    } else if (operand.required) {
      throw UsageError(
          fmt::format("{} is missing: {}; see --help", operand.placeholder, operand.help));
    }
  }
  if (operands_.empty() || given.size() <= operands_.size()) return;
  throw UsageError(fmt::format("'{}' is one {} too many, after '{}'", given[operands_.size()],
                               operands_.back().placeholder, given[operands_.size() - 1]));
}

}  // namespace onelane::kit
