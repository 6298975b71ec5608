// SPDX-License-Identifier: GPL-3.0-or-later
//
// Answers in pieces.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/ipc/ipc.h"

namespace floof::ipc {
namespace {

using namespace std::chrono_literals;

/// Answers {"op":"many","count":N} with N pieces of 64 KB, everything else at once.
class Many {
 public:
  Many() {
    auto server = Server::listen_late(loop_, path_, [this](const Peer&, const Json& request, const Reply& reply) {
      if (request["op"] != "many") {
        return reply(to_text({{"ok", true}}));
      }
      reply.when_gone([this] { gone_++; });
      give(reply, 0, request["count"].get<int>());
    });
    EXPECT_TRUE(server);
    server_ = std::move(*server);
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~Many() { end(); }
  void end() {
    loop_.stop();
    if (thread_.joinable()) {
      thread_.join();
    }
    server_.reset();
  }
  Client client() const { return std::move(*Client::connect(path_)); }
  int given() const { return given_; }
  int gone() const { return gone_; }

 private:
  void give(const Reply& reply, int at, int count) {
    if (at == count) {
      return reply(to_text({{"ok", true}, {"pieces", count}}));
    }
    given_++;
    reply.piece(to_text({{"at", at}, {"data", std::string(65536, 'x')}}),
                [this, reply, at, count] { give(reply, at + 1, count); });
  }

  std::string path_ = testing::TempDir() + "pieces-" + std::to_string(getpid()) + ".sock";
  EventLoop loop_;
  std::unique_ptr<Server> server_;
  std::thread thread_;
  std::atomic<int> given_{0}, gone_{0};
};

template <typename Condition>
bool within(std::chrono::milliseconds limit, Condition condition) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!condition() && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(1ms);
  }
  return condition();
}

TEST(IpcPieces, ComeInOrderAndTheLastOneIsTheAnswer) {
  Many server;
  Client client = server.client();
  for (int round = 0; round < 2; round++) {
    int next = 0;
    const auto last = client.call_for_pieces({{"op", "many"}, {"count", 200}}, {.take = [&](const std::string& text) {
                                               EXPECT_EQ(Json::parse(text)["at"], next++);
                                               return true;
                                             }});
    ASSERT_TRUE(last) << last.error().text();
    EXPECT_EQ(Json::parse(*last)["pieces"], 200);
    EXPECT_EQ(next, 200);
  }
  EXPECT_TRUE(client.call({{"op", "other"}}));
  EXPECT_EQ(server.gone(), 0);
}

TEST(IpcPieces, NoMoreAreMadeThanAreRead) {
  Many server;
  Client slow = server.client(), other = server.client();
  std::atomic<bool> go_on = false;
  int taken = 0;
  std::thread reader([&] {
    const auto last = slow.call_for_pieces({{"op", "many"}, {"count", 1000}}, {.take = [&](const std::string&) {
                                             while (!go_on) {
                                               std::this_thread::sleep_for(1ms);
                                             }
                                             taken++;
                                             return true;
                                           }});
    EXPECT_TRUE(last);
  });
  EXPECT_TRUE(within(10s, [&] { return server.given() > 0; }));
  for (int i = 0; i < 100; i++) {
    EXPECT_TRUE(other.call({{"op", "other"}}));  // nobody else waits
  }
  EXPECT_LT(server.given(), 50) << "what the sockets hold and a little more";
  go_on = true;
  reader.join();
  EXPECT_EQ(taken, 1000);
}

TEST(IpcPieces, WhoHasEnoughEndsIt) {
  Many server;
  Client client = server.client();
  int taken = 0;
  EXPECT_FALSE(client.call_for_pieces({{"op", "many"}, {"count", 100000}},
                                      {.take = [&](const std::string&) { return ++taken < 3; }}));
  EXPECT_TRUE(within(10s, [&] { return server.gone() == 1; }));
  EXPECT_LT(server.given(), 100);
  Client other = server.client();
  std::atomic<bool> enough = false;
  std::thread later([&] { std::this_thread::sleep_for(20ms), enough = true; });
  EXPECT_FALSE(other.call_for_pieces(
      {{"op", "many"}, {"count", 1000000}},
      {.take = [](const std::string&) { return true; }, .enough = [&] { return enough.load(); }}));
  later.join();
}

TEST(IpcPieces, AServerThatEndsTellsWhoeverMakesThem) {
  auto server = std::make_unique<Many>();
  Client client = server->client();
  std::thread reader([&] {
    EXPECT_FALSE(client.call_for_pieces({{"op", "many"}, {"count", 100000000}},
                                        {.take = [](const std::string&) { return true; }}));
  });
  EXPECT_TRUE(within(10s, [&] { return server->given() > 10; }));
  server->end();
  EXPECT_EQ(server->gone(), 1);
  reader.join();
}

TEST(IpcPieces, WhoDoesNotExpectThemTakesNone) {
  const std::string piece = frame("{}", true);
  EXPECT_FALSE(Deframer().feed(piece));
  Deframer expecting(true);
  EXPECT_TRUE(expecting.feed(piece + frame("[]")));
  std::string message;
  bool more = false;
  EXPECT_TRUE(expecting.next(message, &more) && more && message == "{}");
  EXPECT_TRUE(expecting.next(message, &more) && !more && message == "[]");
}

}  // namespace
}  // namespace floof::ipc
