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
#include <map>
#include <set>
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
  FileWatch watch(path, [](pid_t) { return std::nullopt; });
  watch.reset();
  EXPECT_EQ(ticks_to_hang(watch, 1000), 150) << "it never began";
  auto heart = Heartbeat::open(path);
  ASSERT_TRUE(heart) << heart.error().text();
  for (int i = 0; i < 7; i++) {
    heart->beat();
  }
  EXPECT_EQ(Heartbeat::read(path)->count, 7u);
  EXPECT_EQ(Heartbeat::read(path)->thread, static_cast<uint64_t>(gettid()));
  watch.reset();
  EXPECT_EQ(ticks_to_hang(watch, 100), -1) << "the count of the one before is no life";
  EXPECT_FALSE(watch.lively());
  EXPECT_EQ(ticks_to_hang(watch, 1000, [&] { heart->beat(); }), -1);
  EXPECT_TRUE(watch.lively());
  EXPECT_EQ(ticks_to_hang(watch, 1000), 50);
  unlink(path.c_str());
}

TEST(FileWatch, FloofdThatHasNoCpuDoesNotHang) {
  const std::string path = path_of("heartbeat");
  ThreadTimes times{'R', 0ms, 0ms};
  FileWatch watch(path, [&](pid_t) { return times; });
  auto heart = Heartbeat::open(path);
  ASSERT_TRUE(heart) << heart.error().text();
  watch.reset();
  heart->beat();
  EXPECT_EQ(ticks_to_hang(watch, 1000, [&] { times.waits += HangWatch::kTick * 3 / 4; }), -1);
  EXPECT_EQ(ticks_to_hang(watch, 1000, [&] { times.runs += HangWatch::kTick; }), 50);
  unlink(path.c_str());
}

