// A log whose passes do what a test says, and that records its calls.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "onelane/sink.h"

namespace onelane::test {

class ScriptedLog final : public Log {
 public:
  LogState state() const noexcept override { return now; }
  void look() noexcept override {
    if (written_by_others != 0) now.bytes = written_by_others;
    written_by_others = 0;
  }
  Reply write_out() override { return call("write"); }
  LogPass copy_back(std::uint64_t) override { return pass("copy"); }
  LogPass close_in() override { return pass("close"); }
  Reply sync() override { return call("sync"); }
  std::vector<LogReader> readers() const override { return others; }
  std::string_view hazard() const noexcept override { return "a hazard"; }

  // The calls since this was last called.
  std::string taken() {
    std::string all;
    for (const std::string& call : calls) all += (all.empty() ? "" : " ") + call;
    calls.clear();
    return all;
  }

  LogState now;
  std::uint64_t pinned_from = UINT64_MAX;  // a reader keeps what lies behind it
  std::uint64_t written_meanwhile = 0;     // by commits during each pass that lets them
  std::uint64_t written_by_others = 0;     // how long the log then is: seen by looking
  Reply answer;                            // of every call,
  std::string fails;                       // or of this one alone
  std::function<void()> takes;             // what else each call does
  std::vector<LogReader> others;
  std::vector<std::string> calls;

 private:
  Reply call(const char* name) {
    calls.emplace_back(name);
    if (takes) takes();
    return fails.empty() || fails == name ? answer : Reply();
  }
  LogPass pass(const char* name) {
    const Reply reply = call(name);
    LogPass out{.fault = reply.fault, .cause = reply.cause};
    if (!reply.ok()) return out;
    out.bytes = now.bytes;
    out.copied = std::min(now.bytes, pinned_from);
    now.may_copy = written_meanwhile != 0;
    if (calls.back() == "copy") now.bytes += written_meanwhile;
    return out;
  }
};

}  // namespace onelane::test
