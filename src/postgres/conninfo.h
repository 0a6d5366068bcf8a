// Where a server is, as libpq's conninfo says it, and how messages name it: never with a password.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "onelane/status.h"

namespace onelane::inline v0::postgres {

class Conninfo {
 public:
  // invalid_argument: libpq cannot read it. The message has nothing of it, since any piece of what
  // cannot be read may be of a password.
  static Result<Conninfo> read(const std::string& text);

  // "host=/run/postgresql dbname=peers user=peerd", of what was said.
  const std::string& name() const noexcept { return name_; }
  // The same text without the passwords that the conninfo has.
  std::string scrubbed(std::string_view text) const;
  // One for each host that it names, in their order: libpq itself would wait for a silent first one
  // until there is no time left for the next.
  std::vector<Conninfo> hosts() const;
  // For PQconnectStartParams: `keywords()` and `values()` end with a null.
  std::vector<const char*> keywords() const;
  std::vector<const char*> values() const;

 private:
  struct Setting {
    std::string keyword;
    std::string value;
  };
  Conninfo() = default;

  std::vector<Setting> settings_;
  std::vector<std::string> secrets_;
  std::string name_;
};

}  // namespace onelane::inline v0::postgres
