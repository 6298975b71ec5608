// SPDX-License-Identifier: GPL-3.0-or-later
//
// What floofd is asked about the dataplane and BIRD: prepared on the loop, asked on threads (config/work/crew.h), so
// that who asks one of them waits for that one only.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "base/json_view.h"
#include "config/server/server.h"
#include "config/work/crew.h"
#include "features/bird/show/bird_explain.h"
#include "features/bird/show/bird_show_data.h"
#include "features/bird/talk/bird_bfd.h"
#include "features/bird/talk/bird_client.h"
#include "features/bird/talk/bird_control.h"
#include "features/bird/watch/bird_limit_watch.h"
#include "features/dataplane/dataplane_backend.h"
#include "features/outside/outside_keeper_daemon.h"
#include "features/system/programs_daemon.h"

namespace floof {

class Asker {
 public:
  using Json = config::Json;
  using Errand = config::ConfigServer::Errand;
  /// What the answers need of floofd, on the loop.
  struct Sources {
    std::string run_dir, state_dir;
    std::function<SharedJson()> running;  ///< the configuration, see config/feature.h
    std::function<std::shared_ptr<const outside::Outside>(const Json& config)> outside;
    std::function<void(Json& shown)> annotate;
    std::function<Json()> state;                ///< of `show system`, as far as floofd knows it itself
    std::function<std::string()> init_trouble;  ///< InitLink::trouble
    std::function<void()> acknowledge;          ///< floofd's own incidents
  };

  Asker(EventLoop& loop, Sources sources)
      : sources_(std::move(sources)),
        dataplane_(loop, "dataplane", kThreads, kMostWaiting),
        bird_(loop, "bird", kThreads, kMostWaiting),
        system_(loop, "system", 2, kMostWaiting),
        streams_(loop) {}

  Result<Errand> dataplane(const std::string& what, const Json& arguments) {
    if (flag_of(arguments, "pieces")) {
      return Errand{.streams = &streams_,
                    .stream = [run_dir = sources_.run_dir, request = show(what, arguments)](auto& out) {
                      return dataplane::ask_for_pieces(run_dir, request, taker(out));
                    }};
    }
    if (what == "route" && text_of(arguments, "prefix").empty() && text_of(arguments, "address").empty()) {
      return long_answer(what);
    }
    return Errand{.crew = &dataplane_, .ask_text = [run_dir = sources_.run_dir, request = show(what, arguments)] {
                    return dataplane::ask_for_text(run_dir, request);
                  }};
  }

  Result<Errand> bird(const std::string& what, const Json& arguments) {
    const Json& asked = member(arguments, "configuration");
    SharedJson config = asked.is_object() ? SharedJson(asked) : sources_.running();
    if (what == "bird-route") {
      return routes(arguments, std::move(config));
    }
    auto outside = what == "explain-route" ? sources_.outside(*config) : nullptr;
    Errand out{.crew = &bird_,
               .ask = [socket = sources_.run_dir + "/bird.ctl", what, arguments, config = std::move(config),
                       outside = std::move(outside)] { return ask_bird(socket, what, arguments, *config, outside); }};
    if (what == "bgp-summary" || what == "bgp-peer") {
      out.finish = sources_.annotate;
    }
    return out;
  }

  Result<Errand> clear(const std::string& what, const Json& request) {
    if (what == "bgp") {
      return Errand{.crew = &bird_,
                    .ask = [socket = sources_.run_dir + "/bird.ctl", config = sources_.running(), request] {
                      bird::BirdClient client(socket);
                      return done(bird::clear_peers(client, *config, request));
                    }};
    }
    if (what == "incidents") {
      sources_.acknowledge();
    }
    if (what == "crashes") {
      return Errand{.crew = &system_,
                    .ask = [run_dir = sources_.run_dir] { return system::acknowledge_crashes(run_dir); }};
    }
    return Errand{.crew = &dataplane_,
                  .ask_text = [run_dir = sources_.run_dir, asked = Json{{"op", "clear"}, {"what", what}}] {
                    return dataplane::ask_for_text(run_dir, asked);
                  }};
  }

  /// `show system`: it comes also when the others do not answer, and says so.
  Result<Errand> system(const std::string&, const Json&) {
    return Errand{.crew = &system_,
                  .ask = [sources = sources_, state = sources_.state(), trouble = sources_.init_trouble()] {
                    return system_state(sources, state, trouble);
                  }};
  }

  /// `show system crashes`.
  Result<Errand> crashes(const std::string&, const Json& arguments) {
    return Errand{.crew = &system_,
                  .ask = [state_dir = sources_.state_dir, arguments] { return system::crashes(state_dir, arguments); }};
  }

