// onelane top: addresses, snapshots from a server, and what is shown of them.
#include <gtest/gtest.h>
#include <httplib.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "onelane/render.h"
#include "tests/support/temp_directory.h"
#include "tests/support/tool.h"
#include "tools/command.h"
#include "tools/kit/printable.h"
#include "tools/top/address.h"
#include "tools/top/fetch.h"
#include "tools/top/view.h"

namespace onelane::tools {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using test::complaint;
using test::expect_contains;

// ---- addresses

TEST(Addresses, AreAPortOfThisMachineOrASocket) {
  EXPECT_EQ(parse_address("http://127.0.0.1:9123/").to_string(), "http://127.0.0.1:9123");
  EXPECT_EQ(parse_address("http://localhost:80/json").port, 80);
  EXPECT_EQ(parse_address("localhost:9123").host, "localhost");
  EXPECT_EQ(parse_address("[::1]:9123").to_string(), "http://[::1]:9123");
  EXPECT_EQ(parse_address("/run/lane.sock").socket, "/run/lane.sock");
  EXPECT_EQ(parse_address("lane.sock").socket, "lane.sock");
  EXPECT_EQ(parse_address("./a:1").socket, "./a:1");
}

TEST(Addresses, ThatAreNoneSayWhatWouldBeRight) {
  for (const char* wrong :
       {"", "https://localhost:1", "10.0.0.1:80", "http://example.com:80", "localhost:0",
        "localhost:65536", "http://localhost", "http://localhost:", "http://"}) {
    expect_contains(complaint([wrong] { parse_address(wrong); }),
                    "right are http://127.0.0.1:9123");
  }
  expect_contains(complaint([] { parse_address("/" + std::string(200, 'x')); }), "107 bytes");
}

// ---- what is shown

JournalStats busy_lane() {
  JournalStats stats;
  stats.open = std::chrono::hours(3);
  stats.ticks = stats.committed = 1234;
  stats.occupancy = 0.43;
  stats.classes.resize(2);
  ClassStats& peers = stats.classes[0];
  peers.name = "peers";
  peers.queued_records = 17;
  peers.refused = 3;
  peers.ends[static_cast<std::size_t>(End::rejected)] = 5;
  peers.recent.span = 10s;
  peers.recent.offered = 5000;
  peers.recent.ended = 4990;
  peers.recent.held = 2s;
  peers.recent.wait_ns.record(Duration(2ms));
  stats.classes[1].name = "blobs";
  return stats;
}

json snapshot_of(const JournalStats& stats, const render::About& about = {.title = "peerd"}) {
  return parse_snapshot(render::json(stats, about));
}

std::string text_of(const View& view) {
  std::string out;
  for (const std::string& line : view.lines) out += line + "\n";
  return out;
}

std::string shown(const json& snapshot) { return text_of(view_of(snapshot, {})); }

TEST(TopsView, AnswersFirstWhetherAnythingIsWrong) {
  const View view = view_of(snapshot_of(busy_lane()), {});
  EXPECT_TRUE(view.ok);
  expect_contains(view.lines[0], "peerd, onelane 0.1.0, open for 3 h, running");
  EXPECT_EQ(view.lines[view.headline], render::judge(busy_lane()).condition);
}

TEST(TopsView, ShowsEachClassWithItsRatesShareAndWaits) {
  const std::string text = shown(snapshot_of(busy_lane()));
  expect_contains(text, "held 43 % of the time, in 1,234 ticks");
  std::istringstream lines(text);
  std::string peers;
  while (std::getline(lines, peers) && !peers.starts_with("peers")) {
  }
  for (const char* part : {" 17 ", " 500 ", " 499 ", " 20 %", "2ms", " 3 ", " 5"}) {
    expect_contains(peers, part);
  }
  expect_contains(text, "\nblobs");
}

TEST(TopsView, ShowsTheOffenderAndTheVictimsAsThePageDoes) {
  json snapshot = snapshot_of(busy_lane());
  snapshot["verdict"] = {{"ok", false},
                         {"condition", "Somebody else has the write lock."},
                         {"blame", "A foreign writer held the lock for 3 s."},
                         {"victims", {"peers waited 2 s", "blobs waited 1 s"}}};
  const View view = view_of(snapshot, {});
  EXPECT_FALSE(view.ok);
  expect_contains(text_of(view),
                  "Somebody else has the write lock.\nA foreign writer held the "
                  "lock for 3 s.\n- peers waited 2 s\n- blobs waited 1 s\n");
}

TEST(TopsView, FitsTheTerminal) {
  const View view = view_of(snapshot_of(busy_lane()), {.columns = 40, .lines = 6});
  EXPECT_EQ(view.lines.size(), 6U);
  expect_contains(view.lines.back(), "lines more");
  for (const std::string& line : view.lines) EXPECT_LE(kit::columns(line), 40U) << line;
}

TEST(TopsView, ShowsNoControlCharacterWhateverNamesHold) {
  JournalStats stats = busy_lane();
  stats.classes[0].name = "a\x1b[2J\nb\xff";
  json snapshot = snapshot_of(stats, {.title = "\x1b]0;x\x07"});
  snapshot["verdict"]["blame"] = "c\rd\xe2\x80\xae";
  snapshot["verdict"]["victims"] = {"\x9b", "e\tf"};
  for (const std::string& line : view_of(snapshot, {}).lines) {
    for (const char c : line) EXPECT_GE(static_cast<unsigned char>(c), 0x20) << line;
    EXPECT_EQ(line.find("\xe2\x80\xae"), std::string::npos);
  }
}

TEST(TopsView, TakesASnapshotOfOtherKindsForNothing) {
  for (const char* text :
       {R"({"schema":1})", R"({"schema":1,"classes":7,"lane":[],"log":"x","verdict":null})",
        R"({"schema":1,"classes":[1,null,{"name":5,"recent":[],"ends_units":3}]})",
        R"({"schema":1,"classes":[{"queued_records":-5,)"
        R"("recent":{"span_ns":1e-300,"offered_units":1e308}}]})",
        R"({"schema":1,"lane":{"open_ns":"soon"},"verdict":{"victims":[{},7]}})"}) {
    EXPECT_GT(view_of(parse_snapshot(text), {}).lines.size(), 5U) << text;
  }
}

// ---- a server

TEST(Snapshots, OfAnotherSchemaOrNoneAreRefused) {
  expect_contains(complaint([] { parse_snapshot("{"); }), "no journal's server");
  expect_contains(complaint([] { parse_snapshot("[]"); }), "no journal's server");
  expect_contains(complaint([] { parse_snapshot(R"({"schema":2})"); }), "is of schema 2");
}

// Answers /json until it goes.
class Answering {
 public:
  Answering(const std::string& address, httplib::Server::Handler handler) {
    server_.Get("/json", std::move(handler));
    server_.set_address_family(AF_UNIX);
    server_.set_socket_options([this](int socket) { socket_ = socket; });
    EXPECT_TRUE(server_.bind_to_port(address, 80));
    thread_ = std::thread([this] { server_.listen_after_bind(); });
  }
  // Not stop(): it would close the socket under the thread that accepts on it.
  ~Answering() {
    EXPECT_EQ(shutdown(socket_, SHUT_RDWR), 0);
    thread_.join();
  }

