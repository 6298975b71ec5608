// SPDX-License-Identifier: GPL-3.0-or-later
//
// A small reader of XML, so that errors name lines: elements, attributes, namespaces, character data, CDATA and
// comments. No document types and no entities but the five of XML and numbers, so a text cannot grow while it is read.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/tree/tree.h"

namespace floof::config {

struct XmlAttribute {
  std::string name, space, value;  ///< local name; namespace, empty when it has no prefix
};

struct XmlElement {
  std::string name, space;  ///< local name; namespace, empty when none was given
  size_t line = 0;
  std::string text;
  std::vector<XmlAttribute> attributes;  ///< without those that name namespaces
  std::vector<XmlElement> below;
};

/// The outermost element. On an Error `where` is the place.
Result<XmlElement> read_xml(std::string_view text, Position& where);

}  // namespace floof::config
