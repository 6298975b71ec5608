// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <cctype>
#include <set>
#include <string>
#include <string_view>

#include "base/json_view.h"
#include "base/prefix.h"
#include "config/feature.h"
#include "features/bgp/bgp_speakers.h"
#include "features/policy/policy.h"

namespace floof::bgp {

namespace {

using Json = nlohmann::json;

struct Speakers {
  std::set<std::string> hosts, ranges, unnumbered;
  std::set<uint64_t> ports{179};
  bool anybody = false;
};

/// BIRD's tokens, as far as `neighbor ADDRESS` and `neighbor range PREFIX` need it.
class Tokens {
 public:
  explicit Tokens(std::string_view text) : left_(text) {}
  std::string_view next() {
    skip();
    size_t length = 0;
    while (length < left_.size() && is_part(left_[length])) {
      length++;
    }
    length = length == 0 && !left_.empty() ? 1 : length;
    const std::string_view out = left_.substr(0, length);
    left_.remove_prefix(length);
    return out;
  }

 private:
  static bool is_part(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.' || c == ':' || c == '/';
  }
  void skip() {
    for (;;) {
      while (!left_.empty() && std::isspace(static_cast<unsigned char>(left_[0])) != 0) {
        left_.remove_prefix(1);
      }
      if (left_.starts_with('#')) {
        left_.remove_prefix(std::min(left_.find('\n'), left_.size()));
      } else if (left_.starts_with("/*")) {
        const size_t end = left_.find("*/", 2);
        left_.remove_prefix(end == std::string_view::npos ? left_.size() : end + 2);
      } else {
        return;
      }
    }
  }
  std::string_view left_;
};

void read_raw(std::string_view text, Speakers& out) {
  Tokens tokens(text);
  for (std::string_view token = tokens.next(); !token.empty(); token = tokens.next()) {
    out.anybody = out.anybody || token == "include";  // who knows what the file says
    if (token != "neighbor") {
      continue;
    }
    const std::string_view what = tokens.next();
    if (const auto address = parse_ip(what)) {
      out.hosts.insert(to_string(*address));
    } else if (const auto range = what == "range" ? parse_prefix(tokens.next()) : Error{}; range.ok()) {
      out.ranges.insert(to_string(*range));
    } else {
      out.anybody = true;
    }
  }
}

}  // namespace

nlohmann::json speakers(const nlohmann::json& config) {
  Speakers out;
  for (const Json& entry : items(member(config, "bgp"), "peer")) {
    const Json peer = policy::merged_peer(config, entry);
    const auto neighbors = texts(peer, "neighbor");
    for (const std::string& neighbor : neighbors) {
      out.hosts.insert(neighbor);
    }
    if (const std::string interface = text_of(peer, "interface"); neighbors.empty() && !interface.empty()) {
      out.unnumbered.insert(interface);
    }
    out.ports.insert(number_of(peer, "port", 179));
    out.ports.insert(number_of(peer, "local-port", 179));
  }
  for (const std::string& text : texts(member(config, "bird"), "raw")) {
    read_raw(text, out);
  }
  return {{"hosts", out.hosts},
          {"ranges", out.ranges},
          {"unnumbered", out.unnumbered},
          {"ports", out.ports},
          {"anybody", out.anybody}};
}

}  // namespace floof::bgp
