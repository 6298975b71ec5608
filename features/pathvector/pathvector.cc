// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/pathvector/pathvector.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "features/pathvector/globals.h"
#include "features/pathvector/keys.h"
#include "features/pathvector/older.h"
#include "features/pathvector/peer.h"

namespace floof::pathvector {

namespace {

constexpr size_t kMostPeers = 5000;
/// Values that are looked at, those of a template once for each of its peers.
constexpr size_t kMostWork = 500'000;
/// Of peers that name no template.
constexpr std::string_view kPlain = "pathvector";

struct Peer {
  std::string name;
  Section section;
  uint32_t asn;
  std::vector<Sessions> sessions;
  Leafs leafs;
};

struct Policy {
  std::string name;
  Leafs leafs;
  std::vector<size_t> peers;
};

class Translator {
 public:
  explicit Translator(const Yaml& root) : root_{&root, ""}, read_(notes_) {}

  Translation run(Notes earlier, std::string_view text) {
    notes_ = std::move(earlier);
    read_.keep_off_marks(own_asns(), text);
    common_ = translate_globals(root_, read_, lines_);
    templates();
    peers();
    unused_templates();
    share();
    confederation();
    print();
    translate_tables(root_, read_, lines_);
    about_differences();
    return {std::move(lines_), notes_.take()};
  }

 private:
  /// The AS number, and that of a confederation, which is what marks begin with then.
  std::vector<uint32_t> own_asns() const {
    Notes unsaid;
    Reader quiet(unsaid);
    std::vector<uint32_t> out;
    const auto add = [&](const Found& found) {
      if (const auto asn = found ? quiet.asn(found) : std::nullopt) {
        out.push_back(*asn);
      }
    };
    add(field(root_, "asn"));
    for (const char* table : {"templates", "peers"}) {
      for (const auto& [name, map] : quiet.fields(field(root_, table))) {
        add(map.value->kind == Yaml::Kind::map ? field(map, "confederation") : Found());
      }
    }
    return out;
  }

  std::vector<std::pair<std::string, Found>> maps(std::string_view table) {
    std::vector<std::pair<std::string, Found>> out;
    for (const auto& [name, map] : read_.fields(field(root_, table))) {
      if (map.value->kind != Yaml::Kind::map) {
        read_.note(map, "is not a map");
        continue;
      }
      for (const auto& [key, value] : map.value->fields) {
        if (std::find(std::begin(kPeerKeys), std::end(kPeerKeys), key) == std::end(kPeerKeys)) {
          read_.note({&value, fmt::format("{}.{}", map.path, key)}, "Pathvector has no such key");
        }
      }
      out.emplace_back(name, map);
    }
    return out;
  }

  void renamed(const Found& map, std::string_view before, const std::string& after) {
    if (before != after) {
      read_.note(map, fmt::format("its name becomes {}", after));
    }
  }

  void templates() {
    for (const auto& [name, map] : maps("templates")) {
      if (templates_.size() >= kMostPeers) {
        return read_.note(map, fmt::format("at most {} templates are read", kMostPeers), "split the file");
      }
      Policy policy{policies_.make(name), {}, {}};
      renamed(map, name, policy.name);
      templates_[name] = {map, shared_.size()};
      Notes unsaid;  // its peers say it, with their own values in it
      Reader quiet(read_, unsaid);
      policy.leafs = template_leafs(map, quiet);
      shared_.push_back(std::move(policy));
    }
  }

  Leafs template_leafs(const Found& map, Reader& read) {
    const Section section({}, map);
    const Found asn = section.get("asn");
    return leafs_of(section, common_, asn ? read.asn(asn) : std::nullopt, read);
  }

  void unused_templates() {
    for (const auto& [name, known] : templates_) {
      if (shared_[known.second].peers.empty()) {
        template_leafs(known.first, read_);
      }
    }
  }

  void peers() {
    for (const auto& [name, map] : maps("peers")) {
      if (peers_.size() >= kMostPeers) {
        return read_.note(map, fmt::format("at most {} peers are read", kMostPeers), "split the file");
      }
      const Found wanted = field(map, "template");
      const auto known = wanted ? templates_.find(wanted.value->text) : templates_.end();
      work_ += count(*map.value) + (known != templates_.end() ? count(*known->second.first.value) : 0);
      if (work_ > kMostWork) {
        return read_.note(map, "this and what follows is left out: the templates are too long", "split the file");
      }
      peer(name, map);
    }
  }

  static size_t count(const Yaml& value) {
    size_t out = 1;
    for (const Yaml& item : value.items) {
      out += count(item);
    }
    for (const auto& [key, inner] : value.fields) {
      out += count(inner);
    }
    return out;
  }

