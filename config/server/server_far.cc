// SPDX-License-Identifier: GPL-3.0-or-later
//
// Questions to other programs, and what may be asked while somebody waits for one of them (config/server/server.h).
#include <fmt/format.h>

#include "base/json_view.h"
#include "base/log.h"
#include "config/server/server.h"

namespace floof::config {

void ConfigServer::answer(const ipc::Peer& peer, const Json& request, ipc::Reply reply) {
  if (working_ && !goes_between(peer, request)) {
    held_.push_back({peer, request, std::move(reply)});
    return;
  }
  if (const FarHandler* handler = far_handler(request)) {
    return answer_far(peer, access_.user(peer.uid), request, *handler, reply);
  }
  const bool before = std::exchange(working_, true);
  const std::string text = ipc::to_text(answer(peer, request));
  working_ = before;
  reply(text);
  release();
}

void ConfigServer::meanwhile(const std::function<void()>& turn) {
  const bool before = std::exchange(working_, true);
  turn();
  working_ = before;
}

void ConfigServer::release() {
  if (std::exchange(releasing_, true)) {
    return;
  }
  while (!working_ && !held_.empty()) {
    Held next = std::move(held_.front());
    held_.erase(held_.begin());
    if (next.reply) {
      answer(next.peer, next.request, std::move(next.reply));
    } else {
      closed(next.peer);
    }
  }
  releasing_ = false;
}

/// Whether a request touches nothing that somebody who waits may be at work on.
bool ConfigServer::goes_between(const ipc::Peer& peer, const Json& request) const {
  const std::string op = text_of(request, "op");
  const bool begins_to_edit = !member(request, "as").is_null() && !editors_.edits(peer.connection);
  const bool candidate = flag_of(member(request, "arguments"), "candidate");
  return !begins_to_edit && !candidate && (far_handler(request) != nullptr || op == "hello" || op.starts_with("exec-"));
}

const ConfigServer::FarHandler* ConfigServer::far_handler(const Json& request) const {
  const std::string op = text_of(request, "op"), what = op == "status" ? "system" : text_of(request, "what");
  if (op == "clear" && options_.far_clear) {
    return &options_.far_clear;
  }
  if (op != "show" && op != "status") {
    return nullptr;
  }
  if (const auto found = options_.far_show.find(what); found != options_.far_show.end()) {
    return &found->second;
  }
  const bool elsewhere = op == "show" && options_.far_show_else && !knows_show(what);
  return elsewhere ? &options_.far_show_else : nullptr;
}

void ConfigServer::answer_far(const ipc::Peer& peer, const Access::User& user, const Json& request,
                              const FarHandler& handler, const ipc::Reply& reply) {
  const auto begin = [&]() -> Result<Errand> {
    if (const auto ready = take_mode(peer, text_of(request, "op"), request); !ready) {
      return ready.error();
    }
    const bool clears = text_of(request, "op") == "clear";
    const auto arguments = clears ? Result(request) : arguments_of(peer, request);
    return arguments ? handler(text_of(request, "what"), *arguments) : arguments.error();
  };
  try {
    if (const auto refusal = refused(peer, user, request)) {
      return reply(ipc::to_text(*refusal));
    }
    auto errand = begin();
    if (errand) {
      return send_out(peer, request, std::move(*errand), reply);
    }
    const Json failed = ipc::failure(errand.error());
    record_request(peer, user, request, failed);
    reply(with_notices(peer, ipc::to_text(failed)));
  } catch (const std::exception& error) {
    log::error("request \"{}\": {}", text_of(request, "op"), error.what());
    reply(ipc::to_text(ipc::failure(Error{"", "the request has a form that is not understood", ""})));
  }
}

void ConfigServer::send_out(const ipc::Peer& peer, const Json& request, Errand errand, const ipc::Reply& reply) {
  if (errand.streams != nullptr) {
    const auto end = [this, peer, reply](std::string last) { reply(with_notices(peer, std::move(last))); };
    if (const auto begun = errand.streams->run(peer.uid, std::move(errand.stream), reply, end); !begun) {
      reply(ipc::to_text(ipc::failure(begun.error())));
    }
    return;
  }
  struct Said {
    Json answer;
    std::string text;
  };
  const auto said = std::make_shared<Said>();
  const auto read = [](Result<Json> data) {
    return data ? Json{{"ok", true}, {"data", std::move(*data)}} : ipc::failure(data.error());
  };
  const auto work = [said, errand, read] {
    try {
      if (errand.ask_text) {
        said->text = errand.ask_text();
        return;
      }
      said->answer = read(errand.ask());
    } catch (const std::exception& error) {
      said->answer = ipc::failure(Error{"", fmt::format("the answer is not understood: {}", error.what()), ""});
    }
    if (!errand.finish) {
      said->text = ipc::to_text(said->answer);
    }
  };
  const auto done = [this, said, peer, request, finish = errand.finish, reply] {
    if (finish && flag_of(said->answer, "ok")) {
      finish(said->answer["data"]);
    }
    if (said->answer.is_null() && text_of(request, "op") == "clear") {
      said->answer = Json::parse(said->text, nullptr, false);
    }
    if (!said->answer.is_null()) {
      record_request(peer, access_.user(peer.uid), request, said->answer);
    }
    reply(with_notices(peer, said->text.empty() ? ipc::to_text(said->answer) : std::move(said->text)));
  };
  if (const auto begun = errand.crew->run(peer.uid, work, done); !begun) {
    reply(ipc::to_text(ipc::failure(begun.error())));
  }
}

/// Puts what happened meanwhile into the text of an answer, without reading the rest of it.
std::string ConfigServer::with_notices(const ipc::Peer& peer, std::string text) {
  const auto notices = notices_.find(peer.connection);
  if (notices == notices_.end() || notices->second.empty() || !text.starts_with('{')) {
    return text;
  }
  const std::string more =
      fmt::format("\"notices\":{}{}", ipc::to_text(std::exchange(notices->second, {})), text == "{}" ? "" : ",");
  return text.insert(1, more);
}

/// What a `show` asks with, and the candidate when it is about that.
Result<Json> ConfigServer::arguments_of(const ipc::Peer& peer, const Json& request) {
  Json arguments = member(request, "arguments");
  if (!arguments.is_object()) {
    arguments = Json::object();
  }
  arguments.erase("configuration");  // ours to give
  if (flag_of(arguments, "candidate")) {
    if (!editors_.edits(peer.connection)) {
      return Error{text_of(request, "what"), "this session has no candidate", "'configure' begins to edit one"};
    }
    arguments["configuration"] = editors_.candidate(peer.connection).tree.for_features();
  }
  return arguments;
}

}  // namespace floof::config
