// SPDX-License-Identifier: GPL-3.0-or-later
//
// The Linux control plane: the router as Linux sees it.
//
// Each interface has a TAP of the same name in the router's network namespace, so that whatever runs there (BIRD, sshd,
// lldpd, ping) sees ordinary interfaces with addresses. Linux answers ARP, neighbour discovery, ping and everything
// else for local addresses: the graph's node `punt` hands it those frames, limited per kind, and what Linux sends by a
// TAP leaves by the interface. What it sends anywhere else goes by one default route per family to the TAP `floof0`,
// from where the FIB routes it. MAC, MTU and admin state follow in both directions; link state goes to Linux as the
// TAP's carrier. Addresses are Linux's: configured ones are put there, those added by hand work too (origin `kernel`),
// and what Linux has is what the RIB gets as local and connected routes.
//
// lcp_apply.h is the participant, lcp_node.h the graph's side, base/netlink/kernel_events.h what Linux tells.
#pragma once

#include <string_view>

namespace floof::lcp {

/// The TAP that carries what the router sends off its own links. No interface may have this name.
inline constexpr std::string_view kOwnTap = "floof0";

}  // namespace floof::lcp
