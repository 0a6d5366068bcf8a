// The server on real sockets: who may connect, how long, how many at once, and its end.
#include "onelane/http.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <fstream>
#include <thread>

#include "onelane/testing.h"
#include "tests/support/http_client.h"
#include "tests/support/snapshots.h"
#include "tests/support/temp_directory.h"

namespace onelane::test {
namespace {

using namespace std::chrono_literals;
using http::Server;
using http::ServerOptions;
using http::Snapshot;

Snapshot busy() { return {busy_snapshot(), {.title = "peerd"}}; }

std::unique_ptr<Server> serve(ServerOptions options) {
  return Server::serve(busy, std::move(options)).value();
}

std::string get(const std::string& path, const std::string& host) {
  return "GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n";
}

std::string asked(std::uint16_t port, const std::string& path) {
  HttpClient client(port);
  client.send(get(path, "127.0.0.1:" + std::to_string(port)));
  return client.read_all();
}

std::string asked(const std::string& socket, const std::string& path) {
  HttpClient client(socket);
  client.send(get(path, "localhost"));
  return client.read_all();
}

// The error of a server that must not be.
Status refused(ServerOptions options) { return Server::serve(busy, std::move(options)).status(); }

class HttpServer : public ::testing::Test {
 protected:
  std::string path(const std::string& name) { return (directory_.path() / name).string(); }