 private:
  httplib::Server server_;
  int socket_ = -1;
  std::thread thread_;
};

TEST(Snapshots, ComeFromAUnixSocket) {
  const test::TempDirectory directory;
  const std::string path = directory / "lane.sock";
  std::string host;
  const Answering server(path, [&](const httplib::Request& request, httplib::Response& response) {
    host = request.get_header_value("Host");
    response.set_content(render::json(busy_lane()), "application/json");
  });
  EXPECT_EQ(fetch_snapshot(parse_address(path))["classes"][0]["name"], "peers");
  EXPECT_EQ(host, "localhost");
}

TEST(Snapshots, ThatAServerRefusesAreExplained) {
  const test::TempDirectory directory;
  const std::string path = directory / "lane.sock";
  const Answering server(path, [](const httplib::Request&, httplib::Response& response) {
    response.status = 421;
    response.set_content("not \x1b[2Jyou", "text/plain");
  });
  expect_contains(complaint([&] { fetch_snapshot(parse_address(path)); }),
                  "answers 421 not \\x1b[2Jyou");
}

TEST(Snapshots, OfMoreThanASnapshotCanHaveAreNotRead) {
  const test::TempDirectory directory;
  const std::string path = directory / "lane.sock";
  const Answering server(path, [](const httplib::Request&, httplib::Response& response) {
    response.set_content(std::string(17 * 1024 * 1024, ' '), "application/json");
  });
  expect_contains(complaint([&] { fetch_snapshot(parse_address(path)); }), "more than the 16 MiB");
}

TEST(Snapshots, ThatNobodyHasAreAnError) {
  const test::TempDirectory directory;
  expect_contains(
      complaint([&] { fetch_snapshot(parse_address((directory / "none.sock").string())); }),
      "nobody listens there");
}

// ---- in a terminal

// The command in a terminal of its own, 60 columns by 8 lines.
class Terminal {
 public:
  explicit Terminal(const std::string& socket) {
    std::array<int, 2> go{};
    EXPECT_EQ(pipe(go.data()), 0);
    winsize size{.ws_row = 8, .ws_col = 60, .ws_xpixel = 0, .ws_ypixel = 0};
    std::fflush(nullptr);  // or the child says it once more
    pid_ = forkpty(&master_, nullptr, nullptr, &size);
    if (pid_ == 0) {
      char one = 0;
      const bool told = read(go[0], &one, 1) == 1;
      _exit(told ? run({"top", socket, "--every", "100ms"}) : 99);
    }
    close(go[0]);
    go_ = go[1];
    // Ctrl-C throws away what is not read yet, and the program may have said good-bye by then.
    termios settings{};
    EXPECT_EQ(tcgetattr(master_, &settings), 0);
    settings.c_lflag |= NOFLSH;
    EXPECT_EQ(tcsetattr(master_, TCSANOW, &settings), 0);
  }
  ~Terminal() {
    close(master_);
    close(go_);
  }

