#include "src/postgres/conninfo.h"

#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <memory>

namespace onelane::inline v0::postgres {

namespace {

struct FreeOptions {
  void operator()(PQconninfoOption* options) const noexcept { PQconninfoFree(options); }
};

// "a,b": both. What libpq has lists for.
std::vector<std::string> listed(std::string_view keyword, const std::string& value) {
  if (keyword != "host" && keyword != "hostaddr" && keyword != "port") return {value};
  std::vector<std::string> out(1);
  for (const char c : value) {
    if (c == ',') {
      out.emplace_back();
    } else {
      out.back() += c;
    }
  }
  return out;
}

}  // namespace

Result<Conninfo> Conninfo::read(const std::string& text) {
  char* error = nullptr;
  const std::unique_ptr<PQconninfoOption, FreeOptions> options(
      PQconninfoParse(text.c_str(), &error));
  PQfreemem(error);
  if (options == nullptr || text.find('\0') != std::string::npos) {
    return Status(
        Errc::invalid_argument,
        "conninfo: libpq cannot read it; right is keyword=value, with spaces between, as "
        "in \"host=/run/postgresql dbname=peers\", or a URI, postgresql://user@host/peers");
  }
  constexpr std::array<std::string_view, 4> kNamed{"host", "port", "dbname", "user"};
  constexpr std::array<std::string_view, 2> kSecret{"password", "sslpassword"};
  Conninfo out;
  bool nested = false;
  for (const PQconninfoOption* each = options.get(); each->keyword != nullptr; ++each) {
    if (each->val == nullptr || *each->val == '\0') continue;
    const std::string_view keyword = each->keyword;
    out.settings_.push_back({each->keyword, each->val});
    if (std::find(kSecret.begin(), kSecret.end(), keyword) != kSecret.end()) {
      out.secrets_.emplace_back(each->val);
    }
    // Some programs take such a dbname for another conninfo, which may have a password.
    const std::string_view value = each->val;
    nested |=
        keyword == "dbname" && (value.find('=') != value.npos || value.find("://") != value.npos);
  }
  if (nested) {
    return Status(Errc::invalid_argument,
                  "conninfo: the dbname is a conninfo itself; right is a database's name");
  }
  for (const std::string_view keyword : kNamed) {
    for (const Setting& each : out.settings_) {
      if (each.keyword != keyword) continue;
      if (!out.name_.empty()) out.name_ += ' ';
      out.name_ += each.keyword + "=" + each.value;
    }
  }
  return out;
}

std::string Conninfo::scrubbed(std::string_view text) const {
  std::string out(text);
  for (const std::string& secret : secrets_) {
    for (std::size_t at = out.find(secret); at != std::string::npos; at = out.find(secret, at)) {
      out.replace(at, secret.size(), "***");
      at += 3;
    }
  }
  return out;
}

// A list of one is for all hosts. Where lists do not match, libpq says so of the whole.
std::vector<Conninfo> Conninfo::hosts() const {
  std::vector<Conninfo> out{*this};
  for (const Setting& each : settings_) {
    const std::size_t values = listed(each.keyword, each.value).size();
    if (values == 1 || values == out.size()) continue;
    if (out.size() != 1) return {*this};
    out.assign(values, *this);
  }
  for (std::size_t host = 0; host < out.size() && out.size() > 1; ++host) {
    for (Setting& each : out[host].settings_) {
      const std::vector<std::string> values = listed(each.keyword, each.value);
      each.value = values[values.size() == 1 ? 0 : host];
    }
  }
  return out;
}

std::vector<const char*> Conninfo::keywords() const {
  std::vector<const char*> out;
  for (const Setting& each : settings_) out.push_back(each.keyword.c_str());
  // What values are read and written by. The last of a keyword counts.
  out.push_back("client_encoding");
  out.push_back(nullptr);
  return out;
}

std::vector<const char*> Conninfo::values() const {
  std::vector<const char*> out;
  for (const Setting& each : settings_) out.push_back(each.value.c_str());
  out.push_back("UTF8");
  out.push_back(nullptr);
  return out;
}

}  // namespace onelane::inline v0::postgres
