// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/system/tools.h"

#include <gtest/gtest.h>

namespace floof::system {
namespace {

using Words = std::vector<std::string>;
using nlohmann::json;

TEST(Tools, ArgumentVectors) {
  EXPECT_EQ(*ping_command({{"address", "192.0.2.1"}, {"count", 3u}, {"size", 100u}, {"source", "e0"}}),
            (Words{"ping", "-4", "-n", "-O", "-c", "3", "-s", "100", "-I", "e0", "192.0.2.1"}));
  EXPECT_EQ(*ping_command({{"address", "FE80::1%e0"}, {"source", "2001:DB8::1"}}),
            (Words{"ping", "-6", "-n", "-O", "-I", "2001:db8::1", "fe80::1%e0"}));
  EXPECT_EQ(*traceroute_command({{"address", "2001:db8::2"}, {"source", "2001:db8::1"}}),
            (Words{"traceroute", "-6", "-n", "-q", "1", "-w", "2", "-s", "2001:db8::1", "2001:db8::2"}));
}

TEST(Tools, NothingTypedBecomesAnOption) {
  for (const json& bad :
       {json(), json::array(), json{{"address", "-f"}}, json{{"address", "a.example"}}, json{{"address", 5}},
        json{{"address", "fe80::1%-x"}}, json{{"address", "fe80::1%"}},
        json{{"address", "192.0.2.1"}, {"source", "-f"}}, json{{"address", "192.0.2.1"}, {"source", "a b"}},
        json{{"address", "192.0.2.1"}, {"count", "3; ls"}}, json{{"address", "192.0.2.1"}, {"count", 0u}},
        json{{"address", "192.0.2.1"}, {"size", 70000u}}, json{{"address", "192.0.2.1"}, {"size", -1}}}) {
    EXPECT_FALSE(ping_command(bad).ok()) << bad.dump();
  }
  EXPECT_FALSE(traceroute_command({{"address", "192.0.2.1"}, {"source", "e0"}}).ok());
}

}  // namespace
}  // namespace floof::system
