// SPDX-License-Identifier: GPL-3.0-or-later
//
// What all filters share: sets, communities, functions.
#include "features/bird/render/bird_render_policy.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <functional>

#include "features/bird/render/bird_sets.h"

namespace floof::bird {

namespace {

constexpr size_t kShort = 48;  // ranges of a set that is written where it is used

std::string set_name(const policy::Community& community) {
  return community.size == 2 ? "bgp_community" : "bgp_large_community";
}

std::string parts(const policy::Community& community) {
  std::vector<std::string> out;
  for (size_t i = 0; i < community.size; i++) {
    out.push_back(community.parts[i] ? fmt::to_string(*community.parts[i]) : std::string("*"));
  }
  return fmt::format("({})", fmt::join(out, ","));
}

bool is_pattern(const policy::Community& community) { return parts(community).find('*') != std::string::npos; }

std::string in_one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return fmt::format("[ {} ]", text);
}

/// Includes the file once. A file that cannot be written is an error; a start that goes on all the same has the set in
/// the text, because BIRD takes an empty set without a word and no check would hold.
std::string defined(Scribe& scribe, const Result<SetFile>& file, const std::function<std::string()>& text) {
  if (!file) {
    scribe.errors.push_back(file.error());
    return in_one_line(text());
  }
  if (scribe.included.insert(file->name).second) {
    scribe.out.line("include \"{}\";", file->name);
  }
  return file->symbol;
}

std::string prefixes_of(Scribe& scribe, const NamedPrefixes& named, Family family) {
  if (scribe.context.sets == nullptr || named.set->ranges().size() <= kShort) {
    return in_one_line(spelled(*named.set, family));
  }
  return defined(scribe, scribe.context.sets->define(named.set, family), [&] { return spelled(*named.set, family); });
}

void open_function(Scribe& scribe, std::string_view head, std::string_view type) {
  scribe.out.open("function {}{} {{", head, scribe.context.version.returns(type));
}

void render_rpki_function(Scribe& scribe) {
  ConfigText& out = scribe.out;
  open_function(scribe, "floof_origin()", "int");
  out.line("if bgp_path.len = 0 then return {};  # RFC 6811, 2", scribe.policies.world.asn);
  out.line("return bgp_path.last_nonaggregated;");
  out.close();
  open_function(scribe, "floof_rpki()", "enum roa");
  out.line("if net.type = NET_IP4 then return roa_check(floof_roa4, net, floof_origin());");
  out.line("return roa_check(floof_roa6, net, floof_origin());");
  out.close();
  if (wants_any_length(scribe.policies)) {
    open_function(scribe, "floof_rpki_blackhole()", "enum roa");
    out.line("if ! ((65535,666) ~ bgp_community) then return floof_rpki();");
    out.line("if net.type = NET_IP4 then return roa_check(floof_roa_any4, net, floof_origin());");
    out.line("return roa_check(floof_roa_any6, net, floof_origin());");
    out.close();
  }
}

void render_path_functions(Scribe& scribe) {
  ConfigText& out = scribe.out;
  // The length counts a set as one, the loop each of its members; the last one is 0 when a set is at the end.
  open_function(scribe, "floof_has_set()", "bool");
  out.line("int members = 0;");
  out.line("for int each_as in bgp_path do members = members + 1;");
  out.line("return members != bgp_path.len || bgp_path.last != bgp_path.last_nonaggregated;");
  out.close();
  open_function(scribe, "floof_locked(int guarded; int set allowed)", "bool");
  out.line("int before = 0;");
  out.open("for int each_as in bgp_path do {{");
  out.line("if each_as = guarded && before != 0 && before != guarded && ! (before ~ allowed) then return true;");
  out.line("before = each_as;");
  out.close();
  out.line("return false;");
  out.close();
  open_function(scribe, "floof_transit_locked(int neighbour; int set allowed)", "bool");
  out.line("for int each_as in bgp_path do if each_as != neighbour then return ! (each_as ~ allowed);");
  out.line("return false;");
  out.close();
}

/// Whether the checks of any peer have one like this.
template <typename Wanted>
bool any_check(const policy::Policies& policies, Wanted wanted) {
  return std::any_of(policies.peers.begin(), policies.peers.end(), [&](const policy::PeerPolicy& peer) {
    return std::any_of(peer.import.checks.begin(), peer.import.checks.end(), wanted);
  });
}

bool wants_aspa(const policy::Policies& policies) {
  return any_check(policies, [](const policy::Check& check) { return check.reason == policy::Reason::aspa_invalid; });
}

/// draft-ietf-sidrops-aspa-verification, sections 5 and 6.
void render_aspa_functions(Scribe& scribe) {
  if (!wants_aspa(scribe.policies)) {
    return;
  }
  ConfigText& out = scribe.out;
  open_function(scribe, "floof_not_provider(int customer_as; int provider_as)", "bool");
  out.open("case customer_as {{");
  for (const auto& [customer, providers] : scribe.outside.aspas) {
    out.line("{}: {{ return ! (provider_as ~ [ {} ]); }}", customer,
             providers.empty() ? "0" : fmt::to_string(fmt::join(providers, ", ")));
  }
  out.close();
  out.line("return false;");
  out.close();
  open_function(scribe, "floof_aspa_upstream_invalid()", "bool");
  out.line("if floof_has_set() then return true;");
  out.line("int before = 0;");
  out.open("for int each_as in bgp_path do {{");
  out.line("if before != 0 && each_as != before && floof_not_provider(each_as, before) then return true;");
  out.line("before = each_as;");
  out.close();
  out.line("return false;");
  out.close();
  // The path goes down from us until somebody's provider is none of his, and up from the origin likewise: it leaks when
  // the two do not meet.
  open_function(scribe, "floof_aspa_downstream_invalid()", "bool");
  out.line("if floof_has_set() then return true;");
  out.line("int before = 0; int n_all = 0; int n_down = 0; int n_up = 0; bool going_down = true;");
  out.open("for int each_as in bgp_path do {{");
  out.open("if each_as != before then {{");
  out.line("n_all = n_all + 1;");
  out.line("if before != 0 && floof_not_provider(before, each_as) then going_down = false;");
  out.line("if going_down then n_down = n_down + 1;");
  out.line("if before != 0 && floof_not_provider(each_as, before) then n_up = 0;");
  out.line("n_up = n_up + 1;");
  out.line("before = each_as;");
  out.close();
  out.close();
  out.line("return n_up + n_down < n_all;");
  out.close();
}

/// What own routers originate: here, or with the mark of it.
void render_own(Scribe& scribe) {
  const policy::PolicyWorld& world = scribe.policies.world;
  std::string own = in_prefixes(scribe, {world.originated});
  own = own.empty() ? "" : fmt::format("({})", own);
  for (const policy::Community& community : world.originated_by) {
    own += fmt::format("{}(source = RTS_BGP && {})", own.empty() ? "" : " || ", has_community(community));
  }
  open_function(scribe, "floof_own()", "bool");
  scribe.out.line("return {};", own);
  scribe.out.close();
}

}  // namespace

