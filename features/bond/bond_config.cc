// SPDX-License-Identifier: GPL-3.0-or-later
//
// Bonds in floofd: what a configuration may not say about them, and their devices in the desired state.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/json_view.h"
#include "config/feature.h"
#include "features/bond/bond.h"
#include "features/interface/configured.h"
#include "features/interface/subnets.h"

namespace floof::bond {

const config::Feature& config_feature();

namespace {

using config::Json;

bool is_bond(const Json& entry) { return entry.contains("bond"); }

Mode mode_of(const Json& bond) {
  for (const Mode mode : {Mode::active_backup, Mode::balance_xor, Mode::broadcast, Mode::round_robin}) {
    if (text_of(bond, "mode") == to_string(mode)) {
      return mode;
    }
  }
  return Mode::lacp;
}

class BondJudge {
 public:
  explicit BondJudge(const Json& config) : config_(config), interfaces_(config) {
    const Json& list = items(config, "interface");
    if (std::none_of(list.begin(), list.end(), is_bond)) {
      return;  // who carries whom does not matter then
    }
    for (const Json& entry : list) {
      children_.emplace(interfaces_.parent(entry), text_of(entry, "name"));
    }
  }

  std::vector<Error> run() {
    for (const Json& entry : items(config_, "interface")) {
      if (is_bond(entry)) {
        name_ = text_of(entry, "name");
        path_ = fmt::format("interface {} bond", name_);
        settings(member(entry, "bond"));
        for (const std::string& name : texts(member(entry, "bond"), "member")) {
          judge_member(entry, name);
        }
      }
    }
    return std::move(errors_);
  }

 private:
  void add(const std::string& rest, std::string reason, std::string remedy) {
    errors_.push_back({rest.empty() ? path_ : path_ + " " + rest, std::move(reason), std::move(remedy)});
  }

  void settings(const Json& bond) {
    const Mode mode = mode_of(bond);
    const auto members = texts(bond, "member");
    if (members.empty()) {
      add("", "it has no members", fmt::format("set {} member NAME", path_));
    } else if (members.size() > kMostMembers) {
      add("member", fmt::format("there are {} members", members.size()), fmt::format("have at most {}", kMostMembers));
    }
    const auto only_in = [&](const std::string& words, bool fits, std::string_view modes) {
      if (!words.empty() && !fits) {
        add(words, fmt::format("means nothing in mode {}", to_string(mode)),
            fmt::format("delete {} {}, or set {} mode {}", path_, words.substr(0, words.find(' ')), path_, modes));
      }
    };
    const std::string balance = text_of(bond, "load-balance"), primary = text_of(bond, "primary");
    only_in(balance.empty() ? "" : "load-balance " + balance, mode == Mode::lacp || mode == Mode::balance_xor,
            "lacp or balance-xor");
    only_in(bond.contains("lacp") ? "lacp" : "", mode == Mode::lacp, "lacp");
    only_in(primary.empty() ? "" : "primary " + primary, mode == Mode::active_backup, "active-backup");
    const uint64_t least = number_of(bond, "min-links", 1);
    only_in(bond.contains("min-links") ? fmt::format("min-links {}", least) : "", mode != Mode::active_backup, "lacp");
    if (mode != Mode::active_backup && !members.empty() && least > members.size()) {
      add(fmt::format("min-links {}", least),
          fmt::format("the bond has {} member{} and would stay down", members.size(), members.size() == 1 ? "" : "s"),
          fmt::format("add members, or set {} min-links {} or less", path_, members.size()));
    }
    if (!primary.empty() && std::find(members.begin(), members.end(), primary) == members.end()) {
      add("primary " + primary, fmt::format("{} is no member", primary),
          fmt::format("set {} member {}", path_, primary));
    }
  }

