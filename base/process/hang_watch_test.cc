// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/process/hang_watch.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <fstream>
#include <functional>
#include <vector>

#include "base/process/heartbeat.h"

namespace floof {
namespace {

using namespace std::chrono_literals;

std::string path_of(const std::string& name) { return testing::TempDir() + name + "-" + std::to_string(getpid()); }

/// Ticks until the watch finds a hang; -1 when it finds none within `most`.
int ticks_to_hang(HangWatch& watch, int most, const std::function<void()>& each = {}) {
  for (int i = 1; i <= most; i++) {
    if (each) {
      each();
    }
    if (watch.tick()) {
      return i;
    }
  }
  return -1;
}

TEST(BeatCounter, FirstAndLaterLimits) {
  BeatCounter beat;
  int ticks = 0;
  while (!beat.overdue(0, 10, 3)) {
    ticks++;
  }
  EXPECT_EQ(ticks, 9);
  EXPECT_FALSE(beat.moved());
  EXPECT_FALSE(beat.overdue(1, 10, 3));
  EXPECT_TRUE(beat.moved());
  EXPECT_FALSE(beat.overdue(1, 10, 3));
  EXPECT_FALSE(beat.overdue(1, 10, 3));
  EXPECT_TRUE(beat.overdue(1, 10, 3));
}

TEST(FileWatch, FloofdHasThirtySecondsToBeginAndTenBetweenBeats) {
  const std::string path = path_of("heartbeat");
  unlink(path.c_str());
  FileWatch watch(path);
  watch.reset();
  EXPECT_EQ(ticks_to_hang(watch, 1000), 150) << "it never began";
  auto heart = Heartbeat::open(path);
  ASSERT_TRUE(heart) << heart.error().text();
  for (int i = 0; i < 7; i++) {
    heart->beat();
  }
  EXPECT_EQ(Heartbeat::read(path), 7u);
  watch.reset();
  EXPECT_EQ(ticks_to_hang(watch, 100), -1) << "the count of the one before is no life";
  EXPECT_FALSE(watch.lively());
  EXPECT_EQ(ticks_to_hang(watch, 1000, [&] { heart->beat(); }), -1);
  EXPECT_TRUE(watch.lively());
  EXPECT_EQ(ticks_to_hang(watch, 1000), 50);
  unlink(path.c_str());
}

TEST(SegmentWatch, EachWorkerMustBeat) {
  const std::string path = path_of("segment");
  SegmentWatch watch(path);
  std::ofstream(path) << "left by the one before";
  watch.reset();
  EXPECT_NE(access(path.c_str(), F_OK), 0);
  EXPECT_EQ(ticks_to_hang(watch, 1000), 50) << "no segment within 10 s";

  constexpr uint32_t kSlots = kMaxInterfaces * stats::kPerInterface;
  const size_t size = stats::blocks_offset() + 3 * kSlots * sizeof(uint64_t);
  const UniqueFd file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  ASSERT_EQ(ftruncate(file.get(), static_cast<off_t>(size)), 0);
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  ASSERT_NE(memory, MAP_FAILED);
  auto& header = *static_cast<stats::SegmentHeader*>(memory);
  header.workers = 3;
  header.slots = kSlots;
  header.block_stride = kSlots * sizeof(uint64_t);
  header.magic = stats::kMagic;
  const auto start_anew = [&] {  // reset removes the file, so a "new dataplane" links it again
    const std::string keep = path + ".keep";
    ASSERT_EQ(link(path.c_str(), keep.c_str()), 0);
    watch.reset();
    ASSERT_EQ(rename(keep.c_str(), path.c_str()), 0);
    header.control_heartbeat = header.worker_heartbeat[1] = header.worker_heartbeat[2] = 0;
  };
  const auto beat = [&](bool control, bool one, bool two) {
    header.control_heartbeat += control ? 1 : 0;
    header.worker_heartbeat[1] += one ? 1 : 0;
    header.worker_heartbeat[2] += two ? 1 : 0;
  };
  start_anew();
  EXPECT_EQ(ticks_to_hang(watch, 1000), 50) << "it never beat";
  start_anew();
  EXPECT_EQ(ticks_to_hang(watch, 49, [&] { beat(true, false, false); }), -1) << "workers may begin late";
  EXPECT_EQ(ticks_to_hang(watch, 500, [&] { beat(true, true, true); }), -1);
  EXPECT_TRUE(watch.lively());
  EXPECT_EQ(ticks_to_hang(watch, 500, [&] { beat(true, true, false); }), 5) << "a stuck worker, 1 s";
  start_anew();
  EXPECT_FALSE(watch.lively());
  EXPECT_EQ(ticks_to_hang(watch, 20, [&] { beat(true, true, true); }), -1);
  EXPECT_EQ(ticks_to_hang(watch, 500, [&] { beat(false, true, true); }), 5) << "a stuck control thread";
  munmap(memory, size);
  unlink(path.c_str());
}

/// bird's control socket, played by the test.
class FakeBird {
 public:
  explicit FakeBird(const std::string& path) : listener_(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    unlink(path.c_str());
    EXPECT_EQ(bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(listen(listener_.get(), 5), 0);
  }
  /// Takes a waiting connection and sends the greeting; what has been asked since the last time.
  std::string questions() {
    if (const int fd = accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK); fd >= 0) {
      peer_.reset(fd);
      say("0001 BIRD 2.0.12 ready.\n");
    }
    char bytes[1000];
    const ssize_t count = recv(peer_.get(), bytes, sizeof bytes, 0);
    return count > 0 ? std::string(bytes, static_cast<size_t>(count)) : "";
  }
  void say(std::string_view text) { send(peer_.get(), text.data(), text.size(), MSG_NOSIGNAL); }
  void hang_up() { peer_.reset(); }

