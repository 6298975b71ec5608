// SPDX-License-Identifier: GPL-3.0-or-later
//
// floofd's errors as <rpc-error> (RFC 6241, 4.3): words of a path become an instance identifier with names of modules.
#pragma once

#include <libyang/libyang.h>
#include <nc_server.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/tree/schema.h"
#include "netconf/complaint.h"

namespace floof::netconf {

/// "line 3: interface e0 mtu" without "line 3: "; the text that floofd read is not the one that the client wrote.
std::string without_line(std::string_view path);
/// "interface e0 mtu" as /floof-root:configuration/floof-interface:interface[name='e0']/mtu, as far as the schema knows
/// the words; else empty.
std::string instance_path(const config::Schema& schema, std::string_view words);

/// With the tag and the <error-info> of its kind.
nc_server_reply* refuse(const ly_ctx* context, const config::Schema& schema, const Complaint& complaint);

/// `tag` for what has no tag of its own.
lyd_node* rpc_error(const ly_ctx* context, const config::Schema& schema, const Error& error, NC_ERR tag);
nc_server_reply* refuse(const ly_ctx* context, const config::Schema& schema, const std::vector<Error>& errors,
                        NC_ERR tag);

}  // namespace floof::netconf
