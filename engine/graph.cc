// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "engine/graph_impl.h"

namespace floof::engine {

void GraphBuilder::add_node(NodeSpec spec) { nodes_.push_back(std::move(spec)); }

unsigned GraphBuilder::add_edge(std::string_view from, std::string_view to) {
  for (NodeSpec& node : nodes_) {
    if (node.name == from) {
      const auto at = std::find(node.next.begin(), node.next.end(), to);
      const auto edge = static_cast<unsigned>(at - node.next.begin());
      if (at == node.next.end()) {
        node.next.push_back(to);
      }
      return edge;
    }
  }
  edges_of_nobody_.emplace_back(from);
  return 0;
}

uint16_t GraphBuilder::add_sender(std::string_view node) {
  senders_.push_back(node);
  return static_cast<uint16_t>(senders_.size());
}

ArcId GraphBuilder::add_arc(std::string_view name, std::string_view end_node) {
  for (size_t i = 0; i < arcs_.size(); i++) {
    if (arcs_[i].name == name && arcs_[i].end == end_node) {
      return ArcId(static_cast<uint8_t>(i));
    }
  }
  arcs_.push_back({std::string(name), std::string(end_node)});
  return ArcId(static_cast<uint8_t>(arcs_.size() - 1));
}

void GraphBuilder::add_feature(Feature feature) { features_.push_back(std::move(feature)); }

namespace {

template <typename List>
size_t find_or_add(List& list, std::string_view name, std::string_view unit, std::string_view help) {
  for (size_t i = 0; i < list.size(); i++) {
    if (list[i].name == name) {
      return i;
    }
  }
  list.push_back({std::string(name), std::string(unit), std::string(help)});
  return list.size() - 1;
}

Error graph_error(std::string path, std::string reason) {
  return Error{std::move(path), std::move(reason), "this is a fault of the program, not of the configuration"};
}

/// Kahn's algorithm over the features of one arc, stable: what is not ordered stays in the order of registration.
/// Empty when the constraints form a cycle.
std::vector<size_t> order_features(const std::vector<GraphBuilder::Feature>& features) {
  const size_t n = features.size();
  std::vector<std::set<size_t>> after(n);
  auto index = [&](std::string_view name) {
    return static_cast<size_t>(
        std::find_if(features.begin(), features.end(), [&](const auto& f) { return f.node == name; }) -
        features.begin());
  };
  for (size_t i = 0; i < n; i++) {
    for (auto name : features[i].before) {
      if (const size_t other = index(name); other < n) {
        after[other].insert(i);
      }
    }
    for (auto name : features[i].after) {
      if (const size_t other = index(name); other < n) {
        after[i].insert(other);
      }
    }
  }
  std::vector<size_t> order;
  std::vector<bool> placed(n);
  for (bool progress = true; progress && order.size() < n;) {
    progress = false;
    for (size_t i = 0; i < n && !progress; i++) {
      if (!placed[i] && std::all_of(after[i].begin(), after[i].end(), [&](size_t o) { return placed[o]; })) {
        placed[i] = progress = true;
        order.push_back(i);
      }
    }
  }
  return order.size() == n ? order : std::vector<size_t>{};
}

/// Ranks nodes by reverse postorder of a depth-first walk; edges that close a cycle do not count.
void rank_nodes(Graph::Impl& graph) {
  const size_t n = graph.nodes.size();
  std::vector<bool> seen(n);
  std::vector<size_t> postorder;
  auto visit = [&](auto&& self, size_t at) -> void {
    seen[at] = true;
    for (NodeId to : graph.successors(NodeId(static_cast<uint16_t>(at)))) {
      if (!seen[to.value()]) {
        self(self, to.value());
      }
    }
    postorder.push_back(at);
  };
  std::vector<bool> has_input(n);
  for (size_t i = 0; i < n; i++) {
    for (NodeId to : graph.successors(NodeId(static_cast<uint16_t>(i)))) {
      has_input[to.value()] = true;
    }
  }
  for (const bool inner : {false, true}) {
    for (size_t i = 0; i < n; i++) {
      if (!seen[i] && has_input[i] == inner) {
        visit(visit, i);
      }
    }
  }
  for (size_t i = 0; i < n; i++) {
    graph.nodes[postorder[i]].rank = static_cast<uint32_t>(n - 1 - i);
  }
  for (size_t i = 0; i < n; i++) {
    for (NodeId to : graph.successors(NodeId(static_cast<uint16_t>(i)))) {
      Graph::Impl::Node& next = graph.nodes[to.value()];
      next.closes_cycle = next.closes_cycle || next.rank <= graph.nodes[i].rank;
    }
  }
}

}  // namespace

DropId GraphBuilder::declare_drop(std::string_view name, std::string_view help) {
  return DropId(static_cast<uint16_t>(find_or_add(drops_, name, "packets", help)));
}

CounterId GraphBuilder::declare_counter(std::string_view name, std::string_view unit, std::string_view help) {
  return CounterId(static_cast<uint32_t>(find_or_add(counters_, name, unit, help)));
}

/// They are the first vectors.
VectorId GraphBuilder::declare_interface_counter(std::string_view name, std::string_view unit, std::string_view help) {
  return VectorId(static_cast<uint16_t>(find_or_add(interface_counters_, name, unit, help)));
}

NodeId Graph::Impl::find(std::string_view name) const {
  for (size_t i = 0; i < nodes.size(); i++) {
    if (nodes[i].name == name) {
      return NodeId(static_cast<uint16_t>(i));
    }
  }
  return {};
}

std::vector<NodeId> Graph::Impl::successors(NodeId id) const {
  const Node& node = nodes[id.value()];
  std::vector<NodeId> out = node.next;
  for (ArcId arc : node.arcs) {
    out.insert(out.end(), arcs[arc.value()].features.begin(), arcs[arc.value()].features.end());
    out.push_back(arcs[arc.value()].end);
  }
  for (const Arc& arc : arcs) {
    const auto at = std::find(arc.features.begin(), arc.features.end(), id);
    if (at != arc.features.end()) {
      out.insert(out.end(), at + 1, arc.features.end());
      out.push_back(arc.end);
    }
  }
  return out;
}

Result<> Graph::add_nodes(const GraphBuilder& builder) {
  if (builder.nodes_.size() > Lane::kMaxNodes) {
    return graph_error("graph", fmt::format("{} nodes, at most {}", builder.nodes_.size(), Lane::kMaxNodes));
  }
  if (!builder.edges_of_nobody_.empty()) {
    return graph_error(fmt::format("node {}", builder.edges_of_nobody_.front()), "gets an edge before it is added");
  }
  for (const NodeSpec& spec : builder.nodes_) {
    if (impl_->find(spec.name).valid()) {
      return graph_error(fmt::format("node {}", spec.name), "is registered twice");
    }
    if (spec.process == nullptr) {
      return graph_error(fmt::format("node {}", spec.name), "has no function");
    }
    impl_->nodes.push_back({std::string(spec.name), std::string(spec.help), spec.process, spec.state, {}, {}});
  }
  for (size_t i = 0; i < builder.nodes_.size(); i++) {
    for (std::string_view name : builder.nodes_[i].next) {
      const NodeId to = impl_->find(name);
      if (!to.valid()) {
        return graph_error(fmt::format("node {}", builder.nodes_[i].name),
                           fmt::format("next node {} does not exist", name));
      }
      impl_->nodes[i].next.push_back(to);
    }
  }
  return {};
}

Result<> Graph::add_arc(const GraphBuilder& builder, const GraphBuilder::Arc& arc) {
  const std::string path = fmt::format("arc {}", arc.name);
  Impl::Arc out{arc.name, impl_->find(arc.end), {}, {}, nullptr};
  if (this->arc(arc.name).valid()) {
    return graph_error(path, "is declared twice, with different ends");
  }
  if (!out.end.valid()) {
    return graph_error(path, fmt::format("end node {} does not exist", arc.end));
  }
  std::vector<GraphBuilder::Feature> features;
  for (const auto& feature : builder.features_) {
    if (feature.arc != arc.name) {
      continue;
    }
    if (!impl_->find(feature.node).valid()) {
      return graph_error(path, fmt::format("feature node {} does not exist", feature.node));
    }
    if (std::any_of(features.begin(), features.end(), [&](const auto& f) { return f.node == feature.node; })) {
      return graph_error(path, fmt::format("feature {} is registered twice", feature.node));
    }
    features.push_back(feature);
  }
  if (features.size() > ArcLane::kMaxFeatures) {
    return graph_error(path, fmt::format("{} features, at most {}", features.size(), ArcLane::kMaxFeatures));
  }
  const auto order = order_features(features);
  if (order.size() != features.size()) {
    return graph_error(path, "the before/after of its features form a cycle");
  }
  for (size_t i : order) {
    out.features.push_back(impl_->find(features[i].node));
    out.stages.push_back(features[i].stage);
  }
  out.enabled = std::make_unique<std::atomic<uint32_t>[]>(kMaxInterfaces);
  impl_->arcs.push_back(std::move(out));
  return {};
}

Result<> Graph::add_arcs(const GraphBuilder& builder) {
  for (const auto& feature : builder.features_) {
    if (std::none_of(builder.arcs_.begin(), builder.arcs_.end(),
                     [&](const auto& a) { return a.name == feature.arc; })) {
      return graph_error(fmt::format("feature {}", feature.node), fmt::format("arc {} does not exist", feature.arc));
    }
  }
  for (const auto& arc : builder.arcs_) {
    if (auto added = add_arc(builder, arc); !added) {
      return added;
    }
  }
  for (size_t i = 0; i < builder.nodes_.size(); i++) {
    for (std::string_view name : builder.nodes_[i].arcs) {
      if (!arc(name).valid()) {
        return graph_error(fmt::format("node {}", builder.nodes_[i].name), fmt::format("arc {} does not exist", name));
      }
      impl_->nodes[i].arcs.push_back(arc(name));
    }
  }
  return {};
}

Result<std::unique_ptr<Graph>> Graph::build(GraphBuilder&& builder) {
  auto graph = std::unique_ptr<Graph>(new Graph(std::make_unique<Impl>()));
  Impl& impl = *graph->impl_;
  impl.queue_full = builder.declare_drop("graph-queue-full", "A node had more packets waiting than its queue holds.");
  impl.input_down =
      builder.declare_drop("input-interface-down", "The packet came in on an interface that is disabled.");
  impl.rx_malformed = builder.declare_drop(
      "rx-malformed",
      "A frame was too short or cut off, or what its sender left for the device to do does not fit it.");
  impl.rx_segments = builder.declare_drop(
      "rx-segments", "A super packet of more than 128 segments, or of segments with less than 64 bytes.");
  impl.rx_no_buffer =
      builder.declare_drop("rx-no-buffer", "A frame longer than 2 KiB came in while no large buffer was free.");
  impl.rx_waits = builder.declare_counter(
      "rx-waits", "times", "A port found no packet buffer free; what came in waited in its device or was lost there.");
  impl.too_many_rounds =
      builder.declare_drop("graph-loop", "The packet came back to the same node again and again (a fault: report it).");
  impl.control_queue_full = builder.declare_drop(
      "inject-queue-full", "The control thread made packets faster than the worker took them (counted there).");
  impl.handover_full =
      builder.declare_drop("handover-queue-full", "A worker gave another one packets faster than it took them.");
  impl.samples_lost = builder.declare_counter(
      "samples-lost", "samples",
      "Pieces of packets for sFlow, traces or captures that the control thread was too slow for.");
  if (auto added = graph->add_nodes(builder); !added) {
    return added.error();
  }
  if (auto added = graph->add_arcs(builder); !added) {
    return added.error();
  }
  for (auto& drop : builder.drops_) {
    impl.drops.push_back({std::move(drop.name), std::move(drop.unit), std::move(drop.help)});
  }
  for (auto& counter : builder.counters_) {
    impl.counters.push_back({std::move(counter.name), std::move(counter.unit), std::move(counter.help)});
  }
  for (auto& counter : builder.interface_counters_) {
    impl.interface_counters.push_back({std::move(counter.name), std::move(counter.unit), std::move(counter.help)});
  }
  rank_nodes(impl);
  return graph;
}

Graph::Graph(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Graph::~Graph() = default;

NodeId Graph::node(std::string_view name) const { return impl_->find(name); }

ArcId Graph::arc(std::string_view name) const {
  for (size_t i = 0; i < impl_->arcs.size(); i++) {
    if (impl_->arcs[i].name == name) {
      return ArcId(static_cast<uint8_t>(i));
    }
  }
  return {};
}

void Graph::enable(ArcId arc, std::string_view feature_node, IfId interface, bool on) {
  Impl::Arc& a = impl_->arcs[arc.value()];
  for (size_t i = 0; i < a.features.size(); i++) {
    if (node_name(a.features[i]) == feature_node) {
      const uint32_t bit = uint32_t{1} << i;
      if (on) {
        a.enabled[interface.value()].fetch_or(bit);
      } else {
        a.enabled[interface.value()].fetch_and(~bit);
      }
    }
  }
}

void Graph::disable_all(IfId interface) {
  for (Impl::Arc& arc : impl_->arcs) {
    arc.enabled[interface.value()].store(0);
  }
}

size_t Graph::nodes() const { return impl_->nodes.size(); }
std::string_view Graph::node_name(NodeId id) const { return impl_->nodes[id.value()].name; }
std::string_view Graph::drop_name(DropId id) const { return impl_->drops[id.value()].name; }
std::string_view Graph::drop_help(DropId id) const { return impl_->drops[id.value()].help; }
size_t Graph::drops() const { return impl_->drops.size(); }
size_t Graph::counters() const { return impl_->counters.size(); }

}  // namespace floof::engine