std::string in_prefixes(Scribe& scribe, const std::vector<NamedPrefixes>& sets) {
  std::string out;
  for (const Family family : {Family::ip4, Family::ip6}) {
    std::string any;
    for (const NamedPrefixes& named : sets) {
      if (named.set->has(family)) {
        any += fmt::format("{}net ~ {}", any.empty() ? "" : " || ", prefixes_of(scribe, named, family));
      }
    }
    if (!any.empty()) {
      out += fmt::format("{}(net.type = NET_IP{} && ({}))", out.empty() ? "" : " || ", static_cast<int>(family), any);
    }
  }
  return out;
}

std::string asn_set(Scribe& scribe, const NamedAsns& asns) {
  if (asns.set->empty()) {
    return "[ 0 ]";
  }
  return scribe.context.sets == nullptr || asns.set->size() <= kShort
             ? fmt::format("[ {} ]", spelled(*asns.set))
             : defined(scribe, scribe.context.sets->define(asns.set), [&] { return spelled(*asns.set); });
}

std::string has_community(const policy::Community& community) {
  return is_pattern(community) ? fmt::format("{} ~ [{}]", set_name(community), parts(community))
                               : fmt::format("{} ~ {}", parts(community), set_name(community));
}

void add_community(Scribe& scribe, const policy::Community& community) {
  scribe.out.line("{}.add({});", set_name(community), parts(community));
}

void remove_community(Scribe& scribe, const policy::Community& community) {
  scribe.out.line("{}.delete([{}]);", set_name(community), parts(community));
}

bool wants_any_length(const policy::Policies& policies) {
  return any_check(policies, [](const policy::Check& check) {
    const auto* rpki = std::get_if<policy::RpkiIs>(&check.what);
    return rpki != nullptr && rpki->blackholes_loosely;
  });
}

void render_policy_functions(Scribe& scribe) {
  scribe.out.open("function floof_refuse(int why) {{");
  scribe.out.line("bgp_large_community.add(({},{},why));", scribe.policies.world.asn, policy::kRejectFunction);
  scribe.out.line("reject;");
  scribe.out.close();
  render_rpki_function(scribe);
  render_path_functions(scribe);
  render_aspa_functions(scribe);
  render_own(scribe);
}

}  // namespace floof::bird