  void start() const { EXPECT_EQ(write(go_, "x", 1), 1); }
  void press(char key) const { EXPECT_EQ(write(master_, &key, 1), 1); }
  // Reads until this was drawn, or the program has ended.
  void read_until(std::string_view part) {
    std::array<char, 4096> bytes{};
    while (text_.find(part) == std::string::npos) {
      const ssize_t got = read(master_, bytes.data(), bytes.size());
      if (got <= 0) return;
      text_.append(bytes.data(), static_cast<std::size_t>(got));
    }
  }
  int exit_code() {
    read_until("there is no such text");
    int status = 0;
    EXPECT_EQ(waitpid(pid_, &status, 0), pid_);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  const std::string& text() const { return text_; }

 private:
  int master_ = -1;
  int go_ = -1;
  pid_t pid_ = -1;
  std::string text_;
};

class TopInATerminal : public ::testing::Test {
 protected:
  TopInATerminal() : terminal_(directory_ / "lane.sock") {}
  // Draws, gets the key, and ends.
  int end_by(char key) {
    const Answering server(directory_ / "lane.sock",
                           [](const httplib::Request&, httplib::Response& response) {
                             response.set_content(render::json(busy_lane()), "application/json");
                           });
    terminal_.start();
    terminal_.read_until("lines more");
    terminal_.press(key);
    return terminal_.exit_code();
  }

  test::TempDirectory directory_;
  Terminal terminal_;  // before there are threads
};

TEST_F(TopInATerminal, DrawsOnAScreenOfItsOwnUntilQIsPressed) {
  EXPECT_EQ(end_by('q'), 0);
  EXPECT_TRUE(terminal_.text().starts_with("\x1b[?1049h\x1b[?25l")) << terminal_.text();
  EXPECT_TRUE(terminal_.text().ends_with("\x1b[?25h\x1b[?1049l")) << terminal_.text();
}

TEST_F(TopInATerminal, PutsTheTerminalBackWhenItIsInterrupted) {
  EXPECT_EQ(end_by('\x03'), 130);
  EXPECT_TRUE(terminal_.text().ends_with("\x1b[?25h\x1b[?1049l")) << terminal_.text();
}

}  // namespace
}  // namespace onelane::tools