  TempDirectory directory_;
};

TEST_F(HttpServer, NothingListensWithoutAnAddress) {
  EXPECT_EQ(refused({}).code(), Errc::invalid_argument);
  const Status both = refused({.socket = path("s"), .port = 0});
  EXPECT_EQ(both.code(), Errc::invalid_argument);
  EXPECT_NE(both.to_string().find(path("s")), std::string::npos);
  EXPECT_EQ(Server::serve(http::Source(), {.port = 0}).status().code(), Errc::invalid_argument);
}

TEST_F(HttpServer, AnswersOnALoopbackAddressAndNoOther) {
  const auto server = serve({.port = 0});
  EXPECT_EQ(server->address(), "http://127.0.0.1:" + std::to_string(server->port()) + "/");
  EXPECT_EQ(status_of_response(asked(server->port(), "/")), "200");
  EXPECT_FALSE(HttpClient(server->port(), "127.0.0.2").connected());
}

TEST_F(HttpServer, APortThatIsTakenIsAnErrorThatNamesIt) {
  const auto server = serve({.port = 0});
  const Status why = refused({.port = server->port()});
  EXPECT_EQ(why.code(), Errc::storage);
  EXPECT_NE(why.to_string().find(std::to_string(server->port())), std::string::npos);
}

TEST_F(HttpServer, AUnixSocketIsTheUsersAloneWhateverTheUmask) {
  const mode_t before = umask(0);
  const auto server = serve({.socket = path("lane")});
  umask(before);
  struct stat file = {};
  ASSERT_EQ(lstat(path("lane").c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 07777U, 0600U);
  EXPECT_EQ(status_of_response(asked(path("lane"), "/")), "200");
  EXPECT_EQ(server->port(), 0);
}

TEST_F(HttpServer, ItsSocketIsRemovedInTheEnd) {
  serve({.socket = path("lane")}).reset();
  EXPECT_FALSE(std::filesystem::exists(path("lane")));
}

TEST_F(HttpServer, ASocketThatNobodyListensOnAnyMoreIsReplaced) {
  const pid_t child = fork();
  if (child == 0) {
    serve({.socket = path("lane")}).release();  // dies with it
    _exit(0);
  }
  waitpid(child, nullptr, 0);
  ASSERT_TRUE(std::filesystem::exists(path("lane")));
  const auto server = serve({.socket = path("lane")});
  EXPECT_EQ(status_of_response(asked(path("lane"), "/health")), "200");
}

TEST_F(HttpServer, ASocketInUseAndAFileOfAnotherKindAreLeftAlone) {
  const auto server = serve({.socket = path("lane")});
  EXPECT_EQ(refused({.socket = path("lane")}).code(), Errc::storage);
  EXPECT_EQ(status_of_response(asked(path("lane"), "/health")), "200");
  std::ofstream(path("notes")) << "keep";
  EXPECT_EQ(refused({.socket = path("notes")}).code(), Errc::storage);
  EXPECT_EQ(std::filesystem::file_size(path("notes")), 4U);
  const Status too_long = refused({.socket = std::string(108, 'x')});
  EXPECT_EQ(too_long.code(), Errc::invalid_argument);
  EXPECT_NE(too_long.to_string().find("108 bytes"), std::string::npos);
}

TEST_F(HttpServer, AHostThatTheProgramNamedIsAnswered) {
  const auto server = serve({.port = 0, .hosts = {"lane.example:443"}});
  HttpClient client(server->port());
  client.send(get("/", "lane.example:443"));
  EXPECT_EQ(status_of_response(client.read_all()), "200");
}

TEST_F(HttpServer, AConnectionIsForOneRequest) {
  const auto server = serve({.port = 0});
  const std::string host = "127.0.0.1:" + std::to_string(server->port());
  HttpClient client(server->port());
  client.send(get("/health", host) + get("/health", host));
  const std::string said = client.read_all();
  EXPECT_EQ(said.find("HTTP/1.1", 1), std::string::npos) << said;
  EXPECT_EQ(header_of_response(said, "Connection"), "close");
}

TEST_F(HttpServer, AHeadMayHaveEightKibibytes) {
  const auto server = serve({.port = 0});
  const std::string host = "127.0.0.1:" + std::to_string(server->port());
  for (const std::size_t bytes : {8192U, 8193U}) {
    std::string head = "GET /health HTTP/1.1\r\nHost: " + host + "\r\n";
    while (head.size() + 2 < bytes) {  // lines of at most 100
      const std::size_t left = std::min<std::size_t>(100, bytes - head.size() - 2);
      head += left < 8 ? std::string() : "X: " + std::string(left - 5, 'x') + "\r\n";
      if (left < 8) head.insert(head.size() - 2, std::string(left, 'y'));
    }
    head += "\r\n";
    ASSERT_EQ(head.size(), bytes);
    HttpClient client(server->port());
    client.send(head);
    EXPECT_EQ(status_of_response(client.read_all()), bytes == 8192 ? "200" : "431");
  }
}

TEST_F(HttpServer, AHeadWithoutEndIsRefusedAtEightKibibytes) {
  const auto server = serve({.port = 0});
  HttpClient client(server->port());
  client.send("GET /" + std::string(9000, 'a'));
  EXPECT_EQ(status_of_response(client.read_all()), "431");
}

TEST_F(HttpServer, AHeadThatIsNotHereWithinTwoSecondsIsRefusedHoweverItTrickles) {
  const auto server = serve({.port = 0});
  HttpClient silent(server->port());
  HttpClient trickling(server->port());
  int sent = 0;
  for (; sent < 40 && !trickling.heard_within(100ms); ++sent) trickling.send("G");
  EXPECT_GE(sent, 15);
  EXPECT_LE(sent, 30);
  EXPECT_EQ(status_of_response(trickling.read_all()), "408");
  EXPECT_EQ(status_of_response(silent.read_all()), "408");
}

TEST_F(HttpServer, SixteenConnectionsAreOpenAtOnceAndTheNextIsTurnedAway) {
  const auto server = serve({.port = 0});
  std::vector<std::unique_ptr<HttpClient>> idle;
  for (int i = 0; i < 16; ++i) idle.push_back(std::make_unique<HttpClient>(server->port()));
  EXPECT_EQ(status_of_response(HttpClient(server->port()).read_all()), "503");
  for (const auto& client : idle) EXPECT_EQ(status_of_response(client->read_all()), "408");
  EXPECT_EQ(status_of_response(asked(server->port(), "/health")), "200");
}

TEST_F(HttpServer, AClientThatDawdlesDelaysOthersByTheTimeOfAHeadAtMost) {
  const auto server = serve({.port = 0});
  std::vector<std::unique_ptr<HttpClient>> idle;
  for (int i = 0; i < 15; ++i) idle.push_back(std::make_unique<HttpClient>(server->port()));
  HttpClient good(server->port());
  good.send(get("/health", "127.0.0.1:" + std::to_string(server->port())));
  EXPECT_TRUE(good.heard_within(4s));
  EXPECT_EQ(status_of_response(good.read_all()), "200");
}

TEST_F(HttpServer, AClientThatIsGoneAndOneThatDoesNotReadHoldNothingUp) {
  const auto server = serve({.port = 0});
  const std::string host = "127.0.0.1:" + std::to_string(server->port());
  for (int i = 0; i < 8; ++i) HttpClient(server->port()).send(get("/", host));
  EXPECT_EQ(status_of_response(asked(server->port(), "/health")), "200");
}

TEST_F(HttpServer, ABodyThatIsNotReadDoesNotTakeTheAnswerAway) {
  const auto server = serve({.port = 0});
  HttpClient client(server->port());
  client.send("POST / HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(server->port()) +
              "\r\nContent-Length: 100000\r\n\r\n" + std::string(100'000, 'x'));
  EXPECT_EQ(status_of_response(client.read_all()), "405");
}

TEST_F(HttpServer, EndsAtOnceWhileAClientDawdles) {
  auto server = serve({.port = 0});
  HttpClient silent(server->port());
  HttpClient half(server->port());
  half.send("GET / HT");
  server.reset();
  EXPECT_TRUE(silent.heard_within(1s));
}

TEST_F(HttpServer, ManyClientsAtOnceAreAllAnswered) {
  const auto server = serve({.port = 0});
  std::atomic<int> answered{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&] {
      for (int n = 0; n < 10; ++n) {
        if (status_of_response(asked(server->port(), "/metrics")) == "200") ++answered;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(answered.load(), 80);
}

// A manual journal: it has no threads, so that a child can be forked from it.
class HttpOfAJournal : public HttpServer {
 protected:
  Journal open() {
    return Journal::open(std::make_unique<testing::MemorySink>(store_),
                         {.drive = Drive::manual, .clock = clock_})
        .value();
  }

  std::shared_ptr<onelane::testing::FakeClock> clock_ =
      std::make_shared<onelane::testing::FakeClock>();
  std::shared_ptr<onelane::testing::MemoryStore> store_ =
      std::make_shared<onelane::testing::MemoryStore>();
};

TEST_F(HttpOfAJournal, ShowsItsClassesWhileItRunsAndThatItIsClosed) {
  Journal journal = open();
  journal.add_class({.name = "peers"}).value();
  clock_->advance(5s);
  const auto server = Server::serve(journal, {.socket = path("lane"), .title = "peerd"}).value();
  EXPECT_EQ(body_of_response(asked(path("lane"), "/health")), "All is well.\n");
  const std::string page = asked(path("lane"), "/");
  EXPECT_NE(page.find("<h1>peerd</h1>"), std::string::npos);
  EXPECT_NE(page.find(">peers</th>"), std::string::npos);
  EXPECT_NE(page.find("data-refresh=\"2000\""), std::string::npos);
  journal.close(1s);
  clock_->advance(1s);
  EXPECT_EQ(status_of_response(asked(path("lane"), "/health")), "503");
  EXPECT_NE(asked(path("lane"), "/").find("The journal is closed"), std::string::npos);
}

TEST_F(HttpOfAJournal, InAForkedChildItSaysSo) {
  Journal journal = open();
  clock_->advance(5s);
  std::array<int, 2> ready{};
  std::array<int, 2> done{};
  ASSERT_EQ(pipe(ready.data()), 0);
  ASSERT_EQ(pipe(done.data()), 0);
  const pid_t child = fork();
  char byte = 'x';
  if (child == 0) {
    close(done[1]);
    const auto server = Server::serve(journal, {.socket = path("lane")});
    if (write(ready[1], &byte, 1) != 1 || read(done[0], &byte, 1) != 0) _exit(1);
    _exit(server.ok() ? 0 : 1);
  }
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  const std::string page = asked(path("lane"), "/");
  EXPECT_NE(page.find("This process was forked"), std::string::npos) << page;
  for (const int end : {ready[0], ready[1], done[0], done[1]}) close(end);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST_F(HttpServer, AChildsCopyEndsWithoutTheServer) {
  auto server = serve({.socket = path("lane")});
  const pid_t child = fork();
  if (child == 0) {
    server.reset();
    _exit(0);
  }
  int status = 1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(status_of_response(asked(path("lane"), "/health")), "200");
}

}  // namespace
}  // namespace onelane::test