 private:
  UniqueFd listener_;
  UniqueFd peer_;
};

TEST(BirdWatch, AsksEachSecondAndWaitsFifteenForACompleteReply) {
  const std::string path = path_of("bird.ctl");
  unlink(path.c_str());
  EventLoop loop;
  BirdWatch watch(loop, path);
  watch.reset();
  EXPECT_EQ(ticks_to_hang(watch, 1000), 75) << "no socket at all";

  FakeBird bird(path);
  int asked = 0;
  const auto answering = [&](std::string_view reply) {
    return [&, reply] {
      if (bird.questions() == "show status\n") {
        asked++;
        bird.say(reply);
      }
      loop.turn(0us);
    };
  };
  watch.reset();
  EXPECT_EQ(ticks_to_hang(watch, 200, answering("1000-BIRD 2.0.12\n1011-Router ID is 192.0.2.1\n0013 Daemon is up\n")),
            -1);
  EXPECT_TRUE(watch.lively());
  EXPECT_EQ(asked, 40);
  bird.hang_up();
  EXPECT_EQ(ticks_to_hang(watch, 200, answering("0024 Graceful restart recovery in progress\n")), -1)
      << "a new connection is made, and any complete reply is life";
  EXPECT_EQ(ticks_to_hang(watch, 200, answering("1000-BIRD 2.0.12\n")), 71)
      << "never complete; the last good reply was four ticks before";
}

TEST(BirdWatch, AGreetingIsNoReplyAndRubbishIsNoHarm) {
  const std::string path = path_of("bird.ctl");
  FakeBird bird(path);
  EventLoop loop;
  BirdWatch watch(loop, path);
  watch.reset();
  const auto rubbish = [&] {
    bird.questions();
    bird.say(std::string(3000, 'x'));
    bird.say("0001 BIRD\n12 short\n\n0013\n");
    loop.turn(0us);
  };
  EXPECT_EQ(ticks_to_hang(watch, 200, rubbish), 75);
  EXPECT_FALSE(watch.lively());
  unlink(path.c_str());
}

}  // namespace
}  // namespace floof
