// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/outside/outside_fetch_daemon.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>

#include "base/fd.h"
#include "features/irr/irr.h"

namespace floof::outside {

namespace {

using config::Errands;

constexpr size_t kMostIrr = 256u << 20;
constexpr size_t kMostHttp = 128u << 20;
constexpr off_t kMostFile = off_t{1} << 30;
constexpr std::chrono::minutes kDistrust(5);

std::string first_line(const std::string& text) { return text.substr(0, std::min<size_t>(text.find('\n'), 200)); }

/// scheme://host of a URL, without the names and passwords that may stand in it.
std::string host_of(const std::string& url) {
  const size_t begin = url.find("://") == std::string::npos ? 0 : url.find("://") + 3;
  std::string host = url.substr(begin, url.find('/', begin) - begin);
  return host.substr(host.rfind('@') == std::string::npos ? 0 : host.rfind('@') + 1);
}

std::vector<uint32_t> asns_of(const std::vector<ItemKey>& keys) {
  std::vector<uint32_t> out;
  std::transform(keys.begin(), keys.end(), std::back_inserter(out), [](const ItemKey& key) { return key.asn(); });
  return out;
}

FetchAnswer read_file(const ItemKey& key, const std::string& stamp) {
  const UniqueFd file(open(key.name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));  // a pipe must not keep us waiting
  struct stat about {};
  if (!file || fstat(file.get(), &about) != 0) {
    return {errno_error("", "cannot be read"), key.name, ""};
  }
  if (!S_ISREG(about.st_mode) || about.st_size > kMostFile) {
    return {Error{"", S_ISREG(about.st_mode) ? "is too large" : "is no plain file", ""}, key.name, ""};
  }
  const std::string now = fmt::format("{} {} {} {}.{}", about.st_dev, about.st_ino, about.st_size, about.st_mtim.tv_sec,
                                      about.st_mtim.tv_nsec);
  if (now == stamp) {
    return {ItemDataPtr(), key.name, now};
  }
  std::string text(static_cast<size_t>(about.st_size), '\0');
  size_t at = 0;
  for (ssize_t got = 1; got > 0 && at < text.size(); at += static_cast<size_t>(std::max<ssize_t>(got, 0))) {
    got = read(file.get(), text.data() + at, text.size() - at);
    if (got < 0) {
      return {errno_error("", "cannot be read"), key.name, ""};
    }
  }
  text.resize(at);
  return {parse_item(key.kind, text), key.name, now};
}

}  // namespace

/// An as-set's way through servers and questions.
struct OutsideFetch::IrrAsk {
  ItemKey key;
  std::vector<std::string> servers, sources;
  std::chrono::seconds limit;
  Done done;
  size_t server = 0;
  int question = 0;
  std::array<std::string, 3> answers;
  std::string complaints;

