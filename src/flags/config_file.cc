#include "src/flags/config_file.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <optional>
#include <system_error>

#include "src/model/option_fields.h"
#include "src/model/option_grammar.h"
#include "src/model/option_values.h"

namespace onelane::inline v0::flags {

namespace {

constexpr std::size_t kFileBytesMax = 1 << 20;

// Reads line by line.
class Reader {
 public:
  Reader(std::string file, const Names& names) : file_(std::move(file)), names_(names) {}

  Status read(std::string_view line) {
    ++line_;
    line = model::trimmed(line);
    if (line.empty() || line.front() == '#' || line.front() == ';') return {};
    return line.front() == '[' ? begin(line) : set(line);
  }

  std::vector<Given> take() { return std::move(given_); }

 private:
  std::string here() const { return file_ + ":" + std::to_string(line_); }

  Status refused(std::string_view what, const std::string& right) const {
    return wrong(here(), model::in_quotes(what) + right);
  }

  Status begin(std::string_view line) {
    const std::size_t end = line.find(']');
    const std::string sections =
        " is no section; it must be [" + names_.prefix + "] or [class NAME]";
    if (end == std::string_view::npos || !only_comment(line.substr(end + 1))) {
      return refused(line, sections);
    }
    std::string_view title = model::trimmed(line.substr(1, end - 1));
    if (title == names_.prefix) {
      class_.emplace();
      return {};
    }
    if (!title.starts_with("class ")) return refused(line, sections);
    class_ = model::trimmed(title.substr(title.find(' ')));
    Status known = check_class(*class_, names_);
    return known.ok() ? known : wrong(here(), known.message());
  }

  Status set(std::string_view line) {
    const std::size_t equals = line.find('=');
    const std::string_view key = model::trimmed(line.substr(0, equals));
    if (equals == std::string_view::npos || key.empty()) {
      return refused(line, " is no KEY = VALUE, such as weight = 4, and no [SECTION]");
    }
    if (!class_) {
      return refused(key, " is set before any section; it must stand under [" + names_.prefix +
                              "] or [class NAME]");
    }
    if (const std::optional<std::string> right = without_prefix(key)) {
      return refused(key,
                     " begins with " + names_.prefix + "., as only flags do; it must be " + *right);
    }
    Result<std::string> value = value_of(model::trimmed(line.substr(equals + 1)));
    if (!value) return wrong(here(), std::string(key) + ": " + value.status().message());
    given_.push_back({*class_, std::string(key), std::move(*value), here()});
    return {};
  }

  // Of a flag's name, "lane.tick", the key that a file has for it.
  std::optional<std::string> without_prefix(std::string_view key) const {
    const auto known = [](std::string_view name) {
      return model::find_field(JournalOptions(), name) != nullptr ||
             model::find_field(ClassOptions(), name) != nullptr;
    };
    if (!key.starts_with(names_.prefix + ".") || known(key)) return std::nullopt;
    const std::string_view own = key.substr(names_.prefix.size() + 1);
    return known(own) ? std::string(own) : "a key without that, such as tick.hold";
  }

  static bool only_comment(std::string_view text) {
    text = model::trimmed(text);
    return text.empty() || text.front() == '#';
  }

  // Without its quotes, or the comment that follows it.
  static Result<std::string> value_of(std::string_view text) {
    if (!text.starts_with('"')) return std::string(without_comment(text));
    Result<std::string> value = model::take_quoted(text);
    if (!value || only_comment(text)) return value;
    return Status(Errc::invalid_argument,
                  model::in_quotes(text) + " follows a quoted value; only a # comment may");
  }

  // A # begins one at the value's beginning, or after a space.
  static std::string_view without_comment(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      const bool apart = i == 0 || text[i - 1] == ' ' || text[i - 1] == '\t';
      if (text[i] == '#' && apart) return model::trimmed(text.substr(0, i));
    }
    return text;
  }

  std::string file_;
  const Names& names_;
  std::size_t line_ = 0;
  std::optional<std::string> class_;  // of the section; empty: the journal's
  std::vector<Given> given_;
};

}  // namespace

Result<std::vector<Given>> read_config(std::string_view text, const std::string& name,
                                       const Names& names) {
  Reader reader(name, names);
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    if (Status status = reader.read(line); !status.ok()) return status;
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return reader.take();
}

Result<std::string> text_of_file(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string text(kFileBytesMax + 1, '\0');
  if (file) file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.is_open() || file.bad()) {
    const int error = errno != 0 ? errno : EIO;
    return Status(Errc::invalid_argument, "cannot read " + model::in_quotes(path) + " (" +
                                              std::system_category().message(error) +
                                              "); it must be a file of options");
  }
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() <= kFileBytesMax) return text;
  return Status(Errc::invalid_argument,
                model::in_quotes(path) + " is larger than 1 MiB; it must be a file of options");
}

}  // namespace onelane::inline v0::flags
