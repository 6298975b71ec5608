// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/ipc/ipc.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>
#include <random>
#include <stdexcept>
#include <thread>

namespace floof::ipc {
namespace {

using namespace std::chrono_literals;

std::string fresh_path() {
  static int number = 0;
  return testing::TempDir() + "ipc-" + std::to_string(getpid()) + "-" + std::to_string(number++) + ".sock";
}

/// A server on its own thread that answers with what it was sent.
class Echo {
 public:
  explicit Echo(size_t max_clients = 1024, Door door = {}) {
    auto server = Server::listen(
        loop_, path_, [](const Peer& peer, const Json& request) { return answer(peer, request); },
        [this](const Peer&) { closed_++; }, max_clients, std::move(door));
    EXPECT_TRUE(server) << server.error().text();
    server_ = std::move(*server);
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~Echo() {
    loop_.stop();
    thread_.join();
    server_.reset();
  }
  const std::string& path() const { return path_; }
  int closed() const { return closed_; }

 private:
  static Json answer(const Peer& peer, const Json& request) {
    if (request.contains("throw")) {
      return Json{{"x", request.at("missing")}};
    }
    if (request.contains("bytes")) {
      return {{"ok", true}, {"data", std::string(request["bytes"].get<size_t>(), 'x')}};
    }
    if (request.contains("binary")) {
      return {{"ok", true}, {"data", "\xff\xfe"}};
    }
    return {{"ok", true}, {"echo", request}, {"uid", peer.uid}, {"pid", peer.pid}};
  }
  std::string path_ = fresh_path();
  EventLoop loop_;
  std::atomic<int> closed_{0};
  std::unique_ptr<Server> server_;
  std::thread thread_;
};

/// A raw connection that may misbehave.
class Raw {
 public:
  explicit Raw(const std::string& path) : fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    EXPECT_EQ(connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    const timeval limit{10, 0};
    setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  bool send(std::string_view bytes) const {
    return ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
  }
  /// True when the peer has closed.
  bool closed() const {
    char byte = 0;
    const ssize_t count = recv(fd_.get(), &byte, 1, 0);
    return count == 0 || (count < 0 && errno == ECONNRESET);
  }
  /// One message; what follows it is left for the next call.
  std::string receive() const {
    unsigned char head[4];
    if (recv(fd_.get(), head, sizeof head, MSG_WAITALL) != sizeof head) {
      return "";
    }
    std::string message(size_t{head[0]} << 24 | size_t{head[1]} << 16 | size_t{head[2]} << 8 | head[3], '\0');
    const ssize_t count = recv(fd_.get(), message.data(), message.size(), MSG_WAITALL);
    return count == static_cast<ssize_t>(message.size()) ? message : "";
  }
  int fd() const { return fd_.get(); }
  void end() { shutdown(fd_.get(), SHUT_WR); }

 private:
  UniqueFd fd_;
};

/// Answers "late" when it is told to, everything else at once.
class Late {
 public:
  Late() {
    auto server = Server::listen_late(loop_, path_, [this](const Peer&, const Json& request, Reply reply) {
      if (request["op"] == "late") {
        waiting_.push_back(std::move(reply));
      } else {
        reply(to_text({{"ok", true}, {"echo", request}}));
      }
    });
    EXPECT_TRUE(server);
    server_ = std::move(*server);
  }
  template <typename Condition>
  bool turn_until(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + 10s;
    while (!condition() && std::chrono::steady_clock::now() < end) {
      loop_.turn(5ms);
    }
    return condition();
  }

