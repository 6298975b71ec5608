// SPDX-License-Identifier: GPL-3.0-or-later
//
// What floofd can be asked when a commit waits for its confirmation: `commit confirmed 5 when ping 192.0.2.1,
// bgp-sessions >= 2`. Loop thread.
#pragma once

#include <fmt/format.h>

#include <charconv>
#include <functional>
#include <memory>
#include <string>

#include "base/event_loop.h"
#include "base/json_view.h"
#include "base/prefix.h"
#include "config/pending.h"
#include "config/work/exec.h"
#include "features/system/tools.h"

namespace floof {

/// How the conditions ask: the same questions as `show`.
struct HealthSources {
  using Done = std::function<void(const Result<config::Json>& data)>;
  /// `done` is called once, later, on the loop.
  using Ask = std::function<void(const std::string& what, const config::Json& arguments, Done done)>;
  EventLoop& loop;
  config::Exec& exec;
  Ask dataplane, bird;
};

namespace health {

using config::HealthCondition;
using config::Json;
using config::Words;

inline Error wrong_form() { return {"", "has another form", ""}; }

inline bool holds(uint64_t left, std::string_view comparison, uint64_t right) {
  return comparison == ">="   ? left >= right
         : comparison == "<=" ? left <= right
         : comparison == ">"  ? left > right
         : comparison == "<"  ? left < right
                              : left == right;
}

inline std::optional<uint64_t> number(const std::string& text) {
  uint64_t out = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), out);
  return code == std::errc() && end == text.data() + text.size() ? std::optional(out) : std::nullopt;
}

inline HealthCondition bgp_sessions(const HealthSources& sources) {
  return {"bgp-sessions >= 2", "So many BGP sessions are established (also <=, =, >, <)",
          [](const Words& words) -> Result<> {
            const bool known = words.size() == 2 && (words[0] == ">=" || words[0] == "<=" || words[0] == "=" ||
                                                     words[0] == ">" || words[0] == "<");
            return known && number(words[1]) ? Result<>() : Result<>(wrong_form());
          },
          [sources](const Words& words, const HealthCondition::Done& done) {
            sources.bird("bgp-summary", Json::object(), [words, done](const Result<Json>& summary) {
              if (!summary) {
                return done(summary.error());
              }
              uint64_t established = 0;
              for (const Json& peer : items(*summary, "peers")) {
                established += text_of(peer, "state") == "Established" ? 1 : 0;
              }
              done(holds(established, words[0], number(words[1]).value_or(0))
                       ? Result<>()
                       : Error{"", fmt::format("{} are established", established), ""});
            });
          }};
}

/// Reads a program's output until it ends.
class Follow : public std::enable_shared_from_this<Follow> {
 public:
  Follow(EventLoop& loop, config::Exec& exec, uint64_t id, HealthCondition::Done done)
      : loop_(loop), exec_(exec), id_(id), done_(std::move(done)) {}
  void look() {
    const auto output = exec_.read(id_);
    if (!output || output->done) {
      return done_(!output               ? Result<>(output.error())
                   : output->status == 0 ? Result<>()
                                         : Result<>(Error{"", "no answer", ""}));
    }
    loop_.after(std::chrono::milliseconds(50), [self = shared_from_this()] { self->look(); });
  }

 private:
  EventLoop& loop_;
  config::Exec& exec_;
  uint64_t id_;
  HealthCondition::Done done_;
};

inline HealthCondition ping(const HealthSources& sources) {
  const auto command = [](const Words& words) {
    return system::ping_command({{"address", words.size() == 1 ? words[0] : ""}, {"count", 3U}});
  };
  return {"ping 192.0.2.1", "The address answers one of three echo requests",
          [command](const Words& words) -> Result<> {
            const auto arguments = command(words);
            return arguments ? Result<>() : Result<>(arguments.error());
          },
          [sources, command](const Words& words, const HealthCondition::Done& done) {
            const auto arguments = command(words);
            const auto id = arguments ? sources.exec.start(*arguments) : Result<uint64_t>(arguments.error());
            if (!id) {
              return done(id.error());
            }
            std::make_shared<Follow>(sources.loop, sources.exec, *id, done)->look();
          }};
}

inline HealthCondition interface_up(const HealthSources& sources) {
  return {"interface e0 up", "The interface has a link",
          [](const Words& words) -> Result<> {
            return words.size() == 2 && words[1] == "up" ? Result<>() : Result<>(wrong_form());
          },
          [sources](const Words& words, const HealthCondition::Done& done) {
            sources.dataplane("interface", Json::object(), [words, done](const Result<Json>& list) {
              if (!list) {
                return done(list.error());
              }
              for (const Json& interface : *list) {
                if (text_of(interface, "name") == words[0]) {
                  const bool up = text_of(interface, "link") == "up";
                  return done(up ? Result<>() : Error{"", "its link is " + text_of(interface, "link"), ""});
                }
              }
              done(Error{"", "there is no such interface", ""});
            });
          }};
}

inline HealthCondition route(const HealthSources& sources) {
  return {"route 192.0.2.0/24", "There is a route for exactly this prefix",
          [](const Words& words) -> Result<> {
            return words.size() == 1 && parse_prefix(words[0]) ? Result<>() : Result<>(wrong_form());
          },
          [sources](const Words& words, const HealthCondition::Done& done) {
            sources.dataplane("route", {{"prefix", words[0]}}, [words, done](const Result<Json>& found) {
              const Json fib = found && found->is_array() && !found->empty() ? member((*found)[0], "fib") : Json();
              const auto wanted = parse_prefix(words[0]), carried = parse_prefix(text_of(fib, "prefix"));
              const bool there = wanted && carried && *wanted == *carried;
              done(there ? Result<>() : found ? Result<>(Error{"", "there is none", ""}) : Result<>(found.error()));
            });
          }};
}

}  // namespace health

inline config::HealthConditions health_conditions(const HealthSources& sources) {
  return {{"bgp-sessions", health::bgp_sessions(sources)},
          {"ping", health::ping(sources)},
          {"interface", health::interface_up(sources)},
          {"route", health::route(sources)}};
}

}  // namespace floof
