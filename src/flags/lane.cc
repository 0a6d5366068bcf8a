#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include "onelane/flags.h"
#include "onelane/option_text.h"
#include "src/flags/command_line.h"
#include "src/flags/config_file.h"
#include "src/flags/environment.h"
#include "src/flags/resolved.h"

namespace onelane::inline v0::flags {

namespace {

Names names_of(const Defaults& defaults) {
  Names names{.prefix = defaults.prefix, .environment = defaults.environment, .classes = {}};
  for (const ClassOptions& each : defaults.classes) names.classes.push_back(each.name);
  return names;
}

// An origin stands in a line of its own.
std::string in_one_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r'; }, '?');
  return text;
}

}  // namespace

struct Lane::Impl {
  explicit Impl(Defaults given)
      : defaults(std::move(given)),
        names(names_of(defaults)),
        options(defaults.journal, defaults.classes) {}

  Result<std::vector<Given>> read_file(const CommandLine& flags,
                                       const Environment& environment) const;

  Defaults defaults;
  Names names;
  Resolved options;
  bool print = false;
};

// A flag's file wins over a variable's: one is read.
Result<std::vector<Given>> Lane::Impl::read_file(const CommandLine& flags,
                                                 const Environment& environment) const {
  const std::optional<std::string>& path = flags.config ? flags.config : environment.config;
  if (!path) return std::vector<Given>();
  const Result<std::string> text = text_of_file(*path);
  if (text) return read_config(*text, in_one_line(*path), names);
  return wrong(flags.config ? "--" + names.prefix + ".config" : environment.config_variable,
               text.status().message());
}

Lane::Lane(Defaults defaults) : impl_(std::make_unique<Impl>(std::move(defaults))) {}
Lane::Lane(Lane&&) noexcept = default;
Lane& Lane::operator=(Lane&&) noexcept = default;
Lane::~Lane() = default;

Result<std::vector<std::string>> Lane::parse(int argc, const char* const* argv) {
  std::vector<std::string> arguments;
  for (int i = 1; i < argc; ++i) arguments.emplace_back(argv[i]);
  return parse(arguments, variables_of_process());
}

Result<std::vector<std::string>> Lane::parse(const std::vector<std::string>& arguments,
                                             const std::vector<std::string>& environment) {
  Impl& own = *impl_;
  own.options = Resolved(own.defaults.journal, own.defaults.classes);
  own.print = false;
  Result<CommandLine> flags = read_command_line(arguments, own.names);
  if (!flags) return flags.status();
  const Result<Environment> variables = read_environment(environment, own.names);
  if (!variables) return variables.status();
  const Result<std::vector<Given>> file = own.read_file(*flags, *variables);
  if (!file) return file.status();

  Resolved options = own.options;
  const std::array<std::span<const Given>, 3> sources{*file, variables->given, flags->given};
  for (const std::span<const Given> source : sources) {
    if (Status status = options.apply(source); !status.ok()) return status;
  }
  if (Status status = options.check(); !status.ok()) return status;
  own.options = std::move(options);
  own.print = flags->print;
  return std::move(flags->rest);
}

const JournalOptions& Lane::journal() const noexcept { return impl_->options.journal(); }

const std::vector<ClassOptions>& Lane::classes() const noexcept { return impl_->options.classes(); }

Result<ClassOptions> Lane::class_options(std::string_view name) const {
  for (const ClassOptions& each : classes()) {
    if (each.name == name) return each;
  }
  return check_class(std::string(name), impl_->names);
}

bool Lane::print_wanted() const noexcept { return impl_->print; }

std::string Lane::print() const { return impl_->options.print(impl_->names.prefix); }

std::string Lane::help() const {
  std::string out = flags_help(impl_->names, impl_->defaults.journal);
  out += "\nKeys of a class:\n";
  for (const OptionField& field : class_fields()) {
    out += "  " + field.name + "=" + in_capitals(field.unit) + " (=" + field.default_value +
           ")\n      " + field.help + "; " + field.limits + "\n";
  }
  return out;
}

}  // namespace onelane::inline v0::flags