  std::string path_ = fresh_path();
  EventLoop loop_;
  std::vector<Reply> waiting_;
  std::unique_ptr<Server> server_;
};

bool readable(const Raw& raw) {
  pollfd one{raw.fd(), POLLIN, 0};
  return poll(&one, 1, 0) > 0;
}

TEST(Ipc, AnAnswerThatComesLaterKeepsNobodyElseWaiting) {
  Late server;
  const Raw slow(server.path_), other(server.path_);
  ASSERT_TRUE(slow.send(frame(R"({"op":"late"})") + frame(R"({"op":"second"})")));
  ASSERT_TRUE(server.turn_until([&] { return server.waiting_.size() == 1; }));
  ASSERT_TRUE(other.send(frame(R"({"op":"ping"})")));
  ASSERT_TRUE(server.turn_until([&] { return readable(other); }));
  EXPECT_NE(other.receive().find("ping"), std::string::npos);
  EXPECT_FALSE(readable(slow)) << "its second request waits for the first";
  server.waiting_[0](R"({"ok":true,"data":1})");
  server.waiting_[0](R"({"ok":true,"data":"twice"})");
  EXPECT_EQ(slow.receive(), R"({"ok":true,"data":1})");
  ASSERT_TRUE(server.turn_until([&] { return readable(slow); }));
  EXPECT_NE(slow.receive().find("second"), std::string::npos);
}

TEST(Ipc, ALateAnswerForWhoHasGoneGoesNowhere) {
  Late server;
  {
    const Raw gone(server.path_);
    ASSERT_TRUE(gone.send(frame(R"({"op":"late"})")));
    ASSERT_TRUE(server.turn_until([&] { return server.waiting_.size() == 1; }));
  }
  server.loop_.turn(20ms);
  server.waiting_[0](R"({"ok":true})");
  const Raw half(server.path_);
  ASSERT_TRUE(half.send(frame(R"({"op":"late"})")));
  ASSERT_TRUE(server.turn_until([&] { return server.waiting_.size() == 2; }));
  server.server_.reset();
  server.waiting_[1](R"({"ok":true})");
  EXPECT_TRUE(half.closed());
}

TEST(Ipc, StrangersHaveLittleRoom) {
  const Echo echo(1024, {.mode = 0660,
                         .privileged = [](const Peer&) { return false; },
                         .admits = [](const Peer&) { return false; },
                         .may_send_much = [](const Peer&) { return false; }});
  std::vector<std::unique_ptr<Raw>> crowd;
  for (size_t i = 0; i < kMaxStrangersConnections; i++) {
    crowd.push_back(std::make_unique<Raw>(echo.path()));
    EXPECT_TRUE(crowd.back()->send(frame(R"({"op":"ping"})")));
    EXPECT_NE(crowd.back()->receive().find("ping"), std::string::npos);
  }
  const Raw late(echo.path());
  EXPECT_NE(late.receive().find("8 connections already"), std::string::npos);
  (void)crowd[0]->send(frame(R"({"op":")" + std::string(kMaxStrangersMessage, 'x') + "\"}"));
  EXPECT_TRUE(crowd[0]->closed());
}

void expect_alive(const Echo& echo) {
  auto client = Client::connect(echo.path());
  ASSERT_TRUE(client) << client.error().text();
  const auto answer = client->call({{"op", "ping"}}, 10s);
  ASSERT_TRUE(answer) << answer.error().text();
  EXPECT_EQ((*answer)["echo"]["op"], "ping");
}

TEST(Ipc, CallAndPeer) {
  Echo echo;
  auto client = Client::connect(echo.path());
  ASSERT_TRUE(client);
  for (int i = 0; i < 100; i++) {
    const auto answer = client->call({{"op", "x"}, {"n", i}});
    ASSERT_TRUE(answer);
    EXPECT_EQ((*answer)["echo"]["n"], i);
    EXPECT_EQ((*answer)["uid"], getuid());
    EXPECT_EQ((*answer)["pid"], getpid());
  }
  struct stat about {};
  ASSERT_EQ(stat(echo.path().c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0660u);
}

TEST(Ipc, GarbageClosesOnlyItsConnection) {
  Echo echo;
  std::mt19937 random(3);
  std::string noise(1000, '\0');
  for (auto& c : noise) {
    c = static_cast<char>(random());
  }
  for (const std::string& text :
       {std::string("\x7f\xff\xff\xff"), std::string(4, '\xff'), frame("nonsense"), frame("[1,2]"), frame("\"text\""),
        frame(""), frame("{\"a\":"), frame("{\"a\":\"\xff\"}"), "\x7f" + noise}) {
    Raw raw(echo.path());
    raw.send(text);
    EXPECT_TRUE(raw.closed());
  }
  expect_alive(echo);
}

TEST(Ipc, DeepNestingIsRefused) {
  Echo echo;
  const std::string deep = "{\"a\":" + std::string(1000000, '[') + std::string(1000000, ']') + "}";
  Raw raw(echo.path());
  std::thread sender([&] { raw.send(frame(deep)); });
  EXPECT_TRUE(raw.closed());
  sender.join();
  Raw harmless(echo.path());
  harmless.send(frame(R"({"a":"[[[[\"[[[[","b":[[[1]]]})"));
  EXPECT_NE(harmless.receive().find("\"ok\":true"), std::string::npos);
  expect_alive(echo);
}

TEST(Ipc, HalfMessagesAndByteByByte) {
  Echo echo;
  Raw silent(echo.path());
  silent.send(frame("{\"op\":\"never finished\"}").substr(0, 9));
  Raw dying(echo.path());
  dying.send(std::string_view("\0\0", 2));
  dying.end();
  EXPECT_TRUE(dying.closed());
  Raw slow(echo.path());
  for (const char c : frame("{\"op\":\"slow\"}")) {
    ASSERT_TRUE(slow.send({&c, 1}));
  }
  EXPECT_NE(slow.receive().find("slow"), std::string::npos);
  expect_alive(echo);
}

TEST(Ipc, ManyRequestsInOnePacketAreAnsweredInOrderEvenAfterShutdown) {
  Echo echo;
  Raw raw(echo.path());
  std::string all;
  for (int i = 0; i < 50; i++) {
    all += frame(Json{{"n", i}}.dump());
  }
  raw.send(all);
  raw.end();
  Deframer input;
  char bytes[4096];
  for (ssize_t count = 0; (count = recv(raw.fd(), bytes, sizeof bytes, 0)) > 0;) {
    ASSERT_TRUE(input.feed({bytes, static_cast<size_t>(count)}));
  }
  std::string message;
  for (int i = 0; i < 50; i++) {
    ASSERT_TRUE(input.next(message));
    EXPECT_EQ(Json::parse(message)["echo"]["n"], i);
  }
  EXPECT_FALSE(input.next(message));
}

TEST(Ipc, SlowReaderStopsBeingServedAndHurtsNobody) {
  Echo echo;
  Raw greedy(echo.path());
  // Answers of 1 MB that nobody reads: the server must stop taking requests, so that sending blocks in the end.
  const int flags = 1;
  setsockopt(greedy.fd(), SOL_SOCKET, SO_SNDBUF, &flags, sizeof flags);
  const std::string request = frame(R"({"bytes":1000000,"pad":")" + std::string(2000, 'p') + "\"}");
  int sent = 0;
  while (sent < 2000 && ::send(greedy.fd(), request.data(), request.size(), MSG_NOSIGNAL | MSG_DONTWAIT) > 0) {
    sent++;
    if (sent % 10 == 0) {
      std::this_thread::sleep_for(1ms);
    }
  }
  EXPECT_LT(sent, 2000) << "the server goes on reading";
  expect_alive(echo);
}

TEST(Ipc, LargeAnswersArrive) {
  Echo echo;
  auto client = Client::connect(echo.path());
  ASSERT_TRUE(client);
  const auto large = client->call({{"bytes", 30u << 20}});
  ASSERT_TRUE(large) << large.error().text();
  EXPECT_EQ((*large)["data"].get_ref<const std::string&>().size(), 30u << 20);
  const auto too_large = client->call({{"bytes", kMaxMessage}});
  ASSERT_TRUE(too_large);
  EXPECT_FALSE((*too_large)["ok"].get<bool>());
  EXPECT_NE(errors_of(*too_large)[0].reason.find("larger"), std::string::npos);
  const auto after = client->call({{"n", 1}});
  ASSERT_TRUE(after);
  EXPECT_EQ((*after)["echo"]["n"], 1);
}

TEST(Ipc, HandlerThatThrowsOrAnswersBinary) {
  Echo echo;
  auto client = Client::connect(echo.path());
  ASSERT_TRUE(client);
  const auto thrown = client->call({{"throw", 1}});
  ASSERT_TRUE(thrown);
  EXPECT_FALSE((*thrown)["ok"].get<bool>());
  EXPECT_TRUE(client->call({{"binary", 1}}));
}

TEST(Ipc, ManyClientsAndTheLimit) {
  Echo echo(100);
  std::vector<std::unique_ptr<Raw>> all;
  for (int i = 0; i < 100; i++) {
    all.push_back(std::make_unique<Raw>(echo.path()));
    ASSERT_TRUE(all.back()->send(frame(Json{{"n", i}}.dump())));
  }
  for (const auto& raw : all) {
    EXPECT_NE(raw->receive(), "");
  }
  const Raw late(echo.path());
  EXPECT_NE(late.receive().find("as many connections as it takes"), std::string::npos);
  EXPECT_TRUE(late.closed()) << "one too many";
  all.clear();
  for (int i = 0; i < 500 && echo.closed() < 100; i++) {
    std::this_thread::sleep_for(10ms);
  }
  EXPECT_EQ(echo.closed(), 100);
  expect_alive(echo);
}

TEST(Ipc, OneUserTakesAQuarterAndTheRestIsKept) {
  std::atomic<bool> privileged{false};
  Echo echo(16, {.mode = 0666, .privileged = [&](const Peer&) { return privileged.load(); }});
  struct stat about {};
  ASSERT_EQ(stat(echo.path().c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0666u);
  std::vector<std::unique_ptr<Raw>> all;
  for (int i = 0; i < 4; i++) {
    all.push_back(std::make_unique<Raw>(echo.path()));
    ASSERT_TRUE(all.back()->send(frame("{}")));
    EXPECT_NE(all.back()->receive(), "");
  }
  auto refused = Client::connect(echo.path());
  const auto answer = refused->call({{"op", "x"}});
  ASSERT_TRUE(answer) << answer.error().text();
  EXPECT_EQ(errors_of(*answer)[0].reason, "your user has 4 connections already");
  all.pop_back();
  for (int i = 0; i < 500 && echo.closed() < 1; i++) {
    std::this_thread::sleep_for(10ms);
  }
  expect_alive(echo);
  privileged = true;
  for (int i = 0; i < 12; i++) {
    all.push_back(std::make_unique<Raw>(echo.path()));
    ASSERT_TRUE(all.back()->send(frame("{}")));
    EXPECT_NE(all.back()->receive(), "") << i;
  }
}

TEST(Ipc, OnlyTheTrustedSendMuch) {
  std::atomic<bool> trusted{true};
  Echo echo(16, {.may_send_much = [&](const Peer&) { return trusted.load(); }});
  const Json large{{"op", "x"}, {"pad", std::string(2 * kMaxSmallMessage, 'p')}};
  const Json small{{"op", "x"}, {"pad", std::string(kMaxSmallMessage / 2, 'p')}};
  EXPECT_TRUE(Client::connect(echo.path())->call(large));
  trusted = false;
  EXPECT_FALSE(Client::connect(echo.path())->call(large));
  EXPECT_TRUE(Client::connect(echo.path())->call(small));
  expect_alive(echo);
}

TEST(Ipc, ClientErrors) {
  EXPECT_FALSE(Client::connect("/nonexistent/x.sock"));
  EXPECT_FALSE(Client::connect(std::string(200, 'x')));
  // A listener that never answers, then one that answers garbage.
  const std::string path = fresh_path();
  UniqueFd listener(socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  ASSERT_EQ(bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(listener.get(), 5), 0);
  auto mute = Client::connect(path);
  ASSERT_TRUE(mute);
  const auto late = mute->call({{"op", "x"}}, 20ms);
  ASSERT_FALSE(late);
  EXPECT_NE(late.error().reason.find("in time"), std::string::npos);
  EXPECT_FALSE(mute->call({{"op", "x"}}, 20ms)) << "a late answer must not be taken for the next one";
  const UniqueFd first(accept(listener.get(), nullptr, nullptr));
  auto fooled = Client::connect(path);
  const UniqueFd second(accept(listener.get(), nullptr, nullptr));
  const std::string garbage = frame("garbage");
  ASSERT_GT(::send(second.get(), garbage.data(), garbage.size(), 0), 0);
  EXPECT_FALSE(fooled->call({{"op", "x"}}));
  unlink(path.c_str());
}

TEST(Ipc, AClientKnowsThatItsServerHasGone) {
  const std::string path = fresh_path();
  EventLoop loop;
  auto server = Server::listen(loop, path, [](const Peer&, const Json&) { return Json{{"ok", true}}; });
  ASSERT_TRUE(server);
  auto client = Client::connect(path);
  ASSERT_TRUE(client);
  EXPECT_TRUE(client->alive());
  server->reset();
  EXPECT_FALSE(client->alive());
}

TEST(Ipc, ListenReplacesAStaleSocketButNothingElse) {
  EventLoop loop;
  const std::string path = fresh_path();
  const auto handler = [](const Peer&, const Json&) { return Json{{"ok", true}}; };
  auto first = Server::listen(loop, path, handler);
  ASSERT_TRUE(first);
  auto second = Server::listen(loop, path, handler);
  ASSERT_TRUE(second);
  first->reset();
  EXPECT_EQ(access(path.c_str(), F_OK), 0) << "the socket of the second one is not the first one's to remove";
  second->reset();
  EXPECT_NE(access(path.c_str(), F_OK), 0);
  ASSERT_EQ(close(creat(path.c_str(), 0600)), 0);
  EXPECT_FALSE(Server::listen(loop, path, handler));
  unlink(path.c_str());
  EXPECT_FALSE(Server::listen(loop, "/nonexistent/x.sock", handler));
}

TEST(Ipc, Errors) {
  const std::vector<Error> errors = {{"a", "b", "c"}, {"", "d", ""}};
  const Json answer = failure(errors);
  const auto back = errors_of(answer);
  ASSERT_EQ(back.size(), 2u);
  EXPECT_EQ(back[0].text(), "a: b; c");
  EXPECT_EQ(back[1].text(), "d");
  for (const auto& odd :
       {Json(), Json(7), Json::object(), Json{{"errors", 5}}, Json{{"errors", {1, "x", Json::array()}}}}) {
    EXPECT_EQ(errors_of(odd).size(), 1u);
  }
  EXPECT_EQ(errors_of(Json{{"errors", {{{"reason", 5}}}}})[0].reason, "");
}

// However a stream is cut, the same messages come out.
TEST(Deframer, AgreesWithTheModelForAnyCut) {
  std::mt19937 random(4);
  for (int round = 0; round < 200; round++) {
    std::vector<std::string> messages(random() % 10);
    std::string stream;
    for (auto& message : messages) {
      message.assign(random() % 3 == 0 ? 0 : random() % 5000, static_cast<char>(random()));
      stream += frame(message);
    }
    Deframer input;
    std::vector<std::string> got;
    std::string message;
    for (size_t at = 0; at < stream.size();) {
      const size_t count = std::min<size_t>(1 + random() % 3000, stream.size() - at);
      ASSERT_TRUE(input.feed(std::string_view(stream).substr(at, count)));
      at += count;
      while (random() % 4 != 0 && input.next(message)) {
        got.push_back(message);
      }
    }
    while (input.next(message)) {
      got.push_back(message);
    }
    ASSERT_EQ(got, messages);
  }
}

TEST(Deframer, OversizedLength) {
  Deframer first;
  EXPECT_FALSE(first.feed(std::string("\x04\x00\x00\x01", 4)));
  Deframer exact;
  EXPECT_TRUE(exact.feed(std::string("\x04\x00\x00\x00", 4))) << "64 MB is the most that is allowed";
  Deframer later;
  EXPECT_FALSE(later.feed(frame("{}") + "\xff\xff\xff\xff"));
}

}  // namespace
}  // namespace floof::ipc
