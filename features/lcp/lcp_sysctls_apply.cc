// SPDX-License-Identifier: GPL-3.0-or-later
//
// Linux's settings in the router's namespace, and the descriptions that it has.
#include "base/log.h"
#include "features/lcp/lcp_apply.h"

namespace floof::lcp {

namespace {

constexpr unsigned kAliasesAtOnce = 64;
constexpr auto kAliasPause = std::chrono::milliseconds(20);

}  // namespace

void Lcp::sysctl(const std::string& path, const std::string& value) {
  if (auto done = netlink::write_sysctl(-1, path, value); !done && !std::exchange(sysctl_failed_, true)) {
    log::warning("{}; is /proc/sys writable? Linux may drop or answer packets wrongly", done.error().text());
  }
}

void Lcp::write_sysctls(const std::string& link) {
  const std::pair<const char*, const char*> v4[] = {
      {"rp_filter", "0"},        {"forwarding", "1"},          {"send_redirects", "0"},
      {"accept_redirects", "0"}, {"arp_ignore", "1"},          {"arp_notify", "1"},
      {"arp_announce", "2"},     {"promote_secondaries", "1"}, {"ignore_routes_with_linkdown", "1"}};
  const std::pair<const char*, const char*> v6[] = {
      {"disable_ipv6", "0"},      {"forwarding", "1"},   {"accept_ra", "0"},
      {"accept_redirects", "0"},  {"accept_dad", "0"},   {"dad_transmits", "0"},
      {"keep_addr_on_down", "1"}, {"ndisc_notify", "1"}, {"ignore_routes_with_linkdown", "1"}};
  for (const auto& [key, value] : v4) {
    sysctl("ipv4/conf/" + link + "/" + key, value);
  }
  for (const auto& [key, value] : v6) {
    sysctl("ipv6/conf/" + link + "/" + key, value);
  }
  if (link != "all" && link != "default") {  // of neighbours Linux has neither in a namespace
    // A neighbour is asked for confirmation because packets went to it: nothing but its answer can tell. And one that
    // changed its MAC address is found before it counts as failed.
    for (const char* family : {"ipv4", "ipv6"}) {
      sysctl(std::string(family) + "/neigh/" + link + "/delay_first_probe_time", "1");
      sysctl(std::string(family) + "/neigh/" + link + "/mcast_resolicit", "1");
    }
  }
}

void Lcp::write_common_sysctls() {
  for (const char* scope : {"all", "default"}) {
    write_sysctls(scope);
  }
}

/// Descriptions are for people who look at Linux, but at each Linux walks through all of its IPv6 routes: many are told
/// bit by bit.
void Lcp::tell_aliases() {
  context_.engine.loop().cancel(std::exchange(alias_timer_, 0));
  unsigned told = 0;
  for (auto& [id, tap] : taps_) {
    if (tap.running == nullptr || !tap.port || tap.alias == tap.running->spec.description) {
      continue;
    }
    if (told++ == kAliasesAtOnce) {
      alias_timer_ = context_.engine.loop().after(kAliasPause, [this] {
        alias_timer_ = 0;
        tell_aliases();
      });
      return;
    }
    tap.alias = tap.running->spec.description;
    (void)context_.kernel.change_link(tap.index, {.alias = tap.running->spec.description});
  }
}

}  // namespace floof::lcp
