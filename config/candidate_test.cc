// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/candidate.h"

#include <gtest/gtest.h>

#include "config/test_support.h"

namespace floof::config {
namespace {

using test::tree_of;

std::string lines(const Tree& tree) { return *tree.set_lines({}, Secrets::clear); }

constexpr std::string_view kBase =
    "set system hostname r\n"
    "set interface e0 mtu 1500\n"
    "set interface e0 address 192.0.2.1/24\n"
    "set interface e1 mtu 1500\n";

struct Merge {
  std::string mine, theirs, merged;
  size_t conflicts = 0;
};

TEST(Rebase, BringsBothTogether) {
  const std::string base(kBase);
  const std::vector<Merge> cases{
      {base + "set interface e2 mtu 1400\n", base + "set interface e3 mtu 1300\n",
       base + "set interface e2 mtu 1400\nset interface e3 mtu 1300\n"},
      {base + "set system hostname mine\n", base, "set system hostname mine\n" + base.substr(base.find('\n') + 1)},
      {base, base + "set interface e0 mtu 1300\n", base + "set interface e0 mtu 1300\n"},
      {base + "set interface e0 mtu 1400\n", base + "set interface e0 mtu 1400\n",
       base + "set interface e0 mtu 1400\n"},
      {base + "set interface e0 mtu 1400\n", base + "set interface e0 mtu 1300\n", base + "set interface e0 mtu 1400\n",
       1},
      {base + "delete interface e1\n", base + "set interface e0 mtu 1300\n",
       base + "delete interface e1\nset interface e0 mtu 1300\n"},
      {base + "delete interface e0\n", base + "set interface e0 mtu 1300\n", base + "delete interface e0\n", 1},
      {base + "set interface e0 mtu 1300\n", base + "delete interface e0\n",
       base + "delete interface e0\nset interface e0 mtu 1300\n", 1},
      {base + "set interface e0 address 192.0.2.2/24\n", base + "set interface e0 address 192.0.2.3/24\n",
       base + "set interface e0 address 192.0.2.2/24\nset interface e0 address 192.0.2.3/24\n"},
      {base + "deactivate interface e1\n", base + "annotate interface e0 \"why\"\n",
       base + "deactivate interface e1\nannotate interface e0 \"why\"\n"},
      {base + "annotate interface e0 \"mine\"\n", base + "annotate interface e0 \"theirs\"\n",
       base + "annotate interface e0 \"mine\"\n", 1},
      {base + "delete interface e1\n", base + "delete interface e1\n", base + "delete interface e1\n"}};
  for (const Merge& one : cases) {
    const auto rebased = rebase({tree_of(one.mine), tree_of(base), 1, ""}, tree_of(one.theirs), "bob");
    ASSERT_TRUE(rebased.ok()) << rebased.error().text();
    EXPECT_EQ(lines(rebased->tree), lines(tree_of(one.merged))) << one.mine << "---\n" << one.theirs;
    EXPECT_EQ(rebased->conflicts.size(), one.conflicts) << one.mine << "---\n" << one.theirs;
  }
}

TEST(Rebase, NamesTheLineAndBothSides) {
  const std::string base(kBase);
  const auto rebased = rebase({tree_of(base + "set interface e0 mtu 1400\n"), tree_of(base), 1, ""},
                              tree_of(base + "delete interface e0 mtu\n"), "bob");
  ASSERT_EQ(rebased->conflicts.size(), 1U);
  EXPECT_EQ(rebased->conflicts[0].text(), "interface e0 mtu: you have \"set interface e0 mtu 1400\", bob deleted it");
}

}  // namespace
}  // namespace floof::config
