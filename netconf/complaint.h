// SPDX-License-Identifier: GPL-3.0-or-later
//
// What libyang drops without a word in the <config> of a client: attributes that it does not know, or that have no
// namespace where NETCONF's belong. Read here from the text that the client wrote (RFC 6241, 7.2 and appendix A).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "config/load/xml_reader.h"
#include "config/tree/schema.h"

namespace floof::netconf {

struct Complaint {
  enum class Kind { unknown_attribute, bad_attribute, unknown_element, unknown_namespace } kind;
  std::string element;  ///< its name
  std::string what;     ///< the attribute or the namespace
  Error error;          ///< the path in words
};

/// The first thing in the <config> of an <rpc> that nobody knows.
std::optional<Complaint> find_complaint(const config::Schema& schema, const config::XmlElement& rpc);

}  // namespace floof::netconf
