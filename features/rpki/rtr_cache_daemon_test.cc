// SPDX-License-Identifier: GPL-3.0-or-later
//
// floofd's client and floofd's cache, over real sockets.
#include "features/rpki/rtr_cache_daemon.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <optional>

#include "features/rpki/rtr_client_daemon.h"

namespace floof::rpki {
namespace {

using rtr::Vrps;
using rtr::VrpsPtr;

const IpAddress kHere = Ip4(0x7f000001);

/// A socket on a port that nobody had.
struct Port {
  UniqueFd fd{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  uint16_t number = 0;
  Port() {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    EXPECT_EQ(bind(fd.get(), reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
    EXPECT_EQ(getsockname(fd.get(), reinterpret_cast<sockaddr*>(&at), &size), 0);
    number = ntohs(at.sin_port);
  }
};
uint16_t free_port() { return Port().number; }

VrpsPtr payloads(uint32_t first, uint32_t count) {
  Vrps out;
  for (uint32_t i = first; i < first + count; i++) {
    out.push_back({Prefix(Ip4(0x2d000000 + (i << 8)), 24), 24, 64500 + i});
  }
  return std::make_shared<const Vrps>(std::move(out));
}

class RtrCacheTest : public testing::Test {
 protected:
  std::unique_ptr<RtrClient> client(std::string host = "127.0.0.1") {
    return std::make_unique<RtrClient>(loop_, errands_,
                                       RtrClient::Options{std::move(host), port_, std::chrono::seconds(60)},
                                       [this](Result<rtr::PayloadsPtr> what) { said_.push_back(std::move(what)); });
  }
  void until(const std::function<bool()>& done) {
    const auto end = EventLoop::Clock::now() + std::chrono::seconds(30);
    while (!done() && EventLoop::Clock::now() < end) {
      loop_.turn(std::chrono::milliseconds(50));
    }
    ASSERT_TRUE(done());
  }
  /// The next thing that the client says.
  Result<rtr::PayloadsPtr> next() {
    until([this] { return !said_.empty(); });
    auto out = said_.empty() ? Result<rtr::PayloadsPtr>(Error{"", "nothing", ""}) : said_.front();
    said_.clear();
    return out;
  }
  Vrps heard(RtrClient& from) {
    from.ask();
    const auto out = next();
    EXPECT_TRUE(out.ok()) << out.error().text();
    return out ? (*out)->vrps : Vrps();
  }

  EventLoop loop_;
  config::Errands errands_{loop_};
  const uint16_t port_ = free_port();
  RtrCache cache_{loop_, kHere, port_};
  std::vector<Result<rtr::PayloadsPtr>> said_;
};

TEST_F(RtrCacheTest, TellsEverythingAndThenDifferences) {
  const auto many = payloads(0, 50'000);  // far more than goes into a socket's buffers at once
  cache_.serve(many);
  const auto one = client(), two = client("localhost");
  EXPECT_EQ(heard(*one), *many);
  EXPECT_EQ(heard(*two), *many);
  EXPECT_EQ(cache_.routers(), 2U);
  const auto fewer = payloads(10, 49'000);
  cache_.serve(fewer);
  EXPECT_EQ(cache_.serial(), 2U);
  for (int both = 0; both < 2; both++) {  // nobody asks: they are told that there is news
    until([this] { return !said_.empty(); });
    ASSERT_TRUE(said_.front().ok());
    EXPECT_EQ((*said_.front())->vrps, *fewer);
    said_.erase(said_.begin());
  }
  cache_.serve(payloads(10, 49'000));
  EXPECT_EQ(cache_.serial(), 2U) << "nothing has changed";
}

TEST_F(RtrCacheTest, WhatWasTakenBackIsNotSaid) {
  cache_.serve(payloads(0, 3));
  const auto one = client();
  EXPECT_EQ(heard(*one), *payloads(0, 3));
  // Both steps before the client has its turn: it asks for the difference from serial 1.
  cache_.serve(payloads(0, 5));
  cache_.serve(payloads(0, 4));
  EXPECT_EQ((*next())->vrps, *payloads(0, 4));
  for (uint32_t size = 5; size < 100; size++) {  // more steps than it remembers
    cache_.serve(payloads(0, size));
  }
  EXPECT_EQ((*next())->vrps, *payloads(0, 99));
}

TEST_F(RtrCacheTest, SaysNothingBeforeItKnowsSomething) {
  const auto one = client();
  one->ask();
  const auto refused = next();
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().reason.find("Connection refused"), std::string::npos) << refused.error().reason;
  cache_.serve(payloads(0, 1));
  EXPECT_EQ(heard(*one), *payloads(0, 1));
  cache_.stop();
  EXPECT_EQ(next().error().reason, "it closed the connection");
  EXPECT_FALSE(one->connected());
  // A cache that was begun anew knows no session of before.
  cache_.serve(payloads(7, 1));
  EXPECT_EQ(heard(*one), *payloads(7, 1));
}

TEST_F(RtrCacheTest, PortsThatAreTakenAreTriedAgain) {
  std::optional<Port> taken{std::in_place};
  ASSERT_EQ(listen(taken->fd.get(), 1), 0);
  RtrCache cache(loop_, kHere, taken->number);
  cache.serve(payloads(0, 1));
  EXPECT_NE(cache.problem().find("Address already in use"), std::string::npos) << cache.problem();
  taken.reset();
  until([&cache] { return cache.problem().empty(); });
}

TEST_F(RtrCacheTest, ItsPlaceIsKeptForTheNextOne) {
  UniqueFd kept;
  const RtrCache::Keeper keeper{.recall = [&] { return UniqueFd(kept ? dup(kept.get()) : -1); },
                                .keep = [&](int fd) { kept.reset(fd < 0 ? -1 : dup(fd)); }};
  auto first = std::make_unique<RtrCache>(loop_, kHere, port_, keeper);
  first->listen();
  first->listen();
  ASSERT_TRUE(kept) << "before there is anything to tell";
  EXPECT_EQ(first->problem(), "") << "nobody is missed yet";
  first.reset();
  const auto one = client();
  one->ask();  // while nobody is there: it waits, and nobody else can answer
  loop_.turn(std::chrono::milliseconds(20));
  RtrCache second(loop_, kHere, port_, keeper);
  second.serve(payloads(0, 2));
  EXPECT_EQ((*next())->vrps, *payloads(0, 2));
  second.stop();
  EXPECT_FALSE(kept) << "it is not needed any more";
}

TEST_F(RtrCacheTest, AnotherUserInItsPlaceIsNamed) {
  ASSERT_EQ(geteuid(), 0U) << "tests are run as root: ./dev test";
  std::optional<Port> taken{std::in_place};
  ASSERT_EQ(fchown(taken->fd.get(), 65534, 65534), 0);
  ASSERT_EQ(listen(taken->fd.get(), 1), 0);
  RtrCache cache(loop_, kHere, taken->number);
  cache.listen();
  EXPECT_NE(cache.problem().find("a program of user 65534 has it"), std::string::npos) << cache.problem();
  taken.reset();
  until([&cache] { return cache.problem().empty(); });
}

TEST_F(RtrCacheTest, OthersThanRootAreNotTaken) {
  ASSERT_EQ(geteuid(), 0U) << "tests are run as root: ./dev test";
  cache_.serve(payloads(0, 1));
  UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  // The owner of a socket is who made it (or was given it by fchown), not who connects.
  ASSERT_EQ(fchown(fd.get(), 65534, 65534), 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  at.sin_port = htons(port_);
  ASSERT_EQ(connect(fd.get(), reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
  const auto one = client();
  EXPECT_EQ(heard(*one), *payloads(0, 1));
  EXPECT_EQ(cache_.routers(), 1U);
  char byte = 0;
  EXPECT_EQ(recv(fd.get(), &byte, 1, 0), 0) << "its connection was closed";
}

TEST_F(RtrCacheTest, StrangersAreSentAway) {
  cache_.serve(payloads(0, 1));
  const UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  at.sin_port = htons(port_);
  ASSERT_EQ(connect(fd.get(), reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
  until([this] { return cache_.routers() == 1; });
  ASSERT_EQ(send(fd.get(), "GET / HTTP/1.1\r\n\r\n", 18, MSG_NOSIGNAL), 18);
  until([this] { return cache_.routers() == 0; });
}

TEST_F(RtrCacheTest, NewerVersionsAreToldOurs) {
  cache_.serve(payloads(0, 1));
  const UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  at.sin_port = htons(port_);
  ASSERT_EQ(connect(fd.get(), reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
  const std::string question = rtr::reset_query(2);  // as BIRD 2.16 and later begin
  ASSERT_EQ(send(fd.get(), question.data(), question.size(), MSG_NOSIGNAL), 8);
  until([this] { return cache_.routers() == 1; });
  EXPECT_EQ(cache_.synced(), 0U) << "it knows nothing yet";
  until([this] { return cache_.routers() == 0; });
  std::vector<uint8_t> said(1024);
  const ssize_t got = recv(fd.get(), said.data(), said.size(), 0);
  ASSERT_GT(got, 0);
  const auto heard = rtr::read(std::span(said).first(static_cast<size_t>(got)));
  ASSERT_TRUE(heard && heard->pdu);
  EXPECT_EQ(heard->pdu->type, rtr::Type::error_report);
  EXPECT_EQ(heard->pdu->version, rtr::kNewestVersion) << "RFC 8210, 7";
  EXPECT_EQ(heard->pdu->number, static_cast<uint16_t>(rtr::ErrorCode::unsupported_version));
  EXPECT_EQ(recv(fd.get(), said.data(), said.size(), 0), 0) << "closed";
  const auto one = client();
  EXPECT_EQ(this->heard(*one), *payloads(0, 1));
  EXPECT_EQ(cache_.synced(), 1U);
}

TEST_F(RtrCacheTest, NamesWithoutAddressesAreErrors) {
  const auto one = client("no-such-host.invalid");
  one->ask();
  const auto failed = next();
  ASSERT_FALSE(failed.ok());
  EXPECT_NE(failed.error().reason.find("no-such-host.invalid"), std::string::npos) << failed.error().reason;
}

}  // namespace
}  // namespace floof::rpki
