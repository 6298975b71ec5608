// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/peeringdb/peeringdb.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/text/json_lists.h"

namespace floof::peeringdb {

namespace {

using Json = nlohmann::json;

constexpr size_t kLongestText = 512;

Error wrong_form() { return {"", "the answer has another form than PeeringDB's", "see bgp peeringdb url"}; }

uint64_t number(const Json& object, const char* key) {
  const auto at = object.find(key);
  return at != object.end() && at->is_number_unsigned() ? at->get<uint64_t>() : 0;
}

std::string text(const Json& object, const char* key) {
  const auto at = object.find(key);
  return at != object.end() && at->is_string() ? at->get_ref<const std::string&>().substr(0, kLongestText) : "";
}

bool flag(const Json& object, const char* key, bool otherwise) {
  const auto at = object.find(key);
  return at != object.end() && at->is_boolean() ? at->get<bool>() : otherwise;
}

uint32_t asn_in(const Json& object) {
  const uint64_t asn = number(object, "asn");
  return asn <= UINT32_MAX ? static_cast<uint32_t>(asn) : 0;
}

/// Calls `take` for each entry; false from it, or anything that is no list of objects, is an Error.
Result<> each(std::string_view json, JsonLists::Take take) {
  JsonLists answer;
  answer.on("data", std::move(take));
  return answer.read(json) && answer.found("data") ? Result<>() : wrong_form();
}

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
    }
    if (static_cast<unsigned char>(c) >= 0x20) {
      out += c;
    }
  }
  return out + "\"";
}

}  // namespace

std::string networks_query(const std::vector<uint32_t>& asns) {
  return fmt::format("net?asn__in={}", fmt::join(asns, ","));
}
std::string never_via_route_servers_query() { return "net?info_never_via_route_servers=1&fields=asn"; }
std::string lans_query() { return "ixpfx?fields=prefix"; }
std::string ports_query(const std::vector<uint32_t>& asns) {
  return fmt::format("netixlan?asn__in={}", fmt::join(asns, ","));
}

std::string curl_config(const std::string& url, const std::string& key, unsigned seconds, bool redirects) {
  std::string out = fmt::format(
      "url = {}\nproto = \"=http,https\"\ngloboff\nsilent\nshow-error\nmax-time = {}\nuser-agent = \"FloofOS\"\n"
      "write-out = \"%{{stderr}}\\n%{{http_code}}\"\n",
      in_quotes(url), seconds);
  if (redirects) {
    out += "location\nmax-redirs = 5\nproto-redir = \"=http,https\"\n";
  }
  if (!key.empty()) {
    out += fmt::format("header = {}\n", in_quotes("Authorization: Api-Key " + key));
  }
  return out;
}

std::vector<std::string> curl_command() { return {"curl", "--disable", "--config", "-"}; }

Result<> judge_curl(int status, std::string_view errors) {
  while (!errors.empty() && errors.back() == '\n') {
    errors.remove_suffix(1);
  }
  const size_t last = errors.rfind('\n');
  const std::string_view code_text = last == std::string_view::npos ? errors : errors.substr(last + 1);
  unsigned code = 0;
  std::from_chars(code_text.data(), code_text.data() + code_text.size(), code);
  if (status == 28) {
    return Error{"", "no answer in time", ""};
  }
  if (status != 0) {
    std::string_view said = last == std::string_view::npos ? std::string_view() : errors.substr(0, errors.find('\n'));
    if (const size_t colon = said.find(") "); said.starts_with("curl: (") && colon != std::string_view::npos) {
      said.remove_prefix(colon + 2);
    }
    return Error{"", said.empty() ? fmt::format("curl ended with status {}", status) : std::string(said), ""};
  }
  switch (code) {
    case 200:
      return {};
    case 401:
    case 403:
      return Error{"", fmt::format("access is refused (HTTP {})", code), "check the API key"};
    case 404:
      return Error{"", "there is nothing (HTTP 404)", ""};
    case 429:
      return Error{"", "too many questions (HTTP 429)", "an API key is allowed more"};
    default:
      return Error{"", fmt::format("the server answers HTTP {}", code), ""};
  }
}

Result<std::map<uint32_t, Network>> parse_networks(std::string_view json) {
  std::map<uint32_t, Network> out;
  const auto done = each(json, [&](const Json& entry) {
    const uint32_t asn = asn_in(entry);
    const auto most = [](uint64_t value) { return static_cast<uint32_t>(std::min<uint64_t>(value, 100'000'000)); };
    out[asn] = {text(entry, "name"), text(entry, "irr_as_set"), most(number(entry, "info_prefixes4")),
                most(number(entry, "info_prefixes6"))};
    return asn != 0;
  });
  return done ? Result<std::map<uint32_t, Network>>(std::move(out)) : done.error();
}

Result<std::vector<uint32_t>> parse_asns(std::string_view json) {
  std::vector<uint32_t> out;
  const auto done = each(json, [&](const Json& entry) {
    out.push_back(asn_in(entry));
    return out.back() != 0;
  });
  return done ? Result<std::vector<uint32_t>>(std::move(out)) : done.error();
}

Result<std::vector<Prefix>> parse_lans(std::string_view json) {
  std::vector<Prefix> out;
  const auto done = each(json, [&](const Json& entry) {
    // Host bits do occur there. A LAN that covers a good part of the Internet is a mistake or worse.
    const auto prefix = parse_interface_address(text(entry, "prefix"));
    if (prefix && prefix->length >= (prefix->address.is_ip4() ? 16 : 32)) {
      out.push_back(prefix->subnet());
    }
    return prefix.ok();
  });
  return done ? Result<std::vector<Prefix>>(std::move(out)) : done.error();
}

Result<std::vector<Port>> parse_ports(std::string_view json) {
  std::vector<Port> out;
  const auto done = each(json, [&](const Json& entry) {
    Port port{asn_in(entry),
              number(entry, "ixlan_id"),
              text(entry, "name"),
              {},
              flag(entry, "operational", true),
              flag(entry, "is_rs_peer", false),
              number(entry, "speed")};
    for (const char* key : {"ipaddr4", "ipaddr6"}) {
      if (const auto address = parse_ip(text(entry, key))) {
        port.addresses.push_back(*address);
      }
    }
    out.push_back(std::move(port));
    return true;
  });
  return done ? Result<std::vector<Port>>(std::move(out)) : done.error();
}

}  // namespace floof::peeringdb
