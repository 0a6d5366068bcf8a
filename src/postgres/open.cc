#include <algorithm>
#include <chrono>
#include <utility>

#include "onelane/postgres.h"
#include "src/base/memory.h"
#include "src/postgres/postgres_sink.h"

namespace onelane::inline v0::postgres {

namespace {

constexpr std::size_t kPrefixMax = 40;
constexpr Duration kTimeMin = std::chrono::milliseconds(1);
constexpr Duration kTimeMax = std::chrono::hours(1);

bool is_prefix(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !text.empty() && text.size() <= kPrefixMax && !(text[0] >= '0' && text[0] <= '9') &&
         std::all_of(text.begin(), text.end(), allowed);
}

Status check_time(std::string_view option, Duration time) {
  if (time >= kTimeMin && time <= kTimeMax) return {};
  return {Errc::invalid_argument, "postgres::Options::" + std::string(option) + " is " +
                                      std::to_string(time.count()) + " ns; right is 1 ms to 1 h"};
}

}  // namespace

Status validate(const Options& options) {
  if (!is_prefix(options.prefix)) {
    return {Errc::invalid_argument,
            "postgres::Options::prefix is \"" + options.prefix +
                "\"; right are 1 to 40 lower-case letters, digits and _, no digit first"};
  }
  Status status = check_time("connect_timeout", options.connect_timeout);
  if (status.ok()) status = check_time("lock_timeout", options.lock_timeout);
  if (status.ok()) status = check_time("statement_timeout", options.statement_timeout);
  if (status.ok()) status = check_time("reply_timeout", options.reply_timeout);
  if (status.ok() && options.statement_timeout > options.reply_timeout) {
    status = {Errc::invalid_argument,
              "postgres::Options::statement_timeout is longer than reply_timeout"};
  }
  return status;
}

Result<std::unique_ptr<Sink>> open_sink(const std::string& conninfo, const Options& options) {
  return base::sheltered([&]() -> Result<std::unique_ptr<Sink>> {
    Status status = validate(options);
    if (!status.ok()) return status;
    Result<Conninfo> read = Conninfo::read(conninfo);
    if (!read) return read.status();
    auto sink = std::make_unique<PostgresSink>(*std::move(read), options);
    status = sink->start();
    if (status.ok()) status = sink->run_schema(options.schema);
    if (!status.ok()) return status;
    return std::unique_ptr<Sink>(std::move(sink));
  });
}

Result<Journal> open(const std::string& conninfo, const JournalOptions& journal,
                     const Options& options) {
  return base::sheltered([&]() -> Result<Journal> {
    Options with = options;
    if (!journal.schema.empty()) with.schema += "\n;" + journal.schema;
    Result<std::unique_ptr<Sink>> sink = open_sink(conninfo, with);
    if (!sink) return sink.status();
    return Journal::open(*std::move(sink), journal);
  });
}

}  // namespace onelane::inline v0::postgres