  void finish(Result<ItemDataPtr> data) {
    done(key, {std::move(data), server < servers.size() ? servers[server] : "", ""});
  }
};

/// Those that failed a moment ago are asked last.
std::vector<std::string> OutsideFetch::in_good_order(std::vector<std::string> servers) const {
  const auto now = EventLoop::Clock::now();
  std::stable_partition(servers.begin(), servers.end(), [&](const std::string& server) {
    const auto failed = failed_.find(server);
    return failed == failed_.end() || now - failed->second > kDistrust;
  });
  return servers;
}

void OutsideFetch::fetch(const OutsideNeeds& needs, const ItemKey& key, const std::string& stamp, Done done) {
  switch (key.kind) {
    case ItemKind::as_set: {
      if (!irr::is_as_set(key.name)) {
        return background_.run([] { return 0; },
                               [key, done](int) {
                                 done(key, {Error{"", "is no as-set", "an as-set looks like AS-EXAMPLE"}, "", ""});
                               });
      }
      ask_irr(std::make_shared<IrrAsk>(IrrAsk{
          key, in_good_order(needs.irr_servers), needs.irr_sources, needs.irr.timeout, std::move(done), 0, 0, {}, {}}));
      return;
    }
    case ItemKind::network:
    case ItemKind::ports:
      return fetch_networks(needs, {key}, done);
    case ItemKind::never_via_route_servers:
    case ItemKind::ixp_lans: {
      const bool lans = key.kind == ItemKind::ixp_lans;
      return ask_peeringdb(needs, lans ? peeringdb::lans_query() : peeringdb::never_via_route_servers_query(),
                           [this, key, done, source = host_of(needs.peeringdb_url)](Result<std::string> text) {
                             parse(key, std::move(text), source, done);
                           });
    }
    case ItemKind::block_url:
      return get(key.name, "", needs.blocklist.timeout, true,
                 [this, key, done](Result<std::string> text) { parse(key, std::move(text), host_of(key.name), done); });
    case ItemKind::validator:
      return;  // OutsideValidators asks them
    case ItemKind::vrp_file:
    case ItemKind::slurm_file:
    case ItemKind::block_file:
      return fetch_file(key, stamp, std::move(done));
  }
}

void OutsideFetch::ask_irr(const std::shared_ptr<IrrAsk>& ask) {
  if (ask->server >= ask->servers.size()) {
    return ask->finish(Error{"", ask->complaints, "see bgp irr server"});
  }
  const std::string& server = ask->servers[ask->server];
  constexpr irr::Question kQuestions[] = {irr::Question::ip4, irr::Question::ip6, irr::Question::members};
  Errands::Errand errand{irr::command(kQuestions[ask->question], server, ask->sources, ask->key.name), "", ask->limit,
                         kMostIrr};
  errands_.run(std::move(errand), [this, ask](Result<Errands::Outcome> outcome) {
    if (!outcome || outcome->status != 0) {
      return next_server(ask, !outcome                  ? outcome.error().reason
                              : outcome->errors.empty() ? fmt::format("bgpq4 ended with status {}", outcome->status)
                                                        : first_line(outcome->errors));
    }
    if (const std::string refused = irr::server_error(outcome->errors); !refused.empty()) {
      return next_server(ask, refused);
    }
    ask->answers[static_cast<size_t>(ask->question)] = std::move(outcome->output);
    if (++ask->question < 3) {
      return ask_irr(ask);
    }
    background_.run(
        [answers = std::move(ask->answers)] {
          auto ip4 = irr::parse_prefixes(answers[0], Family::ip4), ip6 = irr::parse_prefixes(answers[1], Family::ip6);
          auto members = irr::parse_members(answers[2]);
          const Error* bad = !ip4 ? &ip4.error() : !ip6 ? &ip6.error() : !members ? &members.error() : nullptr;
          // What is no answer is the server's fault, an empty answer is not.
          return bad != nullptr ? std::pair(true, Result<ItemDataPtr>(*bad))
                                : std::pair(false, as_set_data(std::move(*ip4), *ip6, std::move(*members)));
        },
        [this, ask](std::pair<bool, Result<ItemDataPtr>> read) {
          if (read.first) {
            return next_server(ask, read.second.error().reason);
          }
          failed_.erase(ask->servers[ask->server]);
          ask->finish(std::move(read.second));
        });
  });
}

void OutsideFetch::next_server(const std::shared_ptr<IrrAsk>& ask, const std::string& why) {
  const std::string& server = ask->servers[ask->server];
  ask->complaints += fmt::format("{}{}: {}", ask->complaints.empty() ? "" : "; ", server, why);
  failed_[server] = EventLoop::Clock::now();
  ask->server++;
  ask->question = 0;
  ask_irr(ask);
}

void OutsideFetch::fetch_file(const ItemKey& key, const std::string& stamp, Done done) {
  background_.run([key, stamp] { return read_file(key, stamp); },
                  [key, done](FetchAnswer answer) { done(key, std::move(answer)); });
}

void OutsideFetch::get(const std::string& url, const std::string& key, std::chrono::seconds limit, bool redirects,
                       Text done) {
  constexpr std::chrono::seconds kGrace(5);  // curl gives up by itself and says why
  Errands::Errand errand{peeringdb::curl_command(),
                         peeringdb::curl_config(url, key, static_cast<unsigned>(limit.count()), redirects),
                         limit + kGrace, kMostHttp};
  errands_.run(std::move(errand), [done](Result<Errands::Outcome> outcome) {
    if (!outcome) {
      return done(Error{"", outcome.error().reason, ""});
    }
    const auto judged = peeringdb::judge_curl(outcome->status, outcome->errors);
    done(judged ? Result<std::string>(std::move(outcome->output)) : Result<std::string>(judged.error()));
  });
}

void OutsideFetch::ask_peeringdb(const OutsideNeeds& needs, const std::string& query, Text done) {
  get(needs.peeringdb_url + "/" + query, needs.peeringdb_key, needs.peeringdb.timeout, false, std::move(done));
}

void OutsideFetch::parse(const ItemKey& key, Result<std::string> text, const std::string& source, Done done) {
  if (!text) {
    return done(key, {text.error(), source, ""});
  }
  background_.run([kind = key.kind, text = std::move(*text)] { return parse_item(kind, text); },
                  [key, source, done](Result<ItemDataPtr> data) {
                    done(key, {std::move(data), source, ""});
                  });
}

void OutsideFetch::fetch_network_list(const OutsideNeeds& needs, const std::vector<uint32_t>& asns, NetworkDone done) {
  ask_peeringdb(needs, peeringdb::networks_query(asns), [this, done](Result<std::string> text) {
    if (!text) {
      return done(text.error());
    }
    background_.run([text = std::move(*text)] { return peeringdb::parse_networks(text); },
                    [done](Result<std::map<uint32_t, peeringdb::Network>> networks) { done(std::move(networks)); });
  });
}

void OutsideFetch::fetch_networks(const OutsideNeeds& needs, const std::vector<ItemKey>& keys, const Done& done) {
  for (size_t at = 0; at < keys.size(); at += peeringdb::kNetworksAtOnce) {
    const std::vector<ItemKey> some(
        keys.begin() + static_cast<ptrdiff_t>(at),
        keys.begin() + static_cast<ptrdiff_t>(std::min(at + peeringdb::kNetworksAtOnce, keys.size())));
    some.front().kind == ItemKind::ports ? fetch_some_ports(needs, some, done) : fetch_some_networks(needs, some, done);
  }
}

void OutsideFetch::fetch_some_networks(const OutsideNeeds& needs, const std::vector<ItemKey>& keys, const Done& done) {
  const std::string source = host_of(needs.peeringdb_url);
  fetch_network_list(
      needs, asns_of(keys), [keys, source, done](Result<std::map<uint32_t, peeringdb::Network>> networks) {
        for (const ItemKey& key : keys) {
          if (!networks) {
            done(key, {networks.error(), source, ""});
          } else if (const auto found = networks->find(key.asn()); found != networks->end()) {
            auto data = std::make_shared<ItemData>();
            data->network = found->second;
            done(key, {ItemDataPtr(std::move(data)), source, ""});
          } else {
            done(key, {Error{"", "is not in PeeringDB", "configure the peer's as-set and limits"}, source, ""});
          }
        }
      });
}

void OutsideFetch::fetch_some_ports(const OutsideNeeds& needs, const std::vector<ItemKey>& keys, const Done& done) {
  const std::string source = host_of(needs.peeringdb_url);
  fetch_ports(needs, asns_of(keys), [keys, source, done](Result<std::vector<peeringdb::Port>> ports) {
    std::map<uint32_t, std::vector<IpAddress>> addresses;
    for (const peeringdb::Port& port : ports ? *ports : std::vector<peeringdb::Port>()) {
      auto& all = addresses[port.asn];
      all.insert(all.end(), port.addresses.begin(), port.addresses.end());
    }
    for (const ItemKey& key : keys) {
      done(key, {ports ? Result<ItemDataPtr>(ports_data(addresses[key.asn()])) : ports.error(), source, ""});
    }
  });
}

void OutsideFetch::fetch_ports(const OutsideNeeds& needs, const std::vector<uint32_t>& asns, PortsDone done) {
  ask_peeringdb(needs, peeringdb::ports_query(asns), [this, done](Result<std::string> text) {
    if (!text) {
      return done(text.error());
    }
    background_.run([text = std::move(*text)] { return peeringdb::parse_ports(text); },
                    [done](Result<std::vector<peeringdb::Port>> ports) { done(std::move(ports)); });
  });
}

}  // namespace floof::outside
