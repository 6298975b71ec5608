// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/vlan/vlan_show.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace floof::vlan {
namespace {

TEST(VlanShow, ByParentAndNumber) {
  const shell::Json interfaces = shell::Json::parse(R"([
    {"name": "e0", "device": {"type": "host", "name": "x"}},
    {"name": "rest", "link": "up", "mtu": 1500, "device": {"type": "vlan", "parent": "e0", "outer": "default",
     "protocol": "802.1q"}},
    {"name": "e0.1000", "link": "down", "mtu": 1500, "device": {"type": "vlan", "parent": "e0", "outer": 1000,
     "protocol": "802.1ad"}},
    {"name": "cust", "link": "up", "mtu": 1400, "counters": {"rx-packets": 12, "tx-packets": 7},
     "device": {"type": "vlan", "parent": "e0", "outer": 20, "inner": 7, "protocol": "802.1q"}}])");
  EXPECT_EQ(render_vlans(interfaces),
            "Parent  VLAN     Inner  Protocol  Interface  Link   MTU  Received  Sent\n"
            "e0      20           7  802.1q    cust       up    1400        12     7\n"
            "e0      1000            802.1ad   e0.1000    down  1500         0     0\n"
            "e0      default         802.1q    rest       up    1500         0     0\n");
}

TEST(VlanShow, None) {
  EXPECT_EQ(render_vlans(shell::Json::array()), "no VLANs; 'set interface NAME.ID vlan ID' makes one\n");
  EXPECT_EQ(render_vlans(nullptr), "no VLANs; 'set interface NAME.ID vlan ID' makes one\n");
}

}  // namespace
}  // namespace floof::vlan
