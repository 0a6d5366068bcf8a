// The page: its frame, its first sentence and its first two answers.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "onelane/render.h"
#include "onelane/version.h"
#include "src/render/chart.h"
#include "src/render/page_sections.h"
#include "src/render/page_text.h"
#include "src/render/words.h"

namespace onelane::inline v0::render {
namespace {

constexpr std::string_view kNoTitle = "onelane";
constexpr Duration kRefreshMin{1'000'000'000};

std::string date_text(std::int64_t unix_time) {
  const auto seconds = static_cast<std::time_t>(unix_time);
  std::tm fields{};
  std::array<char, 32> text{};
  if (gmtime_r(&seconds, &fields) == nullptr) return "";
  const std::size_t size = std::strftime(text.data(), text.size(), "%F %T UTC", &fields);
  return {text.data(), size};
}

// Since when, and with what, what the title names runs: the first sentences.
std::string about_text(const JournalStats& stats, const About& about) {
  std::string text = fmt::format("onelane {}", ONELANE_VERSION_STRING);
  if (about.standing != Standing::forked) {
    text += ", open for " + duration_text(stats.open);
    if (about.unix_time) {
      const auto open = std::chrono::duration_cast<std::chrono::seconds>(stats.open);
      text += fmt::format(", since {}", date_text(*about.unix_time - open.count()));
    }
  }
  text += ".";
  if (about.unix_time) text += fmt::format(" As of {}.", date_text(*about.unix_time));
  if (!about.note.empty()) text += " " + about.note;
  return escape(text);
}

std::string blame_text(const Verdict& verdict) {
  std::string out = fmt::format("<p>{}</p>\n", escape(verdict.blame));
  if (verdict.victims.empty()) return out;
  out += "<ul>\n";
  for (const std::string& victim : verdict.victims) {
    out += fmt::format("<li>{}</li>\n", escape(victim));
  }
  return out + "</ul>\n";
}

std::string section(std::string_view id, std::string_view title, const std::string& inside) {
  if (inside.empty()) return fmt::format("<section id=\"{}\" data-live hidden></section>\n", id);
  return fmt::format(
      "<section id=\"{0}\" data-live aria-labelledby=\"{0}-title\">\n<h2 "
      "id=\"{0}-title\">{1}</h2>\n"
      "{2}</section>\n",
      id, title, inside);
}

std::string sections(const JournalStats& stats) {
  return section("queues", "Queues now", queues_section(stats)) + "<div class=\"columns\">\n" +
         section("waits", "Waits over the last minute", waits_section(stats)) +
         section("share", "Who had the lane", share_section(stats)) + "</div>\n" +
         section("behind", "Behind what", behind_section(stats)) +
         section("slowest", "The slowest", slowest_section(stats)) + "<div class=\"columns\">\n" +
         (stats.server.name.empty() ? section("log", "Log and checkpoints", log_section(stats))
                                    : section("server", "The server", server_section(stats))) +
         section("disk", "Disk and other writers", disk_section(stats)) + "</div>\n" +
         section("ends", "Drops and rejects", ends_section(stats)) +
         section("sites", "Call sites", call_sites_section(stats)) +
         section("totals", "Since the opening", totals_section(stats));
}

std::string body_of(const JournalStats& stats, const About& about) {
  const Verdict verdict = judge(stats, about);
  std::string out =
      fmt::format("<header>\n<h1>{}</h1>\n<p class=\"about\" id=\"about\" data-live>{}</p>\n",
                  escape(about.title.empty() ? kNoTitle : about.title), about_text(stats, about));
  if (about.refresh > Duration(0)) {
    out +=
        "<p><button id=\"pause\" type=\"button\" hidden>Pause</button> <span id=\"fetched\" "
        "role=\"status\"></span></p>\n";
  }
  out += fmt::format(
      "</header>\n<main>\n<section aria-labelledby=\"wrong-title\">\n"
      "<h2 id=\"wrong-title\">Is anything wrong?</h2>\n"
      "<p id=\"wrong\" class=\"state {}\" role=\"status\" data-live>{}</p>\n</section>\n",
      verdict.ok ? "good" : "bad", escape(verdict.condition));
  if (about.standing == Standing::forked) return out + "</main>\n";
  return out + section("who", "Who makes others wait?", blame_text(verdict)) + sections(stats) +
         "</main>\n";
}

}  // namespace

std::string html(const JournalStats& stats, const About& about) {
  std::string refresh;
  std::string without_script;
  std::string script;
  if (about.refresh > Duration(0)) {
    constexpr std::int64_t kMillisecond = 1'000'000;
    const std::int64_t ms = std::max(about.refresh, kRefreshMin).count() / kMillisecond;
    refresh = fmt::format(" data-refresh=\"{}\"", ms);
    without_script = fmt::format(
        "<noscript><meta http-equiv=\"refresh\" content=\"{}\"></noscript>\n", (ms + 999) / 1000);
    script = fmt::format("<script>{}</script>\n", page_script());
  }
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\"{}>\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n{}"
      "<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n{}{}</body>\n</html>\n",
      refresh, without_script, escape(about.title.empty() ? kNoTitle : about.title), page_style(),
      body_of(stats, about), script);
}

}  // namespace onelane::inline v0::render
