// SPDX-License-Identifier: GPL-3.0-or-later
//
// Reading an <rpc> that libnetconf2 has parsed.
#pragma once

#include <string>
#include <string_view>

struct lyd_node;

namespace floof::netconf {

/// The child of that name, or null.
const lyd_node* child(const lyd_node* parent, std::string_view name);
/// The text of the child of that name, empty when there is none.
std::string value(const lyd_node* parent, std::string_view name);
/// Name of what stands in <source> or <target>: "running", "candidate", "config", ...
std::string datastore(const lyd_node* rpc, std::string_view place);
/// An attribute, whatever its namespace.
std::string attribute(const lyd_node* node, std::string_view name);
/// The first of the elements inside an anyxml node, or null.
const lyd_node* content(const lyd_node* any);
/// An element as XML, with the attributes that NETCONF gives a meaning. Empty for null.
std::string xml_of(const lyd_node* tree);

}  // namespace floof::netconf
