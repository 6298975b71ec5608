// SPDX-License-Identifier: GPL-3.0-or-later
//
// What <get> and <get-config> leave of the data: subtree filters (RFC 6241, 6) and XPath. Names and values are compared
// as they stand, since libyang keeps what its schema does not know (groups, half a list entry) as it was written.
#pragma once

#include <memory>

#include "base/result.h"

struct lyd_node;

namespace floof::netconf {

struct DataFree {
  void operator()(lyd_node* data) const;
};
/// Top-level siblings; null when there are none.
using Data = std::unique_ptr<lyd_node, DataFree>;

/// `filter`: what stands inside <filter>; null selects nothing. Attributes of a filter's elements do not count.
Data filter_subtree(Data data, const lyd_node* filter);
/// `expression` with names of modules as prefixes. What it selects comes with what is around it.
Result<Data> filter_xpath(Data data, const char* expression);

}  // namespace floof::netconf
