#include "bench/contestants/pg_schema.h"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <map>

#include "bench/kit/errors.h"

namespace onelane::bench {
namespace {

using Settings = std::map<std::string, std::string>;

// What libpq says of a text that it cannot read has pieces of it, and they may be of a password.
Settings settings_of(const std::string& conninfo) {
  char* why = nullptr;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(
      PQconninfoParse(conninfo.c_str(), &why), &PQconninfoFree);
  PQfreemem(why);
  if (options == nullptr) {
    throw UsageError(
        "--postgres: libpq cannot read this conninfo: a text such as "
        "'host=/run/postgresql dbname=bench' is right, or a URI");
  }
  Settings settings;
  for (const PQconninfoOption* at = options.get(); at->keyword != nullptr; ++at) {
    if (at->val != nullptr) settings[at->keyword] = at->val;
  }
  return settings;
}

std::string conninfo_of(const Settings& settings) {
  std::string text;
  for (const auto& [keyword, value] : settings) {
    text += keyword + "='";
    for (char c : value) {
      if (c == '\'' || c == '\\') text += '\\';
      text += c;
    }
    text += "' ";
  }
  return text;
}

}  // namespace

PgSchema::PgSchema(const StoreOptions& options, std::string_view tables)
    : owner_(conninfo_of(settings_of(options.postgres))),
      schema_(owner_.ask("SELECT 'onelane_bench_' || replace(gen_random_uuid()::text, '-', '')")) {
  Settings settings = settings_of(options.postgres);
  settings["options"] += fmt::format(" -c search_path={} -c synchronous_commit={}", schema_,
                                     synchronous_commit(options.synchronous));
  if (options.added_round_trip > std::chrono::nanoseconds(0)) {
    delay_.emplace(PQsocket(owner_.handle()), options.added_round_trip);
    // The host stays what a password and a certificate are looked up by.
    settings["host"] = PQhost(owner_.handle());
    settings["hostaddr"] = "127.0.0.1";
    settings["port"] = std::to_string(delay_->port());
  }
  conninfo_ = conninfo_of(settings);
  owner_.execute(fmt::format("CREATE SCHEMA {0}; SET search_path TO {0}; {1}", schema_, tables));
}

PgSchema::~PgSchema() {
  try {
    owner_.execute(fmt::format("DROP SCHEMA IF EXISTS {} CASCADE", schema_));
  } catch (const RunError&) {  // the server is gone, and nothing better can be done
  }
}

}  // namespace onelane::bench