  void peer(const std::string& name, const Found& map) {
    Found under;
    size_t policy = shared_.size();
    if (const Found wanted = field(map, "template")) {
      const auto known = templates_.find(read_.text(wanted).value_or(""));
      if (known == templates_.end()) {
        return read_.note(wanted, "there is no such template, so the peer is left out");
      }
      under = known->second.first;
      policy = known->second.second;
    } else {
      policy = plain();
    }
    const Section section(map, under);
    const Found given = section.get("asn");
    const auto asn = given ? read_.asn(given) : std::nullopt;
    std::vector<Sessions> sessions = sessions_of(section, read_);
    drop_known(name, map, sessions);
    if (!asn || sessions.empty()) {
      return read_.note(map, fmt::format("is left out: it has no {}", asn ? "usable neighbor" : "AS number"));
    }
    Peer peer{names_.make(name), section, *asn, std::move(sessions), {}};
    renamed(map, name, peer.name);
    peer.leafs = leafs_of(section, common_, asn, read_);
    shared_[policy].peers.push_back(peers_.size());
    peers_.push_back(std::move(peer));
  }

  size_t plain() {
    if (!plain_) {
      plain_ = shared_.size();
      static const Yaml kNothing;
      Policy policy{policies_.make(kPlain), {}, {}};
      policy.leafs = leafs_of(Section({}, {&kNothing, "templates"}), common_, std::nullopt, read_);
      shared_.push_back(std::move(policy));
    }
    return *plain_;
  }

  void drop_known(const std::string& name, const Found& map, std::vector<Sessions>& sessions) {
    for (Sessions& session : sessions) {
      std::erase_if(session.neighbors, [&](const std::string& neighbor) {
        const auto [at, fresh] = neighbors_.emplace(std::pair(neighbor, session.interface), name);
        if (!fresh) {
          read_.note(map, fmt::format("neighbor {} is one of {} already; it is left out here", neighbor, at->second));
        }
        return !fresh;
      });
    }
    std::erase_if(sessions, [](const Sessions& session) { return session.neighbors.empty(); });
  }

  /// A policy keeps what all of its peers have; what they say differently stands at the peers.
  void share() {
    for (Policy& policy : shared_) {
      const Leafs before = policy.leafs;
      for (const Leaf& leaf : before.all()) {
        if (is_open(leaf)) {
          fill(policy, leaf.path);
          continue;
        }
        const bool missing = std::any_of(policy.peers.begin(), policy.peers.end(),
                                         [&](size_t i) { return peers_[i].leafs.find(leaf.path) == nullptr; });
        if (missing) {
          policy.leafs.erase(leaf.path);
        }
      }
    }
  }

  static bool is_open(const Leaf& leaf) {
    return std::any_of(leaf.values.begin(), leaf.values.end(), [](const Words& value) {
      return !value.empty() && value[0].find(kPlaceholder) != std::string::npos;
    });
  }

  /// What a template says of each of its peers stands there, unless it is the same for all.
  void fill(Policy& policy, const Words& path) {
    const Leaf* first = policy.peers.empty() ? nullptr : peers_[policy.peers.front()].leafs.find(path);
    const bool same = first != nullptr && std::all_of(policy.peers.begin(), policy.peers.end(), [&](size_t i) {
                        const Leaf* own = peers_[i].leafs.find(path);
                        return own != nullptr && own->same_values(*first);
                      });
    policy.leafs.erase(path);
    for (const Words& value : same ? first->values : std::vector<Words>()) {
      policy.leafs.add(path, value);
    }
  }

  void confederation() {
    std::optional<uint32_t> known;
    for (const Peer& peer : peers_) {
      const Found found = peer.section.get("confederation");
      const auto asn = found ? read_.asn(found) : std::nullopt;
      if (asn && !known) {
        known = asn;
        lines_.push_back(set_line({"bgp", "confederation", std::to_string(*asn)}));
      } else if (asn && asn != known) {
        read_.note(found, fmt::format("a router is in one confederation, and {} came first", *known));
      }
    }
  }

  void print_leafs(const Words& where, const Leafs& leafs, const Leafs* but = nullptr) {
    for (const Leaf& leaf : leafs.all()) {
      const Leaf* same = but != nullptr ? but->find(leaf.path) : nullptr;
      if (same != nullptr && same->same_values(leaf)) {
        continue;
      }
      for (const Words& value : leaf.values) {
        print_value(where, leaf.path, value);
      }
    }
  }

