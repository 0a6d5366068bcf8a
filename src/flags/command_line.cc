#include "src/flags/command_line.h"

#include <algorithm>
#include <boost/program_options.hpp>
#include <sstream>

#include "onelane/option_text.h"
#include "src/model/option_fields.h"
#include "src/model/option_values.h"

namespace onelane::inline v0::flags {

namespace {

namespace po = boost::program_options;

constexpr unsigned kHelpColumns = 100;
// No abbreviations: a flag that is added later must not change what an older command line means.
constexpr int kStyle = po::command_line_style::allow_long |
                       po::command_line_style::long_allow_adjacent |
                       po::command_line_style::long_allow_next;

po::value_semantic* takes(const std::string& placeholder) {
  return po::value<std::string>()->value_name(placeholder);
}

void describe_journal(const Names& names, const JournalOptions& defaults,
                      po::options_description& out) {
  for (const OptionField& field : journal_fields()) {
    std::string help = field.help + "; " + field.limits;
    if (field.name == model::kTickAliasFor) {
      help += "; also --" + names.prefix + "." + std::string(model::kTickAlias);
    }
    auto* value = po::value<std::string>()->value_name(in_capitals(field.unit));
    const std::string shown = option_value(defaults, field.name);
    if (!shown.empty()) value->default_value(shown);
    out.add_options()((names.prefix + "." + field.name).c_str(), value, help.c_str());
  }
}

po::options_description described(const Names& names, const JournalOptions& defaults) {
  po::options_description out("The lane", kHelpColumns);
  describe_journal(names, defaults, out);
  const std::string prefix = names.prefix + ".";
  std::string classes = "options of a class, by the keys below";
  for (const std::string& each : names.classes) {
    classes += (&each == &names.classes.front() ? ": " : ", ") + each;
  }
  out.add_options()((prefix + "class").c_str(), takes("NAME:KEY=VALUE,..."), classes.c_str());
  out.add_options()(
      (prefix + "config").c_str(), takes("FILE"),
      ("read a file of such options: KEY = VALUE under [" + names.prefix + "] and [class NAME]")
          .c_str());
  out.add_options()((prefix + "print").c_str(), "show each value and where it came from");
  return out;
}

struct Split {
  std::vector<std::string> ours;
  std::vector<std::string> others;
};

// Boost gets the lane's flags alone, each with the argument after it: in the program's own it would
// refuse "--name=" and drop "--".
Split split(const std::vector<std::string>& arguments, const std::string& prefix) {
  Split out;
  for (auto each = arguments.begin(); each != arguments.end(); ++each) {
    if (*each == "--") {
      out.others.insert(out.others.end(), each, arguments.end());
      break;
    }
    const bool our_own = each->starts_with(prefix);
    (our_own ? out.ours : out.others).push_back(*each);
    const bool alone = !our_own || *each == prefix + "print" || each->find('=') != each->npos;
    if (!alone && std::next(each) != arguments.end()) out.ours.push_back(*++each);
  }
  return out;
}

Status no_such_flag(std::string_view token, const Names& names,
                    const po::options_description& all) {
  const std::string flag(token.substr(0, token.find('=')));
  const std::string key = flag.substr(std::min(flag.find('.'), flag.size() - 1) + 1);
  if (model::find_field(ClassOptions(), key) != nullptr) {
    return wrong(flag, key + " is an option of a class; it must be set by --" + names.prefix +
                           ".class NAME:" + key + "=VALUE");
  }
  std::vector<std::string> flags;
  for (const auto& each : all.options()) flags.push_back("--" + each->long_name());
  return {Errc::invalid_argument,
          "there is no flag " + flag + "; the nearest is " + nearest(flag, flags)};
}

// In our words: Boost's name no right value.
Status explained(const po::invalid_command_line_syntax& error) {
  const std::string flag = error.get_option_name();
  switch (error.kind()) {
    case po::invalid_command_line_syntax::extra_parameter:
      return wrong(flag, "it has a value; it must stand alone");
    case po::invalid_command_line_syntax::empty_adjacent_parameter:
      return wrong(flag,
                   "there is nothing after its =; an empty value is written as " + flag + " ''");
    default:
      return wrong(flag, "its value is missing; it must follow, as in " + flag + " VALUE");
  }
}

Status add_class_flag(const std::string& origin, const std::string& text, const Names& names,
                      std::vector<Given>& out) {
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos) {
    return wrong(origin,
                 model::in_quotes(text) + " is not NAME:KEY=VALUE,..., such as peers:weight=4");
  }
  const std::string class_name = text.substr(0, colon);
  if (Status status = check_class(class_name, names); !status.ok()) {
    return wrong(origin, status.message());
  }
  return add_settings({class_name, {}, text.substr(colon + 1), origin}, out);
}

Status add_flag(const po::option& option, const Names& names, CommandLine& out) {
  const std::string origin = "--" + option.string_key;
  const std::string key = option.string_key.substr(names.prefix.size() + 1);
  if (key == "print") {
    out.print = true;
    return {};
  }
  const std::string& value = option.value.front();
  if (key == "class") return add_class_flag(origin, value, names, out.given);
  if (key != "config") {
    out.given.push_back({{}, key, value, origin});
    return {};
  }
  if (out.config) return wrong(origin, "it is there twice; it must be set once");
  out.config = value;
  return {};
}

}  // namespace

Result<CommandLine> read_command_line(const std::vector<std::string>& arguments,
                                      const Names& names) {
  po::options_description all = described(names, {});
  all.add_options()((names.prefix + "." + std::string(model::kTickAlias)).c_str(), takes("TIME"));
  CommandLine out;
  Split arguments_of = split(arguments, "--" + names.prefix + ".");
  out.rest = std::move(arguments_of.others);
  try {
    const po::parsed_options parsed =
        po::command_line_parser(arguments_of.ours).options(all).style(kStyle).run();
    for (const po::option& option : parsed.options) {
      if (Status status = add_flag(option, names, out); !status.ok()) return status;
    }
  } catch (const po::unknown_option& error) {
    return no_such_flag(error.get_option_name(), names, all);
  } catch (const po::invalid_command_line_syntax& error) {
    return explained(error);
  } catch (const po::error& error) {
    return Status(Errc::invalid_argument, error.what());
  }
  return out;
}

std::string flags_help(const Names& names, const JournalOptions& defaults) {
  std::ostringstream out;
  out << described(names, defaults);
  return out.str();
}

}  // namespace onelane::inline v0::flags