  /// `show system incidents`.
  Result<Errand> incidents(const std::string&, const Json&) {
    return Errand{.crew = &system_, .ask = [state_dir = sources_.state_dir] { return system::incidents(state_dir); }};
  }

  /// A question to the dataplane that is waited for, 2 s at most. Any thread.
  static Result<Json> dataplane_now(const std::string& run_dir, const std::string& what) {
    return data_of(dataplane::ask_for_text(run_dir, show(what, Json::object()), kShort));
  }

  /// One of the questions above as root, for floofd itself; `done` is called with the answer's data, on the loop.
  void ask(const Result<Errand>& errand, std::function<void(Result<Json>)> done) {
    if (!errand) {
      return done(errand.error());
    }
    if (errand->crew == nullptr) {
      return done(Error{"show", "a long answer is nothing to wait for", ""});
    }
    const auto said = std::make_shared<Result<Json>>(Json());
    const auto begun = errand->crew->run(
        0, [said, errand = *errand] { *said = errand.ask ? errand.ask() : data_of(errand.ask_text()); },
        [said, done] { done(std::move(*said)); });
    if (!begun) {
      done(begun.error());
    }
  }

 private:
  static constexpr size_t kThreads = 4, kMostWaiting = 64;
  /// For parts of `show system`.
  static constexpr std::chrono::seconds kShort{2};

  /// A full table takes BIRD seconds to print, and a thousand times the room of what is on its way at a time.
  Result<Errand> routes(const Json& arguments, SharedJson config) {
    if (!flag_of(arguments, "pieces")) {
      return long_answer("bird-route");
    }
    return Errand{.streams = &streams_,
                  .stream = [socket = sources_.run_dir + "/bird.ctl", arguments,
                             config = std::move(config)](config::Pieces& out) {
                    bird::BirdClient client(socket, {.wanted = [&out] { return out.wanted(); }});
                    const auto last = bird::show_route(client, *config, arguments, [&](Json rows) {
                      return out.put(ipc::to_text({{"ok", true}, {"data", std::move(rows)}}));
                    });
                    return ipc::to_text(last ? Json{{"ok", true}, {"data", *last}} : ipc::failure(last.error()));
                  }};
  }

  static Error long_answer(const std::string& what) {
    return {"show " + what, "is a long answer", "ask with \"pieces\" among the arguments"};
  }

  static ipc::Client::Taker taker(config::Pieces& out) {
    return {.take = [&out](std::string text) { return out.put(std::move(text)); },
            .enough = [&out] { return !out.wanted(); }};
  }

  static Json show(const std::string& what, const Json& arguments) {
    return {{"op", "show"}, {"what", what}, {"arguments", arguments}};
  }

  static Result<Json> done(const Result<>& result) {
    return result ? Result<Json>(Json()) : Result<Json>(result.error());
  }

  static Result<Json> data_of(const std::string& text) {
    const Json answer = Json::parse(text, nullptr, false);
    return flag_of(answer, "ok") ? Result<Json>(member(answer, "data")) : Result<Json>(ipc::errors_of(answer).front());
  }

  static Result<Json> ask_bird(const std::string& socket, const std::string& what, const Json& arguments,
                               const Json& config, const std::shared_ptr<const outside::Outside>& outside) {
    bird::BirdClient client(socket, {.limit = std::chrono::seconds(5), .pulse = {}});
    const std::string name = text_of(arguments, "name");
    return what == "bgp-peer"        ? bird::show_bgp_peer(client, config, name)
           : what == "bgp-summary"   ? bird::show_bgp_summary(client, config, text_of(arguments, "tag"))
           : what == "explain-route" ? bird::explain_route(client, config, *outside, arguments)
           : what == "bfd"           ? bird::show_bfd(client, config)
                                     : bird::show_protocols(client, config, name);
  }

  static Result<Json> system_state(const Sources& sources, Json state, const std::string& trouble) {
    const Result<Json> alarms = dataplane_now(sources.run_dir, "alarms");
    if (alarms && alarms->is_array()) {
      state["alarms"].insert(state["alarms"].end(), alarms->begin(), alarms->end());
    } else if (!alarms) {
      state["alarms"].push_back(Error{alarms.error().path, alarms.error().reason, ""}.text());
    }
    Json programs = system::programs_state(sources.run_dir, sources.state_dir, trouble);
    const Json more = items(programs, "alarms");
    state["alarms"].insert(state["alarms"].end(), more.begin(), more.end());
    programs.erase("alarms");
    state.update(programs);
    return state;
  }

  Sources sources_;
  config::Crew dataplane_, bird_, system_;
  config::Streams streams_;
};

}  // namespace floof
