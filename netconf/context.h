// SPDX-License-Identifier: GPL-3.0-or-later
//
// What libnetconf2 needs to know of YANG: the router's modules, which floofd has too, and those of the protocol.
#pragma once

#include <memory>

#include "base/result.h"

struct ly_ctx;

namespace floof::netconf {

struct ContextFree {
  void operator()(ly_ctx* context) const;
};
using Context = std::unique_ptr<ly_ctx, ContextFree>;

/// A libyang context with all of them, features of ietf-netconf as far as they are supported.
Result<Context> make_context();

}  // namespace floof::netconf