  void judge_member(const Json& bond, const std::string& name) {
    const std::string words = "member " + name, itself = "interface " + name;
    const Json* const found = interfaces_.find(name);
    if (found == nullptr) {
      add(words, "there is no such interface", fmt::format("set {} device ...", itself));
      return;
    }
    const Json& port = *found;
    const auto kinds = interface::kinds_of(port);
    if (name == name_ || !kinds.empty() || interface::is_loopback_name(name)) {
      add(words,
          name == name_    ? std::string("a bond cannot be its own member")
          : !kinds.empty() ? fmt::format("{} is a {}, not a port", name, kinds.front()->name)
                           : fmt::format("{} is a loopback, not a port", name),
          "name an interface with a device");
      return;
    }
    if (const auto [at, fresh] = owners_.emplace(name, name_); !fresh) {
      add(words, fmt::format("{} is a member of {} already", name, at->second), "delete it from one of the two");
    }
    if (const auto addresses = texts(port, "address"); !addresses.empty()) {
      add(words, fmt::format("{} has the address {}, and the bond speaks for its members", name, addresses.front()),
          fmt::format("delete {} address, and give it to interface {}", itself, name_));
    }
    if (const auto child = children_.find(name); child != children_.end()) {
      add(words, fmt::format("{} carries the interface {}", name, child->second),
          fmt::format("set interface {} parent {}, or delete it", child->second, name_));
    }
    if (const std::string mac = text_of(port, "mac"); !mac.empty()) {
      add(words, fmt::format("{} has the MAC {}, and members have their bond's", name, mac),
          fmt::format("delete {} mac; set interface {} mac {} if the bond shall have it", itself, name_, mac));
    }
    if (const uint64_t mtu = interfaces_.mtu(bond); port.contains("mtu") && interfaces_.mtu(port) != mtu) {
      add(words, fmt::format("{} has the MTU {}, the bond {}", name, interfaces_.mtu(port), mtu),
          fmt::format("delete {} mtu: members have their bond's", itself));
    }
  }

  const Json& config_;
  const interface::ConfiguredInterfaces interfaces_;
  std::map<std::string, std::string> children_;  ///< by parent: the first one that it carries
  std::map<std::string, std::string> owners_;    ///< by member: its bond
  std::string name_, path_;                      ///< of the bond that is looked at
  std::vector<Error> errors_;
};

Json device_of(const Json& bond) {
  const Mode mode = mode_of(bond);
  const auto text = [](const Json& from, const char* key, std::string otherwise) {
    const std::string found = text_of(from, key);
    return found.empty() ? otherwise : found;
  };
  Json out = {{"type", "bond"}, {"mode", to_string(mode)}, {"members", texts(bond, "member")}};
  if (mode == Mode::lacp || mode == Mode::balance_xor) {
    out["load-balance"] = text(bond, "load-balance", "l34");
  }
  if (mode == Mode::active_backup) {
    if (const std::string primary = text_of(bond, "primary"); !primary.empty()) {
      out["primary"] = primary;
    }
  } else {
    out["min-links"] = number_of(bond, "min-links", 1);
  }
  if (mode == Mode::lacp) {
    const Json& lacp = member(bond, "lacp");
    out["rate"] = text(lacp, "rate", "slow");
    out["activity"] = text(lacp, "activity", "active");
    out["system-priority"] = number_of(lacp, "system-priority", 32768);
  }
  return out;
}

void complete(const Json& config, const interface::ConfiguredInterfaces& all, Json& interfaces) {
  std::map<std::string, uint64_t> member_mtu;
  size_t i = 0;
  for (const Json& entry : items(config, "interface")) {
    Json& out = interfaces[i++];
    if (is_bond(entry) && text_of(member(out, "device"), "type") == "bond") {
      out["device"] = device_of(member(entry, "bond"));
      for (const std::string& name : texts(member(entry, "bond"), "member")) {
        member_mtu[name] = all.mtu(entry);
      }
    }
  }
  for (Json& out : interfaces) {
    if (member_mtu.empty()) {
      break;
    }
    if (const auto mtu = member_mtu.find(text_of(out, "name")); mtu != member_mtu.end()) {
      out["mtu"] = mtu->second;
    }
  }
}

constexpr interface::ConfiguredKind kKind { "bond", "bond member NAME", is_bond, nullptr, complete };

}  // namespace

const config::Feature& config_feature() {
  static const config::Feature feature{"bond", [](const Json& config) { return BondJudge(config).run(); }};
  interface::add_configured_kind(kKind);
  return feature;
}

}  // namespace floof::bond