  /// A line says one leaf, so an entry with ge and le takes two.
  void print_value(const Words& where, const Words& path, const Words& value) {
    const size_t first = std::min<size_t>(value.size(), 3);
    for (size_t at = first;; at += 2) {
      Words words = where;
      words.insert(words.end(), path.begin(), path.end());
      if (at == first) {
        words.insert(words.end(), value.begin(), value.begin() + static_cast<ptrdiff_t>(first));
      } else {
        words.insert(words.end(), {value[0], value[at - 2], value[at - 1]});
      }
      lines_.push_back(set_line(words));
      if (at + 2 > value.size()) {
        return;
      }
    }
  }

  void print() {
    for (size_t i = 0; i < shared_.size(); i++) {
      if (i != plain_ || !shared_[i].peers.empty()) {
        print_leafs({"bgp", "policy", shared_[i].name}, shared_[i].leafs);
      }
    }
    for (const Policy& policy : shared_) {
      for (const size_t i : policy.peers) {
        print_peer(peers_[i], policy);
      }
    }
  }

  void print_peer(const Peer& peer, const Policy& policy) {
    for (const Sessions& session : peer.sessions) {
      const bool first = &session == &peer.sessions.front();
      const std::string name = first ? peer.name : names_.make(peer.name);
      const Words where{"bgp", "peer", name};
      const auto set = [&](Words words) {
        words.insert(words.begin(), where.begin(), where.end());
        lines_.push_back(set_line(words));
      };
      if (!first) {
        read_.note(peer.section.place(),
                   fmt::format("becomes {} too: its sessions differ in interface or own address", name));
      }
      if (const Found text = peer.section.get("description")) {
        if (const auto description = read_.text(text)) {
          set({"description", *description});
        }
      }
      if (const Found disabled = peer.section.get("disabled"); disabled && read_.flag(disabled).value_or(false)) {
        set({"disabled"});
      }
      set({"remote-as", std::to_string(peer.asn)});
      for (const std::string& neighbor : session.neighbors) {
        set({"neighbor", neighbor});
      }
      if (!session.interface.empty()) {
        set({"interface", session.interface});
      }
      if (!session.source.empty()) {
        set({"source", session.source});
      }
      set({"policy", policy.name});
      print_leafs(where, peer.leafs, &policy.leafs);
    }
  }

  void about_differences() {
    bool internal = false, external = false;
    std::vector<std::string> without_role;
    for (const Peer& peer : peers_) {
      const bool member = peer.leafs.find({"confederation-member"}) != nullptr;
      (peer.asn == common_.asn ? internal : external) = true;
      if (peer.asn != common_.asn && !member && peer.leafs.find({"role"}) == nullptr) {
        without_role.push_back(peer.name);
      }
    }
    if (external) {
      notes_.add(0, "",
                 "checks that Pathvector does not have are on for external peers: own-prefixes, ixp-lans, "
                 "max-path-length, as-path-sets, max-communities, and transit-asns with a role",
                 "import filter of a policy or peer switches each off");
      notes_.add(0, "", "communities of this router's own AS number that external peers send are removed",
                 "import keep-own-communities lets them pass");
    }
    if (internal) {
      notes_.add(
          0, "",
          "internal peers are checked only where the file says so, and keep their local preference unless it sets one",
          "check at the border");
    }
    if (!without_role.empty()) {
      constexpr size_t kNamed = 10;
      const size_t more = without_role.size() - std::min(without_role.size(), kNamed);
      without_role.resize(std::min(without_role.size(), kNamed));
      notes_.add(0, "",
                 fmt::format("no role, so nobody notices route leaks (RFC 9234): {}{}", fmt::join(without_role, ", "),
                             more > 0 ? fmt::format(" and {} more", more) : ""),
                 "set bgp peer <name> role provider, customer, peer, rs or rs-client");
    }
  }

  const Found root_;
  Notes notes_;
  Reader read_;
  Common common_;
  Names policies_, names_;
  std::map<std::string, std::pair<Found, size_t>> templates_;
  std::optional<size_t> plain_;
  std::vector<Policy> shared_;
  size_t work_ = 0;
  std::vector<Peer> peers_;
  std::map<std::pair<std::string, std::string>, std::string> neighbors_;
  std::vector<std::string> lines_;
};

}  // namespace

Result<Translation> translate(std::string_view text) {
  auto document = read_yaml(text);
  if (!document) {
    return document.error();
  }
  if (document->root.kind != Yaml::Kind::map) {
    return Error{"", "is no configuration of Pathvector: that is a map of keys", "give a pathvector.yml"};
  }
  Notes notes;
  for (const auto& [key, line] : document->repeated) {
    notes.add(line, key, "is there twice; the first one counts", "Pathvector refuses that");
  }
  make_current(document->root, notes);
  return Translator(document->root).run(std::move(notes), text);
}

}  // namespace floof::pathvector