/// A segment of counters, as a dataplane makes it.
class Segment {
 public:
  Segment(std::string path, unsigned blocks) : path_(std::move(path)), size_(stats::blocks_offset() + blocks * kBytes) {
    const UniqueFd file(open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
    EXPECT_EQ(ftruncate(file.get(), static_cast<off_t>(size_)), 0);
    memory_ = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
    EXPECT_NE(memory_, MAP_FAILED);
    header().workers = blocks;
    header().slots = kSlots;
    header().block_stride = kBytes;
    header().magic = stats::kMagic;
  }
  ~Segment() {
    munmap(memory_, size_);
    unlink(path_.c_str());
    unlink((path_ + ".before").c_str());
  }
  stats::SegmentHeader& header() const { return *static_cast<stats::SegmentHeader*>(memory_); }
  /// `reset` moves the file aside, so a "new dataplane" puts it back.
  void start_anew(SegmentWatch& watch) const {
    watch.reset();
    EXPECT_NE(access(path_.c_str(), F_OK), 0);
    ASSERT_EQ(rename((path_ + ".before").c_str(), path_.c_str()), 0);
    header().control_heartbeat = header().worker_heartbeat[1] = header().worker_heartbeat[2] = 0;
  }

 private:
  static constexpr uint32_t kSlots = kMaxInterfaces * stats::kPerInterface;
  static constexpr size_t kBytes = kSlots * sizeof(uint64_t);
  std::string path_;
  size_t size_;
  void* memory_;
};

TEST(SegmentWatch, EachWorkerMustBeat) {
  const std::string path = path_of("segment");
  SegmentWatch watch(path);
  std::ofstream(path) << "left by the one before";
  watch.reset();
  EXPECT_NE(access(path.c_str(), F_OK), 0);
  EXPECT_EQ(ticks_to_hang(watch, 1000), 50) << "no segment within 10 s";

  const Segment segment(path, 3);
  auto& header = segment.header();
  const auto start_anew = [&] { segment.start_anew(watch); };
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
}

TEST(SegmentWatch, WorkIsNoHangAndNeitherIsABusyMachine) {
  const std::string path = path_of("threads");
  std::map<pid_t, ThreadTimes> times{{100, {}}, {101, {}}};
  SegmentWatch watch(path, [&](pid_t id) { return std::optional(times.at(id)); });
  const Segment segment(path, 2);
  auto& header = segment.header();
  header.threads[0] = 100;
  header.threads[1] = 101;
  // Beats for a while, then the thread does nothing but this in each tick.
  const auto ticks = [&](pid_t id, const std::function<void(ThreadTimes&)>& each) {
    times = {{100, {}}, {101, {}}};
    segment.start_anew(watch);
    const auto beat = [&](bool control, bool worker) {
      header.control_heartbeat += control ? 1 : 0;
      header.worker_heartbeat[1] += worker ? 1 : 0;
    };
    EXPECT_EQ(ticks_to_hang(watch, 20, [&] { beat(true, true); }), -1);
    return ticks_to_hang(watch, 200, [&] {
      beat(id != 100, id != 101);
      each(times.at(id));
    });
  };
  const auto runs = [](ThreadTimes& its) { its.runs += 200ms; };
  const auto waits_for_a_cpu = [](ThreadTimes& its) { its.waits += 190ms; };
  const auto sleeps = [](ThreadTimes& its) { its.state = 'S'; };
  EXPECT_EQ(ticks(101, runs), 2) << "a worker in a loop without end";
  EXPECT_EQ(ticks(100, runs), 50) << "the control thread may have work for 10 s";
  EXPECT_EQ(ticks(101, sleeps), 5);
  EXPECT_EQ(ticks(100, sleeps), 5);
  EXPECT_EQ(ticks(101, waits_for_a_cpu), -1);
  EXPECT_EQ(ticks(100, waits_for_a_cpu), -1);
  EXPECT_EQ(ticks(101, [](ThreadTimes& its) { its.state = 'T'; }), 1) << "SIGSTOP";
  const auto half = [](ThreadTimes& its) { its.runs += 95ms, its.waits += 95ms; };
  EXPECT_EQ(ticks(100, half), 50) << "one of two on a CPU has work, too";
  int turn = 0;
  EXPECT_EQ(ticks(101, [&](ThreadTimes& its) { turn++ < 10 ? waits_for_a_cpu(its) : runs(its); }), 12);
}

TEST(ThreadTimes, TellsWhatAThreadDoes) {
  EXPECT_FALSE(thread_times(0x7ffffff0));
  const auto before = thread_times(gettid());
  ASSERT_TRUE(before);
  EXPECT_EQ(before->state, 'R');
  volatile uint64_t sum = 0;
  while (thread_times(gettid())->runs - before->runs < 20ms) {
    sum = sum + 1;
  }
  EXPECT_GE(thread_times(gettid())->waits, before->waits);
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

TEST(BirdWatch, OneThatIsStoppedIsNotWaitedFor) {
  const std::string path = path_of("bird.ctl");
  unlink(path.c_str());
  EventLoop loop;
  FakeBird bird(path);
  char state = 'S';
  std::set<pid_t> asked;
  BirdWatch watch(loop, path, [&](pid_t pid) {
    asked.insert(pid);
    return std::optional(ThreadTimes{.state = state});
  });
  watch.reset();
  const auto answering = [&] {
    if (state != 'T' && bird.questions() == "show status\n") {
      bird.say("0013 Daemon is up\n");
    }
    loop.turn(0us);
  };
  EXPECT_EQ(ticks_to_hang(watch, 20, answering), -1);
  EXPECT_EQ(asked, std::set<pid_t>{getpid()}) << "who listens";
  state = 't';
  EXPECT_EQ(ticks_to_hang(watch, 20, answering), -1) << "a debugger";
  state = 'T';
  EXPECT_FALSE(watch.tick()) << "for a moment";
  state = 'S';
  EXPECT_FALSE(watch.tick());
  state = 'T';
  EXPECT_FALSE(watch.tick());
  EXPECT_EQ(watch.tick(), "it is stopped");
  unlink(path.c_str());
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
