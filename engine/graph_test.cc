// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/graph.h"

#include <gtest/gtest.h>

#include <string>

#include "engine/graph_impl.h"
#include "engine/reference.h"

namespace floof::engine {
namespace {

void nothing(NodeContext&, std::span<rte_mbuf*>) {}

NodeSpec node(std::string_view name, std::vector<std::string_view> next = {}, std::vector<std::string_view> arcs = {}) {
  return {.name = name, .help = "A test.", .process = nothing, .next = std::move(next), .arcs = std::move(arcs)};
}

std::string build_error(GraphBuilder& builder) {
  auto graph = Graph::build(std::move(builder));
  return graph ? "" : graph.error().text();
}

std::vector<std::string> features_of(Graph& graph, std::string_view arc) {
  std::vector<std::string> out;
  for (NodeId id : graph.impl().arcs[graph.arc(arc).value()].features) {
    out.emplace_back(graph.node_name(id));
  }
  return out;
}

TEST(Graph, FindsNodesAndRanksUpstreamFirst) {
  GraphBuilder builder;
  builder.add_node(node("end"));
  builder.add_node(node("error", {"lookup"}));
  builder.add_node(node("lookup", {"end", "error"}));
  builder.add_node(node("input", {}, {"arc"}));
  builder.add_node(node("feature"));
  builder.add_arc("arc", "lookup");
  builder.add_feature({"arc", "feature", {}, {}});
  auto graph = Graph::build(std::move(builder));
  ASSERT_TRUE(graph) << graph.error().text();
  const auto rank = [&](std::string_view name) { return (*graph)->impl().nodes[(*graph)->node(name).value()].rank; };
  EXPECT_LT(rank("input"), rank("feature"));
  EXPECT_LT(rank("feature"), rank("lookup"));
  EXPECT_LT(rank("lookup"), rank("end"));
  EXPECT_FALSE((*graph)->node("absent").valid());
  EXPECT_FALSE((*graph)->arc("absent").valid());
}

TEST(Graph, RefusesMissingNodes) {
  GraphBuilder builder;
  builder.add_node(node("a", {"b"}));
  EXPECT_NE(build_error(builder).find("next node b does not exist"), std::string::npos);
}

TEST(Graph, RefusesDuplicateNodes) {
  GraphBuilder builder;
  builder.add_node(node("a"));
  builder.add_node(node("a"));
  EXPECT_NE(build_error(builder).find("node a: is registered twice"), std::string::npos);
}

TEST(Graph, RefusesNodesWithoutFunction) {
  GraphBuilder builder;
  builder.add_node({.name = "a", .help = ""});
  EXPECT_NE(build_error(builder).find("has no function"), std::string::npos);
}

TEST(Graph, RefusesBrokenArcs) {
  {
    GraphBuilder builder;
    builder.add_arc("arc", "absent");
    EXPECT_NE(build_error(builder).find("end node absent"), std::string::npos);
  }
  {
    GraphBuilder builder;
    builder.add_node(node("end"));
    builder.add_arc("arc", "end");
    builder.add_feature({"arc", "absent", {}, {}});
    EXPECT_NE(build_error(builder).find("feature node absent"), std::string::npos);
  }
  {
    GraphBuilder builder;
    builder.add_node(node("f"));
    builder.add_feature({"nowhere", "f", {}, {}});
    EXPECT_NE(build_error(builder).find("arc nowhere does not exist"), std::string::npos);
  }
  {
    GraphBuilder builder;
    builder.add_node(node("end"));
    builder.add_node(node("other"));
    builder.add_arc("arc", "end");
    builder.add_arc("arc", "other");
    EXPECT_NE(build_error(builder).find("declared twice"), std::string::npos);
  }
  {
    GraphBuilder builder;
    builder.add_node(node("a", {}, {"nowhere"}));
    EXPECT_NE(build_error(builder).find("arc nowhere"), std::string::npos);
  }
}

TEST(Graph, NodesGetFurtherEdges) {
  GraphBuilder builder;
  builder.add_node(node("a", {"b"}));
  builder.add_node(node("b"));
  builder.add_node(node("c"));
  EXPECT_EQ(builder.add_edge("a", "c"), 1u);
  EXPECT_EQ(builder.add_edge("a", "b"), 0u) << "it has that";
  EXPECT_EQ(builder.add_edge("a", "c"), 1u);
  auto graph = Graph::build(std::move(builder));
  ASSERT_TRUE(graph) << graph.error().text();
  EXPECT_EQ((*graph)->impl().nodes[0].next, (std::vector{(*graph)->node("b"), (*graph)->node("c")}));
  GraphBuilder other;
  other.add_edge("later", "a");
  other.add_node(node("a"));
  other.add_node(node("later"));
  EXPECT_NE(build_error(other).find("node later: gets an edge before it is added"), std::string::npos);
}

TEST(Graph, OrdersFeatures) {
  GraphBuilder builder;
  for (auto name : {"end", "acl", "nat", "police", "span"}) {
    builder.add_node(node(name));
  }
  builder.add_arc("arc", "end");
  builder.add_feature({"arc", "nat", {}, {"acl"}});
  builder.add_feature({"arc", "acl", {}, {"absent-is-fine"}});
  builder.add_feature({"arc", "police", {"acl"}, {}});
  builder.add_feature({"arc", "span", {"police", "nat"}, {}});
  auto graph = Graph::build(std::move(builder));
  ASSERT_TRUE(graph) << graph.error().text();
  EXPECT_EQ(features_of(**graph, "arc"), (std::vector<std::string>{"span", "police", "acl", "nat"}));
}

TEST(Graph, RefusesCyclesOfFeatures) {
  GraphBuilder builder;
  for (auto name : {"end", "a", "b"}) {
    builder.add_node(node(name));
  }
  builder.add_arc("arc", "end");
  builder.add_feature({"arc", "a", {"b"}, {}});
  builder.add_feature({"arc", "b", {"a"}, {}});
  EXPECT_NE(build_error(builder).find("form a cycle"), std::string::npos);
}

TEST(Graph, SwitchesFeaturesPerInterface) {
  GraphBuilder builder;
  for (auto name : {"end", "a", "b"}) {
    builder.add_node(node(name));
  }
  const ArcId arc = builder.add_arc("arc", "end");
  EXPECT_EQ(builder.add_arc("arc", "end"), arc);
  builder.add_feature({"arc", "a", {}, {}});
  builder.add_feature({"arc", "b", {}, {}});
  auto graph = Graph::build(std::move(builder));
  ASSERT_TRUE(graph) << graph.error().text();
  (*graph)->enable(arc, "b", IfId(7), true);
  const auto& enabled = (*graph)->impl().arcs[arc.value()].enabled;
  EXPECT_EQ(enabled[7].load(), 2u);
  EXPECT_EQ(enabled[8].load(), 0u);
  (*graph)->enable(arc, "a", IfId(7), true);
  (*graph)->enable(arc, "b", IfId(7), false);
  EXPECT_EQ(enabled[7].load(), 1u);
}

TEST(Graph, SharesDropReasonsAndCountersByName) {
  GraphBuilder builder;
  const DropId first = builder.declare_drop("ip4-ttl-expired", "TTL reached zero.");
  EXPECT_EQ(builder.declare_drop("ip4-ttl-expired", "TTL reached zero."), first);
  EXPECT_NE(builder.declare_drop("ip4-bad-checksum", ""), first);
  const CounterId counter = builder.declare_counter("punted", "packets", "");
  EXPECT_EQ(builder.declare_counter("punted", "packets", ""), counter);
  auto graph = Graph::build(std::move(builder));
  ASSERT_TRUE(graph);
  EXPECT_EQ((*graph)->drop_name(first), "ip4-ttl-expired");
  EXPECT_EQ((*graph)->drop_help(first), "TTL reached zero.");
  const auto none = Graph::build(GraphBuilder());
  ASSERT_TRUE(none);
  EXPECT_EQ((*graph)->counters(), (*none)->counters() + 1);
}

TEST(Graph, DrawsItself) {
  GraphBuilder builder;
  builder.add_node(node("input", {"endnode"}, {"arc"}));
  builder.add_node(node("feature"));
  builder.add_node(node("endnode"));
  builder.add_arc("arc", "endnode");
  builder.add_feature({"arc", "feature", {}, {}});
  auto graph = Graph::build(std::move(builder));
  ASSERT_TRUE(graph);
  const std::string picture = graph_reference(**graph);
  EXPECT_NE(picture.find("input --> endnode"), std::string::npos);
  EXPECT_NE(picture.find("input -- arc --> feature"), std::string::npos);
  EXPECT_NE(picture.find("feature -. arc .-> endnode"), std::string::npos);
}

}  // namespace
}  // namespace floof::engine
