#include "bench/contestants/intake_figures.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <thread>

namespace onelane::bench {
namespace {

double ratio(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? kNoFigure : static_cast<double>(part) / static_cast<double>(whole);
}

Nanoseconds time_of(const timeval& time) {
  return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
}

Nanoseconds process_time() {
  rusage use = {};
  getrusage(RUSAGE_SELF, &use);
  return time_of(use.ru_utime) + time_of(use.ru_stime);
}

}  // namespace

IntakeUse operator-(const IntakeUse& to, const IntakeUse& from) {
  return {.units = to.units - from.units,
          .groups = to.groups - from.groups,
          .written_bytes = to.written_bytes - from.written_bytes,
          .padding_bytes = to.padding_bytes - from.padding_bytes,
          .log_bytes = to.log_bytes - from.log_bytes,
          .sync_us = to.sync_us};
}

const std::vector<std::string>& intake_figure_names() {
  static const std::vector<std::string> names{"rows_per_group", "sync_us",     "t_us",
                                              "of_limit",       "drain_share", "overhead_bytes",
                                              "padding_bytes",  "of_log"};
  return names;
}

Figures intake_figures(const IntakeRun& run) {
  const double per_s = static_cast<double>(run.rows) / to_seconds(run.elapsed);
  const double most_per_s = static_cast<double>(run.callers) / (2 * run.sync_us / 1e6);
  const std::uint64_t filled = run.used.written_bytes - run.used.padding_bytes;
  return {{"rows_per_group", ratio(run.rows, run.used.groups)},
          {"sync_us", run.used.sync_us},
          {"t_us", run.sync_us},
          {"of_limit", std::max(per_s / most_per_s, run.cpu_share)},
          {"drain_share", to_seconds(run.drained) / to_seconds(run.elapsed)},
          {"overhead_bytes", ratio(filled, run.rows) - static_cast<double>(run.row_bytes)},
          {"padding_bytes", ratio(run.used.padding_bytes, run.rows)},
          {"of_log", ratio(run.used.written_bytes, run.used.log_bytes)}};
}

Figures no_intake_figures() {
  Figures none;
  for (const std::string& name : intake_figure_names()) none[name] = kNoFigure;
  return none;
}

ProcessorUse::ProcessorUse() : before_(process_time()) {}

double ProcessorUse::share(Nanoseconds elapsed) const {
  const double all = to_seconds(elapsed) * std::max(1U, std::thread::hardware_concurrency());
  return to_seconds(process_time() - before_) / all;
}

}  // namespace onelane::bench
