// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/dataplane/dataplane_show.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <thread>

#include "shell/table.h"
#include "shell/text.h"

namespace floof::dataplane {
namespace {

using shell::Context;
using shell::field;
using shell::Invocation;
using shell::Json;
using shell::member;
using shell::number;

using shell::kRight;

const Json& array_or_none(const Json& data) {
  static const Json none = Json::array();
  return data.is_array() ? data : none;
}

/// "45 00 00 54 ..." in lines of 16 bytes, from "45000054..."
std::string hex_lines(const std::string& hex) {
  std::string out;
  for (size_t at = 0; at + 1 < hex.size(); at += 2) {
    out += at % 32 == 0 ? fmt::format("{}    {:04x} ", at == 0 ? "" : "\n", at / 2) : "";
    out += " " + hex.substr(at, 2);
  }
  return out.empty() ? out : out + '\n';
}

/// Where a sample's bytes begin: a packet is kept as it lay when it was dropped, with its Ethernet header or without.
std::string layer_text(const std::string& hex, uint64_t length) {
  const auto byte = [&](size_t at) -> unsigned {
    unsigned value = 0;
    const bool there = hex.size() >= 2 * at + 2;
    const auto [end, code] = there ? std::from_chars(hex.data() + 2 * at, hex.data() + 2 * at + 2, value, 16)
                                   : std::from_chars_result{nullptr, std::errc::invalid_argument};
    return code == std::errc() ? value : 0;
  };
  const unsigned total = byte(0) >> 4 == 4 ? byte(2) << 8 | byte(3) : (byte(4) << 8 | byte(5)) + 40;
  constexpr unsigned kPadding = 46;  // of Ethernet's shortest frames
  const bool fits = total <= length && length < total + kPadding;
  return byte(0) >> 4 == 4 && (byte(0) & 15) >= 5 && fits ? "IPv4" : byte(0) >> 4 == 6 && fits ? "IPv6" : "Ethernet";
}

std::string names_text(const Json& worker, const char* of) {
  const Json& interfaces = member(worker, of);
  if (!interfaces.is_array()) {
    return field(worker, of, "-");
  }
  std::string out;
  for (const Json& interface : interfaces) {
    out += (out.empty() ? "" : " ") + (interface.is_string() ? interface.get<std::string>() : interface.dump());
  }
  return out.empty() ? "-" : out;
}

}  // namespace

std::string render_drops(const Json& drops, bool zero) {
  shell::Table table({{"Packets", kRight}, {"Reason"}, {"Meaning", shell::Table::kLeft, 1, true}});
  for (const Json& drop : array_or_none(drops)) {
    if (zero || number(drop, "packets") != 0) {
      table.add({field(drop, "packets", "0"), field(drop, "reason"), field(drop, "help", "")});
    }
  }
  return table.empty() ? "no packet was dropped\n" : table.text();
}

std::string render_nodes(const Json& nodes, bool idle) {
  shell::Table table(
      {{"Node"}, {"Calls", kRight, 1}, {"Packets", kRight}, {"Packets/call", kRight, 2}, {"Cycles/packet", kRight}});
  for (const Json& node : array_or_none(nodes)) {
    if (idle || number(node, "calls") != 0) {
      table.add({field(node, "node"), field(node, "calls", "0"), field(node, "packets", "0"),
                 field(node, "vector-size", "0"), field(node, "cycles-per-packet", "0")});
    }
  }
  return table.empty() ? "no node has seen a packet\n" : table.text();
}

std::string render_workers(const Json& workers) {
  shell::Table table({{"Worker", kRight},
                      {"Core", kRight, 3},
                      {"State"},
                      {"Loops", kRight, 4},
                      {"Packets", kRight},
                      {"Interfaces", shell::Table::kLeft, 1, true},
                      {"From Linux", shell::Table::kLeft, 2, true}});
  for (const Json& worker : array_or_none(workers)) {
    table.add({field(worker, "worker"), field(worker, "core"), field(worker, "state"), field(worker, "loops", "0"),
               field(worker, "packets", "0"), names_text(worker, "interfaces"), names_text(worker, "linux")});
  }
  return table.empty() ? "no workers\n" : table.text();
}

std::string render_samples(const Json& samples) {
  std::string out;
  for (const Json& sample : array_or_none(samples)) {
    const std::string interface = field(sample, "interface", "");
    out += fmt::format("{}: {}{} bytes from the {} header on, {:.1f} s ago\n", field(sample, "reason"),
                       interface.empty() ? "" : fmt::format("on {}, ", interface), number(sample, "length"),
                       layer_text(field(sample, "data", ""), number(sample, "length")),
                       static_cast<double>(number(sample, "age-ms")) / 1000);
    out += hex_lines(field(sample, "data", ""));
  }
  return out.empty() ? "no packet was dropped\n" : out;
}

namespace {

std::string size_text(const Json& resource, const char* key) {
  return field(resource, "unit", "") == "bytes"
             ? fmt::format("{:.1f} MiB", static_cast<double>(number(resource, key)) / (1 << 20))
             : field(resource, key, "0");
}

/// Less than three minutes are no ground for a forecast.
std::string forecast_text(const Json& resource) {
  constexpr uint64_t kLeastObserved = 180;
  if (member(resource, "full-in-s").is_number()) {
    return shell::duration_text(std::chrono::seconds(number(resource, "full-in-s")));
  }
  return number(resource, "observed-s") < kLeastObserved ? "?" : "-";
}

}  // namespace

std::string render_memory(const Json& memory) {
  shell::Table table({{"Resource"},
                      {"Used", kRight},
                      {"Limit", kRight},
                      {"Use", kRight},
                      {"Level"},
                      {"Growth/hour", kRight, 2},
                      {"Full in", kRight},
                      {"Refused", kRight},
                      {"Last refused", shell::Table::kLeft, 1}});
  for (const Json& resource : array_or_none(member(memory, "resources"))) {
    const bool grows = number(resource, "growth-per-hour") != 0;
    table.add({field(resource, "name"), size_text(resource, "used"), size_text(resource, "limit"),
               field(resource, "percent", "0") + " %", field(resource, "level"),
               grows ? size_text(resource, "growth-per-hour") : "-", forecast_text(resource),
               field(resource, "refused", "0"), field(resource, "latest-refused", "")});
  }
  return table.empty() ? "nothing that has a limit\n"
                       : fmt::format("{}\nMemory of this machine: {:.0f} MiB\n", table.text(),
                                     static_cast<double>(number(memory, "machine-bytes")) / (1 << 20));
}

namespace {

/// The process and how long it runs, of the program that forwards; 0 while there is none.
uint64_t process_of_dataplane(Context& context) {
  const shell::Answer answer = context.call({{"op", "status"}});
  return number(member(member(member(answer.body, "data"), "programs"), "floof-dataplane"), "pid");
}

bool answers(Context& context) {
  return context.call({{"op", "show"}, {"what", "workers"}, {"arguments", Json::object()}}).ok();
}

shell::Reply restart(Context& context, const Invocation&) {
  using namespace std::chrono;
  constexpr milliseconds kPause(50), kLimit(10'000);
  const uint64_t before = process_of_dataplane(context);
  const auto start = steady_clock::now();
  const shell::Answer asked = context.call({{"op", "request"}, {"what", "dataplane-restart"}});
  if (!asked.ok()) {
    return shell::failure(asked.errors);
  }
  shell::Reply reply;
  while (steady_clock::now() - start < kLimit && !context.interrupted()) {
    const uint64_t now = process_of_dataplane(context);
    if (now != 0 && now != before && answers(context)) {
      reply.text = fmt::format("floof-dataplane runs anew as process {} after {} ms\n", now,
                               duration_cast<milliseconds>(steady_clock::now() - start).count());
      return reply;
    }
    std::this_thread::sleep_for(kPause);
  }
  return shell::failure(Error{"dataplane", "it does not answer yet", "'show system' and its log tell why"});
}

}  // namespace

void register_show(shell::Registry& registry) {
  registry.help("show", "Show the state of the router");
  registry.help("show dataplane", "Packets: drops, graph nodes, workers, memory");
  registry.add({.path = "show dataplane memory",
                .help = "Limits of routes, tables, neighbors and interfaces: use, and when they will be full",
                .handler = [](Context& c, const Invocation&) {
                  return shell::show(c, "memory", Json::object(), render_memory);
                }});
  registry.add({.path = "show dataplane drops",
                .help = "How many packets were dropped, and why",
                .handler =
                    [](Context& c, const Invocation& words) {
                      return shell::show(c, "drops", Json::object(),
                                         [&](const Json& data) { return render_drops(data, words.has("all")); });
                    },
                .options = {{"all", "", "Also reasons that counted nothing"}}});
  registry.add({.path = "show dataplane nodes",
                .help = "What each node of the packet graph did and cost",
                .handler =
                    [](Context& c, const Invocation& words) {
                      return shell::show(c, "nodes", Json::object(),
                                         [&](const Json& data) { return render_nodes(data, words.has("all")); });
                    },
                .options = {{"all", "", "Also nodes that saw no packet"}}});
  registry.add({.path = "show dataplane workers",
                .help = "Worker threads, their cores and interfaces",
                .handler = [](Context& c, const Invocation&) {
                  return shell::show(c, "workers", Json::object(), render_workers);
                }});
  registry.help("request", "Have something done now");
  registry.help("request dataplane", "The program that forwards packets");
  registry.add({.path = "request dataplane restart",
                .help = "Start the program that forwards anew; routes, sessions and counters stay",
                .handler = restart,
                .least = shell::UserClass::operate});
  registry.add({.path = "show dataplane samples",
                .help = "The last packets of each drop reason",
                .handler = [](Context& c, const Invocation&) {
                  return shell::show(c, "drop-samples", Json::object(), render_samples);
                }});
}

}  // namespace floof::dataplane
