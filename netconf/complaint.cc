// SPDX-License-Identifier: GPL-3.0-or-later
#include "netconf/complaint.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/tree/tree.h"

namespace floof::netconf {

namespace {

using config::Node;
using config::Words;
using config::XmlAttribute;
using config::XmlElement;

constexpr std::string_view kBase = "urn:ietf:params:xml:ns:netconf:base:1.0", kCli = "urn:floof:cli";
constexpr std::array<std::string_view, 5> kOperations = {"merge", "replace", "create", "delete", "remove"};

class Judge {
 public:
  explicit Judge(const config::Schema& schema) : schema_(schema) {}

  std::optional<Complaint> configuration(const XmlElement& element) {
    if (auto found = attributes(element, {})) {
      return found;
    }
    if (element.name != config::name_of(schema_.root())) {
      return std::nullopt;  // floofd says what is wrong
    }
    return below(element, nullptr, {});
  }

 private:
  static std::optional<Complaint> attributes(const XmlElement& element, const Words& path) {
    for (const XmlAttribute& attribute : element.attributes) {
      const auto complain = [&](Complaint::Kind kind, std::string reason, std::string remedy) {
        return Complaint{
            kind, element.name, attribute.name, {config::join_words(path), std::move(reason), std::move(remedy)}};
      };
      const bool operation = attribute.name == "operation" && attribute.space == kBase;
      const bool ours = attribute.space == kCli && (attribute.name == "comment" || attribute.name == "inactive");
      if (operation && std::find(kOperations.begin(), kOperations.end(), attribute.value) == kOperations.end()) {
        return complain(Complaint::Kind::bad_attribute, fmt::format("\"{}\" is no operation", attribute.value),
                        "merge, replace, create, delete and remove are");
      }
      if (!operation && !ours) {
        return complain(Complaint::Kind::unknown_attribute,
                        fmt::format("the attribute {} of <{}> is not known", attribute.name, element.name),
                        attribute.name == "operation" ? fmt::format("it belongs to the namespace {}", kBase) : "");
      }
    }
    return std::nullopt;
  }

  std::optional<Complaint> below(const XmlElement& element, Node parent, const Words& path) {
    const auto keys = parent != nullptr && config::is_list(parent) ? config::keys_of(parent) : std::vector<Node>();
    for (const XmlElement& child : element.below) {
      const bool key =
          std::any_of(keys.begin(), keys.end(), [&](Node one) { return config::name_of(one) == child.name; });
      auto found = key ? attributes(child, path) : one(child, parent, path);
      if (found) {
        return found;
      }
    }
    return std::nullopt;
  }

  std::optional<Complaint> one(const XmlElement& child, Node parent, const Words& path) {
    const Node node = schema_.child(parent, child.name);
    if (node == nullptr) {
      return Complaint{Complaint::Kind::unknown_element,
                       child.name,
                       "",
                       {config::join_words(path), fmt::format("<{}> is not known here", child.name), ""}};
    }
    const std::string space = config::namespace_of(node);
    if (!child.space.empty() && child.space != space) {
      return Complaint{Complaint::Kind::unknown_namespace,
                       child.name,
                       child.space,
                       {config::join_words(path), fmt::format("<{}> is not in {}", child.name, child.space),
                        fmt::format("write xmlns=\"{}\"", space)}};
    }
    Words inside = path;
    inside.push_back(child.name);
    for (const Node key : config::is_list(node) ? config::keys_of(node) : std::vector<Node>()) {
      const auto value = std::find_if(child.below.begin(), child.below.end(),
                                      [&](const XmlElement& e) { return e.name == config::name_of(key); });
      if (value == child.below.end()) {
        return attributes(child, path);  // floofd misses the key
      }
      inside.push_back(value->text);
    }
    if (auto found = attributes(child, inside)) {
      return found;
    }
    return config::is_term(node) ? std::nullopt : below(child, node, inside);
  }

  const config::Schema& schema_;
};

std::optional<Complaint> search(const config::Schema& schema, const XmlElement& element, size_t depth) {
  constexpr size_t kDeepest = 3;  // <rpc><copy-config><source><config>
  for (const XmlElement& child : element.below) {
    if (child.name == "config" && child.space == kBase && depth > 0) {
      for (const XmlElement& configuration : child.below) {
        if (auto found = Judge(schema).configuration(configuration)) {
          return found;
        }
      }
    } else if (depth < kDeepest) {
      if (auto found = search(schema, child, depth + 1)) {
        return found;
      }
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<Complaint> find_complaint(const config::Schema& schema, const config::XmlElement& rpc) {
  return search(schema, rpc, 0);
}

}  // namespace floof::netconf
