// SPDX-License-Identifier: GPL-3.0-or-later
#include "netconf/filter.h"

#include <gtest/gtest.h>
#include <libyang/libyang.h>

#include <cstdlib>
#include <string>

#include "netconf/context.h"
#include "netconf/errors.h"

namespace floof::netconf {
namespace {

constexpr const char* kData = R"(<configuration xmlns="urn:floof:root">
<groups><name>g</name><interface xmlns="urn:floof:interface"><name>&lt;e*&gt;</name><mtu>1400</mtu></interface></groups>
<interface xmlns="urn:floof:interface"><name>e0</name><device><null/></device><mtu>1400</mtu></interface>
<interface xmlns="urn:floof:interface"><name>e1</name><device><null/></device><mtu>1500</mtu></interface>
<system xmlns="urn:floof:system"><hostname>a</hostname></system></configuration>)";

class Filter : public testing::Test {
 protected:
  void SetUp() override {
    auto made = make_context();
    ASSERT_TRUE(made.ok()) << made.error().text();
    context_ = std::move(*made);
  }

  Data parse(const char* text) const {
    lyd_node* out = nullptr;
    EXPECT_EQ(lyd_parse_data_mem(context_.get(), text, LYD_XML, LYD_PARSE_ONLY | LYD_PARSE_OPAQ, 0, &out), LY_SUCCESS)
        << ly_errmsg(context_.get());
    return Data(out);
  }

  static std::string print(const Data& data) {
    char* text = nullptr;
    lyd_print_mem(&text, data.get(), LYD_XML, LYD_PRINT_WITHSIBLINGS | LYD_PRINT_SHRINK);
    std::string out = text != nullptr ? text : "";
    std::free(text);
    for (size_t at = 0; (at = out.find(" xmlns=\"", at)) != std::string::npos;) {
      out.erase(at, out.find('"', at + 8) + 1 - at);
    }
    return out;
  }

  /// What a subtree filter inside <configuration> leaves.
  std::string left(const std::string& inside) const {
    const Data filter = parse(("<configuration xmlns=\"urn:floof:root\">" + inside + "</configuration>").c_str());
    return print(filter_subtree(parse(kData), filter.get()));
  }

  Context context_;
};

TEST_F(Filter, Subtree) {
  const std::string e0 = "<interface><name>e0</name><device><null/></device><mtu>1400</mtu></interface>";
  EXPECT_EQ(left(""), print(parse(kData)));
  EXPECT_EQ(left("<interface xmlns=\"urn:floof:interface\"><name>e0</name></interface>"),
            "<configuration>" + e0 + "</configuration>");
  EXPECT_EQ(left("<interface xmlns=\"urn:floof:interface\"><name> e0 </name><mtu/></interface>"),
            "<configuration><interface><name>e0</name><mtu>1400</mtu></interface></configuration>");
  EXPECT_EQ(left("<interface xmlns=\"urn:floof:interface\"><mtu/></interface>"),
            "<configuration><interface><name>e0</name><mtu>1400</mtu></interface>"
            "<interface><name>e1</name><mtu>1500</mtu></interface></configuration>");
  EXPECT_EQ(left("<interface xmlns=\"urn:floof:interface\"><mtu>1400</mtu></interface>"
                 "<system xmlns=\"urn:floof:system\"/>"),
            "<configuration>" + e0 + "<system><hostname>a</hostname></system></configuration>");
  EXPECT_EQ(left("<system xmlns=\"urn:other\"/>"), "");
  EXPECT_EQ(left("<interface xmlns=\"urn:floof:interface\"><name>e9</name></interface>"), "");
  EXPECT_EQ(
      left("<groups><name>g</name></groups>"),
      "<configuration><groups><name>g</name><interface><name>&lt;e*&gt;</name><mtu>1400</mtu></interface></groups>"
      "</configuration>");
  EXPECT_EQ(print(filter_subtree(parse(kData), nullptr)), "");
}

TEST_F(Filter, XPath) {
  const auto left = [&](const char* expression) {
    const auto found = filter_xpath(parse(kData), expression);
    return found ? print(*found) : "error: " + found.error().text();
  };
  EXPECT_EQ(left("/floof-root:configuration/floof-interface:interface[name='e1']/mtu"),
            "<configuration><interface><name>e1</name><mtu>1500</mtu></interface></configuration>");
  EXPECT_EQ(left("//floof-system:hostname"), "<configuration><system><hostname>a</hostname></system></configuration>");
  EXPECT_EQ(left("/floof-root:configuration/floof-bgp:bgp"), "");
  EXPECT_EQ(left("/floof-root:configuration[").substr(0, 6), "error:");
}

TEST(Errors, PathsOfWords) {
  const auto schema = config::Schema::load(config::embedded_modules());
  ASSERT_TRUE(schema.ok());
  EXPECT_EQ(instance_path(**schema, "interface e0 address 192.0.2.1/24"),
            "/floof-root:configuration/floof-interface:interface[name='e0']/address[.='192.0.2.1/24']");
  EXPECT_EQ(instance_path(**schema, "bgp asn"), "/floof-root:configuration/floof-bgp:bgp/asn");
  EXPECT_EQ(instance_path(**schema, "no such words"), "");
  EXPECT_EQ(instance_path(**schema, "\""), "");
  EXPECT_EQ(without_line("line 12: interface e0"), "interface e0");
  EXPECT_EQ(without_line("line 3, column 4"), "");
  EXPECT_EQ(without_line("line 3"), "");
  EXPECT_EQ(without_line("line up"), "line up");
  EXPECT_EQ(without_line("interface e0"), "interface e0");
}

}  // namespace
}  // namespace floof::netconf
