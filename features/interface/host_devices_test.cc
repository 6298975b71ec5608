// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/interface/host_devices.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "features/interface/keeper.h"

namespace floof::interface {
namespace {

UniqueFd tap(const std::string& name) {
  UniqueFd fd(::open("/dev/net/tun", O_RDWR | O_CLOEXEC));
  ifreq request{};
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  std::strncpy(request.ifr_name, name.c_str(), IFNAMSIZ - 1);
  EXPECT_EQ(ioctl(fd.get(), TUNSETIFF, &request), 0) << "these tests need root";
  return fd;
}

/// A router's namespace (the process's own) and one of ports with a name.
class HostDevicesTest : public testing::Test {
 protected:
  void SetUp() override {
    name_ = "fhd-" + std::to_string(getpid());
    folder_ = std::filesystem::temp_directory_path() / name_;
    std::filesystem::create_directories(folder_);
    std::filesystem::create_directories("/run/netns");
    ASSERT_EQ(unshare(CLONE_NEWNET), 0) << "these tests need root";
    std::ofstream("/run/netns/" + name_) << "";
    ASSERT_EQ(mount("/proc/thread-self/ns/net", ("/run/netns/" + name_).c_str(), nullptr, MS_BIND, nullptr), 0);
    ASSERT_EQ(unshare(CLONE_NEWNET), 0);
  }
  void TearDown() override {
    umount2(("/run/netns/" + name_).c_str(), MNT_DETACH);
    std::filesystem::remove("/run/netns/" + name_);
    std::filesystem::remove_all(folder_);
  }
  std::unique_ptr<HostDevices> open() {
    auto devices = HostDevices::open(loop_, {.run_dir = folder_, .ports = name_, .host = ""});
    EXPECT_TRUE(devices.ok()) << devices.error().text();
    return std::move(*devices);
  }
  EventLoop loop_;
  std::string name_;
  std::filesystem::path folder_;
};

TEST_F(HostDevicesTest, TakesAndGivesBack) {
  const UniqueFd device = tap("eth9");
  auto writer = *netlink::Writer::open(-1);
  ASSERT_TRUE(writer->change_link(*writer->link_index("eth9"), {.up = true}).ok());
  {
    auto devices = open();
    EXPECT_EQ(devices->find("nope").place, HostDevices::Place::nowhere);
    EXPECT_EQ(devices->find("eth9").place, HostDevices::Place::router);
    const auto index = devices->take("eth9");
    ASSERT_TRUE(index.ok()) << index.error().text();
    EXPECT_FALSE(writer->link_index("eth9").ok());
    EXPECT_EQ(devices->find("eth9").place, HostDevices::Place::ports);
    EXPECT_EQ(*devices->take("eth9"), *index) << "again is harmless";
  }
  // The next life knows where it came from.
  auto devices = open();
  devices->release_unless([](const std::string& name) { return name == "eth9"; });
  EXPECT_FALSE(writer->link_index("eth9").ok());
  devices->release_all();
  const auto back = writer->link_index("eth9");
  ASSERT_TRUE(back.ok());
  EXPECT_TRUE(writer->link(*back)->admin_up);
  devices->release_all();
}

TEST_F(HostDevicesTest, WaitsWhileItsNameIsTaken) {
  const UniqueFd device = tap("eth9");
  auto writer = *netlink::Writer::open(-1);
  auto devices = open();
  EXPECT_FALSE(devices->returns_to_router("eth9"));
  ASSERT_TRUE(devices->take("eth9").ok());
  EXPECT_TRUE(devices->returns_to_router("eth9"));
  {
    const UniqueFd other = tap("eth9");
    const auto released = devices->release("eth9");
    ASSERT_FALSE(released.ok());
    EXPECT_NE(released.error().reason.find("another link has its name"), std::string::npos);
    EXPECT_TRUE(devices->waiting().contains("eth9"));
    EXPECT_FALSE(devices->release_all());
    EXPECT_EQ(devices->find("eth9").place, HostDevices::Place::ports) << "and it is not lost";
    EXPECT_TRUE(devices->take("eth9").ok()) << "whoever wants it meanwhile gets it";
    EXPECT_TRUE(devices->waiting().empty());
  }
  EXPECT_TRUE(devices->release_all());
  EXPECT_EQ(devices->find("eth9").place, HostDevices::Place::router);
  EXPECT_TRUE(is_tap(device.get(), "eth9", -1)) << "it is the one that was taken";
}

TEST_F(HostDevicesTest, OwnTapsAreNoDevices) {
  auto writer = *netlink::Writer::open(-1);
  auto devices = open();
  const UniqueFd device = tap("eth9");
  ASSERT_TRUE(devices->take("eth9").ok());
  const UniqueFd linux_side = tap("eth9"), another = tap("eth8");
  const int own = *writer->link_index("eth9");
  devices->is_own_tap = [own](HostDevices::Place place, const std::string& name, int index) {
    return place == HostDevices::Place::router && name == "eth9" && index == own;
  };
  EXPECT_EQ(devices->find("eth9").place, HostDevices::Place::ports);
  EXPECT_EQ(devices->find("eth8").place, HostDevices::Place::router) << "another program's TAP is a device";
  ASSERT_TRUE(devices->ports().delete_link(devices->find("eth9").index).ok());
  EXPECT_EQ(devices->find("eth9").place, HostDevices::Place::nowhere);
  EXPECT_FALSE(devices->take("eth9").ok());
}

TEST_F(HostDevicesTest, SeesTheDefaultRoute) {
  const UniqueFd device = tap("eth9"), other = tap("eth8");
  auto writer = *netlink::Writer::open(-1);
  const int index = *writer->link_index("eth9");
  ASSERT_TRUE(writer->change_link(index, {.up = true}).ok());
  auto devices = open();
  EXPECT_FALSE(devices->carries_default_route(devices->find("eth9")));
  ASSERT_TRUE(writer->set_default_route(Family::ip6, index, std::nullopt, 10, 4).ok());
  EXPECT_TRUE(devices->carries_default_route(devices->find("eth9")));
  EXPECT_FALSE(devices->carries_default_route(devices->find("eth8")));
}

TEST_F(HostDevicesTest, DamagedFileIsNoEnd) {
  for (const char* text :
       {"", "{", "7", "{\"devices\":7}", "{\"devices\":[7,{\"name\":3},{\"name\":\"gone\",\"up\":1}]}"}) {
    std::ofstream(folder_ / "host-devices.json") << text;
    EXPECT_TRUE(open()->release_all());
  }
}

TEST_F(HostDevicesTest, MissingNamespaceIsAnError) {
  const auto wrong = HostDevices::open(loop_, {.run_dir = folder_, .ports = "fhd-none", .host = ""});
  ASSERT_FALSE(wrong.ok());
  EXPECT_NE(wrong.error().remedy.find("ip netns add"), std::string::npos);
}

TEST_F(HostDevicesTest, TapHelpers) {
  UniqueFd device = tap("t0");
  auto devices = open();
  EXPECT_TRUE(is_tap(device.get(), "t0", -1));
  EXPECT_FALSE(is_tap(device.get(), "t1", -1));
  EXPECT_FALSE(is_tap(device.get(), "t0", devices->ports_netns()));
  EXPECT_FALSE(is_tap(-1, "t0", -1));
  auto writer = *netlink::Writer::open(-1);
  const int index = *writer->link_index("t0");
  EXPECT_EQ(tap_end(device.get()), TapEnd::down);
  ASSERT_TRUE(writer->change_link(index, {.up = true}).ok());
  EXPECT_EQ(tap_end(device.get()), TapEnd::up);
  set_carrier(device.get(), false);
  EXPECT_FALSE(writer->link(index)->carrier);
  set_carrier(device.get(), true);
  EXPECT_TRUE(writer->link(index)->carrier);
  ASSERT_TRUE(writer->delete_link(index).ok());
  EXPECT_EQ(tap_end(device.get()), TapEnd::gone);
}

}  // namespace
}  // namespace floof::interface
